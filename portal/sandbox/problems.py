"""Errors of the sandbox's own API: RFC 9457 `application/problem+json`.

The Graph simulation does not use these: it answers with Meta's error envelope (see `graph.errors`).
"""

import json
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

log = logging.getLogger(__name__)

TITLES = {
    400: "The request could not be read",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible right now",
    413: "The body is too large",
    422: "The request is not valid",
    500: "Something went wrong in the sandbox",
}


class Problem(Exception):
    """An answer other than success. `errors` holds `{"pointer", "detail"}` per wrong field."""

    def __init__(self, status: int, code: str, detail: str, *, errors: list[dict] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors or []

    def response(self) -> web.Response:
        body = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        return web.Response(
            status=self.status, body=json.dumps(body).encode(), content_type="application/problem+json"
        )


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"There is no {what}.")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def problems_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn `Problem`s and aiohttp's own HTTP errors into problem+json, and hide every stack trace."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = {404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}.get(
            error.status, "error"
        )
        return Problem(error.status, code, f"{request.method} {request.path}: {error.reason}.").response()
    except Exception:
        log.exception("unexpected error in %s", request.path)
        return Problem(500, "internal_error", "The sandbox's log has the details.").response()
