"""Codes that are stored or promised: each is used, each is known, each is explained."""

import ast
import re

from consents.policy import HELD, VERDICT
from portal.api.errors import _KINDS
from portal.api.problems import PROBLEMS
from portal.audit.codes import Code

from .source import calls, dotted, modules

# The main problem codes and their statuses, as the public contract has them.
CONTRACT = {
    "invalid_request": 400, "invalid_token": 401, "insufficient_scope": 403, "no_active_grant": 403,
    "grant_paused": 403, "reconfirmation_due": 403, "account_not_in_grant": 403, "partner_suspended": 403,
    "agreement_not_in_force": 403, "template_not_approved": 422, "invalid_data": 422, "full_account_number": 422,
    "payload_too_large": 413, "rate_limited": 429, "not_found": 404, "method_not_allowed": 405,
    "unsupported_media_type": 415, "idempotency_key_reused": 409, "too_late_to_cancel": 409,
}  # fmt: skip
RECORDERS = ("record", "_record", "record_grant")


def test_every_audit_code_is_recorded_somewhere() -> None:
    recorded = set()
    for module in modules():
        for name, call in calls(module.tree):
            if name.rpartition(".")[2] in RECORDERS and call.args:
                recorded.add(dotted(call.args[0]))
        # The one statement that accepts a notification writes its event itself.
        if "INSERT INTO audit_auditevent" in module.text:
            recorded |= {f"Code.{name}" for name in re.findall(r"Code\.(\w+)\.value", module.text)}
    assert {f"Code.{code.name}" for code in Code} - recorded == set()
    assert {name for name in recorded if name.startswith("Code.")} == {f"Code.{code.name}" for code in Code}


def test_audit_codes_are_a_noun_and_what_was_done() -> None:
    assert [code for code in Code if not re.fullmatch(r"[a-z_]+\.[a-z_]+(ed|en)", code.value)] == []


def test_every_problem_that_is_raised_is_known() -> None:
    raised = {
        argument.value: f"{module.path}:{call.lineno}"
        for module in modules()
        for name, call in calls(module.tree)
        if name.rpartition(".")[2] == "Problem"
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant)
    }
    assert len(raised) >= 10
    assert {code: place for code, place in raised.items() if code not in PROBLEMS} == {}
    assert {code for _, code in _KINDS} <= set(PROBLEMS)


def test_every_verdict_has_a_problem_or_is_a_reason_of_the_queue_alone() -> None:
    verdicts = set(re.findall(r"THEN '(\w+)'", VERDICT))
    assert verdicts - set(PROBLEMS) == {"partner_ended", "unreachable", "outside_agreement"}
    assert set(HELD) <= verdicts


def test_every_problem_of_the_contract_keeps_its_status() -> None:
    assert {code: PROBLEMS[code].status for code in CONTRACT if code in PROBLEMS} == CONTRACT


def test_every_problem_is_explained() -> None:
    """Its page is made from these words."""
    assert [
        code for code, kind in PROBLEMS.items() if len(kind.title) < 8 or len(kind.explanation) < 20
    ] == []
    assert [code for code in PROBLEMS if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
