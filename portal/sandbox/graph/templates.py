"""UTILITY message templates: their registration, review and rendering.

`POST /{page}/message_templates` answers PENDING; a review about a second later approves or rejects, and says
so by the webhook field `message_template_status_update`. A template that reads like marketing, or asks for a
full account or card number, is rejected, as Meta's policy has it.
"""

import asyncio
import re
import secrets
from typing import Any

from portal.sandbox.graph.call import Call, Reply, parameter
from portal.sandbox.graph.content import PAYLOAD_MOST, TITLE_MOST, Shown, check_button_url, check_metadata
from portal.sandbox.graph.errors import GraphError, invalid, missing
from portal.sandbox.state import Page, Template, World
from portal.sandbox.webhooks import Webhooks

REVIEW_AFTER_S = 1.0
BODY_MOST = 1024
HEADER_MOST = 60
BUTTONS_MOST = 3
TEMPLATES_MOST = 500
NAME = re.compile(r"[a-z0-9_]{1,512}")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_]+)\s*\}\}")
MARKETING = re.compile(
    r"% off|\b(discount|promo|coupon|special offer|limited time|buy now|free gift)\b", re.I
)
ASKS_FOR_NUMBER = re.compile(r"\bfull (account|card) number\b", re.I)


def create_template(page: Page, call: Call, world: World, webhooks: Webhooks) -> Reply:
    """Register a template; its review follows by itself."""
    template = read_template(call.params)
    if (template.name, template.language) in page.templates:
        raise invalid("Content in this language already exists for this template name", subcode=2388024)
    if len(page.templates) >= TEMPLATES_MOST:
        raise invalid("This page has too many templates")
    page.templates[template.name, template.language] = template
    world.page_changed(page)
    asyncio.get_running_loop().call_later(REVIEW_AFTER_S, review, page, template, world, webhooks)
    return Reply({"id": template.id, "status": template.status, "category": template.category})


def review(page: Page, template: Template, world: World, webhooks: Webhooks) -> None:
    """Approve or reject a pending template and tell the bank's server."""
    if template.status != "PENDING" or page.templates.get((template.name, template.language)) is not template:
        return
    words = " ".join(c.get("text", "") for c in template.components)
    if MARKETING.search(words):
        template.status, template.rejected_reason = "REJECTED", "TAG_SHOULD_BE_MARKETING"
    elif ASKS_FOR_NUMBER.search(words):
        template.status, template.rejected_reason = "REJECTED", "ABUSIVE_CONTENT"
    else:
        template.status = "APPROVED"
    world.page_changed(page)
    value = {
        "event": template.status,
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "reason": template.rejected_reason or "NONE",
    }
    webhooks.emit_change(page, "message_template_status_update", value)


def list_templates(page: Page, call: Call) -> Reply:
    """The page's templates, optionally of one `name` (part of it is enough), `language` or `status`."""
    wanted = {key: call.params[key] for key in ("language", "status") if call.params.get(key)}
    name = str(call.params.get("name") or "")
    found = [
        template_json(template)
        for template in page.templates.values()
        if name in template.name and all(getattr(template, key) == value for key, value in wanted.items())
    ]
    return Reply({"data": found})


def delete_template(page: Page, call: Call, world: World) -> Reply:
    """By `hsm_id` one language; by `name` all of them."""
    name, number = call.params.get("name"), call.params.get("hsm_id")
    if not name and not number:
        raise missing("name")
    doomed = [key for key, t in page.templates.items() if (t.id == str(number) if number else t.name == name)]
    if not doomed:
        raise invalid("Message template not found", subcode=2593002)
    for key in doomed:
        del page.templates[key]
    world.page_changed(page)
    return Reply({"success": True})


def template_json(template: Template) -> dict:
    shown = {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "parameter_format": template.parameter_format,
        "status": template.status,
        "components": template.components,
    }
    if template.rejected_reason:
        shown["rejected_reason"] = template.rejected_reason
    return shown


def read_template(params: dict[str, Any]) -> Template:
    """Check a registration. Raises `GraphError` 100 with Meta's subcode where one is known."""
    name, language = params.get("name"), params.get("language")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid("Param name must be lowercase letters, digits and underscores")
    if not isinstance(language, str) or not LANGUAGE.fullmatch(language):
        raise invalid("Param language must be a language code such as en or en_US")
    if params.get("category") != "UTILITY":
        raise invalid("Param category must be UTILITY")
    style = params.get("parameter_format", "POSITIONAL")
    if style not in ("POSITIONAL", "NAMED"):
        raise invalid("Param parameter_format must be one of {POSITIONAL, NAMED}")
    components = parameter(params, "components")
    if not isinstance(components, list) or not all(isinstance(c, dict) for c in components):
        raise missing("components")
    kinds = [str(component.get("type", "")).upper() for component in components]
    if (
        kinds.count("BODY") != 1
        or len(set(kinds)) != len(kinds)
        or set(kinds) - {"HEADER", "BODY", "BUTTONS"}
    ):
        raise invalid("Param components must have one BODY and at most one HEADER and one BUTTONS")
    components = [{**component, "type": kind} for component, kind in zip(components, kinds, strict=True)]
    for component in components:
        _check_component(component, style)
    number = str(10**15 + secrets.randbelow(9 * 10**15))
    return Template(number, name, language, "UTILITY", style, components)


def _check_component(component: dict, style: str) -> None:
    if component["type"] == "BUTTONS":
        _check_buttons(component.get("buttons"))
        return
    most = BODY_MOST if component["type"] == "BODY" else HEADER_MOST
    text = component.get("text")
    if component["type"] == "HEADER" and component.get("format", "TEXT") != "TEXT":
        raise invalid("The sandbox takes headers of format TEXT only")
    if not isinstance(text, str) or not text.strip():
        raise missing(f"text of the {component['type']} component")
    if len(text) > most:
        raise invalid(f"The {component['type']} text must be at most {most} characters")
    _check_variables(component, text, style)


def _check_variables(component: dict, text: str, style: str) -> None:
    names = variables(text)
    if component["type"] == "BODY" and names:
        whole = text.strip()
        if whole.startswith("{{") or whole.endswith("}}"):
            raise invalid("Variables can't be at the start or end of the template", subcode=2388299)
    if style == "POSITIONAL" and names != [str(n) for n in range(1, len(names) + 1)]:
        raise invalid("Variables must be numbered {{1}}, {{2}}, … without gaps", subcode=2388073)
    if style == "NAMED" and any(not re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names):
        raise invalid("Named variables must be lowercase letters, digits and underscores", subcode=2388073)
    if names and _samples(component, style) != len(names):
        raise invalid("TEMPLATE_VARIABLES_MISSING_SAMPLE_VALUES", subcode=2388043)


def _samples(component: dict, style: str) -> int:
    """How many sample values the component's `example` gives."""
    example = component.get("example")
    part = component["type"].lower() + "_text"
    if not isinstance(example, dict):
        return 0
    samples = example.get(part + "_named_params" if style == "NAMED" else part)
    if style == "POSITIONAL" and isinstance(samples, list) and samples and isinstance(samples[0], list):
        samples = samples[0]
    return len(samples) if isinstance(samples, list) else 0


def _check_buttons(buttons: Any) -> None:
    if not isinstance(buttons, list) or not 1 <= len(buttons) <= BUTTONS_MOST:
        raise invalid(f"Param buttons must have 1 to {BUTTONS_MOST} elements")
    for index, button in enumerate(buttons):
        kind = button.get("type") if isinstance(button, dict) else None
        if kind not in ("POSTBACK", "URL", "PHONE_NUMBER"):
            raise GraphError(100, "Fatal", subcode=2018416)
        text = button.get("text")
        if not isinstance(text, str) or not 1 <= len(text) <= TITLE_MOST:
            raise invalid(f"Button text must have 1 to {TITLE_MOST} characters")
        if kind == "POSTBACK" and "example" in button:
            raise invalid(f"Button at index {index} has unexpected field(s) (example)", subcode=2388051)
        if kind == "URL":
            _check_url_button(button)
        if kind == "PHONE_NUMBER" and not isinstance(button.get("phone_number"), str):
            raise missing("phone_number of a button")


def _check_url_button(button: dict) -> None:
    url = button.get("url")
    if not isinstance(url, str):
        raise missing("url of a button")
    names = variables(url)
    if len(names) > 1 or (names and not url.endswith("}}")):
        raise invalid("A button's URL may have one variable, at its end")
    check_button_url(VARIABLE.sub("x", url), schemes=("http", "https"))
    if names and not button.get("example"):
        raise invalid("TEMPLATE_VARIABLES_MISSING_SAMPLE_VALUES", subcode=2388043)


def variables(text: str) -> list[str]:
    """The names of the variables in order of first use: `"{{1}} and {{2}}"` -> `["1", "2"]`."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def render(page: Page, message: Any) -> Shown:
    """What the phone shows for a utility send. Raises 100 for any mismatch with the registered template."""
    if not isinstance(message, dict):
        raise missing("message")
    if "attachment" in message or "text" in message:
        raise invalid("Invalid template type")
    check_metadata(message)
    template, components = _find(page, message.get("template"))
    given = _components_by_type(components)
    parts = {component["type"]: component for component in template.components}
    if given.keys() - parts.keys():
        raise invalid("The template has no such component: " + ", ".join(given.keys() - parts.keys()).lower())
    texts = [
        _fill(parts[kind]["text"], given.get(kind, []), template.parameter_format)
        for kind in ("HEADER", "BODY")
        if kind in parts
    ]
    buttons = _fill_buttons(
        parts["BUTTONS"]["buttons"] if "BUTTONS" in parts else [], given.get("BUTTONS", [])
    )
    return Shown(text="\n\n".join(texts), buttons=buttons)


def _find(page: Page, asked: Any) -> tuple[Template, list]:
    if not isinstance(asked, dict):
        raise missing("message[template]")
    language = asked.get("language")
    if not isinstance(language, dict) or not isinstance(language.get("code"), str):
        raise missing("message[template][language][code]")
    template = page.templates.get((str(asked.get("name")), language["code"]))
    if template is None or template.status != "APPROVED":
        raise invalid("Message template not found, or not approved, in this language")
    components = asked.get("components", [])
    if not isinstance(components, list):
        raise invalid("Param message[template][components] must be an array")
    return template, components


def _components_by_type(components: list) -> dict[str, list]:
    """Parameters per component type. Refuses the habits of WhatsApp: `index`, `sub_type`, one per button."""
    given: dict[str, list] = {}
    for position, component in enumerate(components):
        if not isinstance(component, dict):
            raise invalid("Param message[template][components] must be an array of objects")
        for key in component.keys() - {"type", "parameters"}:
            raise invalid(
                f'Invalid keys "{key}" were found in param "message[template][components][{position}]"'
            )
        kind = str(component.get("type", "")).upper()
        parameters = component.get("parameters", [])
        if kind not in ("HEADER", "BODY", "BUTTONS") or kind in given:
            raise invalid("Component type must be header, body or buttons, each at most once")
        if not isinstance(parameters, list) or not all(isinstance(p, dict) for p in parameters):
            raise invalid("Param parameters must be an array of objects")
        given[kind] = parameters
    return given


def _fill(text: str, parameters: list[dict], style: str) -> str:
    names = variables(text)
    if len(parameters) != len(names):
        raise invalid(
            f"Number of parameters ({len(parameters)}) does not match the template's ({len(names)})"
        )
    values: dict[str, str] = {}
    for position, one in enumerate(parameters):
        value = one.get("text")
        if one.get("type") != "text" or not isinstance(value, str) or not value:
            raise invalid("Each parameter must have type text and a text")
        values[str(one.get("parameter_name")) if style == "NAMED" else str(position + 1)] = value
    if values.keys() != set(names):
        raise invalid("Parameter names do not match the template's")
    filled = VARIABLE.sub(lambda match: values[match[1]], text)
    if len(filled) > BODY_MOST:
        raise invalid(f"The rendered text must be at most {BODY_MOST} characters")
    return filled


def _fill_buttons(buttons: list[dict], parameters: list[dict]) -> list[dict]:
    """Parameters go, in order, to the buttons that take one: postbacks, and links with a variable."""
    takers = [button for button in buttons if _takes_parameter(button)]
    if len(parameters) < len(takers):
        kind = takers[len(parameters)]["type"]
        raise invalid(f"User pass less payload than required for {kind} button", subcode=1893029)
    if len(parameters) > len(takers):
        raise invalid("User pass more parameters than the template's buttons take")
    waiting = iter(parameters)
    return [_fill_button(button, next(waiting) if _takes_parameter(button) else None) for button in buttons]


def _takes_parameter(button: dict) -> bool:
    if button["type"] == "POSTBACK":
        return bool(variables(button.get("payload", "{{1}}")))
    return button["type"] == "URL" and bool(variables(button["url"]))


def _fill_button(button: dict, given: dict | None) -> dict:
    title, kind = button["text"], button["type"]
    if kind == "PHONE_NUMBER":
        return {"type": "phone_number", "title": title, "payload": button["phone_number"]}
    key = "payload" if kind == "POSTBACK" else "url"
    value = _button_value(button, given, key) if given is not None else ""
    filled = VARIABLE.sub(lambda _: value, button.get(key, "{{1}}"))
    if kind == "URL":
        check_button_url(filled, schemes=("http", "https"))
    return {"type": "postback" if kind == "POSTBACK" else "web_url", "title": title, key: filled}


def _button_value(button: dict, given: dict, key: str) -> str:
    value = given.get(key)
    right_type = given.get("type") == button["type"]
    if not right_type or not isinstance(value, str) or not 1 <= len(value) <= PAYLOAD_MOST:
        raise invalid(f"The button {button['text']!r} takes a parameter of type {button['type']} with {key}")
    return value
