"""What a SAML identity provider says of itself: metadata that its bank pasted. Nothing is fetched."""

from typing import Any, NamedTuple

from lxml import etree
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser as Parser
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from partners.oidc.discovery import Doubtful

MOST_METADATA = 262_144  # characters
_DESCRIPTOR = "{urn:oasis:names:tc:SAML:2.0:metadata}EntityDescriptor"


class Described(NamedTuple):
    """What signing in takes. `certificates` are in base64, as they stand there."""

    entity_id: str
    sso_url: str
    certificates: list[str]


def parse_xml(text: bytes) -> Any:
    """The root element. No document type, no entities, no network, no huge trees; raises Doubtful."""
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise Doubtful("It has a document type or entities of its own, and those are not read.")
    try:
        return OneLogin_Saml2_XML.to_etree(text)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Doubtful("It is not XML that can be read.") from error


def read_metadata(text: str) -> Described:
    """What one provider's metadata says; raises Doubtful."""
    if len(text) > MOST_METADATA:
        raise Doubtful("It is too long: paste the metadata of your one provider.")
    root = parse_xml(text.strip().encode())
    if root.tag != _DESCRIPTOR:
        raise Doubtful("It is not the metadata of one provider: it begins with an “EntityDescriptor”.")
    idp = Parser.parse(root).get("idp")
    if idp is None:
        raise Doubtful("It describes no identity provider.")
    if "singleSignOnService" not in idp:
        raise Doubtful("Its provider takes no sign-in by redirect (the binding “HTTP-Redirect”).")
    several = idp.get("x509certMulti", {}).get("signing", [])
    found = several or [one for one in [idp.get("x509cert")] if one]
    return Described(idp.get("entityId", ""), idp["singleSignOnService"]["url"], found)
