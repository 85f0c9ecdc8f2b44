"""`manage.py make_staff EMAIL ROLE`: adds a colleague to the platform's staff and prints their way in."""

from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.urls import reverse

from partners.actions.staff import add_staff
from partners.refusals import Refused
from portal.accounts.models import User
from portal.tenancy.principal import Principal


class Command(BaseCommand):
    """The link works once: whoever opens it chooses the password, and sets up a second step when they sign in."""

    help = "Adds a colleague to the platform's staff and prints a link with which they choose their password."

    def add_arguments(self, parser: CommandParser) -> None:
        """The address, the role and, if you like, the name."""
        parser.add_argument("email")
        parser.add_argument("role", choices=User.StaffRole.values)
        parser.add_argument("--name", default="")

    def handle(self, *args: Any, email: str, role: str, name: str, **options: Any) -> None:
        """Raises CommandError and changes nothing where the address cannot be used."""
        try:
            validate_email(email)
            user = add_staff(email=email, name=name, role=role, actor=Principal.system())
        except ValidationError as error:
            raise CommandError(f"{email} is no e-mail address.") from error
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        hours = settings.PASSWORD_RESET_TIMEOUT // 3600
        self.stdout.write(
            f"{user.email} is {role} now. For {hours} hours, this link lets them choose a password, once:"
        )
        self.stdout.write(f"{settings.BASE_URL}{_way_in(user)}")


def _way_in(user: User) -> str:
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", args=[user_pk_to_url_str(user), key])
