"""Finds, makes and destroys data keys, in the current transaction."""

from uuid import UUID

from portal.ids import uuid7
from portal.vault.crypto import DataKeyMaterial, new_wrapped_key, unwrap
from portal.vault.models import DataKey

# Whose "bank" is the platform itself: the key of what a person tells us alone
PLATFORM = UUID(int=0)


def data_key_for(partner_id: UUID, person_id: UUID | None = None) -> DataKeyMaterial:
    """The key of a bank and a person (or of the bank itself); made on first use."""
    row = DataKey.objects.filter(partner_id=partner_id, person_id=person_id).first()
    if row is None:
        row = _make(partner_id, person_id)
    return unwrap(row.wrapped, key_id=row.id, kek_id=row.kek_id)


def find_data_key(partner_id: UUID, person_id: UUID | None = None) -> DataKeyMaterial | None:
    """The same for those who only read; None once it was destroyed."""
    row = DataKey.objects.filter(partner_id=partner_id, person_id=person_id).first()
    return unwrap(row.wrapped, key_id=row.id, kek_id=row.kek_id) if row else None


def find_data_keys(person_id: UUID) -> dict[UUID, DataKeyMaterial]:
    """Those of a person with each of their banks, by the bank; none that was destroyed."""
    rows = DataKey.objects.filter(person_id=person_id)
    return {row.partner_id: unwrap(row.wrapped, key_id=row.id, kek_id=row.kek_id) for row in rows}


def _make(partner_id: UUID, person_id: UUID | None) -> DataKey:
    key_id = uuid7()
    kek_id, wrapped = new_wrapped_key(key_id)
    new = DataKey(id=key_id, partner_id=partner_id, person_id=person_id, kek_id=kek_id, wrapped=wrapped)
    DataKey.objects.bulk_create([new], ignore_conflicts=True)  # somebody else may have made it meanwhile
    return DataKey.objects.get(partner_id=partner_id, person_id=person_id)


def destroy_keys(*, partner_id: UUID, person_id: UUID | None) -> int:
    """Erases by forgetting: what these keys sealed cannot be read again. Returns how many went."""
    return DataKey.objects.filter(partner_id=partner_id, person_id=person_id).delete()[0]


def destroy_keys_of(*, partner_id: UUID) -> int:
    """The same for all that a bank has sealed: its own key and those of its people. Returns how many went."""
    return DataKey.objects.filter(partner_id=partner_id).delete()[0]


def destroy_keys_of_person(*, person_id: UUID) -> int:
    """The same for all that banks and the platform have sealed about a person. Returns how many went."""
    return DataKey.objects.filter(person_id=person_id).delete()[0]
