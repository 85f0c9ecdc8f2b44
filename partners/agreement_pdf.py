"""A version as PDF: its text, the text's hash and the signatures; the same bytes for the same version."""

from datetime import datetime
from pathlib import Path

from fpdf import FPDF

from partners.models import AgreementSignature, AgreementVersion

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_SIDES = {"bank": "For the bank", "platform": "For the platform"}


def agreement_pdf(version: AgreementVersion, signatures: list[AgreementSignature]) -> bytes:
    """With the exact text attached as UTF-8, so that anybody can check the hash without us."""
    moment = max((one.at for one in signatures), default=version.offered_at)
    pdf = _new_document(version, moment)
    title, *clauses = version.text.strip().split("\n")
    _write(pdf, title, size=14)
    pdf.ln(3)
    for line in filter(None, clauses):
        _write(pdf, line)
        pdf.ln(1.5)
    pdf.ln(5)
    _write(pdf, "Signatures", size=12)
    for signature in signatures:
        _write_signature(pdf, signature)
    if not signatures:
        _write(pdf, "Nobody has signed this version.")
    pdf.ln(5)
    _write(pdf, f"SHA-256 of the text, which is attached as {_attachment(version)}:", size=8)
    _write(pdf, version.text_sha256, size=8)
    pdf.embed_file(bytes=version.text.encode(), basename=_attachment(version), creation_date=moment)
    return bytes(pdf.output())


def file_name(version: AgreementVersion) -> str:
    """What the download is called."""
    return f"{version.agreement.number}-v{version.number}.pdf"


def _attachment(version: AgreementVersion) -> str:
    return f"{version.agreement.number}-v{version.number}.txt"


def _new_document(version: AgreementVersion, moment: datetime) -> FPDF:
    pdf = FPDF(format="A4")
    pdf.set_creation_date(moment)
    pdf.set_title(f"{version.agreement.number}, version {version.number}")
    pdf.set_lang("en")
    pdf.set_producer("Parley")
    pdf.set_margin(22)
    pdf.set_auto_page_break(True, margin=22)
    pdf.add_font("DejaVu", fname=_FONT)
    pdf.add_page()
    return pdf


def _write(pdf: FPDF, text: str, size: float = 10) -> None:
    pdf.set_font("DejaVu", size=size)
    pdf.multi_cell(0, size * 0.5, text, new_x="LMARGIN", new_y="NEXT")


def _write_signature(pdf: FPDF, signature: AgreementSignature) -> None:
    pdf.ln(3)
    _write(pdf, f"{_SIDES[signature.side]}: {signature.name} <{signature.email}>")
    _write(pdf, f"{signature.at:%Y-%m-%d %H:%M:%S} UTC, from {signature.ip or 'an unknown address'}", size=8)
    if signature.browser:
        _write(pdf, signature.browser, size=8)
