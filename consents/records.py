"""Consent records: one for each authorisation, never changed (ISO/IEC TS 27560). And what a person chose."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from consents.models import ConsentRecord, Customer, Grant
from consents.route import channels_of, route_of, sealed_chats
from partners.clusters import PURPOSES, Cluster
from partners.models import AgreementVersion
from partners.refusals import Refused
from portal.ids import uuid7
from portal.vault.crypto import DataKeyMaterial, open_sealed, seal
from portal.vault.keys import data_key_for, find_data_key

SANDBOX_RETENTION_DAYS = 30
ONCE = timedelta(hours=24)
RENEWED = "RenewedConsentGiven"
# Not a yes of the person's: something that was not used has lapsed, a fallback is gone
REDUCED = "ConsentReduced"
WITHDRAWAL_METHOD = _("Disconnect on the connected banks page, or write STOP in the chat")
PRIVACY_NOTICE = "/privacy"


@dataclass(frozen=True)
class Account:
    """A bank account as the bank names it (`ref`) and as a person knows it (`mask`, `type`)."""

    ref: str
    mask: str
    type: str


@dataclass(frozen=True)
class Choice:
    """What a person allows, for how long (`duration_days` None: once, which is 24 hours; `until` keeps a day that they
    picked before), and the words that they were shown for it. `through` is where they did so: page, chat, sandbox.
    """

    clusters: list[str]
    accounts: list[Account]
    duration_days: int | None
    disclosure: str
    language: str = "en"
    through: str = "page"
    until: datetime | None = None

    @property
    def is_once(self) -> bool:
        """Not for a period."""
        return self.duration_days is None

    def ends(self, now: datetime) -> datetime:
        """When it is over, counted from `now`."""
        if self.until is not None:
            return self.until
        return now + (ONCE if self.duration_days is None else timedelta(days=self.duration_days))


def write_record(
    grant: Grant, choice: Choice, version: AgreementVersion | None, *, customer: Customer, event: str
) -> ConsentRecord:
    """The record that `grant.record_id` names: what `grant` holds, with what was shown. As the system."""
    key, chats = data_key_for(grant.partner_id, grant.person_id), route_of(grant)
    return ConsentRecord.objects.create(
        id=grant.record_id,
        partner_id=grant.partner_id,
        person_id=grant.person_id,
        grant=grant,
        event=event,
        language=choice.language,
        clusters=grant.clusters,
        purposes=purposes_of(grant.clusters),
        **terms_of(version),
        withdrawal_method=_in(choice.language, WITHDRAWAL_METHOD),
        valid_until=grant.expires_at,
        is_once=choice.is_once,
        privacy_notice=settings.BASE_URL + PRIVACY_NOTICE,
        controllers=[customer.partner.name, "Parley"],
        recipients=channels_of(chats),
        given_through=choice.through,
        disclosure=seal(key, choice.disclosure.encode(), aad=disclosure_place(grant.record_id)),
        disclosure_sha256=hashlib.sha256(choice.disclosure.encode()).hexdigest(),
        accounts=grant.accounts,
        chats=sealed_chats(grant, chats),
    )


def _in(language: str, words: Promise) -> str:
    with override(language):
        return str(words)


def copy_record(grant: Grant, **changes: object) -> ConsentRecord:
    """Another record with the terms of the grant's present one, the end that the grant has by now, and `changes`. As
    the system; raises Refused once the bank has left and its keys are destroyed.
    """
    copy = ConsentRecord.objects.get(pk=grant.record_id)
    key = find_data_key(grant.partner_id, grant.person_id)
    if key is None:
        raise bank_has_left(grant)
    shown = bytes(copy.disclosure)
    text = open_sealed(key, shown, aad=disclosure_place(copy.id)) if shown else b""
    copy.pk, copy.event, copy.valid_until = uuid7(), RENEWED, grant.expires_at
    text = str(changes.pop("disclosure", text.decode())).encode()
    copy.disclosure = seal(key, text, aad=disclosure_place(copy.pk))
    copy.disclosure_sha256 = hashlib.sha256(text).hexdigest()
    for name, value in changes.items():
        setattr(copy, name, value)
    copy.withdrawal_method = _in(copy.language, WITHDRAWAL_METHOD)
    copy._state.adding = True
    copy.save(force_insert=True)
    return copy


def bank_has_left(grant: Grant) -> Refused:
    """What a person is told who would change or confirm what they allowed it."""
    words = gettext(
        "%(bank)s has left Parley, so nothing can be confirmed or changed. You can still disconnect it."
    )
    return Refused(words % {"bank": grant.partner.name})


def terms_of(version: AgreementVersion | None) -> dict[str, object]:
    """What a record says of the agreement; the sandbox has none."""
    if version is None:
        return {"agreement": "sandbox", "retention_days": SANDBOX_RETENTION_DAYS, "jurisdiction": ""}
    return {
        "agreement": f"{version.agreement.number} v{version.number}",
        "retention_days": version.retention_days,
        "jurisdiction": version.countries[0],
        "storage_locations": version.countries,
    }


def purposes_of(clusters: list[str]) -> list[str]:
    """Each kind of data has one."""
    return sorted({PURPOSES[Cluster(name)].value for name in clusters})


def disclosure_place(record_id: UUID) -> bytes:
    """Where what was shown belongs."""
    return b"record.disclosure" + record_id.bytes


def accounts_place(grant_id: UUID) -> bytes:
    """Where a grant's sealed accounts belong."""
    return b"grant.accounts" + grant_id.bytes


def sealed_accounts(grant: Grant, accounts: list[Account]) -> bytes:
    """For the grant and its records."""
    key = data_key_for(grant.partner_id, grant.person_id)
    return seal(key, json.dumps([asdict(one) for one in accounts]).encode(), aad=accounts_place(grant.id))


def granted_accounts(of: Grant | ConsentRecord, key: DataKeyMaterial) -> list[dict[str, str]]:
    """The accounts ({"ref", "mask", "type"}) of a grant, or of it at one time, opened with its bank's and person's
    key; raises CannotOpen.
    """
    grant_id = of.grant_id if isinstance(of, ConsentRecord) else of.id
    return json.loads(open_sealed(key, of.accounts, aad=accounts_place(grant_id)))
