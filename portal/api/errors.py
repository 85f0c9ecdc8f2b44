"""Problems (RFC 9457): the exception actions and views raise, and how errors of all kinds become one."""

from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from rest_framework import exceptions
from rest_framework.response import Response

from portal.api.problems import PROBLEMS

_log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"

_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (RequestDataTooBig, "payload_too_large"),
    (exceptions.ParseError, "invalid_request"),
    (exceptions.NotAuthenticated, "invalid_token"),
    (exceptions.AuthenticationFailed, "invalid_token"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.NotAcceptable, "not_acceptable"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.Throttled, "rate_limited"),
    (exceptions.NotFound, "not_found"),
    (exceptions.PermissionDenied, "forbidden"),
    (Http404, "not_found"),
    (PermissionDenied, "forbidden"),
    (BadRequest, "invalid_request"),
)


class Problem(Exception):
    """Ends the request with the problem `code` (see portal.api.problems).

    `errors` are field errors: {"pointer", "code", "detail"}; `status` and `title` default to the code's own.
    `headers` are added to the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int | None = None,
        title: str = "",
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        kind = PROBLEMS[code]
        super().__init__(code)
        self.code = code
        self.status = status or kind.status
        self.title = title or kind.title
        self.detail = detail or kind.explanation
        self.errors = errors or []
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of the answer's JSON object."""
        body: dict[str, Any] = {
            "type": f"{settings.BASE_URL}/docs/errors/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        return body | {"errors": self.errors} if self.errors else body


def as_problem(error: Exception) -> Problem:
    """The problem that `error` means to the caller. Anything unforeseen is an `internal_error`."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        return Problem("invalid_request", "Some fields do not fit.", errors=field_errors(error.detail))
    code = next((code for kind, code in _KINDS if isinstance(error, kind)), "internal_error")
    detail, headers = "", {}
    if isinstance(error, exceptions.ParseError):
        detail = "The body is not valid JSON."
    if isinstance(error, PermissionDenied):
        detail = str(error)
    if isinstance(error, exceptions.Throttled) and error.wait:
        headers = {"Retry-After": str(int(error.wait) + 1)}
    return Problem(code, detail, headers=headers)


def field_errors(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """DRF's tree of validation errors as a flat list with JSON pointers (RFC 6901)."""
    if isinstance(detail, dict):
        parts = [
            (pointer if key == "non_field_errors" else f"{pointer}/{key}", value)
            for key, value in detail.items()
        ]
        return [error for place, value in parts for error in field_errors(value, place)]
    if isinstance(detail, list):
        errors = []
        for index, item in enumerate(detail):
            nested = isinstance(item, dict | list)
            errors += field_errors(item, f"{pointer}/{index}" if nested else pointer)
        return errors
    return [{"pointer": pointer, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}]


def problem_response(exc: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler."""
    problem = as_problem(exc)
    if problem.status >= 500:
        _log.error("api.failed", code=problem.code, exc_info=exc)
    request = context["request"]
    headers = dict(problem.headers)
    if problem.code == "invalid_token":
        headers.setdefault("WWW-Authenticate", 'Bearer realm="parley", error="invalid_token"')
    if problem.code == "insufficient_scope":
        headers.setdefault("WWW-Authenticate", 'Bearer realm="parley", error="insufficient_scope"')
    if isinstance(exc, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Response(
        problem.body(request_id(request)), status=problem.status, headers=headers, content_type=MEDIA_TYPE
    )


def problem_json(problem: Problem, request: HttpRequest) -> JsonResponse:
    """The same answer outside DRF."""
    return JsonResponse(
        problem.body(request_id(request)),
        status=problem.status,
        headers=problem.headers,
        content_type=MEDIA_TYPE,
    )


def request_id(request: Any) -> str:
    """The id that RequestIdMiddleware gave the request, or ""."""
    return getattr(request, "request_id", "")


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler for a bad request."""
    problem = as_problem(exception)
    return _answer(request, problem if problem.status < 500 else Problem("invalid_request"))


def handler403(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler for a refused page."""
    return _answer(request, as_problem(exception) if exception else Problem("forbidden"))


def handler404(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's handler for an address or an object that is not there."""
    return _answer(request, Problem("not_found"))


def handler500(request: HttpRequest) -> HttpResponse:
    """Django's handler for an error nobody caught."""
    return _answer(request, Problem("internal_error"))


def wants_json(request: HttpRequest) -> bool:
    """Whether the address belongs to machines."""
    return request.path.startswith(("/api/", "/oauth/"))


def _answer(request: HttpRequest, problem: Problem) -> HttpResponse:
    if wants_json(request):
        return problem_json(problem, request)
    return HttpResponse(_page(request, problem), status=problem.status)


def _page(request: HttpRequest, problem: Problem) -> str:
    context = {"title": problem.title, "detail": problem.detail, "request_id": request_id(request)}
    # After a crash the page is drawn without the request: its context processors may be what crashed
    drawn_for = None if problem.status == 500 else request
    try:
        return render_to_string(f"{problem.status}.html", context, drawn_for)
    except TemplateDoesNotExist:
        heading = f"<title>{problem.title}</title><h1>{problem.title}</h1>"
        return f"<!doctype html>{heading}<p>{request_id(request)}</p>"
