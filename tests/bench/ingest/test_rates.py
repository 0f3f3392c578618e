"""Ratios are taken round by round, and no floor asks for more than the disk can give."""

from __future__ import annotations

import pytest

from tests.bench.ingest.breakdown import Share, breakdown
from tests.bench.ingest.compare import GOALS
from tests.bench.ingest.rates import Measured, per_second, ratios, verdicts


def _run(candidate: str, number: int, per_second: float, associations: int = 1, cpu_ms: float = 1.0) -> Measured:
    return Measured(candidate, associations, number, per_second, 1.0, 1.0, cpu_ms)


def test_a_slow_round_of_the_machine_does_not_change_the_ratio() -> None:
    speeds = (1.0, 0.2, 0.7)
    runs = [
        _run(name, number, rate * speed)
        for number, speed in enumerate(speeds)
        for name, rate in (("suret", 600.0), ("orthanc", 200.0))
    ]
    found = ratios(runs, "suret", "orthanc", 1, per_second)
    assert found is not None
    assert (found.least, found.median, found.most) == pytest.approx((3.0, 3.0, 3.0))


def test_ratio_needs_both_sides() -> None:
    assert ratios([_run("suret", 0, 1.0)], "suret", "orthanc", 1, per_second) is None
    assert verdicts(GOALS["ct"], [_run("suret", 0, 1.0)]) == []


@pytest.mark.parametrize(
    ("ours", "durable", "floor", "words"),
    [
        (1000.0, 4000.0, 3.0, "goal reached"),
        (700.0, 4000.0, 3.0, "above the floor"),
        (500.0, 4000.0, 3.0, "UNDER THE FLOOR"),
        (500.0, 600.0, 3.0, "UNDER THE FLOOR"),  # a limit that equals the floor leaves it alone
        (350.0, 400.0, 1.6, "above the floor"),  # the disk gives no more than 2: 80 % of it counts
    ],
)
def test_floor_is_bounded_by_the_durable_sink(ours: float, durable: float, floor: float, words: str) -> None:
    runs = [_run("suret", 0, ours), _run("orthanc", 0, 200.0), _run("durable-sink", 0, durable)]
    judged = {verdict.id: verdict for verdict in verdicts(GOALS["ct"], runs)}
    assert judged["G1"].floor_that_counts == pytest.approx(floor)
    assert judged["G1"].words == words


def test_less_cpu_is_better() -> None:
    runs = [_run("suret", 0, 1.0, cpu_ms=0.5), _run("orthanc", 0, 1.0, cpu_ms=5.0)]
    assert [verdict.ratio.median for verdict in verdicts(GOALS["ct"], runs) if verdict.id == "G7"] == [10.0]


def test_breakdown_takes_the_instances_asked_for() -> None:
    record = {
        "instances": [{"walk": (9.0, 9.0)}, {"walk": (0.002, 0.001)}, {"walk": (0.004, 0.001), "hash": (0.002, 0.002)}],
    }
    assert breakdown(record, 1, 3) == [Share("walk", 3.0, 1.0), Share("hash", 1.0, 1.0)]
