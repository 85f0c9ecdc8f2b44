"""Every problem code of the API: one line each. A code is stable; its title and explanation may improve."""

from typing import NamedTuple


class Kind(NamedTuple):
    """HTTP status, title, and what its page says to a developer."""

    status: int
    title: str
    explanation: str


PROBLEMS: dict[str, Kind] = {
    "invalid_request": Kind(
        400,
        "The request cannot be understood",
        "The body is not JSON, a parameter has a wrong form, or a required one is missing. `detail` says.",
    ),
    "invalid_token": Kind(
        401,
        "No valid access token",
        "Send `Authorization: Bearer …` with a token from /oauth/token. Tokens live ten minutes at most and"
        " end when they, or their client, are revoked.",
    ),
    "forbidden": Kind(403, "You may not do that", "You are known here, but your role does not include this."),
    "insufficient_scope": Kind(
        403,
        "The token lacks a scope",
        "`detail` names the scope. Ask for it at /oauth/token; if your client does not have it, add it there;"
        " if the agreement does not cover it, the clause is named.",
    ),
    "no_active_grant": Kind(
        403,
        "The person has not granted this",
        "There is no active grant of this customer for the cluster. Start one with POST /grant-requests.",
    ),
    "grant_paused": Kind(
        403, "The person paused the grant", "Wait until they resume it; do not send again before."
    ),
    "reconfirmation_due": Kind(
        403,
        "The grant has to be confirmed again",
        "The person was asked to confirm that they still want these messages and has not yet done so.",
    ),
    "account_not_in_grant": Kind(
        403,
        "The account is not part of the grant",
        "The person chose which accounts to hear about; not this one.",
    ),
    "partner_suspended": Kind(
        403, "The bank is suspended", "The platform stopped this bank's sending. Your team was told why."
    ),
    "agreement_not_in_force": Kind(
        403, "No agreement in force", "Live clients work only while an agreement is in force for the bank."
    ),
    "not_found": Kind(
        404, "Not found", "There is no such thing, or it is not yours. The two are never told apart."
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "The address exists, but not for this method; `Allow` lists those it takes.",
    ),
    "not_acceptable": Kind(406, "Not acceptable", "The API answers in JSON only."),
    "idempotency_key_reused": Kind(
        409,
        "The idempotency key was used for another request",
        "The same `Idempotency-Key` came with another body. Use a new key for a new request.",
    ),
    "too_late_to_cancel": Kind(409, "Too late to cancel", "The notification is already on its way, or over."),
    "not_resendable": Kind(
        409, "Nothing to resend", "Only a notification that FAILED or EXPIRED can be sent again."
    ),
    "conflict": Kind(
        409, "It is not in a state for that", "`detail` says what state it is in and what would be needed."
    ),
    "payload_too_large": Kind(
        413, "The body is too large", "A request body has 1 MB (1,048,576 bytes) at most."
    ),
    "unsupported_media_type": Kind(415, "Only JSON is taken", "Send `Content-Type: application/json`."),
    "template_not_approved": Kind(
        422,
        "The template is not approved",
        "No version of the template is approved for this language and cluster.",
    ),
    "invalid_data": Kind(
        422, "The data does not fit", "`errors` lists each field by JSON pointer with a code and a sentence."
    ),
    "full_account_number": Kind(
        422,
        "A full account or card number",
        "A card number or IBAN was found in the data. Send the account's reference from the grant instead.",
    ),
    "rate_limited": Kind(
        429, "Too many requests", "Wait as long as `Retry-After` says (seconds) and slow down."
    ),
    "internal_error": Kind(
        500,
        "Something broke on our side",
        "Try again with the same `Idempotency-Key`; quote the `request_id`.",
    ),
    "unavailable": Kind(503, "Not available just now", "Try again in a few seconds."),
}
