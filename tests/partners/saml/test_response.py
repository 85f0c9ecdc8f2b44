"""Answers changed at random: whatever becomes of them, they name the person who was signed for, or nobody."""

import base64
import copy
import random
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from partners.oidc.discovery import Doubtful
from partners.saml import Declined, Sides
from partners.saml.response import read_response

from . import provider

OURS = "https://parley.example"
WORDS = ["", "x", "#", "_x", OURS, "2026-99-01", "9999-12-31T23:59:59-23:00", "é"]


def read(text: bytes, sides: Sides) -> dict[str, Any]:
    return read_response(base64.b64encode(text).decode(), sides, request_id="_x").claims


def changed(text: bytes, chance: random.Random) -> bytes:
    """One element removed, doubled, moved, renamed or given another word; or one byte another."""
    kind = chance.randrange(6)
    if kind == 0:
        at = chance.randrange(len(text))
        return text[:at] + bytes([chance.randrange(32, 127)]) + text[at + 1 :]
    root = etree.fromstring(text)
    every = list(root.iter())[1:]
    one, other = chance.choice(every), chance.choice(every)
    if kind == 1:
        one.getparent().remove(one)
    elif kind == 2:
        other.addnext(copy.deepcopy(one))
    elif kind == 3:
        one.tag = other.tag
    elif kind == 4:
        one.text = chance.choice(WORDS)
    elif one.attrib:
        one.set(chance.choice(list(one.attrib)), chance.choice(WORDS))
    return etree.tostring(root)


def test_no_changed_answer_names_anybody_else() -> None:
    provider.control["sign"] = "both"
    certificate = base64.b64encode(provider.KEYS["first"][1].public_bytes(Encoding.DER)).decode()
    sides = Sides(
        f"{OURS}/us", f"{OURS}/acs", "https://idp.example", "https://idp.example/sso", (certificate,)
    )
    asked = {"email": "ana@norden.example", "audience": sides.entity_id, "acs": sides.acs, "id": "_x"}
    answer = provider.answer_to(asked | {"anew": "", "acr": provider.PASSWORD}, sides.issuer)
    text, chance = etree.tostring(provider.sign(answer)), random.Random(1)
    meant, refused = read(text, sides), 0
    for _ in range(200):
        try:
            assert read(changed(text, chance), sides) == meant
        except (Doubtful, Declined):
            refused += 1
    assert refused > 100
