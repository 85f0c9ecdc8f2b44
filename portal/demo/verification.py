"""A made-up bank's verification, through the same actions that the pages use."""

import hashlib
from datetime import timedelta

from django.utils import timezone

from partners.actions.documents import add_document
from partners.actions.domain_proof import prove_domain_by_hand
from partners.actions.review import approve_bank, recommend_bank
from partners.actions.verification import edit_verification, submit_verification
from partners.lei import with_check_digits
from partners.models import Partner
from portal.tenancy.principal import Principal

_PAGE = """%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>> endobj
4 0 obj <</Length {length}>> stream
{text}
endstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""


def submit_bank(partner: Partner, owner: Principal, checker: Principal, **profile: str) -> None:
    """States everything (`profile` instead of what is made up) and hands it in. Made-up domains are in no DNS, so
    `checker`, of the staff, vouches for it.
    """
    partner_id = partner.id
    edit_verification(
        partner_id=partner_id,
        profile=_profile(partner) | profile,
        contacts={
            "security": _contact(partner, "security", "Sam Secure"),
            "privacy": _contact(partner, "privacy", "Pia Private"),
            "incident": _contact(partner, "soc", "Duty desk"),
        },
        answers=made_up_answers(),
        actor=owner,
    )
    add_document(
        partner_id=partner_id, kind="licence", name="licence.pdf", content=_extract(partner), actor=owner
    )
    prove_domain_by_hand(partner_id=partner_id, reason="A made-up domain of the demo.", actor=checker)
    submit_verification(partner_id=partner_id, actor=owner)


def verify_bank(partner: Partner, owner: Principal, first: Principal, second: Principal) -> None:
    """Handed in, recommended by one colleague and approved by another one."""
    submit_bank(partner, owner, first)
    recommend_bank(partner_id=partner.id, actor=first, words="Found in the register, as stated.")
    approve_bank(partner_id=partner.id, actor=second)


def _profile(partner: Partner) -> dict[str, str]:
    number = hashlib.sha256(partner.slug.encode()).hexdigest().upper()
    return {
        "legal_name": f"{partner.name} plc",
        "country": "US",
        "regulator": "Office of the Comptroller of the Currency",
        "licence": f"OCC-{number[:8]}",
        "lei": with_check_digits(f"5299{number[:14]}"),
    }


def _contact(partner: Partner, desk: str, name: str) -> dict[str, str]:
    return {"name": name, "email": f"{desk}@{partner.domain or 'bank.example'}", "phone": "+1 555 0100 200"}


def made_up_answers() -> dict[str, str | int | bool]:
    """To every question."""
    today = timezone.now().date()
    return {
        "second_step": True,
        "leavers": 4,
        "certificate": "iso27001",
        "certificate_until": (today + timedelta(days=400)).isoformat(),
        "tested": (today - timedelta(days=60)).isoformat(),
        "encrypted": True,
        "keys": "vault",
        "incidents": 24,
        "suppliers": "none",
    }


def _extract(partner: Partner) -> bytes:
    """A page that says so; each bank's differs."""
    text = f"BT /F 14 Tf 20 100 Td (Extract from the register: {partner.slug}) Tj ET"
    return _PAGE.format(length=len(text), text=text).encode()
