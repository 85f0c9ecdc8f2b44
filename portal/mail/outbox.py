"""E-mail by way of rows: queued with what it is about, sent by a worker, tried again for days."""

import smtplib
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template import Context
from django.template.loader import get_template, render_to_string
from django.utils import timezone, translation

from portal.mail.models import Mail
from portal.tenancy.context import current, scope
from portal.tenancy.principal import Principal

log = structlog.get_logger(__name__)
RETRY_AFTER = (60, 300, 1800, 7200, 21600, 86400)  # seconds; then it is given up


def queue_mail(*, to: str, template: str, context: dict[str, Any], locale: str = "en") -> None:
    """Writes the e-mail into the current transaction. `template` names `templates/emails/<template>.subject.txt`,
    `.txt` and `.html`; `context` must be JSON.
    """
    queue_mails(to=[(to, locale)], template=template, context=context)


def queue_mails(*, to: Iterable[tuple[str, str]], template: str, context: dict[str, Any]) -> None:
    """The same to several, each with the locale, in one statement."""
    system = Principal.system()
    with nullcontext() if current() == system else scope(system), transaction.atomic(savepoint=False):
        Mail.objects.bulk_create(
            Mail(to=address, template=template, context=context, locale=locale) for address, locale in to
        )


def send_due_mail() -> int:
    """Sends what is due, one after the other; returns how many were handed over."""
    sent = 0
    while (mail := _claim()) is not None:
        sent += _send(mail)
    return sent


def _claim() -> Mail | None:
    """The next one, put off meanwhile, so that a worker that dies with it loses nothing."""
    with scope(Principal.system()), transaction.atomic():
        due = Mail.objects.select_for_update(skip_locked=True).filter(next_attempt_at__lte=timezone.now())
        mail = due.order_by("next_attempt_at").first()
        if mail is not None:
            seconds = RETRY_AFTER[min(mail.attempts, len(RETRY_AFTER) - 1)]
            mail.attempts += 1
            mail.next_attempt_at = timezone.now() + timedelta(seconds=seconds)
            mail.save(update_fields=["attempts", "next_attempt_at"])
    return mail


def _send(mail: Mail) -> bool:
    is_sent = True
    try:
        compose(mail).send()
    except (OSError, smtplib.SMTPException) as error:
        is_sent, is_last = False, mail.attempts > len(RETRY_AFTER)
        log.warning("mail_failed", mail=str(mail.id), error=type(error).__name__, given_up=is_last)
        if not is_last:
            return False
    with scope(Principal.system()), transaction.atomic():
        Mail.objects.filter(pk=mail.pk).delete()
    return is_sent


def compose(mail: Mail) -> EmailMultiAlternatives:
    """Subject, plain text and HTML, in the reader's language; only the HTML is escaped."""
    context = {**mail.context, "base_url": settings.BASE_URL}
    with translation.override(mail.locale):
        subject = _plain(f"emails/{mail.template}.subject.txt", context)
        text = _plain(f"emails/{mail.template}.txt", context)
        html = render_to_string(f"emails/{mail.template}.html", context)
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[mail.to])
    message.attach_alternative(html, "text/html")
    return message


def _plain(template: str, context: dict[str, Any]) -> str:
    # Django's own loader would escape it: to that, every file is HTML
    return get_template(template).template.render(Context(context, autoescape=False))  # type: ignore[attr-defined]
