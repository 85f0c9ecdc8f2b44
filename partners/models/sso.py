"""How a bank's people sign in through the bank."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from partners.models.partner import Partner
from portal.ids import uuid7


class SignOn(models.Model):
    """A bank's own identity provider, one at most, and what signing in there takes.

    By OpenID Connect: `client_id`, and the client secret sealed in `secret`. By SAML: `issuer` is the provider's entity
    id, `sso_url` where it takes requests, `certificates` those it signs with (base64), `own_certificate` ours; `secret`
    seals the key that signs our requests.

    `trusts_second_step`: what the provider tells of a second step (`amr` with "mfa", or `acr` with
    `second_step_acr`) counts as ours. `is_required`: members at the domains have no other way in, but for
    `break_glass`. `findings` is what the last check said, as with senders. Sessions from before `turned_off_at` have
    ended.
    """

    class Kind(models.TextChoices):
        OIDC = "oidc", "OpenID Connect"
        SAML = "saml", "SAML 2.0"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.OneToOneField(Partner, on_delete=models.PROTECT)
    kind = models.CharField(max_length=4, choices=Kind.choices, default=Kind.OIDC)
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=191, blank=True)
    secret = models.BinaryField()
    sso_url = models.CharField(max_length=500, blank=True)
    certificates = ArrayField(models.TextField(), default=list)
    own_certificate = models.TextField(blank=True)
    domains = ArrayField(models.CharField(max_length=253))
    trusts_second_step = models.BooleanField(default=False)
    second_step_acr = models.CharField(max_length=200, blank=True)
    is_on = models.BooleanField(default=False)
    is_required = models.BooleanField(default=False)
    break_glass = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    checked_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=list)
    turned_off_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_required=False) | Q(is_on=True, break_glass__isnull=False),
                name="partners_signon_required",
            ),
            models.CheckConstraint(
                condition=~Q(kind="saml")
                | (~Q(sso_url="") & ~Q(own_certificate="") & Q(certificates__len__gte=1)),
                name="partners_signon_saml",
            ),
        ]

    @property
    def is_saml(self) -> bool:
        """Or else OpenID Connect."""
        return self.kind == self.Kind.SAML

    @property
    def is_proven(self) -> bool:
        """Whether the last check found nothing wrong."""
        return self.checked_at is not None and all(finding["is_good"] for finding in self.findings)
