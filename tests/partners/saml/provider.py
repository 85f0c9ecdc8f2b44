"""A small SAML identity provider, run by the tests as a process of its own: lxml builds what it says, signxml signs it.

It checks who asks by our metadata, and knows everybody who types an address. `POST /control` gives it the faults of
what follows: `answer` replaces parts of what it says ("acr", "subject", "format", "email", "attributes", "audience",
"recipient", "destination", "in_response_to", "issuer", "ends", "begins", "at", "id", "status"; null leaves one out),
`sign` is "assertion", "response", "both" or "nothing", `method` "sha1" or "sha256", `key` "new" or "other", and
`fault` what is done to the answer once it is signed.
"""

import base64
import copy
import hashlib
import html
import json
import secrets
import sys
import zlib
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree
from lxml.builder import ElementMaker
from signxml import DigestAlgorithm, SignatureMethod, XMLSigner

SAML, SAMLP = "urn:oasis:names:tc:SAML:2.0:assertion", "urn:oasis:names:tc:SAML:2.0:protocol"
MD, DS = "urn:oasis:names:tc:SAML:2.0:metadata", "http://www.w3.org/2000/09/xmldsig#"
NS = {"saml": SAML, "samlp": SAMLP, "md": MD, "ds": DS}
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
CALM: dict[str, Any] = {
    "answer": {},
    "sign": "assertion",
    "method": "sha256",
    "key": "first",
    "fault": "",
    "metadata": "",
}
saml = ElementMaker(namespace=SAML, nsmap={"saml": SAML})
samlp = ElementMaker(namespace=SAMLP, nsmap={"samlp": SAMLP, "saml": SAML})
md = ElementMaker(namespace=MD, nsmap={"md": MD, "ds": DS})
ds = ElementMaker(namespace=DS, nsmap={"ds": DS})
control = dict(CALM)


class Signer(XMLSigner):
    """Signs by SHA-1 too, as no provider should."""

    def check_deprecated_methods(self) -> None:
        """No complaints."""


def make_key(days: int, is_rsa: bool = True) -> tuple[Any, x509.Certificate]:
    key: Any = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if is_rsa
        else ec.generate_private_key(ec.SECP256R1())
    )
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "login.norden.example")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return key, builder.not_valid_before(now - timedelta(days=500)).not_valid_after(
        now + timedelta(days=days)
    ).sign(key, SHA256())


KEYS = {
    "first": make_key(400),
    "new": make_key(20, is_rsa=False),
    "other": make_key(400),
    "ended": make_key(-1, is_rsa=False),
}


class Provider(BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self) -> None:
        """The metadata, the certificates, and the page to sign in on."""
        parts = urlsplit(self.path)
        if control["fault"] == "down":
            return self._say(503, "Away")
        if parts.path == "/metadata":
            return self._say(200, metadata(self.entity_id), "application/samlmetadata+xml")
        if parts.path == "/certificates":
            texts = {
                name: base64.b64encode(one.public_bytes(Encoding.DER)).decode()
                for name, (_, one) in KEYS.items()
            }
            return self._say(200, json.dumps(texts), "application/json")
        if parts.path == "/sso":
            return self._ask(parts.query)
        self._say(404, "")

    def do_POST(self) -> None:
        """Somebody has signed in; the tests give faults."""
        path, body = urlsplit(self.path).path, self.rfile.read(int(self.headers["Content-Length"]))
        if path == "/control":
            control.update(CALM | json.loads(body))
            return self._say(200, "")
        self._sign_in(dict(parse_qsl(body.decode(), keep_blank_values=True)))

    @property
    def entity_id(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/metadata"  # type: ignore[attr-defined]

    def _ask(self, query: str) -> None:
        asked = dict(parse_qsl(query))
        request = etree.fromstring(zlib.decompress(base64.b64decode(asked["SAMLRequest"]), wbits=-15))
        if not is_signed(query, control["metadata"]):
            return self._say(400, "The request is not signed by a key of the metadata.")
        wanted = {
            "id": request.get("ID"),
            "acs": request.get("AssertionConsumerServiceURL"),
            "audience": request.findtext("saml:Issuer", namespaces=NS),
            "acr": request.findtext(".//saml:AuthnContextClassRef", namespaces=NS) or PASSWORD,
            "anew": request.get("ForceAuthn", ""),
            "state": asked["RelayState"],
        }
        hidden = hidden_inputs(wanted)
        page = f'<!doctype html><html lang="en"><title>Norden sign-in</title><h1>Norden sign-in</h1><form method="post">{hidden}'
        self._say(
            200, f'{page}<label>Address <input name="email"></label><button>Sign in</button></form></html>'
        )

    def _sign_in(self, form: dict[str, str]) -> None:
        root = answer_to(form, self.entity_id)
        text = etree.tostring(spoil(sign(root)))
        if control["fault"] == "dtd":
            text = b'<!DOCTYPE x [<!ENTITY e "x">]>' + text
        sent = base64.b64encode(text).decode()
        fields = hidden_inputs({"SAMLResponse": sent, "RelayState": form["state"]})
        page = f'<!doctype html><html lang="en"><title>Back</title><form method="post" action="{html.escape(form["acs"])}">'
        self._say(
            200,
            f"{page}{fields}<button>Continue</button></form><script>document.forms[0].submit()</script></html>",
        )

    def _say(self, status: int, what: str, kind: str = "text/html") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(what.encode())

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def hidden_inputs(values: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(value)}">' for name, value in values.items()
    )


def metadata(entity_id: str) -> str:
    def key(name: str) -> Any:
        text = base64.b64encode(KEYS[name][1].public_bytes(Encoding.DER)).decode()
        return md.KeyDescriptor(ds.KeyInfo(ds.X509Data(ds.X509Certificate(text))), use="signing")

    bindings = ("HTTP-POST", "HTTP-Redirect")
    services = [
        md.SingleSignOnService(
            Binding=f"urn:oasis:names:tc:SAML:2.0:bindings:{one}",
            Location=entity_id.replace("/metadata", f"/sso?tenant=norden&via={one}"),
        )
        for one in bindings
    ]
    keys = [key("first"), *([key("new")] if control["key"] == "both" else [])]
    role = md.IDPSSODescriptor(*keys, *services, protocolSupportEnumeration=SAMLP)
    return etree.tostring(md.EntityDescriptor(role, entityID=entity_id)).decode()


def is_signed(query: str, known: str) -> bool:
    """By the key of the portal's metadata, where the tests have given it."""
    if not known:
        return True
    text = etree.fromstring(known.encode()).findtext(".//ds:X509Certificate", namespaces=NS)
    key = x509.load_der_x509_certificate(base64.b64decode(text)).public_key()
    start = query.index("SAMLRequest=")
    signed, _, signature = query[start:].rpartition("&Signature=")
    assert isinstance(key, rsa.RSAPublicKey)
    key.verify(
        base64.b64decode(parse_qs(f"s={signature}")["s"][0]), signed.encode(), padding.PKCS1v15(), SHA256()
    )
    return True


def stamp(seconds: float) -> str:
    return (
        (datetime.now(UTC) + timedelta(seconds=seconds))
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


def answer_to(form: dict[str, str], entity_id: str) -> Any:
    """The Response, not yet signed."""
    email = form["email"]
    told: dict[str, Any] = {
        "id": f"_{secrets.token_hex(16)}",
        "issuer": entity_id,
        "subject": hashlib.sha256(email.encode()).hexdigest()[:20],
        "format": PERSISTENT,
        "audience": form["audience"],
        "recipient": form["acs"],
        "destination": form["acs"],
        "in_response_to": form["id"],
        "begins": -30,
        "ends": 300,
        "at": 0 if form["anew"] else -3600,
        "acr": form["acr"],
        "status": "",
        "email": email,
        "attributes": {"displayName": email.split("@")[0].title()},
    } | control["answer"]
    root = samlp.Response(
        saml.Issuer(told["issuer"]),
        ID=f"_{secrets.token_hex(16)}",
        Version="2.0",
        IssueInstant=stamp(0),
        **given({"InResponseTo": told["in_response_to"], "Destination": told["destination"]}),
    )
    if told["status"]:
        prefix = "urn:oasis:names:tc:SAML:2.0:status:"
        inner = samlp.StatusCode(Value=f"{prefix}{told['status']}")
        root.append(samlp.Status(samlp.StatusCode(inner, Value=f"{prefix}Responder")))
        return root
    root.append(samlp.Status(samlp.StatusCode(Value="urn:oasis:names:tc:SAML:2.0:status:Success")))
    root.append(assertion(told))
    return root


def assertion(told: dict[str, Any]) -> Any:
    ends = None if told["ends"] is None else stamp(told["ends"])
    data = given(
        {"InResponseTo": told["in_response_to"], "Recipient": told["recipient"], "NotOnOrAfter": ends}
    )
    confirmation = saml.SubjectConfirmation(
        saml.SubjectConfirmationData(**data), Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"
    )
    audiences = [saml.AudienceRestriction(saml.Audience(told["audience"]))] if told["audience"] else []
    times = given({"NotBefore": stamp(told["begins"]), "NotOnOrAfter": ends})
    attributes = {"mail": told["email"], **told["attributes"]}
    return saml.Assertion(
        saml.Issuer(told["issuer"]),
        saml.Subject(saml.NameID(told["subject"] or "", Format=told["format"]), confirmation),
        saml.Conditions(*audiences, **times),
        saml.AuthnStatement(
            saml.AuthnContext(saml.AuthnContextClassRef(told["acr"])), AuthnInstant=stamp(told["at"])
        ),
        saml.AttributeStatement(
            *(
                saml.Attribute(
                    *(saml.AttributeValue(one) for one in (value if isinstance(value, list) else [value])),
                    Name=name,
                )
                for name, value in attributes.items()
                if value is not None
            )
        ),
        ID=told["id"],
        Version="2.0",
        IssueInstant=stamp(0),
    )


def given(values: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def sign(root: Any) -> Any:
    """As the faults say; each signature right after its issuer, where the schema wants it."""
    if control["sign"] in ("assertion", "both") and (found := root.find("saml:Assertion", NS)) is not None:
        root.replace(found, signed(found))
    return signed(root) if control["sign"] in ("response", "both") else root


def signed(element: Any) -> Any:
    key, certificate = KEYS["first" if control["key"] == "both" else control["key"]]
    weak = control["method"] == "sha1"
    method = (
        SignatureMethod.RSA_SHA256 if isinstance(key, rsa.RSAPrivateKey) else SignatureMethod.ECDSA_SHA256
    )
    signer = Signer(
        signature_algorithm=SignatureMethod.RSA_SHA1 if weak else method,
        digest_algorithm=DigestAlgorithm.SHA1 if weak else DigestAlgorithm.SHA256,
        c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#",
    )
    place = ds.Signature(Id="placeholder")
    element = copy.deepcopy(element)
    element.find("saml:Issuer", NS).addnext(place)
    return signer.sign(element, key=key, cert=[certificate], reference_uri=element.get("ID"))


def spoil(root: Any) -> Any:
    """What somebody on the way does to it."""
    fault, good = control["fault"], root.find("saml:Assertion", NS)
    if fault == "tampered":
        good.find("saml:Subject/saml:NameID", NS).text = "somebody else"
    elif fault.startswith("wrapped"):
        return wrapped(root, good, fault)
    elif fault == "two":
        root.append(copy.deepcopy(good))
    elif fault == "encrypted":
        root.replace(good, saml.EncryptedAssertion())
    elif fault == "object":
        good.find("ds:Signature", NS).append(ds.Object("more"))
    elif fault == "transform":
        good.find(".//ds:Transform", NS).set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")
    return root


def wrapped(root: Any, good: Any, fault: str) -> Any:
    """The signed assertion is moved aside, and one that nobody signed put where it was (XSW)."""
    evil = copy.deepcopy(good)
    evil.find("saml:Subject/saml:NameID", NS).text = "somebody else"
    signature = evil.find("ds:Signature", NS)
    if fault == "wrapped in an object":  # the signature goes along, with the signed assertion inside it
        root.remove(good)
        good.remove(good.find("ds:Signature", NS))
        signature.append(ds.Object(good))
        evil.set("ID", "_evil")
    elif fault == "wrapped in an extension":
        evil.remove(signature)
        evil.set("ID", "_evil")
        root.remove(good)
        root.insert(1, samlp.Extensions(good))
    elif fault == "wrapped beside":
        evil.remove(signature)
        evil.set("ID", "_evil")
        root.insert(0, evil)
        return root
    else:  # the same id twice, the signed one inside the other
        evil.append(good)
    root.append(evil)
    return root


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
