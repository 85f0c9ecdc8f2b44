"""A bank's API clients, for its members: what each may do, what it lets in, and what it asked for lately."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import F, Max, Prefetch, QuerySet
from django.db.models.functions import Greatest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from partners.access import clients_for, get_client_for, id_in_path
from partners.actions import clients as actions
from partners.agreement_text import CLAUSES
from partners.api_client import ApiClient, ClientSecret
from partners.client_key_sets import fetch_key_set
from partners.clusters import SCOPES, Cluster, Environment
from partners.forms.clients import ClientForm, KeyForm, KeySetForm, RollForm
from partners.models import AgreementVersion, Partner
from partners.pages import as_member, ask_again, member_page, posted
from partners.refusals import Refused
from portal.api import usage, valkey
from portal.ids import public_id
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Principal

PAGE = 25
SOON = timedelta(days=14)
clients_page = member_page(Permission.CLIENTS_MANAGE)


class ScopeLine(NamedTuple):
    """A scope as the form shows it; `locked` says why it cannot be chosen."""

    name: str
    sentence: str
    is_chosen: bool
    locked: str


@require_GET
@clients_page
def clients(request: HttpRequest, principal: Principal, partner: Partner) -> HttpResponse:
    """All of the bank's, newest first; `?before=` turns the page."""
    rows = _with_secrets(clients_for(principal))
    if before := request.GET.get("before"):
        rows = rows.filter(id__lt=id_in_path("cli", before))
    found = list(rows.order_by("-id")[: PAGE + 1])
    context = {
        "partner": partner,
        "rows": [(one, state_of(one)) for one in found[:PAGE]],
        "next": f"before={public_id('cli', found[PAGE - 1].pk)}" if len(found) > PAGE else "",
    }
    return render(request, "partners/clients/clients.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@clients_page
def create(request: HttpRequest, principal: Principal, partner: Partner, environment: str) -> HttpResponse:
    """A new client; its secret is in the answer, once."""
    if environment not in Environment.values:
        raise Http404
    ask_again(request)
    locked = _locked_scopes(partner, environment)
    if locked is None:
        return render(request, "partners/clients/no_agreement.html", {"partner": partner})
    form = ClientForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            client, secret = actions.create_client(
                partner_id=partner.id, environment=environment, actor=principal, **form.wanted()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _secret(request, partner, client, secret)
    context = {"form": form, "scopes": _scope_lines(form, locked), "environment": environment}
    return _answer(request, "partners/clients/form.html", context | {"partner": partner})


@require_GET
@clients_page
def client(request: HttpRequest, principal: Principal, partner: Partner, cli: str) -> HttpResponse:
    """What it may do, how it signs in, and what it asked for lately."""
    found = get_client_for(principal, id_in_path("cli", cli))
    outside = found.outside_agreement()
    context = _about(partner, found) | {
        "state": state_of(found),
        "scopes": [ScopeLine(name, SCOPES[name], True, outside.get(name, "")) for name in found.scopes],
        "secrets": ClientSecret.objects.live(timezone.now()).filter(client=found).order_by("id"),
        "keys": found.keys.filter(revoked_at=None).order_by("id"),
        "refusal": found.refusal(),
        **_usage(found.pk),
    }
    return render(request, "partners/clients/client.html", context)


@require_http_methods(["GET", "POST"])
@clients_page
def edit(request: HttpRequest, principal: Principal, partner: Partner, cli: str) -> HttpResponse:
    """Its name, scopes, end, rate and networks; tokens obey at once."""
    found = _open_client(principal, cli)
    locked = _locked_scopes(partner, found.environment) or {}
    form = ClientForm(posted(request), client=found)
    if request.method == "POST" and form.is_valid():
        try:
            seen = request.POST.get("seen", "")
            actions.change_client(client_id=found.pk, actor=principal, seen=seen, **form.wanted())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, "The client is changed, and its tokens with it.")
            return redirect("member-client", partner.slug, cli)
    held = {name: why for name, why in locked.items() if name not in found.scopes}
    context = _about(partner, found) | {"form": form, "scopes": _scope_lines(form, held)}
    return _answer(request, "partners/clients/form.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@clients_page
def roll(request: HttpRequest, principal: Principal, partner: Partner, cli: str) -> HttpResponse:
    """A new secret, shown once; the old one ends now or later."""
    found = _open_client(principal, cli)
    ask_again(request)
    form = RollForm(posted(request), initial={"end_old_in": 86_400})
    if request.method == "POST" and form.is_valid():
        try:
            changed, secret = actions.roll_secret(client_id=found.pk, actor=principal, **form.cleaned_data)
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _secret(request, partner, changed, secret, end_old_in=form.cleaned_data["end_old_in"])
    secrets = ClientSecret.objects.live(timezone.now()).filter(client=found).order_by("id")
    context = _about(partner, found) | {"form": form, "secrets": secrets}
    return _answer(request, "partners/clients/roll.html", context)


@require_http_methods(["GET", "POST"])
@clients_page
def end_secret(
    request: HttpRequest, principal: Principal, partner: Partner, cli: str, secret: str
) -> HttpResponse:
    """Ends one of its secrets now, after a word."""
    found = _open_client(principal, cli)
    secret_id = id_in_path("sec", secret)
    row = ClientSecret.objects.filter(client=found, pk=secret_id).first()
    if row is None:
        raise Http404
    return _confirmed(
        request,
        partner,
        found,
        lambda: actions.end_secret(client_id=found.pk, secret_id=secret_id, actor=principal),
        {
            "heading": "End this secret?",
            "points": [
                f"Whoever signs in with {row.prefix}… gets no token any more, from now on.",
                "Tokens that it got before live for ten minutes at most. To end them too, roll the secret now.",
            ],
            "button": "End secret",
            "done": "The secret has ended.",
        },
    )


@require_http_methods(["GET", "POST"])
@clients_page
def add_key(request: HttpRequest, principal: Principal, partner: Partner, cli: str) -> HttpResponse:
    """A public key to sign in with (private_key_jwt)."""
    found = _open_client(principal, cli)
    ask_again(request)
    form = KeyForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            key = actions.add_client_key(client_id=found.pk, actor=principal, **form.cleaned_data)
        except Refused as refusal:
            form.add_error("public_key", str(refusal))
        else:
            messages.success(request, f"The key {key.kid} can sign from now on.")
            return redirect("member-client", partner.slug, cli)
    return _answer(request, "partners/clients/key.html", _about(partner, found) | {"form": form})


@require_http_methods(["GET", "POST"])
@clients_page
def end_key(request: HttpRequest, principal: Principal, partner: Partner, cli: str, key: str) -> HttpResponse:
    """Ends a pasted key now, after a word."""
    found = _open_client(principal, cli)
    key_id = id_in_path("key", key)
    row = found.keys.filter(pk=key_id, revoked_at=None).first()
    if row is None:
        raise Http404
    return _confirmed(
        request,
        partner,
        found,
        lambda: actions.end_client_key(client_id=found.pk, key_id=key_id, actor=principal),
        {
            "heading": "End this key?",
            "points": [f"What {row.kid} signs is refused from now on. The same key cannot be added again."],
            "button": "End key",
            "done": "The key has ended.",
        },
    )


@require_http_methods(["GET", "POST"])
@login_required
def key_set(request: HttpRequest, slug: str, cli: str) -> HttpResponse:
    """Where its key set is; asked before it is kept, so outside any transaction."""
    with as_member(request, slug, Permission.CLIENTS_MANAGE) as (principal, partner):
        found = _open_client(principal, cli)
    ask_again(request)
    form = KeySetForm(posted(request), initial={"url": found.jwks_url})
    if request.method == "POST" and form.is_valid():
        url = form.cleaned_data["url"]
        try:
            keys = fetch_key_set(url) if url else []
            with as_member(request, slug, Permission.CLIENTS_MANAGE) as (principal, _):
                actions.set_key_set_url(client_id=found.pk, url=url, keys=keys, actor=principal)
        except Refused as refusal:
            form.add_error("url", str(refusal))
        else:
            done = (
                f"{len(keys)} key{'' if len(keys) == 1 else 's'} found there."
                if url
                else "None is used any more."
            )
            messages.success(request, done)
            return redirect("member-client", partner.slug, cli)
    return _answer(request, "partners/clients/key_set.html", _about(partner, found) | {"form": form})


@require_http_methods(["GET", "POST"])
@clients_page
def revoke(request: HttpRequest, principal: Principal, partner: Partner, cli: str) -> HttpResponse:
    """Ends the client for good, after a word."""
    found = _open_client(principal, cli)
    return _confirmed(
        request,
        partner,
        found,
        lambda: actions.revoke_client(client_id=found.pk, actor=principal),
        {
            "heading": f"Revoke {found.name}?",
            "points": [
                "Its secrets, keys and tokens are worthless at once.",
                "What it has already handed in is still sent.",
                "It cannot be brought back; a new client has another id.",
            ],
            "button": "Revoke client",
            "done": "The client is revoked.",
        },
    )


def state_of(client: ApiClient) -> str:
    """As the status part shows it."""
    now = timezone.now()
    if client.revoked_at is not None:
        return "CLIENT_REVOKED"
    if client.expires_at <= now:
        return "EXPIRED"
    return "EXPIRES_SOON" if client.expires_at <= now + SOON else "ACTIVE"


def _with_secrets(rows: QuerySet[ApiClient]) -> QuerySet[ApiClient]:
    live = ClientSecret.objects.live(timezone.now()).order_by("id")
    used = rows.annotate(by_secret=Max("secrets__last_used_at"), by_key=Max("keys__last_used_at"))
    return used.annotate(used_at=Greatest(F("by_secret"), F("by_key"))).prefetch_related(
        Prefetch("secrets", queryset=live, to_attr="live_secrets")
    )


def _open_client(principal: Principal, cli: str) -> ApiClient:
    """One that is not revoked: nothing else can be done with one that is."""
    found = get_client_for(principal, id_in_path("cli", cli))
    if found.revoked_at is not None:
        raise Http404
    return found


def _about(partner: Partner, client: ApiClient) -> dict[str, Any]:
    cli = public_id("cli", client.pk)
    return {"partner": partner, "client": client, "cli": cli, "environment": client.environment}


def _usage(client_id: UUID) -> dict[str, Any]:
    try:
        return {"days": usage.days(client_id), "asked": usage.last_requests(client_id)}
    except valkey.Unreachable:
        return {"usage_is_away": True}


def _locked_scopes(partner: Partner, environment: str) -> dict[str, str] | None:
    """Scopes that no new client can have, each with why; None while there is no agreement for a live one."""
    if environment == Environment.SANDBOX:
        return {}
    in_force = AgreementVersion.Status.FINALIZED
    version = AgreementVersion.objects.filter(partner=partner, status=in_force).only("clusters").first()
    if version is None:
        return None
    why = f"Outside your agreement, clause {CLAUSES['clusters']}. An amendment can add it."
    return {cluster.scope: why for cluster in Cluster if cluster.value not in version.clusters}


def _scope_lines(form: ClientForm, locked: dict[str, str]) -> list[ScopeLine]:
    chosen = form["scopes"].value() or []
    return [ScopeLine(name, text, name in chosen, locked.get(name, "")) for name, text in SCOPES.items()]


def _secret(
    request: HttpRequest, partner: Partner, client: ApiClient, secret: str, **more: Any
) -> HttpResponse:
    context = _about(partner, client) | {"secret": secret, "base_url": settings.BASE_URL} | more
    return render(request, "partners/clients/secret.html", context)


def _answer(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render(request, template, context, status=422 if context["form"].errors else 200)


def _confirmed(
    request: HttpRequest,
    partner: Partner,
    client: ApiClient,
    act: Callable[[], object],
    words: dict[str, Any],
) -> HttpResponse:
    """Shows what will happen; on POST does it."""
    cli = public_id("cli", client.pk)
    if request.method == "GET":
        return render(request, "partners/clients/confirm.html", _about(partner, client) | words)
    try:
        act()
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, words["done"])
    return redirect("member-client", partner.slug, cli)
