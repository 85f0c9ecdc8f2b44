"""Moments in words, where there is no markup to hold the exact time: receipts, certificates, e-mail."""

from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format


def exact(moment: datetime) -> str:
    """To the second, in UTC, in the reader's language."""
    found = timezone.localtime(moment)
    return f"{date_format(found, 'DATE_FORMAT')}, {found:%H:%M:%S} UTC"
