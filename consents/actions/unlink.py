"""A person unlinks a chat of theirs on our pages."""

from uuid import UUID

from django.db import transaction

from consents.access import get_account_for
from consents.actions.link import unlink_account
from consents.aside import let_messenger_forget
from consents.models import LinkedAccount
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

REASON = "unlinked_on_page"


@transaction.atomic
def unlink_own_account(*, account_id: UUID, actor: Principal) -> LinkedAccount:
    """The connection that uses the chat ends with it, and the messenger forgets the link too. A second time nothing
    happens; raises Http404.
    """
    with scope(actor):
        account = get_account_for(actor, account_id)
    if account.status != LinkedAccount.Status.UNLINKED:
        unlink_account(account_id=account.id, reason=REASON, actor=actor)
        let_messenger_forget(account)
    return account
