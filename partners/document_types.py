"""What a document is, told by its first bytes: a name or a browser may say anything."""

LARGEST = 10 * 1024 * 1024  # bytes
_SIGNS = {
    b"%PDF-": "application/pdf",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
}
ENDINGS = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg"}


def media_type_of(content: bytes) -> str:
    """PDF, PNG or JPEG; "" for everything else."""
    return next((kind for sign, kind in _SIGNS.items() if content.startswith(sign)), "")


def document_problem(content: bytes) -> str:
    """A sentence that says why it cannot be taken; "" when it can."""
    if len(content) > LARGEST:
        return "The file is larger than 10 MB. Make it smaller, or send it in parts."
    if not content:
        return "The file is empty."
    if not media_type_of(content):
        return "This is not a PDF, PNG or JPEG file, whatever its name says."
    return ""
