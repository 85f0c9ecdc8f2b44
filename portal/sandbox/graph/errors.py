"""Meta's error envelope: `{"error": {message, type, code, error_subcode?, fbtrace_id, is_transient?}}`.

Callers must classify on code and subcode, never on the message, which Meta localises.
"""

import secrets


class GraphError(Exception):
    """A refusal by the Graph API. `status` is the HTTP status, 400 unless Meta differs."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        subcode: int | None = None,
        kind: str = "OAuthException",
        status: int = 400,
        transient: bool | None = None,
        throttled: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.message = message
        self.kind = kind
        self.status = status
        self.transient = transient
        self.throttled = throttled

    @property
    def outcome(self) -> str:
        """How the statistics count it: `10/2018278`, or `613` without a subcode."""
        return f"{self.code}/{self.subcode}" if self.subcode else str(self.code)

    def body(self) -> dict:
        error: dict = {"message": self.message, "type": self.kind, "code": self.code}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.transient is not None:
            error["is_transient"] = self.transient
        error["fbtrace_id"] = "A" + secrets.token_urlsafe(16)
        return {"error": error}


def invalid(message: str, *, subcode: int | None = None) -> GraphError:
    """100: the request itself is wrong."""
    return GraphError(100, f"(#100) {message}", subcode=subcode)


def missing(parameter: str) -> GraphError:
    return invalid(f"The parameter {parameter} is required")


def dead_token() -> GraphError:
    return GraphError(190, "Invalid OAuth access token - Cannot parse access token")


def no_token() -> GraphError:
    return GraphError(104, "An access token is required to request this resource.")


def unknown_object(what: str, method: str) -> GraphError:
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{what}' does not exist, cannot be loaded"
        " due to missing permissions, or does not support this operation."
    )
    return GraphError(100, message, subcode=33, kind="GraphMethodException")


def unknown_person() -> GraphError:
    return invalid("No matching user found", subcode=2018001)


def outside_window() -> GraphError:
    message = "(#10) This message is sent outside of allowed window."
    return GraphError(10, message, subcode=2018278)


def person_unavailable(code: int = 551) -> GraphError:
    return GraphError(code, f"(#{code}) This person isn't available right now.", subcode=1545041)


RATE_LIMITS = {
    613: "(#613) Calls to this API have exceeded the rate limit.",
    4: "(#4) Application request limit reached",
    32: "(#32) Page request limit reached",
    80006: "(#80006) There have been too many calls to this Messenger account. Wait a bit and try again.",
}


def rate_limited(code: int = 613, subcode: int | None = None, status: int = 400) -> GraphError:
    message = RATE_LIMITS.get(code, f"(#{code}) Rate limit reached")
    return GraphError(code, message, subcode=subcode, status=status, transient=True, throttled=True)


def temporary(status: int = 500) -> GraphError:
    message = "An unexpected error has occurred. Please retry your request later."
    return GraphError(2, message, status=status, transient=True)


KNOWN = {
    1: "An unknown error occurred",
    2: "An unexpected error has occurred. Please retry your request later.",
    10: "(#10) Application does not have permission for this action",
    190: "Error validating access token: Session has expired.",
    200: "(#200) Permissions error",
    1200: "Temporary send message failure. Please try again later.",
    10301: "(#10301) Account linking token has expired",
    10303: "(#10303) Invalid account linking token",
}


def injected(code: int, subcode: int | None, status: int | None) -> GraphError:
    """The error a fault asks for, with the message and envelope Meta uses for that code where it is known."""
    if code in RATE_LIMITS:
        return rate_limited(code, subcode, status or 400)
    if subcode == 1545041:
        return person_unavailable(code)
    message = KNOWN.get(code, f"(#{code}) The sandbox was asked to fail this way.")
    transient = True if code in (2, 1200) else None
    return GraphError(code, message, subcode=subcode, status=status or 400, transient=transient)
