"""The OAuth endpoints. Their errors are JSON as RFC 6749 §5.2 has it, not problems."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe
from oauth2_provider.views.mixins import OAuthLibMixin

from partners.client_authentication import ALGORITHMS, LONGEST_ASSERTION, claimed_client_id
from partners.client_key_sets import refresh_key_set
from partners.clusters import ALL_SCOPES
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_ONCE = (
    "grant_type", "scope", "token", "token_type_hint",
    "client_id", "client_secret", "client_assertion", "client_assertion_type",
)  # fmt: skip
_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]


class OAuthEndpoint(OAuthLibMixin, View):
    """POST only, form-encoded; runs as the system, since it has to find out who calls."""

    http_method_names = ["post"]
    server_method = ""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view function, outside Django's own transaction: it would begin with no principal."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    @method_decorator(csrf_exempt)
    @method_decorator(sensitive_post_parameters("client_secret", "client_assertion", "token"))
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answers; caches keep nothing of it."""
        response = super().dispatch(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Pragma", "no-cache")
        return response

    def post(self, request: HttpRequest) -> HttpResponse:
        """Hands the request to oauthlib, unless it is no form or names a parameter twice (RFC 6749 §3.2)."""
        if request.content_type not in _FORMS or request.META.get("QUERY_STRING"):
            return _invalid_request("Send the parameters in the body, as application/x-www-form-urlencoded.")
        if twice := [name for name in _ONCE if len(request.POST.getlist(name)) > 1]:
            return _invalid_request(f"Send {twice[0]} only once.")
        if assertion := request.POST.get("client_assertion", "")[:LONGEST_ASSERTION]:
            refresh_key_set(claimed_client_id(assertion), assertion)
        core = self.get_oauthlib_core()
        uri, method, body, headers = core._extract_params(request)
        with scope(Principal.system()), transaction.atomic():
            answer = getattr(core.server, self.server_method)(uri, method, body, headers)
        headers, text, status = answer
        if status == 401:
            headers = {**headers, "WWW-Authenticate": 'Basic realm="parley", charset="UTF-8"'}
        return HttpResponse(text or "", status=status, headers=headers)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """405, in OAuth's own form."""
        return _invalid_request("Use POST.", status=405, headers={"Allow": "POST"})


class TokenView(OAuthEndpoint):
    """RFC 6749 §3.2."""

    server_method = "create_token_response"


class RevokeView(OAuthEndpoint):
    """RFC 7009."""

    server_method = "create_revocation_response"


class IntrospectView(OAuthEndpoint):
    """RFC 7662."""

    server_method = "create_introspect_response"


@require_safe
def metadata(request: HttpRequest) -> JsonResponse:
    """RFC 8414."""
    base = settings.BASE_URL
    endpoints = {"token": "token", "revocation": "revoke", "introspection": "introspect"}
    answer: dict[str, Any] = {
        "issuer": base,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": sorted(ALL_SCOPES),
        "service_documentation": f"{base}/docs/api",
    }
    for name, path in endpoints.items():
        answer[f"{name}_endpoint"] = f"{base}/oauth/{path}"
        answer[f"{name}_endpoint_auth_methods_supported"] = _METHODS
        answer[f"{name}_endpoint_auth_signing_alg_values_supported"] = ALGORITHMS
    return JsonResponse(answer)


def _invalid_request(
    detail: str, *, status: int = 400, headers: dict[str, str] | None = None
) -> HttpResponse:
    error = {"error": "invalid_request", "error_description": detail}
    return JsonResponse(error, status=status, headers=headers)
