"""allauth's OpenID Connect provider, for banks: with a nonce, a verified ID token, and nothing kept of the person."""

import secrets
from typing import Any, NamedTuple

from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import HttpRequest, HttpResponse

from partners.models import SignOn
from partners.oidc.discovery import Doubtful, fetch_configuration, fetch_json, fetch_keys
from partners.oidc.id_token import read_id_token
from partners.sso.reading import callback_url, start_url


class Identity(NamedTuple):
    """Whom a bank's provider vouches for; `subject` is its own name for the person."""

    partner_id: str
    issuer: str
    subject: str
    email: str
    name: str
    has_second_step: bool
    signed_in_at: float  # seconds since 1970; 0 where it is not said
    kind: str = SignOn.Kind.OIDC.value  # how the provider speaks


class BankAdapter(OpenIDConnectOAuth2Adapter):
    """One exchange with a bank's provider. `state` is what was kept when it began."""

    state: dict[str, Any] = {}

    @property
    def openid_config(self) -> dict[str, Any]:
        """Asked for once in an exchange."""
        if not hasattr(self, "_openid_config"):
            self._openid_config = fetch_configuration(self.get_provider().issuer)
        return self._openid_config

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        """By the portal's own name, whatever name was asked for."""
        return callback_url(self.provider_id)

    def get_access_token_data(self, request: HttpRequest, *args: Any, **named: Any) -> dict[str, Any]:
        """An object, or none at all."""
        found = super().get_access_token_data(request, *args, **named)
        if not isinstance(found, dict) or not isinstance(found.get("id_token"), str):
            raise Doubtful("It gave no ID token.")
        return found

    def parse_token(self, data: dict[str, Any]) -> SocialToken:
        """Never stored; it only fetches what the ID token does not say."""
        return SocialToken(token=str(data["access_token"]))

    def complete_login(
        self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any
    ) -> SocialLogin:
        """Raises Doubtful for whatever does not fit."""
        provider, config = self.get_provider(), self.openid_config
        if (
            self.state.get("issuer") != provider.issuer
            or request.GET.get("iss", provider.issuer) != provider.issuer
        ):
            raise Doubtful("It is not the provider that this sign-in began with.")
        claims = read_id_token(
            kwargs["response"]["id_token"],
            fetch_keys(config["jwks_uri"]),
            issuer=provider.issuer,
            client_id=app.client_id,
            nonce=self.state.get("nonce", ""),
        )
        if not claims.get("email") and "userinfo_endpoint" in config:
            headers = {"Authorization": f"Bearer {token.token}"}
            told = fetch_json(config["userinfo_endpoint"], headers=headers)
            if told.get("sub") != claims["sub"]:
                raise Doubtful("It told of somebody else than the ID token does.")
            claims = {**told, **{name: value for name, value in claims.items() if value is not None}}
        return provider.login_of(identity_of(app, claims))


class BankProvider(OpenIDConnectProvider):
    """A bank's; allauth's `provider_id` is the bank's id."""

    package = "partners.sso"  # where its routes are
    oauth2_adapter_class = BankAdapter

    @property
    def issuer(self) -> str:
        """As its owner typed it."""
        return self.app.settings["issuer"]

    def get_login_url(self, request: HttpRequest, **kwargs: Any) -> str:
        """Without options: what a request says changes nothing about how we ask."""
        return start_url(self.app.provider_id)

    def begin(self, request: HttpRequest, *, invitation: str = "", again: str = "") -> HttpResponse:
        """Sends the browser to the bank; raises OAuth2Error where its provider gives no usable answer. `again` is a
        page of ours that wants a fresh proof.
        """
        nonce = secrets.token_urlsafe(24)
        asked = {"nonce": nonce}
        if acr := self.app.settings["second_step_acr"]:
            asked["acr_values"] = acr
        if again:
            asked |= {"prompt": "login", "max_age": "0"}
        kept = {"nonce": nonce, "issuer": self.issuer, "invitation": invitation, "again": again}
        return self.redirect(request, AuthProcess.LOGIN, auth_params=asked, **kept)

    def login_of(self, identity: Identity) -> SocialLogin:
        """Somebody who is known by the provider's name for them alone: no address is offered for comparison."""
        account = SocialAccount(provider=identity.partner_id, uid=identity.subject, extra_data={})
        login = SocialLogin(provider=self, account=account)
        login.identity = identity
        return login

    def serialize(self) -> dict[str, str]:
        """By the bank; two banks may well have the same client id."""
        return {"id": self.sub_id}


class Callback(OAuth2CallbackView):
    """Where the bank's provider sends people back to."""

    def _get_state(self, request: HttpRequest, provider: Any) -> Any:
        state, response = super()._get_state(request, provider)
        self.adapter.state = state or {}
        return state, response


def identity_of(app: Any, claims: dict[str, Any]) -> Identity:
    """From claims named as in an ID token; raises Doubtful."""
    email = claims.get("email")
    if not isinstance(email, str) or "@" not in email or claims.get("email_verified") in (False, "false"):
        raise Doubtful("It did not tell an e-mail address of yours that it has verified.")
    methods, level = claims.get("amr"), app.settings["second_step_acr"]
    has_second_step = (isinstance(methods, list) and "mfa" in methods) or (
        level != "" and claims.get("acr") == level
    )
    name, at = claims.get("name"), claims.get("auth_time")
    return Identity(
        partner_id=app.provider_id,
        issuer=app.settings["issuer"],
        subject=claims["sub"],
        email=email.strip().lower()[:254],
        name=name[:120] if isinstance(name, str) else "",
        has_second_step=has_second_step and app.settings["trusts_second_step"],
        signed_in_at=float(at) if isinstance(at, int | float) else 0.0,
        kind=app.settings["kind"],
    )


provider_classes = [BankProvider]
