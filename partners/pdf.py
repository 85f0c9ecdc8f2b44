"""Plain documents as PDF: one typeface, black on white, the same bytes for the same words and moment."""

from datetime import datetime
from pathlib import Path

from fpdf import FPDF

_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"


def new_document(title: str, moment: datetime, *, language: str = "en") -> FPDF:
    """Empty; `moment` stands in it as the time of its making."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(moment)
    pdf.set_title(title)
    pdf.set_lang(language)
    pdf.set_producer("Parley")
    pdf.set_margin(22)
    pdf.set_auto_page_break(True, margin=22)
    pdf.add_font("DejaVu", fname=_FONT)
    pdf.add_page()
    return pdf


def write(pdf: FPDF, text: str, size: float = 10) -> None:
    """A paragraph; `size` in points."""
    pdf.set_font("DejaVu", size=size)
    pdf.multi_cell(0, size * 0.5, text, new_x="LMARGIN", new_y="NEXT")
