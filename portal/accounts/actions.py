"""Makes users who can sign in at once: the demo's, the tests', and those an operator adds by hand."""

from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
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
