"""Asking a SAML identity provider to sign somebody in, and what it has to know of us."""

import base64
import secrets
import zlib
from datetime import UTC, datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from lxml.builder import ElementMaker

from partners.saml import Sides

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
_RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
_saml = ElementMaker(namespace=ASSERTION, nsmap={"saml": ASSERTION})
_samlp = ElementMaker(namespace=PROTOCOL, nsmap={"samlp": PROTOCOL, "saml": ASSERTION})
_md = ElementMaker(namespace=METADATA, nsmap={"md": METADATA, "ds": SIGNATURE})
_ds = ElementMaker(namespace=SIGNATURE, nsmap={"ds": SIGNATURE})


def new_request_id() -> str:
    """160 random bits; an XML id does not begin with a digit."""
    return f"_{secrets.token_hex(20)}"


def request_url(
    sides: Sides, *, request_id: str, relay_state: str, level: str, anew: bool, key: bytes
) -> str:
    """Where to send the browser: an AuthnRequest in the address, signed with our key (RSA with SHA-256). `level` is
    the AuthnContext that is asked for, "" for any; `anew` wants the person to sign in once more.
    """
    message = zlib.compress(etree.tostring(_request(sides, request_id, level, anew)), wbits=-zlib.MAX_WBITS)
    asked = {"SAMLRequest": base64.b64encode(message), "RelayState": relay_state, "SigAlg": _RSA_SHA256}
    query = urlencode(asked)
    private = load_pem_private_key(key, password=None)
    assert isinstance(private, RSAPrivateKey)  # noqa: S101 (it is we who made it)
    signature = base64.b64encode(private.sign(query.encode(), PKCS1v15(), SHA256()))
    return (
        f"{sides.sso_url}{'&' if '?' in sides.sso_url else '?'}{query}&{urlencode({'Signature': signature})}"
    )


def our_metadata(sides: Sides, certificate: str) -> bytes:
    """What the provider's administrator may load: our names, our certificate, and that assertions come signed."""
    keys = _md.KeyDescriptor(_ds.KeyInfo(_ds.X509Data(_ds.X509Certificate(certificate))), use="signing")
    consumer = _md.AssertionConsumerService(Binding=POST, Location=sides.acs, index="0", isDefault="true")
    role = _md.SPSSODescriptor(
        keys,
        _md.NameIDFormat(PERSISTENT),
        consumer,
        AuthnRequestsSigned="true",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=PROTOCOL,
    )
    root = _md.EntityDescriptor(role, entityID=sides.entity_id)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _request(sides: Sides, request_id: str, level: str, anew: bool) -> etree._Element:
    named = {
        "ID": request_id,
        "Version": "2.0",
        "IssueInstant": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Destination": sides.sso_url,
        "ProtocolBinding": POST,
        "AssertionConsumerServiceURL": sides.acs,
    }
    if anew:
        named["ForceAuthn"] = "true"
    root = _samlp.AuthnRequest(_saml.Issuer(sides.entity_id), **named)
    if level:
        wanted = _samlp.RequestedAuthnContext(_saml.AuthnContextClassRef(level), Comparison="exact")
        root.append(wanted)
    return root
