"""A version as PDF: its text, the text's hash and the signatures; the same bytes for the same version."""

from fpdf import FPDF

from partners.models import AgreementSignature, AgreementVersion
from partners.pdf import new_document, write

_SIDES = {"bank": "For the bank", "platform": "For the platform"}


def agreement_pdf(version: AgreementVersion, signatures: list[AgreementSignature]) -> bytes:
    """With the exact text attached as UTF-8, so that anybody can check the hash without us."""
    moment = max((one.at for one in signatures), default=version.offered_at)
    pdf = new_document(f"{version.agreement.number}, version {version.number}", moment)
    title, *clauses = version.text.strip().split("\n")
    write(pdf, title, size=14)
    pdf.ln(3)
    for line in filter(None, clauses):
        write(pdf, line)
        pdf.ln(1.5)
    pdf.ln(5)
    write(pdf, "Signatures", size=12)
    for signature in signatures:
        _write_signature(pdf, signature)
    if not signatures:
        write(pdf, "Nobody has signed this version.")
    pdf.ln(5)
    write(pdf, f"SHA-256 of the text, which is attached as {_attachment(version)}:", size=8)
    write(pdf, version.text_sha256, size=8)
    pdf.embed_file(bytes=version.text.encode(), basename=_attachment(version), creation_date=moment)
    return bytes(pdf.output())


def file_name(version: AgreementVersion) -> str:
    """What the download is called."""
    return f"{version.agreement.number}-v{version.number}.pdf"


def _attachment(version: AgreementVersion) -> str:
    return f"{version.agreement.number}-v{version.number}.txt"


def _write_signature(pdf: FPDF, signature: AgreementSignature) -> None:
    pdf.ln(3)
    write(pdf, f"{_SIDES[signature.side]}: {signature.name} <{signature.email}>")
    write(pdf, f"{signature.at:%Y-%m-%d %H:%M:%S} UTC, from {signature.ip or 'an unknown address'}", size=8)
    if signature.browser:
        write(pdf, signature.browser, size=8)
