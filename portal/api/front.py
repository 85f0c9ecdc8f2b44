"""The API's own way in: what serves pages (sessions, CSRF, messages, sign-in) has nothing to do with a token."""

from collections.abc import Callable
from typing import cast

from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, get_resolver

PREFIX = "/api/v1"
_POLICY = "default-src 'none'; frame-ancestors 'none'"


class ApiFrontMiddleware:
    """Answers `/api/v1/…` itself; everything else goes on to the middleware of the pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.answer = cast(Callable[[HttpRequest], HttpResponse], convert_exception_to_response(_answer))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(f"{PREFIX}/"):
            return self.get_response(request)
        try:
            request.resolver_match = get_resolver("portal.urls_api").resolve(
                request.path_info.removeprefix(PREFIX)
            )
        except Resolver404:
            return self.get_response(request)
        response = self.answer(request)
        response.headers["Content-Security-Policy"] = _POLICY
        return response


def _answer(request: HttpRequest) -> HttpResponse:
    request.get_host()  # raises DisallowedHost, as CommonMiddleware does for pages
    match = request.resolver_match
    assert match is not None  # noqa: S101 - told to mypy
    response = match.func(request, *match.args, **match.kwargs)
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    response.headers["Content-Length"] = str(len(response.content))
    return response
