"""The authorization server's rules: client credentials only, opaque tokens, scopes capped by the client."""

import hashlib
from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

from oauth2_provider.models import get_access_token_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauthlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidScopeError,
    TemporarilyUnavailableError,
    UnauthorizedClientError,
)

from partners.client_authentication import (
    ASSERTION_TYPE,
    assertion_is_right,
    claimed_client_id,
    secret_is_right,
)
from partners.clusters import ALL_SCOPES
from portal.api import limits, valkey
from portal.api.addresses import address_of, is_within
from portal.ids import InvalidPublicId, parse_public_id


class ClientScopes(BaseScopes):
    """A client may ask for its own scopes, and gets all of them when it asks for none in particular."""

    def get_all_scopes(self) -> dict[str, str]:
        """Every scope there is."""
        return {scope: scope for scope in sorted(ALL_SCOPES)}

    def get_available_scopes(self, application: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        """The client's scopes; without a client, all."""
        if application is None:
            return sorted(ALL_SCOPES)
        return sorted(ALL_SCOPES.intersection(application.scopes).difference(application.outside_agreement()))

    def get_default_scopes(self, application: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        """What a request without `scope` gets."""
        return [] if application is None else self.get_available_scopes(application)


class ClientValidator(OAuth2Validator):
    """Clients authenticate by client_secret_basic, client_secret_post or private_key_jwt, one at a time."""

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Always: there are no public clients."""
        return True

    def authenticate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Never enough."""
        return False

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the client proved itself; sets `request.client`. Raises an OAuth2Error, with a sentence, for one
        that did and is refused all the same.
        """
        if not self._has_proof(request):
            return False
        client = request.client
        address = address_of(request.headers)
        if client.allowed_networks and not is_within(address, client.allowed_networks):
            raise InvalidClientError(f"This client may not call from {address}.", request=request)
        if refusal := client.refusal():
            raise UnauthorizedClientError(refusal[1], request=request)
        return True

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether the client may have them all; raises InvalidScopeError naming the agreement's clause."""
        outside = client.outside_agreement()
        if refused := [outside[name] for name in scopes if name in outside]:
            raise InvalidScopeError(refused[0], request=request)
        return ALL_SCOPES.intersection(client.scopes).issuperset(scopes)

    def _has_proof(self, request: Any) -> bool:
        basic = self._extract_basic_auth(request)
        assertion = getattr(request, "client_assertion", None)
        secret = request.client_secret
        if sum(map(bool, (basic, assertion, secret))) != 1:
            return False
        if getattr(request, "client_assertion_type", None) not in (None, "", ASSERTION_TYPE):
            return False
        if assertion:
            return self._by_assertion(request, assertion)
        client_id, secret = _basic_credentials(basic) if basic else (request.client_id, secret)
        if request.client_id and request.client_id != client_id:
            return False
        client = self._load_application(client_id, request)
        return client is not None and secret_is_right(client, secret)

    def introspect_token(self, token: str, token_type_hint: str, request: Any, *args: Any) -> dict | None:
        """RFC 7662, of the caller's own tokens only; None means not active."""
        found = _tokens_of(request.client).filter(token_checksum=_checksum(token)).first()
        if found is None or found.is_expired():
            return None
        return {
            "client_id": request.client.client_id,
            "scope": found.scope,
            "token_type": "Bearer",
            "exp": int(found.expires.timestamp()),
            "iat": int(found.created.timestamp()),
        }

    def revoke_token(self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """RFC 7009, of the caller's own tokens only."""
        checksum = _checksum(token)
        deleted, _ = _tokens_of(request.client).filter(token_checksum=checksum).delete()
        if deleted:
            limits.forget([checksum])

    def _by_assertion(self, request: Any, assertion: str) -> bool:
        client_id = claimed_client_id(assertion)
        if getattr(request, "client_assertion_type", None) != ASSERTION_TYPE:
            return False
        if request.client_id and request.client_id != client_id:
            return False
        client = self._load_application(client_id, request)
        try:
            return client is not None and assertion_is_right(client, assertion)
        except valkey.Unreachable as error:
            # Without a memory of used assertions a stolen one could be used again
            raise TemporarilyUnavailableError(request=request) from error

    def _load_application(self, client_id: str | None, request: Any) -> Any:
        try:
            parse_public_id("cli", client_id or "")
        except InvalidPublicId:
            return None
        return super()._load_application(client_id, request)


def _basic_credentials(encoded: str) -> tuple[str, str]:
    try:
        client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


def _tokens_of(client: Any) -> Any:
    return get_access_token_model().objects.filter(application=client)


def _checksum(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
