"""Telling a person in time that a grant ends, or waits for their yes: by e-mail, and in the chat where it is open."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from consents.aside import Button, tell_in_chat
from consents.disclosure import day_words
from consents.mailing import mail_user
from consents.models import Grant
from consents.trail import record_grant
from portal.accounts.language import language_of
from portal.audit.codes import Code
from portal.ids import public_id
from portal.tenancy.principal import Principal

SYSTEM = Principal.system()


class Reminder(StrEnum):
    """What a person is told of, each once."""

    ENDS_IN_30_DAYS = "ends_in_30_days"
    ENDS_IN_7_DAYS = "ends_in_7_days"
    CONFIRM_IN_7_DAYS = "confirm_in_7_days"
    CONFIRM_NOW = "confirm_now"


ENDING = (Reminder.ENDS_IN_30_DAYS, Reminder.ENDS_IN_7_DAYS)


def reminders_of(grant: Grant) -> Iterator[tuple[datetime, Reminder]]:
    """All that the person is told of a live grant, and when. What is allowed once needs no warning of its end."""
    if not grant.is_once:
        yield grant.expires_at - timedelta(days=30), Reminder.ENDS_IN_30_DAYS
        yield grant.expires_at - timedelta(days=7), Reminder.ENDS_IN_7_DAYS
    if grant.status == Grant.Status.ACTIVE and grant.reconfirm_by < grant.expires_at:
        yield grant.reconfirm_by - timedelta(days=7), Reminder.CONFIRM_IN_7_DAYS
        # What fell due in a pause is told at its end
        yield max(grant.reconfirm_by, grant.resumed_at or grant.reconfirm_by), Reminder.CONFIRM_NOW


def warn(grant: Grant, reminder: Reminder) -> None:
    """Queues the mail and the words in the chat, and says so in the trail. In the caller's transaction, as the system."""
    _tell_in_chat(grant, reminder)
    context = {"is_due": reminder is Reminder.CONFIRM_NOW}
    moment = grant.expires_at if reminder in ENDING else grant.reconfirm_by
    mail_person(grant, "consents/ends" if reminder in ENDING else "consents/confirm", moment, **context)
    _record(grant, reminder)


def mail_person(grant: Grant, template: str, moment: datetime, **context: object) -> None:
    """To the person of a grant, with its page and a day; test customers have no address."""
    if (user := grant.person.user) is None:
        return
    with translation.override(language_of(user)):
        about = {"partner": grant.partner.name, "day": day_words(moment), **context}
    mail_user(user, template, about, page=_path_of(grant), is_discreet=grant.person.is_discreet)


def page_of(grant: Grant) -> str:
    """The address of the grant's page."""
    return settings.BASE_URL + _path_of(grant)


def _path_of(grant: Grant) -> str:
    return reverse("person-grant", args=[public_id("grt", grant.id)])


def _tell_in_chat(grant: Grant, reminder: Reminder) -> None:
    with translation.override(language_of(grant.person.user)):
        tell_in_chat(grant.account, _words(grant, reminder), [_button(grant, reminder)])


def _words(grant: Grant, reminder: Reminder) -> str:
    bank = grant.partner.name
    if reminder in ENDING:
        text = _("What you allow %(bank)s ends on %(day)s. If you renew it before, nothing is interrupted.")
        return text % {"bank": bank, "day": day_words(grant.expires_at)}
    if reminder is Reminder.CONFIRM_IN_7_DAYS:
        text = _("Do you still want messages from %(bank)s? Without your yes they wait from %(day)s on.")
        return text % {"bank": bank, "day": day_words(grant.reconfirm_by)}
    return _("Messages from %(bank)s wait now until you confirm that you still want them.") % {"bank": bank}


def _button(grant: Grant, reminder: Reminder) -> Button:
    if reminder in ENDING:
        return {"type": "web_url", "title": _("Renew"), "url": page_of(grant)}
    return {"type": "postback", "title": _("Confirm"), "payload": "CONFIRM"}


def _record(grant: Grant, reminder: Reminder) -> None:
    record_grant(Code.CONSENT_WARNED, grant, SYSTEM, about=reminder.value)
