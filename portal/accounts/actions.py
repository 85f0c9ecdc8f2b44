"""Makes users who can sign in at once: the demo's, the tests', and those an operator adds by hand. And forgets one."""

from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction

from portal.accounts.models import User


@transaction.atomic
def create_user_with_totp(*, email: str, password: str, name: str, staff_role: str = "") -> tuple[User, str]:
    """A user with a verified address and an authenticator app; returns the app's secret (base32) too."""
    user = create_person_user(email=email, password=password, name=name, staff_role=staff_role)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return user, secret


@transaction.atomic
def create_person_user(*, email: str, password: str | None, name: str, staff_role: str = "") -> User:
    """A user with a verified address and a password; without one, nobody can sign in yet."""
    user = User.objects.create_user(email, password, name=name, staff_role=staff_role)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@transaction.atomic
def keep_language(*, user: User, language: str) -> None:
    """What the user's pages, mails and chats speak from now on; one of those that are offered."""
    user.locale = language
    user.save(update_fields=["locale"])


@transaction.atomic
def forget_user(*, user_id: UUID) -> None:
    """Nobody can sign in as this user any more, here or on any device, and nothing says who it was. The row stays:
    what it did is in the trail under its id.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    sessions = UserSession.objects.filter(user=user)
    Session.objects.filter(session_key__in=list(sessions.values_list("session_key", flat=True))).delete()
    for rows in (sessions, Authenticator.objects, EmailAddress.objects, SocialAccount.objects):
        rows.filter(user=user).delete()
    user.email, user.name, user.is_active, user.last_login = f"{user.pk.hex}@erased.invalid", "", False, None
    user.set_unusable_password()
    user.save()
