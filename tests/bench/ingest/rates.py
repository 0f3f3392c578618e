"""Single runs of C-STORE, the ratios between candidates, and the goals they are held to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.ingest.load import Timed
from tests.bench.report import Spread, Verdict, spread

Value = Callable[["Measured"], float]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one candidate. Times in milliseconds; `cpu_ms` is the server's, an instance."""

    candidate: str
    associations: int
    round: int
    per_second: float
    p50_ms: float
    p95_ms: float
    cpu_ms: float


def measured(candidate: str, associations: int, number: int, timed: Timed) -> Measured:
    """What a run of round `number` comes to."""
    latencies = timed.latencies_s
    return Measured(
        candidate,
        associations,
        number,
        timed.per_second,
        1e3 * statistics.median(latencies),
        1e3 * (statistics.quantiles(latencies, n=20)[-1] if len(latencies) > 1 else latencies[0]),
        1e3 * timed.server_cpu_s / len(latencies),
    )


def per_second(run: Measured) -> float:
    """Instances a second."""
    return run.per_second


def cpu_ms(run: Measured) -> float:
    """The server's processor milliseconds an instance."""
    return run.cpu_ms


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that is aimed at: `ours` over `against` by `value`; where less is better the other way round."""

    id: str
    what: str
    associations: int
    against: str
    floor: float
    goal: float
    value: Value = per_second
    less_is_better: bool = False
    limit: str = ""
    """Who shows what the machine gives, where the floor is bounded by it."""


def ratios(runs: Sequence[Measured], ours: str, theirs: str, associations: int, value: Value) -> Spread | None:
    """Ours over theirs, round by round, so that a slow minute of the machine strikes both. None without both."""
    by_round: dict[tuple[str, int], float] = {
        (run.candidate, run.round): value(run) for run in runs if run.associations == associations
    }
    found = [
        by_round[ours, number] / by_round[theirs, number]
        for candidate, number in by_round
        if candidate == ours and by_round.get((theirs, number))
    ]
    return spread(found) if found else None


NODE: Final = "suret"


def verdicts(goals: Sequence[Goal], runs: Sequence[Measured]) -> list[Verdict]:
    """Every goal for which both sides were measured."""
    judged = []
    for goal in goals:
        ratio = _ratio(goal, NODE, runs)
        if ratio is None:
            continue
        limit = _ratio(goal, goal.limit, runs) if goal.limit else None
        what = f"{goal.what}, {goal.associations} assoc."
        judged.append(Verdict(goal.id, what, ratio, goal.floor, goal.goal, limit.median if limit else None))
    return judged


def _ratio(goal: Goal, name: str, runs: Sequence[Measured]) -> Spread | None:
    """What `name` reaches of a goal."""
    pair = (goal.against, name) if goal.less_is_better else (name, goal.against)
    return ratios(runs, *pair, goal.associations, goal.value)


def rates_text(what: str, runs: Sequence[Measured], associations: int) -> str:
    """One line a candidate."""
    lines = [
        f"C-STORE of {what}, associations: {associations} (least – median – most of the rounds)",
        f"  {'candidate':16} {'instances/s':>24} {'p50 ms':>8} {'p95 ms':>8} {'CPU ms':>8}  suret / candidate",
    ]
    for name in dict.fromkeys(run.candidate for run in runs):
        own = [run for run in runs if run.candidate == name and run.associations == associations]
        if not own:
            continue
        rate = spread(run.per_second for run in own)
        p50, p95, cpu = (
            statistics.median(value)
            for value in ([run.p50_ms for run in own], [run.p95_ms for run in own], [run.cpu_ms for run in own])
        )
        ratio = ratios(runs, NODE, name, associations, per_second) if name != NODE else None
        lines.append(f"  {name:16} {rate!s:>24} {p50:8.2f} {p95:8.2f} {cpu:8.2f}  {ratio or ''}".rstrip())
    return "\n".join(lines)
