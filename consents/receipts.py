"""What a person keeps of each decision: a receipt of every consent record, and one of the end (ISO/IEC TS 27560).

A receipt is made from its record whenever it is asked for: the record never changes, so neither does the receipt.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import reverse

from consents.models import ConsentRecord, Grant
from consents.records import disclosure_place, granted_accounts
from consents.route import Chat, recorded_chats
from partners.clusters import PURPOSES, Cluster
from portal.api.times import rfc3339
from portal.ids import public_id
from portal.tenancy.principal import Kind
from portal.vault.crypto import CannotOpen, DataKeyMaterial, open_sealed

END = "end"
COMPLAINTS = "/me/complaints"
_S = Grant.Status
ENDED = {_S.REVOKED: "ConsentTerminated", _S.EXPIRED: "ConsentExpired", _S.INVALIDATED: "ConsentTerminated"}


class Receipt(NamedTuple):
    """Of a record, or of the end of what its last record allowed. `accounts`, `disclosure` and
    `chats` are empty once erased.
    """

    grant: Grant
    record: ConsentRecord
    is_end: bool
    accounts: list[dict[str, str]]
    disclosure: str
    chats: list[Chat]

    @property
    def name(self) -> str:
        """As its path names it."""
        return END if self.is_end else public_id("rec", self.record.id)

    @property
    def reference(self) -> str:
        """Its own id."""
        return public_id("rcp", self.grant.id if self.is_end else self.record.id)

    @property
    def path(self) -> str:
        """Where its person finds it again."""
        return receipt_path(self.grant, self.name)

    @property
    def url(self) -> str:
        """The same, whole."""
        return f"{settings.BASE_URL}{self.path}"

    @property
    def at(self) -> datetime:
        """When it was decided."""
        return self.grant.ended_at or self.grant.expires_at if self.is_end else self.record.at

    @property
    def event(self) -> str:
        """The state that the decision led to, as the Data Privacy Vocabulary names it."""
        return end_event(self.grant) if self.is_end else self.record.event


def receipt_path(grant: Grant, name: str) -> str:
    """Where the receipt of that name is shown."""
    return reverse("person-receipt", args=[public_id("grt", grant.id), name])


def end_event(grant: Grant) -> str:
    """How an ended grant ended."""
    is_own = grant.status == _S.REVOKED and grant.ended_by == Kind.PERSON
    return "ConsentWithdrawn" if is_own else ENDED[_S(grant.status)]


def has_ended(grant: Grant) -> bool:
    """Whether there is a receipt of its end."""
    return grant.ended_at is not None


def make_receipt(
    grant: Grant, record: ConsentRecord, key: DataKeyMaterial | None, *, is_end: bool = False
) -> Receipt:
    """Opened with the bank's and person's key, as far as it lives."""
    return Receipt(grant, record, is_end, *_opened(record, key))


def _opened(
    record: ConsentRecord, key: DataKeyMaterial | None
) -> tuple[list[dict[str, str]], str, list[Chat]]:
    if key is None:
        return [], "", []
    try:
        shown = bytes(record.disclosure)
        text = open_sealed(key, shown, aad=disclosure_place(record.id)).decode() if shown else ""
        return granted_accounts(record, key), text, recorded_chats(record, key)
    except CannotOpen:  # sealed under an earlier key
        return [], "", []


def receipts_of(grant: Grant) -> Iterator[tuple[str, str, datetime]]:
    """(path, event, time) of each, newest first."""
    if has_ended(grant):
        yield receipt_path(grant, END), end_event(grant), grant.ended_at  # type: ignore[misc]
    for record in ConsentRecord.objects.filter(grant=grant).order_by("-id"):
        yield receipt_path(grant, public_id("rec", record.id)), record.event, record.at


def as_json(receipt: Receipt) -> dict[str, Any]:
    """The fields of ISO/IEC TS 27560, by its names; what is ours alone stands under `parley`."""
    record, grant = receipt.record, receipt.grant
    return {
        "receipt_id": receipt.reference,
        "schema_version": record.schema_version,
        "record_id": public_id("rec", record.id),
        "pii_principal_id": str(grant.customer.pairwise_id),
        "pii_processing": [_processing(receipt, name) for name in record.clusters],
        "party_identification": [
            {"party_id": one, "party_name": one, "party_role": "pii_controller"} for one in record.controllers
        ],
        "event": {
            "event_time": rfc3339(receipt.at),
            "validity_duration": None if receipt.is_end else f"until {rfc3339(record.valid_until)}",
            "entity_id": str(grant.customer.pairwise_id),
            "event_type": "ExplicitlyExpressedConsent",
            "event_state": receipt.event,
        },
        "parley": {
            "grant_id": public_id("grt", grant.id),
            "is_once": record.is_once,
            "agreement": record.agreement,
            "given_through": record.given_through,
            "accounts": [{"mask": one["mask"], "type": one["type"]} for one in receipt.accounts],
            "chats": [
                {"channel": one.channel, "sender": one.sender, "linked_at": one.linked_at}
                for one in receipt.chats
            ],
            "disclosure": receipt.disclosure,
            "disclosure_sha256": record.disclosure_sha256,
            "complaints": f"{settings.BASE_URL}{COMPLAINTS}",
            "url": receipt.url,
        },
    }


def _processing(receipt: Receipt, cluster: str) -> dict[str, Any]:
    record = receipt.record
    return {
        "privacy_notice": record.privacy_notice,
        "language": record.language,
        "purpose": PURPOSES[Cluster(cluster)].value,
        "lawful_basis": "consent",
        "pii_information": [{"pii_type": cluster}],
        "pii_controllers": record.controllers,
        "storage_locations": record.storage_locations,
        "retention_period": f"P{record.retention_days}D",
        "jurisdictions": [record.jurisdiction] if record.jurisdiction else [],
        "recipient_third_parties": record.recipients,
        "withdrawal_method": record.withdrawal_method,
    }
