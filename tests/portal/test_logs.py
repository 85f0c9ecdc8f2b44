"""A log line is JSON with the request's id, and says what broke without saying whose data it was."""

import json

from tests.settings.production import run

FAIL = """
import logging, django
django.setup()
import structlog
structlog.contextvars.bind_contextvars(request_id="req-12345678")
try:
    raise RuntimeError("duplicate key\\nDETAIL:  Key (email)=(ana@people.example) already exists.\\nthe end")
except RuntimeError:
    logging.getLogger("django.request").exception("Internal Server Error")
structlog.get_logger("portal").warning("nudge_failed", lane="urgent")
logging.getLogger("django.request").warning("Not Found: /me/")
"""


def test_lines_are_json_with_the_request_id_and_without_a_rows_values():
    done = run("-c", FAIL, DJANGO_SETTINGS_MODULE="portal.settings")

    failed, warned = (json.loads(line) for line in done.stderr.splitlines())
    assert failed["event"] == "Internal Server Error"
    assert failed["request_id"] == warned["request_id"] == "req-12345678"
    assert "RuntimeError: duplicate key\nDETAIL: left out\nthe end" in failed["exception"]
    assert (warned["event"], warned["level"], warned["lane"]) == ("nudge_failed", "warning", "urgent")
