"""Our own code as syntax trees, read once."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("portal", "partners", "consents", "notifications")


@dataclass(frozen=True)
class Module:
    """`path` from the project's root; `name` as it is imported."""

    path: str
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def parse(text: str, path: str = "example.py") -> Module:
    """A module made up for a test."""
    return Module(path, text, ast.parse(text))


@cache
def modules() -> tuple[Module, ...]:
    """All of the product but its migrations and the sandbox, which stands for other people's systems."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    names = [path.relative_to(ROOT).as_posix() for path in paths if "migrations" not in path.parts]
    kept = [name for name in names if not name.startswith("portal/sandbox/")]
    return tuple(parse((ROOT / name).read_text(), name) for name in kept)


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the dotted name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def texts(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each string and its line; what an f-string fills in reads as {}."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield "".join(map(str, parts)), node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def dotted(node: ast.AST) -> str:
    """`a.b.c`; what is not a name counts as "?"."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"
