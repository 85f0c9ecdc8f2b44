"""The view every endpoint under /api/v1 is."""

import json
from collections.abc import Callable
from typing import Any, ClassVar

import structlog
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseBase
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.api import idempotency, usage
from portal.api.authentication import Caller, authenticate
from portal.api.errors import Problem
from portal.tenancy.context import scope
from portal.tenancy.principal import Principal

_BODY = {"POST", "PUT", "PATCH"}
_PARSERS = [JSONParser()]
_RENDERER = JSONRenderer()


class ApiView(APIView):
    """Authenticates the client, checks the scope and runs the handler as it, in one transaction.

    The handler finds its client in `self.principal`, and a JSON object in `request.data`. Any exception rolls
    the transaction back and becomes a problem. A POST with an `Idempotency-Key` is answered once and replayed
    after.
    """

    required_scopes: ClassVar[dict[str, str] | str] = ""  # one for all methods, or by method; "" is any token
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    principal: Principal
    caller: Caller
    key: idempotency.Key | None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view function, outside Django's own transaction: it would begin before the client is known."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Answers the request."""
        self.args, self.kwargs = args, kwargs
        self.request = wrapped = Request(request, parsers=_PARSERS, parser_context={"view": self})
        self.headers: dict[str, str] = {}
        try:
            response = self._answer(wrapped)
        except Exception as error:
            response = self.handle_exception(error)
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        self._note(request, response)
        response.accepted_renderer = _RENDERER
        response.accepted_media_type = _RENDERER.media_type
        response.renderer_context = {}
        return response

    def require_scope(self, name: str) -> None:
        """Raises `insufficient_scope` unless the token has the scope."""
        if name not in self.principal.scopes:
            detail = self.caller.outside.get(name) or f"The token lacks the scope “{name}”."
            raise Problem("insufficient_scope", detail)

    def _note(self, request: HttpRequest, response: Response) -> None:
        """For the bank's page of the client; not what never became one's request."""
        if caller := getattr(self, "caller", None):
            code = response.data.get("code", "") if response.status_code >= 400 else ""
            usage.note(
                caller.principal.id,
                method=request.method or "",
                path=request.path,
                status=response.status_code,
                code=code,
                request_id=getattr(request, "request_id", ""),
            )

    def _answer(self, request: Request) -> Response:
        self.caller = authenticate(request._request)
        self.principal = self.caller.principal
        self.headers = self.caller.headers
        structlog.contextvars.bind_contextvars(client=str(self.principal.id))
        method = request.method or ""
        handler = getattr(self, method.lower(), None) if method.lower() in self.http_method_names else None
        if handler is None:
            self.http_method_not_allowed(request)
        needed = self.required_scopes
        read_as = "GET" if method == "HEAD" else method
        if needed := needed if isinstance(needed, str) else needed.get(read_as, ""):
            self.require_scope(needed)
        if method in _BODY:
            _read_body(request)
        self.key = idempotency.read_key(request._request) if method == "POST" else None
        try:
            return self._run(request, handler)
        except IntegrityError as error:
            if not idempotency.lost_race(error):
                raise
            return self._run(request, handler)

    def _run(self, request: Request, handler: Any) -> Response:
        with scope(self.principal), transaction.atomic():
            if self.key and (replay := idempotency.replay_or_begin(principal=self.principal, key=self.key)):
                return replay
            response = handler(request, *self.args, **self.kwargs)
            if self.key:
                status, body = response.status_code, response.data
                idempotency.finish(principal=self.principal, key=self.key, status=status, body=body)
            return response


def _read_body(request: Request) -> None:
    """Reads and parses the body now, so that what is wrong with it is found before anything is done."""
    raw = request._request.body  # raises RequestDataTooBig above DATA_UPLOAD_MAX_MEMORY_SIZE
    try:
        data = request.data
    except RecursionError as error:
        raise Problem("invalid_request", "The body is nested too deeply.") from error
    if not isinstance(data, dict):
        raise Problem("invalid_request", "The body must be a JSON object.")
    if b"\\u" in raw and not _is_text(data):
        raise Problem("invalid_request", "The body holds half of a surrogate pair, which is no text.")


def _is_text(data: Any) -> bool:
    """What JSON can escape but UTF-8 cannot write could be neither kept nor answered."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
