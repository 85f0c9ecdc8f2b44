"""What every page of a bank's members and of the staff begins with: who it is, and whether they may."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from partners.access import member_principal, require, staff_principal
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission, StaffPermission

View = Callable[..., HttpResponse]


def member_page(permission: Permission | None = None) -> Callable[[View], View]:
    """Signed in, a member of the bank in the address (else 404) who holds the permission (else 403), in one
    transaction that sees only the bank's rows. The view takes the principal and the bank second and third.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, slug: str, **named: Any) -> HttpResponse:
            with transaction.atomic():
                principal, partner = member_principal(request.user, slug)  # type: ignore[arg-type]
                if permission is not None:
                    require(principal, permission)
                with scope(principal):
                    return view(request, principal, partner, **named)

        return page

    return decorate


def staff_page(permission: StaffPermission) -> Callable[[View], View]:
    """Signed in as platform staff (else 404) whose role holds the permission (else 403), in one transaction. The
    view takes the principal second.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, **named: Any) -> HttpResponse:
            with transaction.atomic():
                principal = staff_principal(request.user)  # type: ignore[arg-type]
                require(principal, permission)
                with scope(principal):
                    return view(request, principal, **named)

        return page

    return decorate
