"""Ratios are taken round by round, and the searches that are compared are the same in every run."""

from __future__ import annotations

from tests.bench.report import Spread
from tests.bench.service.client import Answered
from tests.bench.service.rates import Measured, p50_ms, per_second, ratio, text
from tests.bench.service.search import searches


def _measured(candidate: str, number: int, per_second: float) -> Measured:
    return Measured(candidate, "frame", 8, number, Answered(per_second, 8e3 / per_second, 9e3 / per_second, 1e9))


def test_a_slow_minute_strikes_both() -> None:
    runs = [
        _measured("suret", 0, 1000), _measured("orthanc", 0, 100),
        _measured("suret", 1, 400), _measured("orthanc", 1, 50),
        _measured("suret", 2, 900), _measured("orthanc", 2, 100),
        _measured("suret", 3, 900),  # the other was not measured in this round
    ]  # fmt: skip
    assert ratio(runs, "suret", "orthanc", "frame", 8, per_second) == Spread(8, 9, 10)
    assert ratio(runs, "orthanc", "suret", "frame", 8, p50_ms) == Spread(8, 9, 10)
    assert "1000" in text(runs)


def test_searches_are_the_same_in_every_run() -> None:
    assert searches() == searches()
    assert all(search.paths and len(set(search.paths)) > len(search.paths) // 4 for search in searches())
