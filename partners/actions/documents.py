"""A bank's documents: judged by their content, sealed under its own key, opened by few."""

import hashlib
from pathlib import PurePath
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from partners.actions.verification import check_member, lock_case, refuse_frozen
from partners.document_types import ENDINGS, document_problem, media_type_of
from partners.models import VerificationDocument
from partners.refusals import Refused
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import uuid7
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal
from portal.vault.crypto import CannotOpen, open_sealed, seal
from portal.vault.keys import data_key_for, find_data_key

MOST = 20  # documents of a bank at a time


@transaction.atomic
def add_document(
    *, partner_id: UUID, kind: str, name: str, content: bytes, actor: Principal
) -> VerificationDocument:
    """Seals the file. What it is its content tells; of its name only the last part is kept."""
    check_member(actor, partner_id)
    if problem := document_problem(content):
        raise Refused(problem)
    media_type, document_id = media_type_of(content), uuid7()
    with scope(Principal.system()):
        partner, verification = lock_case(partner_id)
        refuse_frozen(partner, verification)
        if VerificationDocument.objects.filter(partner=partner).current().count() >= MOST:
            raise Refused(f"There are {MOST} documents already, which is the most: remove one first.")
        document = VerificationDocument.objects.create(
            id=document_id,
            partner=partner,
            kind=VerificationDocument.Kind(kind),
            name=_clean(name, media_type),
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            sealed=seal(data_key_for(partner_id), content, aad=_place(document_id)),
            uploaded_by=actor.id,
        )
        verification.save()
        _record(Code.DOCUMENT_ADDED, document, actor)
    return document


@transaction.atomic
def remove_document(*, document_id: UUID, partner_id: UUID, actor: Principal) -> None:
    """Takes it back. What was submitted with it keeps it; otherwise it is gone."""
    check_member(actor, partner_id)
    with scope(Principal.system()):
        partner, verification = lock_case(partner_id)
        refuse_frozen(partner, verification)
        rows = VerificationDocument.objects.filter(partner=partner).current()
        document = rows.filter(pk=document_id).first()
        if document is None:
            raise Refused("This document is removed already.")
        _record(Code.DOCUMENT_REMOVED, document, actor)
        if document.frozen_at is None:
            document.delete()
        else:
            document.removed_at = timezone.now()
            document.save(update_fields=["removed_at"])
        verification.save()


@transaction.atomic
def open_document(*, document: VerificationDocument, actor: Principal) -> bytes:
    """The content, and a line in the trail. Raises Refused once the bank's data was destroyed."""
    with scope(Principal.system()):
        key = find_data_key(document.partner_id)
        try:
            content = open_sealed(key, document.sealed, aad=_place(document.id)) if key else None
        except CannotOpen:  # sealed under the key that is gone
            content = None
        if content is None:
            raise Refused("The bank’s data was destroyed, and this document with it.")
        _record(Code.DOCUMENT_OPENED, document, actor)
    return content


def _clean(name: str, media_type: str) -> str:
    stem = PurePath(name.replace("\\", "/")).stem
    kept = "".join(character for character in stem if character.isprintable()).strip(" .")
    return f"{kept[:100] or 'document'}{ENDINGS[media_type]}"


def _place(document_id: UUID) -> bytes:
    return b"verification.document" + document_id.bytes


def _record(code: Code, document: VerificationDocument, actor: Principal) -> None:
    data = {"kind": document.kind, "sha256": document.sha256}
    record(code, actor=actor, target=document, partner_id=document.partner_id, data=data)
