"""allauth's extension points."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from portal.accounts.actions import keep_language
from portal.accounts.bank_session import ARRIVALS, GATES, mark_of
from portal.accounts.language import chosen_before
from portal.accounts.sealing import open_text, seal_text
from portal.mail.outbox import queue_mail

_PLACE = b"mfa"


class AccountAdapter(DefaultAccountAdapter):
    """Our words, and our own way in."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("The e-mail or the password is not right. Check both and try again."),
        "incorrect_code": _("This code is not right, or it is too old. Check it, or ask for a new one."),
        "incorrect_password": _("This password is not right."),
        "too_many_login_attempts": _("Too many tries. Wait a few minutes, then try again."),
    }

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        """A new account speaks the language that its sign-up did."""
        user.locale = get_language()
        return super().save_user(request, user, form, commit)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Where the user belongs is known higher up."""
        return reverse("start")

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        """The same as after signing in."""
        return reverse("start")

    def pre_login(self, request: HttpRequest, user: Any, **named: Any) -> HttpResponse | None:
        """What stands at the door: a bank may want its people to come through its own."""
        if (answer := super().pre_login(request, user, **named)) is not None:
            return answer
        login = (named["signal_kwargs"] or {}).get("sociallogin")
        answers = (gate(request, user, login) for gate in GATES)
        return next((answer for answer in answers if answer is not None), None)

    def post_login(self, request: HttpRequest, user: Any, **named: Any) -> HttpResponse:
        """Tells those who wait for it."""
        login = (named["signal_kwargs"] or {}).get("sociallogin")
        for arrived in ARRIVALS:
            arrived(request, user, login)
        response = super().post_login(request, user, **named)
        if chosen := chosen_before(request):
            keep_language(user=user, language=chosen)
            response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
        return response

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Whoever has no proof of their own asks their bank again."""
        found = super().get_reauthentication_methods(user)
        if not found and (mark := mark_of(self.request, user)) is not None:
            url = reverse("bank-again", args=[mark.partner_id])
            found.append(
                {
                    "id": "bank",
                    "description": gettext("Sign in at {bank} again").format(bank=mark.bank),
                    "url": url,
                }
            )
        return found

    def get_login_stages(self) -> list[str]:
        """The second step is ours: a bank may have vouched for it."""
        ours = {"allauth.mfa.stages.AuthenticateStage": "portal.accounts.bank_session.SecondStep"}
        return [ours.get(stage, stage) for stage in super().get_login_stages()]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """By way of rows, like all our e-mail: a mail server that is away holds up nobody's sign-up."""
        request = allauth_context.request
        known = {"request": request, "email": email, "current_site": get_current_site(request)}
        written = self.render_mail(template_prefix, email, known | context)
        words = {"subject": written.subject, "text": written.body}
        queue_mail(to=email, template="account", context=words, locale=get_language() or "en")

    def format_email_subject(self, subject: str) -> str:
        """Names us, where allauth would name the host."""
        return f"Parley: {subject}"


class MFAAdapter(DefaultMFAAdapter):
    """Authenticator secrets are sealed; allauth alone would store them in clear."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code is not right. Enter the one the app shows now."),
        "unverified_email": _("Confirm your e-mail first; then set up a second step."),
    }

    def encrypt(self, text: str) -> str:
        """Base64 of `kek id:sealed`."""
        return seal_text(text, _PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """The text; raises CannotOpen."""
        return open_text(encrypted_text, _PLACE)
