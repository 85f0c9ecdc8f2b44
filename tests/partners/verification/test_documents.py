"""A document is what its bytes say, is sealed under the bank's key, and opens for few."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from partners.actions.documents import add_document
from partners.actions.review import take_case
from partners.document_types import LARGEST
from partners.models import VerificationDocument
from portal.audit.models import AuditEvent
from portal.ids import public_id
from portal.vault.keys import destroy_keys_of

from .conftest import CASE, HOME, PDF, PROFILE, as_system, state, text_of

PAGE = f"{HOME}/documents"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"


def upload(desk: Any, content: bytes, name: str = "licence.pdf", who: str = "owner") -> Any:
    file = SimpleUploadedFile(name, content, content_type="application/pdf")
    return desk.http[who].post(PAGE, {"kind": "licence", "file": file})


def kept() -> list[VerificationDocument]:
    with as_system():
        return list(VerificationDocument.objects.order_by("id"))


def only() -> VerificationDocument:
    [document] = kept()
    return document


def at(document: VerificationDocument, base: str = PAGE, more: str = "") -> str:
    return f"{base}/{public_id('doc', document.id)}{more}"


@pytest.mark.parametrize(
    ("content", "name", "stored", "media_type"),
    [
        (PDF, "licence.pdf", "licence.pdf", "application/pdf"),
        (PNG, "scan.exe", "scan.png", "image/png"),
        (JPEG, "../../etc/photo.png", "photo.jpg", "image/jpeg"),
    ],
)
def test_a_file_is_what_its_bytes_say(
    desk: Any, content: bytes, name: str, stored: str, media_type: str
) -> None:
    assert upload(desk, content, name).status_code == 302
    document = only()
    assert (document.name, document.media_type) == (stored, media_type)
    answer = desk.http["owner"].get(at(document))
    assert (answer.content, answer.headers["Content-Type"]) == (content, media_type)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("…\u202e fdp.\r\nexe", "… fdp.pdf"),  # written from right to left it would look like another one
        ("C:\\scans\\licence.PDF", "licence.pdf"),
        ("...", "document.pdf"),
        ("n" * 300, "n" * 100 + ".pdf"),
    ],
)
def test_a_name_is_made_harmless(desk: Any, name: str, stored: str) -> None:
    made = add_document(partner_id=desk.bank.id, kind="other", name=name, content=PDF, actor=desk.owner)
    assert made.name == stored


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"MZ\x90\x00 a program", "This is not a PDF, PNG or JPEG file, whatever its name says."),
        (b"<html><script>alert(1)</script>", "This is not a PDF, PNG or JPEG file"),
        (b" %PDF-1.7 with a blank before it", "This is not a PDF, PNG or JPEG file"),
        (b"", "The submitted file is empty."),
    ],
)
def test_another_type_is_refused_with_a_sentence(desk: Any, content: bytes, sentence: str) -> None:
    answer = upload(desk, content)
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert kept() == []


def test_ten_megabytes_are_taken_and_a_byte_more_is_not(desk: Any) -> None:
    assert upload(desk, PDF.ljust(LARGEST, b"\0")).status_code == 302
    answer = upload(desk, PDF.ljust(LARGEST + 1, b"\0"))
    assert answer.status_code == 422
    assert "The file is larger than 10 MB." in text_of(answer)
    assert len(kept()) == 1


class Endless(io.RawIOBase):
    """A body of a form with a file that goes on and on; it counts what was asked of it."""

    def __init__(self, length: int) -> None:
        self.left, self.largest_read = length, 0
        start = (
            "--x\r\nContent-Disposition: form-data; name=kind\r\n\r\nlicence\r\n"
            '--x\r\nContent-Disposition: form-data; name=file; filename="a.pdf"\r\n\r\n%PDF-1.7'
        )
        self._head = io.BytesIO(start.encode())

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        self.largest_read = max(self.largest_read, size)
        found = self._head.read(size) or bytes(size)
        self.left -= len(found)
        return found


def send(desk: Any, page: str, body: Endless) -> Any:
    form = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": str(body.left)}
    return desk.http["owner"].generic("POST", page, **form, **{"wsgi.input": body})


def test_a_hundred_megabytes_are_never_kept(desk: Any) -> None:
    body = Endless(100 * 1024 * 1024)
    answer = send(desk, PAGE, body)
    assert answer.status_code == 422
    assert "The file is larger than 10 MB." in text_of(answer)
    assert '<option value="licence" selected>' in answer.content.decode()
    assert body.largest_read < 1024 * 1024
    assert kept() == []


def test_a_file_is_not_even_read_on_other_pages(desk: Any) -> None:
    body = Endless(50 * 1024 * 1024)
    answer = send(desk, f"{HOME}/profile", body)
    assert (answer.status_code, answer.wsgi_request.POST["kind"]) == (422, "licence")
    assert body.left > 49 * 1024 * 1024
    with_file = {**PROFILE, "extra": SimpleUploadedFile("x.pdf", PDF)}
    assert desk.http["owner"].post(f"{HOME}/profile", with_file).status_code == 302


def test_it_is_sealed_and_gone_with_the_key(desk: Any) -> None:
    upload(desk, PDF)
    with as_system(), connection.cursor() as cursor:
        cursor.execute("SELECT sealed FROM partners_verificationdocument")
        assert b"%PDF" not in bytes(cursor.fetchone()[0])
        destroy_keys_of(partner_id=desk.bank.id)
    assert desk.http["owner"].get(at(only())).status_code == 404


def test_only_the_bank_and_the_staff_of_the_case_open_it(case: Any) -> None:
    document = only()
    assert case.http["colleague"].get(at(document)).status_code == 200
    assert case.http["analyst"].get(at(document)).status_code == 403
    for who in ("first", "second"):
        answer = case.http[who].get(at(document, f"{CASE}/documents"))
        assert (answer.status_code, "take the case first" in answer.content.decode()) == (403, True)
    assert case.http["auditor"].get(at(document, f"{CASE}/documents")).status_code == 403
    take_case(partner_id=case.bank.id, actor=case.first)
    assert case.http["first"].get(at(document, f"{CASE}/documents")).status_code == 200
    assert case.http["second"].get(at(document, f"{CASE}/documents")).status_code == 403
    with as_system():
        opened = AuditEvent.objects.filter(code="document.opened").order_by("id")
        assert [one.actor_kind for one in opened] == ["member", "staff"]


def test_what_was_handed_in_stays_with_it_and_the_rest_goes(desk: Any) -> None:
    upload(desk, PDF)
    assert desk.http["owner"].post(at(only(), PAGE, "/remove")).status_code == 302
    assert kept() == []


def test_a_document_cannot_be_taken_back_while_it_is_reviewed(case: Any) -> None:
    document = only()
    answer = case.http["owner"].post(at(document, PAGE, "/remove"), follow=True)
    assert "is frozen while it is reviewed" in text_of(answer)
    assert only().removed_at is None
    assert state(case)[2].content["documents"][0]["sha256"] == document.sha256


def test_there_is_an_end_to_them(desk: Any) -> None:
    for number in range(20):
        add_document(
            partner_id=desk.bank.id, kind="other", name=f"{number}.pdf", content=PDF, actor=desk.owner
        )
    assert "There are 20 documents already" in text_of(upload(desk, PDF))
