"""Who acts. Actions take a Principal, never a request."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The five kinds of principal."""

    PERSON = "person"
    MEMBER = "member"
    CLIENT = "client"
    STAFF = "staff"
    SYSTEM = "system"


DB_ROLES = {
    Kind.PERSON: "parley_person",
    Kind.MEMBER: "parley_partner",
    Kind.CLIENT: "parley_partner",
    Kind.STAFF: "parley_staff",
    Kind.SYSTEM: "parley_worker",
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, a bank's member or API client, platform staff, or the system itself.

    `id` is the user's (or the client's) id; `environment` is "" for those who see both.
    """

    kind: Kind
    id: Any = None  # each of the three a UUID, or None where the kind has none
    partner_id: Any = None
    person_id: Any = None
    environment: str = ""
    scopes: frozenset[str] = field(default_factory=frozenset)
    permissions: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def system(cls) -> "Principal":
        """The portal's own processes."""
        return cls(Kind.SYSTEM)

    @property
    def db_role(self) -> str:
        """The database role under whose policies this principal's statements run."""
        return DB_ROLES[self.kind]
