"""What a bank's verification consists of, what is missing of it, and what was handed in."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

import rfc8785

from partners import questions
from partners.models import Partner, Submission, Verification, VerificationDocument
from portal.vault.crypto import CannotOpen, blind_index, open_sealed, seal
from portal.vault.keys import data_key_for, find_data_key

PROFILE = {
    "legal_name": "Legal name",
    "country": "Country",
    "regulator": "Regulator",
    "licence": "Licence number",
    "lei": "LEI",
}
CONTACTS = {"security": "Security", "privacy": "Privacy", "incident": "Incidents, day and night"}
CONTACT_PARTS = ("name", "email", "phone")
Contacts = dict[str, dict[str, str]]
# Banks that were approved, and may change their statement only once it is reopened.
VERIFIED = {Partner.Status.APPROVED, Partner.Status.ACTIVE, Partner.Status.SUSPENDED}


class Item(NamedTuple):
    """A part of the verification that is filled in, and judged, by itself."""

    key: str
    title: str
    route: str


ITEMS = (
    Item("profile", "Legal details", "member-verification-profile"),
    Item("contacts", "Contacts", "member-verification-contacts"),
    Item("questions", "Security questions", "member-verification-questions"),
    Item("documents", "Documents", "member-verification-documents"),
    Item("domain", "Proof of your domain", "member-verification-domain"),
)
TITLES = {item.key: item.title for item in ITEMS}


def missing_items(
    verification: Verification, contacts: Contacts, documents: Iterable[VerificationDocument]
) -> dict[str, str]:
    """By item, a sentence on what is still to do."""
    missing = {}
    if empty := [title for name, title in PROFILE.items() if not getattr(verification, name)]:
        missing["profile"] = f"To fill in: {', '.join(empty)}."
    if empty := [title for key, title in CONTACTS.items() if not contacts.get(key)]:
        missing["contacts"] = f"To name: {', '.join(empty)}."
    if verification.questions_version != questions.VERSION:
        missing["questions"] = f"{len(questions.QUESTIONS)} questions to answer."
    if not any(one.kind == VerificationDocument.Kind.LICENCE for one in documents):
        missing["documents"] = "Your licence, or an extract from the regulator’s register, is needed."
    if not verification.is_domain_proven:
        missing["domain"] = (
            "The proof is too old: check your domain again."
            if verification.proven_at
            else "Your domain is not proven yet."
        )
    return missing


def content_of(
    partner: Partner, verification: Verification, documents: Iterable[VerificationDocument]
) -> dict[str, Any]:
    """What is handed in, but for the contacts, which are sealed."""
    return {
        "profile": {name: getattr(verification, name) for name in PROFILE},
        "questions": {"version": verification.questions_version, "answers": verification.answers},
        "documents": [
            {
                "id": str(one.id),
                "kind": one.kind,
                "name": one.name,
                "media_type": one.media_type,
                "size": one.size,
                "sha256": one.sha256,
            }
            for one in documents
        ],
        "domain": {
            "name": partner.domain,
            "proven_by": verification.proven_by,
            "proven_at": verification.proven_at.isoformat() if verification.proven_at else "",
            "reason": verification.proof_reason,
        },
    }


def digest_of(content: dict[str, Any], contacts: Contacts) -> str:
    """SHA-256 of all of it, in canonical JSON."""
    return hashlib.sha256(rfc8785.dumps({**content, "contacts": contacts})).hexdigest()


def challenge_of(partner: Partner) -> str:
    """What the bank publishes to prove its domain: always the same for this bank and domain, and nobody's else."""
    return f"parley-challenge={blind_index('domain challenge', partner.id, partner.domain).hex()[:40]}"


def seal_contacts(contacts: Contacts, partner_id: UUID, place: UUID) -> bytes:
    """With the bank's own key, for the verification or submission whose id is `place`."""
    return seal(data_key_for(partner_id), json.dumps(contacts).encode(), aad=_bound(place))


def open_contacts(row: Verification | Submission) -> Contacts:
    """Those of a verification or a submission; none once the bank's data was destroyed."""
    key = find_data_key(row.partner_id) if row.contacts else None
    try:
        return json.loads(open_sealed(key, row.contacts, aad=_bound(row.pk))) if key else {}
    except CannotOpen:  # sealed under the key that is gone
        return {}


def _bound(place: UUID) -> bytes:
    return b"verification.contacts" + place.bytes
