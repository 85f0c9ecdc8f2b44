"""A bank's API clients: made, given a second secret or a public key, ended."""

import secrets
from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from partners.agreement_caps import agreement_in_force, cluster_of, outside
from partners.api_client import ApiClient, ClientKey, ClientSecret
from partners.client_authentication import secret_digest
from partners.client_keys import read_public_key
from partners.clusters import ALL_SCOPES, Environment
from partners.refusals import Refused
from portal.api import limits
from portal.audit.codes import Code
from portal.audit.record import record
from portal.ids import public_id, uuid7
from portal.tenancy.context import scope
from portal.tenancy.permissions import Permission
from portal.tenancy.principal import Kind, Principal

_LIVE_SECRETS = 2


@transaction.atomic
def create_client(
    *, partner_id: UUID, name: str, environment: str, scopes: Iterable[str], actor: Principal
) -> tuple[ApiClient, str]:
    """A new client and its first secret, which is shown this once and never again.

    A live client's scopes are those the agreement in force allows; a sandbox client may have any.
    """
    _check_actor(actor, partner_id)
    wanted = set(scopes)
    if unknown := wanted - ALL_SCOPES:
        raise Refused(f"There is no scope {', '.join(sorted(unknown))}.")
    with scope(Principal.system()):
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
        )
        data = {"environment": client.environment, "scopes": client.scopes}
        record(Code.CLIENT_CREATED, actor=actor, target=client, partner_id=partner_id, data=data)
        return client, _new_secret(client)


@transaction.atomic
def add_secret(*, client_id: UUID, actor: Principal) -> str:
    """A further secret, shown this once; two can live at a time, so that one can replace the other."""
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        if client.secrets.filter(revoked_at=None).count() >= _LIVE_SECRETS:
            raise Refused("Two secrets live already: revoke one first.")
        secret = _new_secret(client)
        record(Code.CLIENT_SECRET_ADDED, actor=actor, target=client, partner_id=client.partner_id)
    return secret


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
def revoke_client(*, client_id: UUID, actor: Principal) -> ApiClient:
    """Ends the client with its secrets, keys and tokens, at once and for good."""
    now = timezone.now()
    with scope(Principal.system()):
        client = _locked(client_id, actor)
        client.revoked_at = now
        client.save(update_fields=["revoked_at"])
        ClientSecret.objects.filter(client=client, revoked_at=None).update(revoked_at=now)
        ClientKey.objects.filter(client=client, revoked_at=None).update(revoked_at=now)
        tokens = get_access_token_model().objects.filter(application=client)
        checksums = list(tokens.values_list("token_checksum", flat=True))
        tokens.delete()
        record(Code.CLIENT_REVOKED, actor=actor, target=client, partner_id=client.partner_id)
    transaction.on_commit(lambda: limits.forget(checksums))
    return client


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
