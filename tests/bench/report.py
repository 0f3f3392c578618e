"""From single runs to ratios, goals and text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.trace import FILE_SYNC, FOLDER_SYNC

NODE, DEFAULT, FASTEST, STORESCP, DURABLE, SINK = (
    "suret",
    "orthanc",
    "orthanc-fastest",
    "storescp",
    "durable-sink",
    "sink",
)
SHARE_OF_LIMIT: Final = 0.8


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


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of several rounds."""

    least: float
    median: float
    most: float

    def __str__(self) -> str:
        return f"{_short(self.least)} – {_short(self.median)} – {_short(self.most)}"


def spread(values: Iterable[float]) -> Spread:
    """The spread of at least one value."""
    listed = sorted(values)
    return Spread(listed[0], statistics.median(listed), listed[-1])


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that is aimed at: `ours` over `theirs` by `value`; where less is better the other way round."""

    id: str
    what: str
    associations: int
    against: str
    floor: float
    goal: float
    value: Callable[[Measured], float]
    less_is_better: bool = False
    bounded: bool = True  # by the durable sink


GOALS: Final = (
    Goal("G1", "durable CT against Orthanc default", 1, DEFAULT, 3.0, 5.0, lambda run: run.per_second),
    Goal("G2", "durable CT against Orthanc default", 4, DEFAULT, 2.5, 5.0, lambda run: run.per_second),
    Goal("G5", "durable and indexed, against storescp (neither)", 1, STORESCP, 0.4, 0.8, lambda run: run.per_second),
    Goal("G5", "durable and indexed, against storescp (neither)", 4, STORESCP, 0.4, 0.8, lambda run: run.per_second),
    Goal("G7", "Orthanc's CPU an instance over ours", 1, DEFAULT, 4.0, 8.0, lambda run: run.cpu_ms, True, False),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a goal. `floor` is the one that counts: at most 80 % of what the durable sink reaches."""

    goal: Goal
    ratio: Spread
    limit: float | None
    floor: float

    @property
    def words(self) -> str:
        """In words."""
        if self.ratio.median >= self.goal.goal:
            return "goal reached"
        return "above the floor" if self.ratio.median >= self.floor else "UNDER THE FLOOR"


def ratios(
    runs: Sequence[Measured], ours: str, theirs: str, associations: int, value: Callable[[Measured], float]
) -> Spread | None:
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


def verdicts(runs: Sequence[Measured]) -> list[Verdict]:
    """Every goal for which both sides were measured."""
    judged = []
    for goal in GOALS:
        pair = (goal.against, NODE) if goal.less_is_better else (NODE, goal.against)
        ratio = ratios(runs, *pair, goal.associations, goal.value)
        if ratio is None:
            continue
        limit = ratios(runs, DURABLE, goal.against, goal.associations, goal.value) if goal.bounded else None
        bound = limit.median if limit else None
        floor = goal.floor if bound is None or goal.floor <= bound else SHARE_OF_LIMIT * bound
        judged.append(Verdict(goal, ratio, bound, floor))
    return judged


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an instance: mean milliseconds, and of them on the processor."""

    name: str
    ms: float
    cpu_ms: float


def breakdown(record: dict[str, Any], first: int, last: int) -> tuple[list[Part], list[Part]]:
    """The parts of the instances `first` to `last` of a record of tests.bench.trace, and those of other threads.

    Means, because they add up; medians do not.
    """
    instances = record["instances"][first:last]
    parts = [(name, *taken) for times in instances for name, taken in times.items()]
    beside = [(name, wall, cpu) for done, name, wall, cpu in record["beside"] if first <= done < last]
    return _means(parts, len(instances)), _means(beside, len(instances))


def _means(taken: Iterable[tuple[str, float, float]], count: int) -> list[Part]:
    sums: dict[str, tuple[float, float]] = {}
    for name, wall, cpu in taken:
        before = sums.get(name, (0.0, 0.0))
        sums[name] = (before[0] + wall, before[1] + cpu)
    return [Part(name, 1e3 * wall / count, 1e3 * cpu / count) for name, (wall, cpu) in sums.items()]


# Text ----------------------------------------------------------------------------------------------------------


def rates_text(runs: Sequence[Measured], associations: int) -> str:
    """One line a candidate."""
    lines = [
        f"C-STORE of CT slices, associations: {associations} (least – median – most of the rounds)",
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
        ratio = ratios(runs, NODE, name, associations, lambda run: run.per_second) if name != NODE else None
        lines.append(f"  {name:16} {rate!s:>24} {p50:8.2f} {p95:8.2f} {cpu:8.2f}  {ratio or ''}".rstrip())
    return "\n".join(lines)


def verdicts_text(judged: Sequence[Verdict]) -> str:
    """One line a goal."""
    lines = ["Goals"]
    for verdict in judged:
        goal = verdict.goal
        limit = f", durable sink {verdict.limit:.2f}" if verdict.limit is not None else ""
        floor = f"{verdict.floor:.2f}" + (
            f" (80 % of the sink, for {goal.floor})" if verdict.floor < goal.floor else ""
        )
        lines.append(
            f"  {goal.id} {goal.what}, {goal.associations} assoc.: {verdict.ratio}"
            f"   floor {floor}, goal {goal.goal}{limit}: {verdict.words}"
        )
    return "\n".join(lines)


def breakdown_text(parts: Sequence[Part], beside: Sequence[Part], associations: int) -> str:
    """Where the time of one instance goes, longest first."""
    total, cpu = sum(part.ms for part in parts), sum(part.cpu_ms for part in parts)
    lines = [
        f"One instance, associations: {associations}: {total:.2f} ms in its handler (means, clocks on)",
        f"  {'':30} {'ms':>8} {'':>7} {'CPU ms':>8}",
        *(
            f"  {part.name:30} {part.ms:8.3f} {100 * part.ms / total:5.1f} % {part.cpu_ms:8.3f}"
            for part in sorted(parts, key=lambda part: -part.ms)
        ),
        f"  {'in all':30} {total:8.3f} {'':7} {cpu:8.3f}",
        "  meanwhile in other threads, an instance:",
        *(f"  {part.name:30} {part.ms:8.3f} {'':7} {part.cpu_ms:8.3f}" for part in beside),
    ]
    return "\n".join(lines)


def syncs_text(costs: dict[str, float], parts: Sequence[Part]) -> str:
    """What a sync costs on this disk alone, and inside the node."""
    alone = ", ".join(f"{step} {cost:.2f}" for step, cost in costs.items())
    inside = ", ".join(f"{part.name} {part.ms:.2f}" for part in parts if part.name in (FILE_SYNC, FOLDER_SYNC))
    return f"Syncs on this disk, ms: {alone}\n  inside the node: {inside}"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
