"""Takes a file only where one is asked for, and no more of it than a document may have; the rest is never kept."""

import re
from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload

from partners.document_types import LARGEST

_PAGES = re.compile(r"/partners/[^/]+/verification/documents")
_AROUND = 65_536  # bytes of a form beside its file


class DocumentUploadHandler(FileUploadHandler):
    """Sets `request.is_upload_too_large` where a body says that it is, or its file turns out to be."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """The length that the body claims is judged before a byte of the file is read."""
        self._is_too_large = content_length > LARGEST + _AROUND

    def new_file(self, *args: Any, **named: Any) -> None:
        """Elsewhere the connection ends here. What is too large is read to its end, so that the browser listens."""
        super().new_file(*args, **named)
        if self.request is None or not _PAGES.fullmatch(self.request.path):
            raise StopUpload(connection_reset=True)
        if self._is_too_large:
            self._refuse()
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Counted as it comes: the claimed length may be a lie."""
        if start + len(raw_data) > LARGEST:
            self._refuse()
        self._kept.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        """In memory: it is sealed in a moment, and touches no disk in the open."""
        self._kept.seek(0)
        return InMemoryUploadedFile(
            self._kept, self.field_name, self.file_name, self.content_type, file_size, self.charset
        )

    def _refuse(self) -> None:
        self.request.is_upload_too_large = True  # type: ignore[union-attr]
        raise SkipFile
