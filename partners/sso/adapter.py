"""allauth's extension points for signing in through a bank."""

from typing import Any
from uuid import UUID

import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.base.constants import AuthError
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render

from partners.oidc.discovery import Doubtful
from partners.saml import NOT_INSTALLED, NotInstalled
from partners.sso.arrival import receive
from partners.sso.reading import open_secret, sign_on_of
from partners.sso.saml import SamlProvider
from portal.outbound_requests import OutboundSession
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_log = structlog.get_logger(__name__)


class BankSocialAccountAdapter(DefaultSocialAccountAdapter):
    """Each bank's provider comes from its own sealed row; nobody can list them."""

    def list_apps(self, request: Any, provider: str | None = None, client_id: Any = None) -> list[SocialApp]:
        """The one of the bank whose id is asked for; it is made here and never stored."""
        try:
            partner_id = UUID(str(provider))
        except ValueError:
            return []
        with transaction.atomic(), scope(Principal.system()):
            found = sign_on_of(partner_id)
            secret = open_secret(found) if found else None
        if found is None or secret is None:
            return []
        settings = {
            "kind": found.kind,
            "issuer": found.issuer,
            "sso_url": found.sso_url,
            "certificates": found.certificates,
            "own_certificate": found.own_certificate,
            "oauth_pkce_enabled": True,
            "trusts_second_step": found.trusts_second_step,
            "second_step_acr": found.second_step_acr,
        }
        name = found.partner.name[:40]
        made = SocialApp(provider="openid_connect", provider_id=str(partner_id), name=name, settings=settings)
        made.client_id, made.secret = found.client_id, secret
        return [made]

    def get_provider(self, request: Any, provider: Any, client_id: Any = None) -> Any:
        """The one that speaks as the bank's does."""
        found = super().get_provider(request, provider, client_id)
        return SamlProvider(request, app=found.app) if found.app.settings["kind"] == "saml" else found

    def get_requests_session(self) -> OutboundSession:
        """A bank names where it leads: never inside."""
        return OutboundSession()

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Everything but signing in somebody who is linked is answered by us."""
        if (answer := receive(request, sociallogin)) is not None:
            raise ImmediateHttpResponse(answer)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Any = None,
        extra_context: Any = None,
    ) -> None:
        """A page that says what happened and what can be done."""
        if error == AuthError.CANCELLED:
            words, status = "You did not finish signing in at your bank. Nothing has changed.", 403
        elif exception is None:
            words, status = "This sign-in was begun elsewhere, or too long ago. Begin again.", 403
        elif isinstance(exception, NotInstalled):
            words, status = NOT_INSTALLED, 503
        elif isinstance(exception, Doubtful):
            words, status = f"What your bank’s sign-in said cannot be used. {exception}", 403
        else:
            words, status = (
                "Your bank’s sign-in does not work at the moment. Try again in a few minutes.",
                502,
            )
        _log.warning("bank_sign_in_failed", error=type(exception).__name__)
        raise ImmediateHttpResponse(
            render(request, "socialaccount/authentication_error.html", {"words": words}, status=status)
        )

    def validate_disconnect(self, account: Any, accounts: Any) -> None:
        """It is done on the bank's page, which writes the trail."""
        raise ValidationError("End it on your bank’s page “Single sign-on”.")
