"""A bank's API clients (RFC 6749 §2) and what they authenticate with."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from oauth2_provider.models import AbstractApplication

from partners.clusters import Environment
from portal.ids import uuid7


class ApiClient(AbstractApplication):
    """A confidential client of one bank, in one environment, for the client credentials grant only.

    `client_id` is the public id (`cli_…`). The inherited `client_secret` stays empty: secrets are
    ClientSecret rows, so that two can live side by side while one is replaced.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    scopes = ArrayField(models.TextField())
    rate_per_second = models.PositiveIntegerField(default=200)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    objects: ClassVar[models.Manager["ApiClient"]] = models.Manager()

    class Meta:
        app_label = "partners"

    def is_usable(self, request: object) -> bool:
        """Whether it may still act: neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())


class ClientSecret(models.Model):
    """A secret of 256 random bits, kept as HMAC-SHA256 under the portal's pepper.

    No slow hash: there is nothing to guess in 256 random bits, and the token endpoint stays fast.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="secrets")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT)
    prefix = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "partners"


class ClientKey(models.Model):
    """A public key (RFC 7517) that verifies the client's signed assertions."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="keys")
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT)
    kid = models.CharField(max_length=128)
    jwk = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "partners"
        constraints = [models.UniqueConstraint(fields=["client", "kid"], name="partners_clientkey_kid")]
