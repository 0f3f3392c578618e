"""Where the time of one instance goes, from the record that a node with clocks in it leaves (see `trace`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.ingest import trace
from tests.bench.session import Failed


@dataclass(frozen=True, slots=True)
class Share:
    """One part of an instance: mean milliseconds, and of them on the processor."""

    name: str
    ms: float
    cpu_ms: float


def read(folder: Path) -> dict[str, Any]:
    """The record of a node that ran in `folder`. Raises Failed."""
    path = folder / trace.RECORD
    if not path.exists():
        raise Failed(f"the node with clocks did not end in order; see {folder.with_suffix('.log')} with --keep")
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def breakdown(record: dict[str, Any], first: int, last: int) -> list[Share]:
    """The shares of the instances `first` to `last` of a record of `trace`.

    Means, because they add up; medians do not.
    """
    instances = record["instances"][first:last]
    return _means([(name, *taken) for times in instances for name, taken in times.items()], len(instances))


def _means(taken: Iterable[tuple[str, float, float]], count: int) -> list[Share]:
    sums: dict[str, tuple[float, float]] = {}
    for name, wall, cpu in taken:
        before = sums.get(name, (0.0, 0.0))
        sums[name] = (before[0] + wall, before[1] + cpu)
    return [Share(name, 1e3 * wall / count, 1e3 * cpu / count) for name, (wall, cpu) in sums.items()]


def breakdown_text(shares: Sequence[Share], associations: int) -> str:
    """Where the time of one instance goes, longest first."""
    total, cpu = sum(share.ms for share in shares), sum(share.cpu_ms for share in shares)
    lines = [
        f"One instance, associations: {associations}: {total:.2f} ms in its handler (means, clocks on)",
        f"  {'':34} {'ms':>8} {'':>7} {'CPU ms':>8}",
        *(
            f"  {share.name:34} {share.ms:8.3f} {100 * share.ms / total:5.1f} % {share.cpu_ms:8.3f}"
            for share in sorted(shares, key=lambda share: -share.ms)
        ),
        f"  {'in all':34} {total:8.3f} {'':7} {cpu:8.3f}",
    ]
    return "\n".join(lines)
