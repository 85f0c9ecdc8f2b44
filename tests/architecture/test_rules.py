"""House rules that a machine can check, each with a line that keeps it and lines that break it."""

import pytest

from .network import Program
from .rules import (
    RULES,
    Rule,
    logs_hold_no_personal_data,
    nothing_is_printed,
    settings_end_with_the_transaction,
    status_is_written_in_actions,
    tasks_take_ids,
)
from .source import modules, parse

EXAMPLES: list[tuple[Rule, list[str], list[str]]] = [
    (
        status_is_written_in_actions,
        [
            "self.status = 1",
            "grants.filter(status='x')",
            "HttpResponse(status=200)",
            "q = 'SELECT status = 1'",
        ],
        [
            "grant.status = 1",
            "one, grant.status = 1, 2",
            "grant.status: int = 1",
            "grants.update(status='x')",
            "Grant.objects.create(status='x')",
            "setattr(grant, 'status', 1)",
            "q = 'UPDATE g SET a = 1, status = 2'",
        ],
    ),
    (
        tasks_take_ids,
        [
            "@shared_task\ndef f(lane: str, grant_id: int): ...",
            "def f(text: str): ...",
            "@app.task\ndef f(): ...",
        ],
        [
            "@shared_task\ndef f(text: str): ...",
            "@shared_task(acks_late=True)\ndef f(grant_id: Grant): ...",
            "@shared_task\ndef f(grant_id): ...",
            "@app.task\ndef f(**more): ...",
        ],
    ),
    (
        nothing_is_printed,
        ["log.info('x')", "printed()"],
        ["print(1)", "sys.stdout.write('x')", "breakpoint()"],
    ),
    (
        logs_hold_no_personal_data,
        ["log.info('sent', lane=lane)", "catalog.info(name)", "self._log.error('x', exc_info=e)"],
        [
            "log.info(f'to {name}')",
            "log.info('sent', email=e)",
            "_log.error('x', **data)",
            "logger.debug('%s', name)",
        ],
    ),
    (
        settings_end_with_the_transaction,
        ["q = \"set_config('role', 'x', true)\"", "q = 'UPDATE g SET role = 1'", "q = 'SET LOCAL ROLE x'"],
        [
            "q = \"SELECT set_config('app.partner', '1', false)\"",
            "q = f\"set_config('role', {x}, false)\"",
            "q = 'SET ROLE parley_worker'",
            "q = 'SET app.partner = 1'",
            "q = 'SET SESSION statement_timeout = 1'",
        ],
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps(rule: Rule) -> None:
    broken = [f"{module.path}:{line} {why}" for module in modules() for line, why in rule(module)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(("rule", "good", "bad"), EXAMPLES, ids=lambda value: getattr(value, "__name__", ""))
def test_the_rule_tells_good_from_bad(rule: Rule, good: list[str], bad: list[str]) -> None:
    assert [line for line in good if list(rule(parse(line)))] == []
    assert [line for line in bad if not list(rule(parse(line)))] == []


def test_every_rule_has_examples() -> None:
    assert {rule for rule, _, _ in EXAMPLES} == set(RULES)


def test_no_network_inside_a_transaction() -> None:
    program = Program(list(modules()))
    assert len([node for node in program.functions if node[1] == "write_results"]) == 1
    assert not (broken := list(program.faults())), "\n".join(broken)


SENDING = "from notifications.courier import courier\ndef send(): courier().run(1)\n"


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("@transaction.atomic\ndef act(): save()", []),
        ("@transaction.atomic\ndef act():\n    transaction.on_commit(lambda: nudge())\ndef nudge(): t.delay()", []),
        ("def act():\n    with transaction.atomic(): save()\n    courier().run(1)", []),
        ("@transaction.atomic\ndef act(): courier().run(1)", ["courier"]),
        ("@transaction.atomic\ndef act(): inner()\ndef inner(): task.delay(1)", ["inner > task.delay"]),
        ("import redis\ndef act():\n    with scope(x), transaction.atomic():\n        redis.Redis()", ["redis.Redis"]),
        ("from other import send\n@transaction.atomic\ndef act(): send()", ["send > courier"]),
        ("import other\n@transaction.atomic\ndef act(): other.send()", ["other.send > courier"]),
        ("class A:\n    @transaction.atomic\n    def act(self): self.go()\n    def go(self): urlopen(1)", ["self.go > urlopen"]),
    ],
)  # fmt: skip
def test_the_way_to_the_network_is_found(text: str, ways: list[str]) -> None:
    found = Program([parse(text), parse(SENDING, "other.py")]).faults()
    assert [fault.partition(" ")[2] for fault in found] == ways
