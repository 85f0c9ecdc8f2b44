"""The signed copy: text, hash and signatures, the same bytes each time, to be checked without us."""

import hashlib
import re
import zlib
from typing import Any

from .conftest import agreed, at_member, at_staff, offered


def streams(content: bytes) -> list[bytes]:
    """What the file holds, unpacked."""
    found = []
    for raw in re.findall(rb"stream\n(.*?)\nendstream", content, re.DOTALL):
        try:
            found.append(zlib.decompress(raw))
        except zlib.error:
            found.append(raw)
    return found


def test_the_attached_text_has_the_hash_that_both_signed(desk: Any) -> None:
    one = agreed(desk)
    answer = desk.owner.get(at_member(one, "/pdf"))
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'attachment; filename="AGR-NORDEN-v2.pdf"'
    assert answer.content.startswith(b"%PDF-")
    digests = [hashlib.sha256(stream).hexdigest() for stream in streams(answer.content)]
    assert one.text_sha256 in digests


def test_it_is_the_same_file_for_both_sides_and_each_time(desk: Any) -> None:
    one = agreed(desk)
    files = [desk.owner.get(at_member(one, "/pdf")), desk.first.get(at_staff(one, "/pdf"))]
    files.append(desk.owner.get(at_member(one, "/pdf")))
    assert len({file.content for file in files}) == 1


def test_signatures_make_another_file(desk: Any) -> None:
    one = offered(desk)
    before = desk.owner.get(at_member(one, "/pdf")).content
    desk.owner.prove()
    desk.owner.sign(at_member(one, "/sign"), one)
    assert desk.owner.get(at_member(one, "/pdf")).content != before
