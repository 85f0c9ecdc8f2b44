"""Somebody comes back from their bank: signed in, shown what to confirm, or refused with a sentence."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth import logout
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from partners.models import SignOn
from partners.sso.provider import Identity
from partners.sso.reading import (
    domain_in,
    domains_reached,
    is_in_team,
    links_of,
    sign_on_of,
    sign_on_required_of,
    start_url,
    vouches_for,
)
from portal.accounts.bank_session import Mark, link_first, mark_session
from portal.audit.codes import Code
from portal.audit.record import record
from portal.tenancy.context import scope
from portal.tenancy.principal import Kind, Principal

_KEPT = "bank_identity"
_NOT_LINKED = (
    "This sign-in of {} is not linked to an account here. If you are in its team, sign in the usual way once, and link"
    " it on the page “Single sign-on”. If not, ask an owner of the team for an invitation."
)
_KEPT_FOR = 600  # seconds until what the bank said must have been confirmed
_FRESH_FOR = 120  # seconds between signing in at the bank and coming back, where that had to be done anew


def receive(request: HttpRequest, login: Any) -> HttpResponse | None:
    """What to answer; None for somebody who is linked and may come in."""
    identity = login.identity
    with transaction.atomic(), scope(Principal.system()):
        sign_on = sign_on_of(identity.partner_id)
        if sign_on is None or not vouches_for(sign_on, identity.kind, identity.issuer):
            return _say(request, "Your bank does not use this any more.")
        user = login.user
        invitation = login.state.get("invitation")
        is_member = is_in_team(sign_on.partner_id, user)
        may_link = bool(invitation) or (user is None and is_in_team(sign_on.partner_id, request.user))
        reason = _reason(sign_on, identity, user, is_member, may_link)
        if reason:
            record(
                Code.SIGN_ON_REFUSED,
                actor=Principal(Kind.MEMBER, id=user.pk if user else None),
                target=sign_on,
                partner_id=sign_on.partner_id,
                data={"reason": reason},
            )
            return _say(request, reason)
        if again := login.state.get("again"):
            return _prove(request, sign_on, login, again)
        if user is not None and is_member:
            login.state["next"] = reverse("member-home", args=[sign_on.partner.slug])
            return None
    request.session[_KEPT] = {**identity._asdict(), "until": time.time() + _KEPT_FOR}
    if invitation:
        return redirect("invitation-by-bank", invitation)
    return redirect("member-sign-on-link", sign_on.partner.slug)


def kept_identity(request: HttpRequest, partner_id: Any) -> Identity | None:
    """Whom this bank's provider named in this session a moment ago."""
    kept = dict(request.session.get(_KEPT) or {})
    if kept.pop("until", 0) < time.time() or kept["partner_id"] != str(partner_id):
        return None
    return Identity(**kept)


def forget_identity(request: HttpRequest) -> None:
    """It was used, or is not wanted."""
    request.session.pop(_KEPT, None)


def at_the_door(request: HttpRequest, user: Any, login: Any) -> HttpResponse | None:
    """Refuses another way in to whom the bank allows only its own; else notes what the bank vouches for."""
    with transaction.atomic(), scope(Principal.system()):
        if login is not None:
            sign_on = sign_on_of(login.account.provider)
            if sign_on is not None:
                _mark(request, sign_on, user, login.identity)
            return None
        sign_on = sign_on_required_of(user)
        if sign_on is None:
            return None
        if _links_first(request, sign_on, user):
            return None
    context = {"bank": sign_on.partner.name, "start": start_url(sign_on.partner_id)}
    return render(request, "account/bank_required.html", context, status=403)


def has_joined(request: HttpRequest, user: Any, partner_id: UUID) -> HttpResponse | None:
    """Somebody is in a bank's team from now on, in a session that the bank did not open. Where it wants its own
    way in alone, they link theirs first, or come in anew.
    """
    with transaction.atomic(), scope(Principal.system()):
        sign_on = sign_on_required_of(user)
        if sign_on is None or sign_on.partner_id != partner_id or _links_first(request, sign_on, user):
            return None
    logout(request)
    return redirect(start_url(partner_id))


def still_counts(mark: Mark) -> bool:
    """While the member is in the team and linked, and the sign-on was not turned off since they came."""
    since = datetime.fromtimestamp(mark.since, UTC)
    with transaction.atomic(), scope(Principal.system()):
        found = SignOn.objects.filter(Q(turned_off_at=None) | Q(turned_off_at__lt=since))
        is_there = found.filter(partner_id=mark.partner_id, partner__membership__user_id=mark.user).exists()
        return is_there and links_of(mark.partner_id).filter(user_id=mark.user).exists()


def has_arrived(request: HttpRequest, user: Any, login: Any) -> None:
    """Writes the trail."""
    if login is None:
        return
    with transaction.atomic(), scope(Principal.system()):
        if (sign_on := sign_on_of(login.account.provider)) is not None:
            actor = Principal(Kind.MEMBER, id=user.pk)
            record(Code.SIGN_ON_USED, actor=actor, target=sign_on, partner_id=sign_on.partner_id)


def _links_first(request: HttpRequest, sign_on: SignOn, user: Any) -> bool:
    """Whether they have no link yet; the bank's pages then lead to it."""
    if links_of(sign_on.partner_id).filter(user=user).exists():
        return False
    link_first(request, sign_on.partner.slug)
    return True


def _prove(request: HttpRequest, sign_on: SignOn, login: Any, again: str) -> HttpResponse:
    """Somebody who is signed in has shown once more that it is them; what they wanted to do is taken up."""
    if login.user is None or login.user != request.user:
        return _say(request, "That is somebody else’s sign-in. Sign in at your bank as yourself.")
    if time.time() - login.identity.signed_in_at > _FRESH_FOR:
        return _say(
            request, "Your bank did not say that you have signed in just now, and this page needs that."
        )
    _mark(request, sign_on, login.user, login.identity)
    return redirect(f"{reverse('bank-resume')}?{urlencode({'next': again})}")


def _mark(request: HttpRequest, sign_on: SignOn, user: Any, identity: Identity) -> None:
    partner = sign_on.partner
    mark_session(
        request,
        Mark(
            str(user.pk),
            str(partner.pk),
            partner.slug,
            partner.name,
            identity.has_second_step,
            identity.signed_in_at,
            time.time(),
        ),
    )


def _reason(sign_on: SignOn, identity: Identity, user: Any, is_member: bool, may_link: bool) -> str:
    """Why not, in a sentence without personal data; "" where nothing speaks against it."""
    name = sign_on.partner.name
    if domain_in(identity.email) not in domains_reached(sign_on):
        return f"The address that {name} told is not at a domain of its own, so it does not count here."
    if user is None:
        return "" if may_link else _NOT_LINKED.format(name)
    if user.staff_role:
        return "Platform staff cannot act for a bank. Use an account of the bank’s."
    if not is_member and not may_link:
        return f"You are not in the team of {name} any more. An owner of the team can invite you again."
    if is_member and not sign_on.is_on:
        return f"{name} has not turned its single sign-on on. Sign in with your password."
    return ""


def _say(request: HttpRequest, words: str) -> HttpResponse:
    return render(request, "socialaccount/authentication_error.html", {"words": words}, status=403)
