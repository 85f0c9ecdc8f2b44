"""What a SAML identity provider answers, and whether it is what it has to be (SAML 2.0 Profiles §4.1.4).

python3-saml checks the answer against its schema and the signatures against the bank's certificates. It lets much be
left out, so everything the profile asks for is asked for here; and an answer has one assertion, in one place, signed
by itself, so that nothing that is read was not signed.
"""

import base64
import binascii
import time
from collections import Counter
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import structlog
from lxml import etree
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from partners.oidc.discovery import Doubtful
from partners.saml import MOST_ANSWER, Declined, Sides
from partners.saml.described import parse_xml
from partners.saml.request import ASSERTION, POST, PROTOCOL, SIGNATURE

_log = structlog.get_logger(__name__)
_SKEW = 60  # seconds
_LONGEST_SUBJECT = 191  # characters; allauth's column
_NS = {"saml": ASSERTION, "samlp": PROTOCOL, "ds": SIGNATURE}
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_TRANSFORMS = {"http://www.w3.org/2000/09/xmldsig#enveloped-signature", _EXCLUSIVE}
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_SIGNATURES = {f"{_MORE}{kind}-sha{bits}" for kind in ("rsa", "ecdsa") for bits in (256, 384, 512)}
_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
}
_EMAIL = (
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "email",
    "mail",
)
_NAME = (
    "urn:oid:2.16.840.1.113730.3.1.241",
    "http://schemas.microsoft.com/identity/claims/displayname",
    "displayName",
    "name",
)
_METHODS = ("http://schemas.microsoft.com/claims/authnmethodsreferences",)
_TWO_STEPS = {"https://refeds.org/profile/mfa", "http://schemas.microsoft.com/claims/multipleauthn"}


class Answer(NamedTuple):
    """`claims` are named as in an ID token; `until` is when the assertion has run out, in seconds since 1970."""

    assertion_id: str
    until: float
    claims: dict[str, Any]


def read_response(answer: str, sides: Sides, *, request_id: str) -> Answer:
    """What the provider vouches for, in answer to this very request. Raises Doubtful or Declined."""
    text = _decoded(answer)
    root = parse_xml(text)
    if root.tag != f"{{{PROTOCOL}}}Response":
        raise Doubtful("Its answer is not a SAML response.")
    _check_status(root)
    assertion = _only_assertion(root)
    _check_signatures(root, assertion)
    _check_envelope(root, assertion, sides, request_id)
    until = _check_times(assertion, sides, request_id)
    _verify(text, sides, request_id)
    return Answer(assertion.get("ID"), until, _claims(assertion))


def _decoded(answer: str) -> bytes:
    if not answer or len(answer) > MOST_ANSWER:
        raise Doubtful("It gave no answer, or one that is too long.")
    try:
        return base64.b64decode("".join(answer.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Doubtful("Its answer is not base64.") from error


def _check_status(root: Any) -> None:
    codes = [one.get("Value", "") for one in root.iterfind("samlp:Status//samlp:StatusCode", _NS)]
    if not codes or codes[0] == _SUCCESS:
        return
    if any(code.endswith(":NoAuthnContext") for code in codes):
        raise Doubtful("It cannot ask for the second step that is set up here.")
    raise Declined(codes[-1])


def _only_assertion(root: Any) -> Any:
    """The one that there is, right below the root: a second one elsewhere is how signatures are wrapped."""
    if _all(root, "saml:EncryptedAssertion"):
        raise Doubtful("Its assertion is encrypted. It has to come signed and in clear, inside TLS.")
    found = _all(root, "saml:Assertion")
    if len(found) != 1 or found[0].getparent() is not root:
        raise Doubtful("Its answer has to have one assertion, in its usual place.")
    return found[0]


def _check_signatures(root: Any, assertion: Any) -> None:
    """Each signs the whole of what it stands in, by a strong method, and names it by an id that is there once."""
    ids = Counter(
        value
        for one in root.iter("*")
        for name, value in one.attrib.items()
        if name.rpartition("}")[2].lower() == "id"
    )
    if any(count > 1 for count in ids.values()):
        raise Doubtful("Its answer uses an id twice.")
    signatures = _all(root, "ds:Signature")
    places = [one.getparent() for one in signatures]
    if assertion not in places:
        raise Doubtful("Its assertion is not signed.")
    if len(set(places)) != len(places) or not set(places) <= {root, assertion}:
        raise Doubtful("Its answer has a signature in an unusual place.")
    for signature, place in zip(signatures, places, strict=True):
        _check_signature(signature, place.get("ID"))


def _check_signature(signature: Any, id_: str | None) -> None:
    infos = _all(signature, "ds:SignedInfo")
    references = _all(signature, "ds:Reference")
    has_more = _all(signature, "ds:Object") or _all(signature, "ds:Manifest")
    if (
        has_more
        or len(infos) != 1
        or len(references) != 1
        or not id_
        or references[0].get("URI") != f"#{id_}"
    ):
        raise Doubtful("Its signature is for something else than what it stands in.")
    if not _algorithms(signature, "Transform", "CanonicalizationMethod") <= _TRANSFORMS:
        raise Doubtful("Its signature leaves out a part of what it signs.")
    methods = _algorithms(signature, "SignatureMethod")
    if not methods <= _SIGNATURES or not _algorithms(signature, "DigestMethod") <= _DIGESTS:
        raise Doubtful("It signs by a method that is too weak: it has to be SHA-256 or better.")


def _algorithms(signature: Any, *names: str) -> set[str]:
    return {one.get("Algorithm", "") for name in names for one in _all(signature, f"ds:{name}")}


def _check_envelope(root: Any, assertion: Any, sides: Sides, request_id: str) -> None:
    if root.get("InResponseTo") != request_id:
        raise Doubtful("Its answer belongs to another sign-in.")
    if root.get("Destination", sides.acs) != sides.acs:
        raise Doubtful("Its answer is addressed to another place.")
    issuers = [_text(one) for one in (root.find("saml:Issuer", _NS), assertion.find("saml:Issuer", _NS))]
    if issuers[1] != sides.issuer or issuers[0] not in ("", sides.issuer):
        raise Doubtful("Its answer is of another issuer.")
    restrictions = assertion.findall("saml:Conditions/saml:AudienceRestriction", _NS)
    audiences = [[_text(one) for one in each.iterfind("saml:Audience", _NS)] for each in restrictions]
    if not audiences or not all(sides.entity_id in each for each in audiences):
        raise Doubtful("Its answer is meant for somebody else.")


def _check_times(assertion: Any, sides: Sides, request_id: str) -> float:
    """When the assertion has run out."""
    now = time.time()
    conditions = assertion.find("saml:Conditions", _NS)
    ends = [_time(conditions.get("NotOnOrAfter"))] if conditions.get("NotOnOrAfter") else []
    if conditions.get("NotBefore") and _time(conditions.get("NotBefore")) > now + _SKEW:
        raise Doubtful("Its answer does not count yet. Is its clock right?")
    confirmed = [
        _time(data.get("NotOnOrAfter"))
        for data in assertion.iterfind(f"saml:Subject/saml:SubjectConfirmation[@Method='{_BEARER}']/*", _NS)
        if data.get("Recipient") == sides.acs
        and data.get("InResponseTo") == request_id
        and data.get("NotOnOrAfter")
        and not data.get("NotBefore")
    ]
    if not confirmed:
        raise Doubtful("Its answer is not confirmed for this sign-in here.")
    until = min(*ends, max(confirmed)) if ends else max(confirmed)
    if until + _SKEW <= now:
        raise Doubtful("Its answer has run out. Is its clock right?")
    return until


def _verify(text: bytes, sides: Sides, request_id: str) -> None:
    """The schema, and each signature by one of the bank's certificates. It parses what was looked at before."""
    try:
        response = OneLogin_Saml2_Response(_settings(sides), base64.b64encode(text))
        response.is_valid(_request_data(sides), request_id=request_id, raise_exceptions=True)
    except (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError, etree.LxmlError, ValueError) as error:
        _log.warning("saml_answer_refused", code=getattr(error, "code", type(error).__name__))
        raise Doubtful(
            "Its answer is not signed by a key of your bank’s, or was changed on its way."
        ) from error


def _settings(sides: Sides) -> OneLogin_Saml2_Settings:
    return OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": sides.entity_id,
                "assertionConsumerService": {"url": sides.acs, "binding": POST},
            },
            "idp": {
                "entityId": sides.issuer,
                "singleSignOnService": {"url": sides.sso_url},
                "x509certMulti": {"signing": list(sides.certificates)},
            },
            "security": {
                "wantAssertionsSigned": True,
                "rejectDeprecatedAlgorithm": True,
                "wantAttributeStatement": False,
                "allowRepeatAttributeName": True,
                "requestedAuthnContext": False,
                "allowSingleLabelDomains": True,
            },
        }
    )


def _request_data(sides: Sides) -> dict[str, str]:
    """What python3-saml takes an address apart for. It is the one we gave out, whatever name was asked for."""
    parts = urlsplit(sides.acs)
    return {
        "https": "on" if parts.scheme == "https" else "off",
        "http_host": parts.netloc,
        "script_name": "",
        "path_info": parts.path,
    }


def _claims(assertion: Any) -> dict[str, Any]:
    name = assertion.find("saml:Subject/saml:NameID", _NS)
    subject = _text(name)
    if not 0 < len(subject) <= _LONGEST_SUBJECT or name.get("Format") == _TRANSIENT:
        raise Doubtful("Its name for you (NameID) is missing, too long, or another one each time.")
    statement = assertion.find("saml:AuthnStatement", _NS)
    at = _time(statement.get("AuthnInstant"))
    if at > time.time() + _SKEW:
        raise Doubtful("It says that you signed in later than now. Is its clock right?")
    told = _attributes(assertion)
    level = _text(statement.find("saml:AuthnContext/saml:AuthnContextClassRef", _NS))
    methods = {level, *(value for key in _METHODS for value in told.get(key, []))}
    return {
        "sub": subject,
        "email": _one(told, _EMAIL),
        "name": _one(told, _NAME),
        "acr": level,
        "amr": ["mfa"] if methods & _TWO_STEPS else [],
        "auth_time": at,
    }


def _attributes(assertion: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in assertion.iterfind("saml:AttributeStatement/saml:Attribute", _NS):
        values = [_text(value) for value in one.iterfind("saml:AttributeValue", _NS)]
        found.setdefault(one.get("Name"), []).extend(values)
    return found


def _one(told: dict[str, list[str]], names: tuple[str, ...]) -> str | None:
    """The value under the first of the names that is told, if there is one only."""
    values = next((set(told[name]) for name in names if told.get(name)), set())
    return values.pop() if len(values) == 1 else None


def _all(element: Any, name: str) -> list[Any]:
    """Wherever below it."""
    return element.findall(f".//{name}", _NS)


def _text(element: Any) -> str:
    return (element.text or "").strip() if element is not None and len(element) == 0 else ""


def _time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError
    except (TypeError, ValueError) as error:
        raise Doubtful("Its answer has a time that cannot be read.") from error
    return found.timestamp()
