"""A log line is JSON with the request's id, and says what broke without saying whose data it was."""

import json
import re

from django.conf import settings
from django.urls import reverse

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


def test_the_proxy_logs_no_address_that_opens_something() -> None:
    conf = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text()
    (pattern,) = re.findall(r'"~(\^.+)" "\$\{cut\}-";', conf)
    cut = re.compile(pattern.replace("?<cut>", "?P<cut>"))
    opening = [
        reverse(name, args=["SECRET"])
        for name in (
            "erased",
            "erased-pdf",
            "invitation",
            "invitation-by-bank",
            "bank-invitation",
            "bank-invitation-decline",
            "authorize",
        )
    ]
    opening.append(reverse("account_reset_password_from_key", args=["1", "SECRET"]))
    for path in opening:
        found = cut.match(path)
        assert found, path
        assert "SECRET" not in found["cut"], path
    assert not cut.match("/me/grants/grt_1")
    servers = conf.split("\nserver {")[1:]
    assert all("access_log /var/log/nginx/parley.log parley;" in one for one in servers)
    assert "$request_uri" not in conf.partition("log_format")[2].partition(";")[0]
