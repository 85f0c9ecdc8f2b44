"""What was decided about a grant, told in the transaction that decides it: the person by a receipt, their bank by
an event.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from consents.actions.link import customer_ref_of
from consents.aside import tell_in_chat
from consents.mailing import mail_user
from consents.models import Grant, Person
from consents.receipt_words import end_headline
from consents.receipts import COMPLAINTS, END, has_ended, receipt_path
from partners.webhooks import EventType, emit
from portal.accounts.language import language_of
from portal.api.times import rfc3339
from portal.ids import public_id
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

BEHIND_ANSWERS = timedelta(seconds=3)
# A pause and its end change nothing of what was agreed
RECEIPTED = {
    EventType.GRANT_ACTIVATED,
    EventType.GRANT_AMENDED,
    EventType.GRANT_RECONFIRMED,
    EventType.GRANT_REVOKED,
    EventType.GRANT_EXPIRED,
    EventType.GRANT_INVALIDATED,
}


def tell_grant(event_type: EventType, grant: Grant, *, has_receipt: bool = True) -> UUID | None:
    """Tells the grant's person and its bank, last in the transaction; returns the id of the message to the bank, None
    where nobody listens. Without a new record there is no receipt, and whoever calls tells the person in another way.
    """
    if has_receipt and event_type in RECEIPTED:
        give_receipt(grant)
    with scope(Principal.system()):
        return emit(
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


def give_receipt(grant: Grant) -> None:
    """Of what was decided last: by e-mail, and in the chat where the messenger lets us speak there. None to test
    customers: nobody stands behind one.
    """
    with scope(Principal.system()):
        person = Person.objects.select_related("user").get(pk=grant.person_id)
        if person.user is None:
            return
        name = END if has_ended(grant) else public_id("rec", grant.record_id)
        page = receipt_path(grant, name)
        context = {
            "partner": grant.partner.name,
            "kinds": grant.clusters,
            "until": rfc3339(grant.expires_at),
            "ended": rfc3339(grant.ended_at) if grant.ended_at else None,
            "complaints": f"{settings.BASE_URL}{COMPLAINTS}",
        }
        with translation.override(language_of(person.user)):
            context["headline"] = end_headline(grant) if grant.ended_at else None
            words = _("Your receipt: {url}").format(url=f"{settings.BASE_URL}{page}")
        mail_user(person.user, "consents/receipt", context, page=page, is_discreet=person.is_discreet)
        tell_in_chat(grant.account, words, after=BEHIND_ANSWERS)


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
