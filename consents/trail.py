"""What becomes of a grant, in the audit trail of its bank and its person."""

from consents.models import Grant
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.principal import Principal


def record_grant(code: Code, grant: Grant, actor: Principal, **data: object) -> None:
    """Writes the event in the current transaction. `data` must be JSON, and name nobody."""
    record(
        code,
        actor=actor,
        target=grant,
        partner_id=grant.partner_id,
        person_id=grant.person_id,
        data=data,
    )
