"""Contestants in turn, round after round: on a shared machine only figures of the same minute compare."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from bench.stage import Stage


@dataclass(frozen=True)
class Row:
    """One line of the result."""

    what: str
    value: str
    against: str = ""
    target: str = ""


def play(rounds: int, contestants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each contestant's figure of each round; who begins changes with the round."""
    names = list(contestants)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(contestants[name]())
        told = ", ".join(f"{name} {found[name][-1]:,.0f}/s" for name in names)
        print(f"  round {number + 1} of {rounds}: {told}", flush=True)
    return found


def rate(values: list[float]) -> str:
    """The median and the range."""
    return f"{median(values):,.0f}/s ({min(values):,.0f} to {max(values):,.0f})"


def ratio(values: list[float], baseline: list[float]) -> float:
    """The median of the rounds' own ratios."""
    return median(one / other for one, other in zip(values, baseline, strict=True))


class Costs:
    """Processor milliseconds a message, by part, over all the rounds of one contestant."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seconds: dict[str, float] = {}
        self.messages = 0

    def __enter__(self) -> "Costs":
        self._before = self.stage.cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        for part, seconds in (self.stage.cpu_seconds() - self._before).items():
            self.seconds[part] = self.seconds.get(part, 0.0) + seconds

    @property
    def served(self) -> float:
        """All of it but the driver's own."""
        used = sum(seconds for part, seconds in self.seconds.items() if part != "driver")
        return 1000 * used / self.messages

    def __str__(self) -> str:
        parts = sorted(self.seconds.items(), key=lambda item: -item[1])
        shown = [f"{part} {1000 * seconds / self.messages:.2f}" for part, seconds in parts]
        return ", ".join(one for one in shown if not one.endswith(" 0.00"))


def show(title: str, rows: list[Row], notes: list[str]) -> None:
    """Prints a section as docs/performance.md has it."""
    print(f"\n### {title}\n\n| what | measured | against its baseline | target |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.value} | {row.against} | {row.target} |")
    print("".join(f"\n{note}\n" for note in notes), flush=True)
