"""What a person decides, told to the bank in the transaction that decides it."""

from consents.actions.link import customer_ref_of
from consents.models import Grant
from partners.webhooks import EventType, emit
from portal.api.times import rfc3339
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


def tell_grant(event_type: EventType, grant: Grant) -> None:
    """Tells the grant's bank, last in the transaction."""
    with scope(Principal.system()):
        emit(
            event_type,
            partner_id=grant.partner_id,
            environment=grant.environment,
            grant_id=grant.id,
            person_id=grant.person_id,
            data={
                "grant_id": public_id("grt", grant.id),
                "customer_ref": customer_ref_of(grant.customer),
                "status": grant.status,
                "clusters": grant.clusters,
                "expires_at": rfc3339(grant.expires_at),
                "reason": grant.end_reason or None,
            },
        )


def ask_for_balance(grant: Grant) -> None:
    """The person wrote BALANCE: the bank may answer with a notification."""
    emit(
        EventType.BALANCE_REQUESTED,
        partner_id=grant.partner_id,
        environment=grant.environment,
        grant_id=grant.id,
        person_id=grant.person_id,
        data={
            "grant_id": public_id("grt", grant.id),
            "customer_ref": customer_ref_of(grant.customer),
            "clusters": ["BALANCES"],
        },
    )
