"""A bank's API clients (RFC 6749 §2) and what they authenticate with."""

from datetime import datetime
from hashlib import sha256
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from oauth2_provider.models import AbstractApplication

from partners.clusters import Cluster, Environment
from portal.ids import uuid7

_STOPPED = {
    "SUSPENDED": "Your bank is suspended on Parley, so its clients are refused.",
    "SURRENDERED": "Your bank has left Parley, so its clients are refused.",
    "REVOKED": "Parley has ended its work with your bank, so its clients are refused.",
    "REJECTED": "Parley has declined your bank, so its clients are refused.",
}
_NOT_LIVE = "Live clients work once Parley has enabled production for your bank: see its page Go live."
_OUTSIDE = "The scope {} is outside your agreement: see clause 2.1."


class ApiClient(AbstractApplication):
    """A confidential client of one bank, in one environment, for the client credentials grant only.

    `client_id` is the public id (`cli_…`). The inherited `client_secret` stays empty: secrets are
    ClientSecret rows, so that two can live side by side while one is replaced. Without `allowed_networks`
    (CIDR) it may call from anywhere. `jwks` is what `jwks_url` answered at `jwks_fetched_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey("partners.Partner", on_delete=models.PROTECT)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    scopes = ArrayField(models.TextField())
    rate_per_second = models.PositiveIntegerField(default=200)
    allowed_networks = ArrayField(models.CharField(max_length=43), default=list)
    jwks_url = models.CharField(max_length=2000, blank=True, default="")
    jwks = models.JSONField(default=list)
    jwks_tried_at = models.DateTimeField(null=True)
    jwks_fetched_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    objects: ClassVar[models.Manager["ApiClient"]] = models.Manager()

    class Meta:
        app_label = "partners"

    @property
    def edition(self) -> str:
        """Tells what a form shows from what somebody has made of it since."""
        shown = (
            self.name,
            self.scopes,
            self.expires_at.isoformat(),
            self.rate_per_second,
            self.allowed_networks,
        )
        return sha256(repr(shown).encode()).hexdigest()[:16]

    def is_usable(self, request: object) -> bool:
        """Whether it may still act: neither revoked nor expired."""
        return self.revoked_at is None and self.expires_at > timezone.now()

    def refusal(self) -> tuple[str, str] | None:
        """Why its bank's clients are refused at present: a problem's code and a sentence. None when they are not."""
        if sentence := _STOPPED.get(self.partner.status):
            return "partner_suspended", sentence
        if self.environment == Environment.LIVE and not self._is_production_enabled():
            return "production_not_enabled", _NOT_LIVE
        return None

    def outside_agreement(self) -> dict[str, str]:
        """Its scopes that the agreement in force does not cover, each with a sentence; none in the sandbox, nor
        while no agreement is in force, which is refused by itself.
        """
        if self.environment == Environment.SANDBOX:
            return {}
        version = self.partner.agreementversion_set.in_force().only("clusters").first()
        if version is None:
            return {}
        outside = {cluster.scope for cluster in Cluster if cluster.value not in version.clusters}
        return {name: _OUTSIDE.format(name) for name in self.scopes if name in outside}

    def _is_production_enabled(self) -> bool:
        production = getattr(self.partner, "production", None)
        return production is not None and production.enabled_at is not None


class SecretSet(models.QuerySet["ClientSecret"]):
    """Reads of secrets."""

    def live(self, now: datetime) -> "SecretSet":
        """Those that still let their client in."""
        is_open = models.Q(expires_at=None) | models.Q(expires_at__gt=now)
        return self.filter(is_open, revoked_at=None)


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
    objects = SecretSet.as_manager()

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
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "partners"
        constraints = [models.UniqueConstraint(fields=["client", "kid"], name="partners_clientkey_kid")]
