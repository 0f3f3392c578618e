"""Single runs of web answers, ratios between candidates round by round, and their text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.bench.report import Spread, spread
from tests.bench.service.client import Answered


@dataclass(frozen=True, slots=True)
class Measured:
    """What `candidate` answered to `clients` who asked for `what` in one round."""

    candidate: str
    what: str
    clients: int
    round: int
    answered: Answered


def per_second(answered: Answered) -> float:
    """Answers a second."""
    return answered.per_second


def p50_ms(answered: Answered) -> float:
    """Milliseconds of the middle answer."""
    return answered.p50_ms


def p95_ms(answered: Answered) -> float:
    """Milliseconds that 95 of 100 answers take at most."""
    return answered.p95_ms


Value = Callable[[Answered], float]


def values(runs: Sequence[Measured], candidate: str, what: str, clients: int, value: Value) -> dict[int, float]:
    """By round."""
    return {
        run.round: value(run.answered)
        for run in runs
        if (run.candidate, run.what, run.clients) == (candidate, what, clients)
    }


def ratio(runs: Sequence[Measured], over: str, under: str, what: str, clients: int, value: Value) -> Spread:
    """What `over` has over what `under` has, round by round, so that a slow minute of the machine strikes both."""
    above, below = values(runs, over, what, clients, value), values(runs, under, what, clients, value)
    return spread(above[number] / below[number] for number in above if number in below)


def text(runs: Sequence[Measured]) -> str:
    """One line for each of what was asked for, candidate and number of clients."""
    lines = [f"  {'':28} {'clients':>7} {'candidate':12} {'answers/s':>24} {'p50 ms':>24} {'p95 ms':>24} {'MB/s':>7}"]
    for what, clients, candidate in dict.fromkeys((run.what, run.clients, run.candidate) for run in runs):
        own = [run.answered for run in runs if (run.what, run.clients, run.candidate) == (what, clients, candidate)]
        spreads = [f"{spread(value(one) for one in own)!s:>24}" for value in (per_second, p50_ms, p95_ms)]
        bandwidth = spread(one.bytes_per_second for one in own).median / 1e6
        lines.append(f"  {what:28} {clients:7} {candidate:12} {' '.join(spreads)} {bandwidth:7.0f}")
    return "\n".join(lines)
