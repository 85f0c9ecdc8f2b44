"""What every page of a bank's members and of the staff begins with: who it is, and whether they may."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import resolve

from partners.access import member_principal, require, staff_principal
from partners.models import Partner
from portal.accounts.bank_session import word_is_stale
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission, StaffPermission
from portal.tenancy.principal import Principal

View = Callable[..., HttpResponse]


@contextmanager
def as_member(
    request: HttpRequest, slug: str, permission: Permission | None = None
) -> Iterator[tuple[Principal, Partner]]:
    """One transaction of a page's, as the member: the principal and the bank. What needs the network goes between
    two of them; other pages are `member_page`.
    """
    with transaction.atomic():
        principal, partner = member_principal(request.user, slug)  # type: ignore[arg-type]
        if permission is not None:
            require(principal, permission)
        with scope(principal):
            yield principal, partner


@contextmanager
def as_staff(request: HttpRequest, permission: StaffPermission) -> Iterator[Principal]:
    """The same for platform staff; other pages are `staff_page`."""
    with transaction.atomic():
        principal = staff_principal(request.user)  # type: ignore[arg-type]
        require(principal, permission)
        with scope(principal):
            yield principal


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form is made of: the body of a POST, even an empty one, else nothing."""
    return request.POST if request.method == "POST" else None


def ask_again(request: HttpRequest) -> None:
    """Sends whoever has not given their password (or second step) in the last minutes to do so; what they posted
    is taken up afterwards. Call it once it is clear that they may, so that what is not theirs stays a 404.
    """
    if word_is_stale(request):
        raise ReauthenticationRequired
    reauthentication_required(lambda request: HttpResponse())(request)


def member_page(permission: Permission | None = None) -> Callable[[View], View]:
    """Signed in, a member of the bank in the address (else 404) who holds the permission (else 403), in one
    transaction that sees only the bank's rows. The view takes the principal and the bank second and third.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, slug: str, **named: Any) -> HttpResponse:
            with as_member(request, slug, permission) as (principal, partner):
                return view(request, principal, partner, **named)

        page.permission = permission  # type: ignore[attr-defined]  # for permission_of
        return page

    return decorate


def permission_of(url: str) -> Permission | None:
    """What a `member_page` asks of its reader; None where every member may open it."""
    return getattr(resolve(url.partition("?")[0]).func, "permission", None)


def staff_page(permission: StaffPermission) -> Callable[[View], View]:
    """Signed in as platform staff (else 404) whose role holds the permission (else 403), in one transaction. The
    view takes the principal second.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, **named: Any) -> HttpResponse:
            with as_staff(request, permission) as principal:
                return view(request, principal, **named)

        return page

    return decorate
