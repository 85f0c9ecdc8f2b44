"""A bank's SAML provider, in the places where allauth's flow knows OpenID Connect's."""

from typing import Any

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base.constants import AuthProcess
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from partners.oidc.discovery import Doubtful
from partners.saml import NotInstalled, Sides, is_installed
from partners.sso.provider import BankProvider, identity_of
from partners.sso.reading import acs_url, entity_id_url
from partners.sso.waiting import expect_answer, is_first_use, take_answer


class SamlProvider(BankProvider):
    """The same to the rest of the portal; only the way there and back is another."""

    @property
    def sides(self) -> Sides:
        """Us and the bank's provider."""
        settings, partner_id = self.app.settings, self.app.provider_id
        return Sides(
            entity_id=entity_id_url(partner_id),
            acs=acs_url(partner_id),
            issuer=self.issuer,
            sso_url=settings["sso_url"],
            certificates=tuple(settings["certificates"]),
        )

    def begin(self, request: HttpRequest, *, invitation: str = "", again: str = "") -> HttpResponse:
        """Sends the browser to the bank with a signed request; raises NotInstalled or NoAnswer."""
        if not is_installed():
            raise NotInstalled
        from partners.saml.request import new_request_id, request_url

        request_id = new_request_id()
        kept = {"request_id": request_id, "issuer": self.issuer, "invitation": invitation, "again": again}
        state = self.stash_redirect_state(request, AuthProcess.LOGIN, **kept)
        expect_answer(state, self.app.provider_id)
        level = self.app.settings["second_step_acr"]
        key = self.app.secret.encode()
        return redirect(
            request_url(
                self.sides, request_id=request_id, relay_state=state, level=level, anew=bool(again), key=key
            )
        )

    def login_from(self, state_id: str, state: dict[str, Any]) -> SocialLogin:
        """What came back for what was begun in this session. Raises Doubtful, Declined, NotInstalled or NoAnswer."""
        if not is_installed():
            raise NotInstalled
        from partners.saml.response import read_response

        answer = take_answer(state_id, self.app.provider_id)
        if answer is None or state.get("issuer") != self.issuer or "request_id" not in state:
            raise Doubtful("It is not the provider that this sign-in began with, or took too long.")
        found = read_response(answer, self.sides, request_id=state["request_id"])
        if not is_first_use(found.assertion_id, self.app.provider_id, found.until):
            raise Doubtful("Its answer was used before.")
        login = self.login_of(identity_of(self.app, found.claims))
        login.state = state
        return login
