"""A bank's API clients: made, changed, given other secrets and keys, ended."""

import ipaddress
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from partners.agreement_caps import agreement_in_force, cluster_of, outside
from partners.api_client import ApiClient, ClientKey, ClientSecret
from partners.client_authentication import secret_digest
from partners.client_keys import read_public_key
from partners.clusters import ALL_SCOPES, Environment
from partners.models import Partner
from partners.refusals import Refused
from portal.api import limits
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

_LIVE_SECRETS = 2
LONGEST_LIFE = timedelta(days=365)
LONGEST_OVERLAP = 7 * 86_400  # seconds that an old secret may live beside the new one
FASTEST = 1_000  # requests a second
MOST_NETWORKS = 50


@transaction.atomic
def create_client(
    *,
    partner_id: UUID,
    name: str,
    environment: str,
    scopes: Iterable[str],
    actor: Principal,
    expires_at: datetime | None = None,
    rate_per_second: int = 200,
    networks: Iterable[str] = (),
) -> tuple[ApiClient, str]:
    """A new client and its first secret, which is shown this once and never again. It lives for a year, unless
    it is told to end before.

    A live client's scopes are those the agreement in force allows; a sandbox client may have any.
    """
    _check_actor(actor, partner_id)
    wanted = _known(scopes)
    with scope(Principal.system()):
        _check_partner(partner_id)
        if environment == Environment.LIVE:
            _check_agreement(partner_id, wanted)
        client_id = uuid7()
        client = ApiClient.objects.create(
            id=client_id,
            client_id=public_id("cli", client_id),
            client_secret="",
            hash_client_secret=False,
            client_type=ApiClient.CLIENT_CONFIDENTIAL,
            authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
            name=name,
            partner_id=partner_id,
            environment=Environment(environment),
            scopes=sorted(wanted),
            expires_at=_expiry(expires_at or timezone.now() + LONGEST_LIFE),
            rate_per_second=_rate(rate_per_second),
            allowed_networks=read_networks(networks),
        )
        data = {"environment": client.environment, "scopes": client.scopes}
        record(Code.CLIENT_CREATED, actor=actor, target=client, partner_id=partner_id, data=data)
        return client, _new_secret(client)


@transaction.atomic
def add_secret(*, client_id: UUID, actor: Principal) -> str:
    """A further secret, shown this once; two can live at a time, so that one can replace the other."""
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        if _live_secrets(client).count() >= _LIVE_SECRETS:
            raise Refused("Two secrets live already: revoke one first.")
        secret = _new_secret(client)
        record(Code.CLIENT_SECRET_ADDED, actor=actor, target=client, partner_id=client.partner_id)
    return secret


@transaction.atomic
def roll_secret(*, client_id: UUID, end_old_in: int, actor: Principal) -> tuple[ApiClient, str]:
    """A new secret, shown this once. The one before ends after `end_old_in` seconds, seven days at most; with 0 all
    others end now, and the tokens with them.
    """
    if not 0 <= end_old_in <= LONGEST_OVERLAP:
        raise Refused("The old secret can live for seven days at most.")
    now = timezone.now()
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        old = _live_secrets(client)
        if end_old_in == 0:
            old.update(revoked_at=now)
            _end_tokens(ApiClient.objects.filter(pk=client.pk))
        elif old.count() >= _LIVE_SECRETS:
            raise Refused("Two secrets live already: end the older one first, or end both now.")
        else:
            old.update(expires_at=now + timedelta(seconds=end_old_in))
        secret = _new_secret(client)
        data = {"end_old_in": end_old_in}
        record(Code.CLIENT_SECRET_ROLLED, actor=actor, target=client, partner_id=client.partner_id, data=data)
    return client, secret


@transaction.atomic
def end_secret(*, client_id: UUID, secret_id: UUID, actor: Principal) -> None:
    """Ends one secret now; the client's only way in cannot be ended alone."""
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        rows = _live_secrets(client)
        if not rows.filter(pk=secret_id).exists():
            raise Refused("This secret has ended already.")
        if rows.count() == 1 and not _has_keys(client):
            raise Refused("It is the client's only way in: roll it, or revoke the client.")
        rows.filter(pk=secret_id).update(revoked_at=timezone.now())
        record(Code.CLIENT_SECRET_ENDED, actor=actor, target=client, partner_id=client.partner_id)


@transaction.atomic
def change_client(
    *,
    client_id: UUID,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    rate_per_second: int,
    networks: Iterable[str],
    actor: Principal,
    seen: str = "",
) -> ApiClient:
    """Changes what a client may do; its tokens obey at once. What the agreement has stopped covering may stay, and
    is refused when it is used; nothing of it can be added. `seen` is the edition that the form showed; raises Refused
    for another.
    """
    wanted = _known(scopes)
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        if seen and seen != client.edition:
            raise Refused(
                "Somebody changed this client since you opened it. Nothing of yours is saved: look at what it is now"
                " on its page, or save again to replace that."
            )
        if client.environment == Environment.LIVE and wanted - set(client.scopes):
            _check_agreement(client.partner_id, wanted - set(client.scopes))
        if expires_at != client.expires_at:
            client.expires_at = _expiry(expires_at)
        client.name, client.scopes = name, sorted(wanted)
        client.rate_per_second, client.allowed_networks = _rate(rate_per_second), read_networks(networks)
        client.save()
        data = {"scopes": client.scopes, "networks": client.allowed_networks}
        record(Code.CLIENT_CHANGED, actor=actor, target=client, partner_id=client.partner_id, data=data)
        _forget_tokens(ApiClient.objects.filter(pk=client.pk))
    return client


@transaction.atomic
def set_key_set_url(*, client_id: UUID, url: str, keys: list[dict[str, str]], actor: Principal) -> ApiClient:
    """Where the client's key set is, and what it answered just now; without a URL there is none."""
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        if (
            not url
            and not _live_secrets(client).exists()
            and not client.keys.filter(revoked_at=None).exists()
        ):
            raise Refused(
                "It is the client's only way in: add a key or a secret first, or revoke the client."
            )
        client.jwks_url, client.jwks = url, keys
        client.jwks_tried_at = client.jwks_fetched_at = timezone.now() if url else None
        client.save(update_fields=["jwks_url", "jwks", "jwks_tried_at", "jwks_fetched_at"])
        data = {"key_set": url}
        record(Code.CLIENT_CHANGED, actor=actor, target=client, partner_id=client.partner_id, data=data)
    return client


@transaction.atomic
def add_client_key(*, client_id: UUID, public_key: str, actor: Principal) -> ClientKey:
    """A public key (PEM or JWK) that the client may sign its assertions with, beside its secrets or instead.

    Raises Refused for what is private, weak, or known already.
    """
    jwk = read_public_key(public_key)
    kid = jwk.pop("kid")
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        if client.keys.filter(Q(kid=kid) | Q(jwk=jwk)).exists():
            raise Refused("The client has this key, or another of the same `kid`, already.")
        key = ClientKey.objects.create(client=client, partner_id=client.partner_id, kid=kid, jwk=jwk)
        data = {"kid": kid, "kty": jwk["kty"]}
        record(Code.CLIENT_KEY_ADDED, actor=actor, target=client, partner_id=client.partner_id, data=data)
    return key


@transaction.atomic
def end_client_key(*, client_id: UUID, key_id: UUID, actor: Principal) -> None:
    """Ends a pasted key now; the client's only way in cannot be ended alone."""
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        rows = client.keys.filter(revoked_at=None)
        key = rows.filter(pk=key_id).first()
        if key is None:
            raise Refused("This key has ended already.")
        if rows.count() == 1 and not client.jwks_url and not _live_secrets(client).exists():
            raise Refused("It is the client's only way in: add another first, or revoke the client.")
        rows.filter(pk=key_id).update(revoked_at=timezone.now())
        data = {"kid": key.kid}
        record(Code.CLIENT_KEY_ENDED, actor=actor, target=client, partner_id=client.partner_id, data=data)


@transaction.atomic
def revoke_client(*, client_id: UUID, actor: Principal) -> ApiClient:
    """Ends the client with its secrets, keys and tokens, at once and for good."""
    now = timezone.now()
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        client.revoked_at = now
        client.save(update_fields=["revoked_at"])
        ClientSecret.objects.filter(client=client, revoked_at=None).update(revoked_at=now)
        ClientKey.objects.filter(client=client, revoked_at=None).update(revoked_at=now)
        _end_tokens(ApiClient.objects.filter(pk=client.pk))
        record(Code.CLIENT_REVOKED, actor=actor, target=client, partner_id=client.partner_id)
    return client


def forget_tokens_of(partner_id: UUID) -> None:
    """After the commit every token of the bank is judged anew. Call it in the transaction that changes the bank's
    standing or its agreement.
    """
    with scope(Principal.system()):
        _forget_tokens(ApiClient.objects.filter(partner_id=partner_id, revoked_at=None))


def read_networks(texts: Iterable[str]) -> list[str]:
    """The networks (CIDR) as they are kept; raises Refused naming the one that is none."""
    found = {}
    for text in filter(None, map(str.strip, texts)):
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            raise Refused(
                f"“{text}” is no network. Write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."
            ) from error
        if network.prefixlen == 0:
            raise Refused(f"“{text}” is every address there is: leave the list empty to allow all.")
        found[str(network)] = True
    if len(found) > MOST_NETWORKS:
        raise Refused(f"A client can have {MOST_NETWORKS} networks at most.")
    return list(found)


def _forget_tokens(clients: QuerySet[ApiClient]) -> None:
    tokens = get_access_token_model().objects.filter(application__in=clients)
    checksums = list(tokens.values_list("token_checksum", flat=True))
    transaction.on_commit(lambda: limits.forget(checksums))


def _end_tokens(clients: QuerySet[ApiClient]) -> None:
    _forget_tokens(clients)
    get_access_token_model().objects.filter(application__in=clients).delete()


def _known(scopes: Iterable[str]) -> set[str]:
    wanted = set(scopes)
    if unknown := wanted - ALL_SCOPES:
        raise Refused(f"There is no scope {', '.join(sorted(unknown))}.")
    return wanted


def _expiry(moment: datetime) -> datetime:
    now = timezone.now()
    if moment <= now:
        raise Refused("The end is in the past: choose a later day.")
    if moment > now + LONGEST_LIFE + timedelta(days=1):  # a day, so that a year from today can be chosen
        latest = now + LONGEST_LIFE
        raise Refused(f"A client lives for a year at most: choose a day up to {latest:%-d %B %Y}.")
    return moment


def _rate(requests: int) -> int:
    if not 1 <= requests <= FASTEST:
        raise Refused(f"Requests a second are between 1 and {FASTEST}.")
    return requests


def _live_secrets(client: ApiClient) -> QuerySet[ClientSecret]:
    return ClientSecret.objects.live(timezone.now()).filter(client=client)


def _has_keys(client: ApiClient) -> bool:
    return bool(client.jwks_url) or client.keys.filter(revoked_at=None).exists()


def _check_partner(partner_id: UUID) -> None:
    status = Partner.objects.values_list("status", flat=True).get(pk=partner_id)
    if status in (Partner.Status.SURRENDERED, Partner.Status.REVOKED, Partner.Status.REJECTED):
        raise Refused("Your bank has left Parley, so it can have no new clients.")


def _new_secret(client: ApiClient) -> str:
    secret = f"sec_{secrets.token_urlsafe(32)}"
    ClientSecret.objects.create(
        client=client, partner_id=client.partner_id, prefix=secret[:8], digest=secret_digest(secret)
    )
    return secret


def _locked(client_id: UUID, actor: Principal) -> ApiClient:
    client = ApiClient.objects.select_for_update(no_key=True).get(pk=client_id)
    _check_actor(actor, client.partner_id)
    if client.revoked_at is not None:
        raise Refused("This client is revoked.")
    return client


def _check_actor(actor: Principal, partner_id: UUID) -> None:
    if actor.kind is Kind.SYSTEM:
        return
    if actor.partner_id != partner_id or Permission.CLIENTS_MANAGE.value not in actor.permissions:
        raise Refused("Your role does not include the bank's API clients.")


def _check_agreement(partner_id: UUID, wanted: set[str]) -> None:
    version = agreement_in_force(partner_id)
    if version is None:
        raise Refused("A live client needs an agreement in force.")
    if refusal := outside(version, filter(None, map(cluster_of, wanted))):
        raise Refused(refusal)
