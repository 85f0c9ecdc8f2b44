"""Who belongs to the platform's staff."""

from django.db import transaction

from partners.models import Membership
from partners.refusals import Refused
from portal.accounts.actions import create_person_user
from portal.accounts.models import User
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal


@transaction.atomic
def add_staff(*, email: str, name: str, role: str, actor: Principal) -> User:
    """Somebody new, who has no password yet. Raises Refused for an address that has an account: staff act for no
    bank, and use nothing as customers, with the account that judges others.
    """
    with scope(Principal.system()):
        known = User.objects.filter(email__iexact=email.strip()).first()
        if known is not None and Membership.objects.filter(user=known).exists():
            raise Refused(
                "This address is in a bank’s team. Staff cannot act for a bank: use another address."
            )
        if known is not None:
            raise Refused("There is an account with this address already. Use another address.")
        user = create_person_user(email=email.strip(), password=None, name=name.strip(), staff_role=role)
        record(Code.STAFF_ADDED, actor=actor, target=user, data={"role": role})
    return user
