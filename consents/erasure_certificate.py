"""What a person is given as proof that their data is gone: as a page, and as PDF."""

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from consents.models import Erasure
from partners.pdf import new_document, write
from portal.design.moments import exact

Fact = tuple[str, str]


def facts(erasure: Erasure) -> list[Fact]:
    """(title, value). It names nobody: that it is yours, you know by where you got it."""
    return [
        (_("Reference"), erasure.id.hex),
        (_("Erased"), exact(erasure.at)),
        (_("Connections ended"), str(erasure.grants_ended)),
        (_("Banks told that it has ended"), str(erasure.banks_told)),
        (_("Chats unlinked"), str(erasure.accounts_unlinked)),
        (_("Keys destroyed"), str(erasure.keys_destroyed)),
    ]


def sentences(erasure: Erasure) -> list[str]:
    """What that means."""
    return [
        _(
            "Every message, account, reference and address that Parley kept about you was encrypted (AES-256-GCM), with "
            "a key for you and each bank. These keys were destroyed at the time above, so nobody can read any of it again."
        ),
        _("Nothing more begins to be sent. What a messenger had already been given may still arrive."),
        _("Your sign-in stays, because you also use it for your work at a bank or at Parley.")
        if erasure.is_sign_in_kept
        else _(
            "Your e-mail address, name, password and second steps are deleted. Nobody can sign in with them."
        ),
        _(
            "Kept are the records of what was allowed and done, and when. They hold no message, no account and no name, "
            "and lead to you no more."
        ),
        _("Your banks keep what they know of you themselves. What is in your chats stays on your phone."),
    ]


def certificate_pdf(erasure: Erasure) -> bytes:
    """To keep."""
    title = _("Certificate of erasure")
    pdf = new_document(title, erasure.at, language=get_language() or "en")
    write(pdf, title, size=14)
    pdf.ln(3)
    for name, value in facts(erasure):
        write(pdf, f"{name}: {value}")
        pdf.ln(1)
    pdf.ln(3)
    for sentence in sentences(erasure):
        write(pdf, sentence)
        pdf.ln(2)
    return bytes(pdf.output())
