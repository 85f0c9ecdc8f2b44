"""House rules. Each takes a module and yields (line, sentence) for what breaks it."""

import ast
import re
from collections.abc import Callable, Iterator

from .source import Module, calls, dotted, texts

Fault = tuple[int, str]
Rule = Callable[[Module], Iterator[Fault]]

WRITERS = ("update", "create", "get_or_create", "update_or_create", "aupdate", "acreate")
NO_STATE = {"portal/api/idempotency.py"}  # its status is an answer's, of HTTP
SQL_STATUS = re.compile(r"\bUPDATE\b.*\bSET\b.*?\bstatus\s*=", re.DOTALL)
SESSION_WIDE = re.compile(
    r"set_config\((?:[^()]|\([^()]*\))*,\s*false\s*\)|\bSET\s+(?:SESSION|ROLE|app\.)|\bSET\s+SESSION AUTHORIZATION"
)
TASK_MAY_TAKE = {"lane"}  # beside ids
LOGGERS = re.compile(
    r"_?log(ger)?\.(debug|info|warning|error|exception|critical)|structlog.*bind\w*contextvars"
)
# Nothing else may stand in a log line: no names, addresses, references, amounts or texts.
LOG_KEYS = {
    "attempts", "client", "code", "count", "delivery", "error", "event_id", "exc_info", "given_up", "grant", "kind", "lane", "mail",
    "request_id", "sender",
}  # fmt: skip


def status_is_written_in_actions(module: Module) -> Iterator[Fault]:
    """A model's method may set its own; everything else belongs into an action."""
    if "/actions/" in module.path or module.path.endswith("/actions.py") or module.path in NO_STATE:
        return
    for node in ast.walk(module.tree):
        is_set = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if is_set and node.attr == "status" and dotted(node) != "self.status":
            yield node.lineno, "sets a status"
    yield from ((line, "updates a status") for text, line in texts(module.tree) if SQL_STATUS.search(text))
    for name, call in calls(module.tree):
        given = {keyword.arg for keyword in call.keywords}
        if name.rpartition(".")[2] in WRITERS and "status" in given:
            yield call.lineno, "writes a status"
        if name == "setattr" and ast.unparse(call.args[1]) == "'status'":
            yield call.lineno, "sets a status"


def tasks_take_ids(module: Module) -> Iterator[Fault]:
    """What a task needs it reads; a message in a broker holds no content."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.FunctionDef) or not any(map(_makes_a_task, node.decorator_list)):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        for argument in arguments:
            is_id = argument.arg.endswith(("_id", "_ids")) or argument.arg in TASK_MAY_TAKE
            kind = ast.unparse(argument.annotation) if argument.annotation else "nothing"
            if not is_id or kind not in ("int", "str", "UUID", "list[int]", "list[str]"):
                yield node.lineno, f"{node.name} takes {argument.arg}, which is no id"
        if node.args.vararg or node.args.kwarg:
            yield node.lineno, f"{node.name} takes anything"


def _makes_a_task(decorator: ast.expr) -> bool:
    name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return name.rpartition(".")[2] in ("shared_task", "task")


def nothing_is_printed(module: Module) -> Iterator[Fault]:
    """The demo talks to a terminal; everything else has the log."""
    if module.path.startswith("portal/demo/"):
        return
    for name, call in calls(module.tree):
        if name in ("print", "pprint", "breakpoint", "sys.stdout.write", "sys.stderr.write"):
            yield call.lineno, f"calls {name}"


def logs_hold_no_personal_data(module: Module) -> Iterator[Fault]:
    """The event is a fixed word, and each key stands on the list."""
    for name, call in calls(module.tree):
        if not LOGGERS.fullmatch(name.rpartition("self.")[2]):
            continue
        for argument in call.args:
            if not isinstance(argument, ast.Constant):
                yield call.lineno, f"logs {ast.unparse(argument)}, which is no fixed word"
        for keyword in call.keywords:
            if keyword.arg not in LOG_KEYS:
                yield call.lineno, f"logs {keyword.arg or '**'}, which is not on the list of keys"


def settings_end_with_the_transaction(module: Module) -> Iterator[Fault]:
    """A role or a tenant set for a session would survive into the connection's next user."""
    for text, line in texts(module.tree):
        if SESSION_WIDE.search(text):
            yield line, "sets something for the whole session"


RULES: tuple[Rule, ...] = (
    status_is_written_in_actions,
    tasks_take_ids,
    nothing_is_printed,
    logs_hold_no_personal_data,
    settings_end_with_the_transaction,
)
