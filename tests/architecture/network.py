"""No network inside a transaction: a lock would be held for as long as somebody else takes to answer."""

import ast
from collections.abc import Iterator

from .source import Module, dotted

# What goes out to the network, by the last or the first parts of its name.
LEAVES = {
    "courier",
    "urlopen",
    "send_mail",
    "apply_async",
    "delay",
    "send_task",
    "getaddrinfo",
    "create_connection",
}
PREFIXES = (
    "requests.",
    "urllib.request.",
    "httpx.",
    "aiohttp.ClientSession",
    "smtplib.",
    "redis.",
    "valkey.call",
)
Place = tuple[str, str]  # a module and a function's name in it


class Program:
    """Who calls whom, as far as names tell."""

    def __init__(self, modules: list[Module]) -> None:
        self.modules = {module.name: module for module in modules}
        self.functions = {
            (name, node.name): node
            for name, module in self.modules.items()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        self.imports = {name: dict(_imports(module.tree)) for name, module in self.modules.items()}

    def faults(self) -> Iterator[str]:
        """`path:line` of each transaction, with the way from it to the network."""
        for name, module in self.modules.items():
            for node in ast.walk(module.tree):
                if _is_atomic(node) and (way := self._way_out(name, node, frozenset())):
                    yield f"{module.path}:{node.lineno} {' > '.join(way)}"

    def _way_out(self, module: str, node: ast.AST, seen: frozenset[Place]) -> list[str]:
        for call in _run_now(node):
            name = dotted(call.func)
            full = self._full_name(module, name)
            if name.rpartition(".")[2] in LEAVES or full.startswith(PREFIXES):
                return [name]
            place = self._place(module, name, full)
            if place in self.functions and place not in seen:
                way = self._way_out(place[0], self.functions[place], seen | {place})
                if way:
                    return [name, *way]
        return []

    def _full_name(self, module: str, name: str) -> str:
        first, dot, rest = name.partition(".")
        return self.imports[module].get(first, first) + dot + rest

    def _place(self, module: str, name: str, full: str) -> Place:
        first, _, rest = name.partition(".")
        if first in ("self", "cls") and rest:
            return module, rest.rpartition(".")[2]
        owner, _, function = full.rpartition(".")
        return owner or module, function


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((one.asname or one.name, f"{node.module}.{one.name}") for one in node.names)
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names)


def _is_atomic(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef):
        marks = node.decorator_list
    else:
        marks = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
    names = (dotted(mark.func if isinstance(mark, ast.Call) else mark) for mark in marks)
    return any(name in ("transaction.atomic", "atomic") for name in names)


def _run_now(node: ast.AST) -> Iterator[ast.Call]:
    """The calls below a node, but for those that a lambda or an inner function puts off (`on_commit`)."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _run_now(child)
