"""Every problem code of the API: one line each. A code is stable; its words may improve."""

from typing import NamedTuple


class Kind(NamedTuple):
    """HTTP status, title, and what its page says to a developer: why it happens, and what to do."""

    status: int
    title: str
    explanation: str
    fix: str = ""


PROBLEMS: dict[str, Kind] = {
    "invalid_request": Kind(
        400,
        "The request cannot be understood",
        "The body is not JSON, a parameter has a wrong form, or a required one is missing.",
        "Read `errors`: each has a JSON pointer to the field and a sentence that says what would be right."
        " Sending the same again cannot work.",
    ),
    "invalid_token": Kind(
        401,
        "No valid access token",
        "The token is missing, unknown or expired, or it was ended together with its client.",
        "Get a new one from /oauth/token and send it as `Authorization: Bearer …`. Tokens live ten minutes:"
        " keep one, and ask for the next when `expires_in` is nearly over.",
    ),
    "forbidden": Kind(
        403,
        "You may not do that",
        "You are known here, but your role does not include this.",
        "Ask an owner of your bank's workspace for a role that includes it.",
    ),
    "insufficient_scope": Kind(
        403,
        "The token lacks a scope",
        "The call needs a scope that the token does not have, or that the agreement does not cover.",
        "`detail` names the scope, and the agreement's clause if it is that. Ask for the scope at"
        " /oauth/token; if your client does not have it, make one that does; if the agreement does not cover"
        " it, ask for an amendment.",
    ),
    "no_active_grant": Kind(
        403,
        "The person has not granted this",
        "There is no active grant of this customer that covers the cluster: never given, ended, or expired.",
        "Do not send again: nothing will pass until the person allows it. GET /grants shows what they allow.",
    ),
    "grant_paused": Kind(
        403,
        "The person paused the grant",
        "The person wants no messages from your bank for now.",
        "Wait until they resume it; GET /grants shows ACTIVE again. Messages refused meanwhile are not kept.",
    ),
    "reconfirmation_due": Kind(
        403,
        "The grant has to be confirmed again",
        "Every 90 days the person is asked whether they still want these messages, and has not yet said so.",
        "Wait: they were asked. `reconfirm_by` of the grant says since when it is due.",
    ),
    "account_not_in_grant": Kind(
        403,
        "The account is not part of the grant",
        "The person chose which accounts to hear about, and this is not one of them.",
        "Send the `ref` of an account in the grant: GET /grants/{id} lists them.",
    ),
    "partner_suspended": Kind(
        403,
        "The bank is suspended",
        "The platform stopped this bank's sending. Its team was told why.",
        "Ask your compliance colleagues; grants stay as they are until the bank is reinstated.",
    ),
    "agreement_not_in_force": Kind(
        403,
        "No agreement in force",
        "Live clients work only while an agreement is in force for the bank.",
        "GET /me shows `agreement`. Sandbox clients need none.",
    ),
    "volume_cap_reached": Kind(
        403,
        "The agreement's volume is used up",
        "The agreement caps the notifications of a calendar month (UTC), counted as they are accepted in the live"
        " environment.",
        "`detail` names the clause and the day on which the next month begins. Ask for an amendment if the cap is"
        " too small; an amendment in force counts at once.",
    ),
    "production_not_enabled": Kind(
        403,
        "The bank is not live yet",
        "Live clients work once Parley has enabled production for the bank.",
        "See the page Go live of your bank's workspace: it lists what is left to do. Sandbox clients work meanwhile.",
    ),
    "address_not_allowed": Kind(
        403,
        "The client may not call from this address",
        "The client has a list of networks that it may call from, and the request came from another.",
        "`detail` names the address that we saw. Add its network to the client's page, or call from one that is on it.",
    ),
    "sandbox_only": Kind(
        403,
        "Only for sandbox clients",
        "Test customers and their phones are in the sandbox, and the token is of a live client.",
        "Get a token with a client of your bank's sandbox. Live customers are people: only they can give a grant.",
    ),
    "not_found": Kind(
        404,
        "Not found",
        "There is no such thing, or it is not yours. The two are never told apart.",
        "Check the id and its prefix, and whether the token is of the sandbox or live: neither sees the other.",
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "The address exists, but not for this method.",
        "Use one of those in the header `Allow`.",
    ),
    "not_acceptable": Kind(
        406,
        "Not acceptable",
        "The API answers in JSON only.",
        "Leave `Accept` away, or send `Accept: application/json`.",
    ),
    "idempotency_key_reused": Kind(
        409,
        "The idempotency key was used for another request",
        "The same `Idempotency-Key` came before with another path or body.",
        "Use a new key for each thing you want done, and the old one only to send the very same again.",
    ),
    "too_late_to_cancel": Kind(
        409,
        "Too late to cancel",
        "The notification is already on its way, or over.",
        "Nothing is left to do; GET /notifications/{id} shows what became of it.",
    ),
    "not_resendable": Kind(
        409,
        "Nothing to resend",
        "Only a notification that FAILED or EXPIRED can be sent again.",
        "Look at its status first; for anything else send a new notification.",
    ),
    "conflict": Kind(
        409,
        "It is not in a state for that",
        "Its state does not allow that.",
        "`detail` says what state it is in. Read it again and decide anew; sending the same will not help.",
    ),
    "payload_too_large": Kind(
        413,
        "The body is too large",
        "A request body has 1 MB (1,048,576 bytes) at most.",
        "Send less at once.",
    ),
    "unsupported_media_type": Kind(
        415,
        "Only JSON is taken",
        "The body came with another `Content-Type`.",
        "Send `Content-Type: application/json`.",
    ),
    "template_not_approved": Kind(
        422,
        "The template is not approved",
        "There is no template of that name, or none of its versions is approved.",
        "GET /templates lists the names with the state of each version.",
    ),
    "invalid_data": Kind(
        422,
        "The data does not fit",
        "`data` is not exactly what the template's cluster asks for. What is not typed cannot be sent.",
        "Read `errors`: each has a JSON pointer to the field and a sentence that says what would be right.",
    ),
    "invalid_wording": Kind(
        422,
        "The wording cannot be used",
        "A template names a field that its cluster does not have, or says what a message may never say.",
        "Read `errors`: each says what is wrong and at which character. Fields are those of the cluster's data;"
        " links, full account numbers and advertising have no place in a message.",
    ),
    "full_account_number": Kind(
        422,
        "A full account or card number",
        "A card number (13 to 19 digits with a right check digit) or an IBAN was found in the data.",
        "Send the account's `ref` from the grant as `account`, and never a number in a text: the person sees"
        " the mask. `errors` points to it.",
    ),
    "rate_limited": Kind(
        429,
        "Too many requests",
        "The client called more often than its limit allows.",
        "Wait as many seconds as `Retry-After` says. `RateLimit` on every answer shows what is left.",
    ),
    "internal_error": Kind(
        500,
        "Something broke on our side",
        "An error nobody foresaw. Nothing of your request was kept.",
        "Send it again with the same `Idempotency-Key`; if it stays, tell us the `request_id`.",
    ),
    "unavailable": Kind(
        503,
        "Not available just now",
        "A part of the service does not answer.",
        "Send it again in a few seconds, with the same `Idempotency-Key`.",
    ),
}
