"""A sender's credentials and permissions, tried at the Graph API without sending anything."""

import asyncio
from typing import Any
from urllib.parse import quote

import aiohttp

from notifications.channels.messenger.graph import code_of, credentials, error_of, graph_url
from notifications.channels.messenger.utility import LANGUAGES, UTILITY_TEMPLATE, utility_body
from notifications.languages import language_name
from notifications.why import why_title, why_url
from partners.sender_checks import Finding

_PATIENCE = aiohttp.ClientTimeout(total=8)  # seconds
_AWAY = "Messenger did not answer. It says nothing about your Page: check again in a minute."
_PROOF = "Messenger refuses the app secret: it is not the one of the token’s app. Replace it here."
_CAUSES = {
    190: "Messenger refuses the access token: it has ended or is not whole. Make a new one and replace it here.",
    10: "The token lacks a permission: give the app pages_messaging and pages_utility_messaging.",
    200: "The token lacks a permission: give the app pages_messaging and pages_utility_messaging.",
    100: "The token is not of this Page: compare the Page id with the token’s.",
}


def check_page(external_id: str, secrets: dict[str, Any]) -> list[Finding]:
    """See `partners.sender_checks`. The template is looked for once the Page has answered."""
    return asyncio.run(_check(external_id, secrets))


async def _check(page: str, secrets: dict[str, Any]) -> list[Finding]:
    async with aiohttp.ClientSession(timeout=_PATIENCE, trust_env=False) as http:
        shown = await _get(http, quote(page, safe=""), secrets, fields="id,name")
        first = _page(page, shown)
        if not first.is_good:
            return [first]
        path = f"{quote(page, safe='')}/message_templates"
        answer = await _get(http, path, secrets, name=UTILITY_TEMPLATE)
        return [first, *(_template(answer, language) for language in LANGUAGES)]


async def _get(http: aiohttp.ClientSession, path: str, secrets: dict[str, Any], **query: str) -> Any:
    """The answer's JSON; None when there was none."""
    try:
        async with http.get(graph_url(path, secrets), params={**credentials(secrets), **query}) as answer:
            return await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return None


def _page(page: str, answer: Any) -> Finding:
    name = "Page and credentials"
    if problem := _problem(answer):
        return Finding(name, False, problem)
    if str(answer.get("id")) != page:
        return Finding(name, False, _CAUSES[100])
    return Finding(name, True, f"Messenger knows the Page as “{answer.get('name', page)}”.")


def _template(answer: Any, language: str) -> Finding:
    spoken = language_name(language)
    name = f"Permission and message template, {spoken}"
    if problem := _problem(answer):
        return Finding(name, False, problem)
    known = {"name": UTILITY_TEMPLATE, "language": language}
    found = [one for one in answer.get("data", []) if known.items() <= one.items()]
    if any(one.get("status") == "APPROVED" for one in found):
        return Finding(name, True, f"Messenger has approved the template {UTILITY_TEMPLATE} in {spoken}.")
    state = f"is {found[0].get('status', 'unknown').lower()}" if found else "is missing"
    without = f"Without it nothing in {spoken} can be sent a day after a person’s last word."
    says = f"The template {UTILITY_TEMPLATE} {state} in {spoken}. {without}"
    return Finding(name, False, says if found else f"{says} {_how_to_make(language)}")


def _how_to_make(language: str) -> str:
    button = f"a button of type URL “{why_title(language)}” to {why_url('{{1}}')}"
    body = f"with this body: “{utility_body(language)}”"
    return f"Make it for your Page at Meta: category UTILITY, language {language}, {button}, {body}"


def _problem(answer: Any) -> str:
    """What is wrong, in words; "" when nothing is."""
    if not isinstance(answer, dict):
        return _AWAY
    error = error_of(answer)
    if error is None:
        return ""
    if "appsecret_proof" in str(error.get("message", "")):
        return _PROOF
    code = code_of(error)
    return _CAUSES.get(code, f"Messenger refuses with its code {code}.") if code >= 10 else _AWAY
