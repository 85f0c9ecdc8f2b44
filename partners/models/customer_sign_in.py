"""How a bank's customers show Parley that they are its customers."""

from django.db import models
from django.db.models import Q

from partners.clusters import Environment
from partners.models.partner import Partner
from portal.ids import uuid7


class CustomerSignIn(models.Model):
    """A bank's OpenID Connect provider for its customers, one an environment. The client secret is sealed.

    Two claims tell who somebody is to the bank: `customer_ref_claim` its own reference, `accounts_claim` a list of
    {"ref", "mask", "type"}. `host` is where people sign in, as of the last check; `findings` is what that said.
    While it is on, people can begin there. `problem` is why the last answer about a customer could not be taken.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, db_index=False)
    environment = models.CharField(max_length=8, choices=Environment.choices)
    issuer = models.CharField(max_length=500)
    client_id = models.CharField(max_length=191)
    secret = models.BinaryField()
    scopes = models.CharField(max_length=200)
    customer_ref_claim = models.CharField(max_length=120)
    accounts_claim = models.CharField(max_length=120)
    host = models.CharField(max_length=253, blank=True)
    is_on = models.BooleanField(default=False)
    checked_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=list)
    problem = models.CharField(max_length=300, blank=True)
    problem_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "environment"], name="partners_customersignin_once"),
            models.CheckConstraint(
                condition=Q(is_on=False) | Q(checked_at__isnull=False), name="partners_customersignin_checked"
            ),
        ]

    @property
    def is_proven(self) -> bool:
        """Whether the last check found nothing wrong."""
        return self.checked_at is not None and all(finding["is_good"] for finding in self.findings)
