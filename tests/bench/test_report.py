"""What is kept of a part is printed again as it was judged, and the smaller is better where it is."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from tests.bench.__main__ import PARTS, _verdict
from tests.bench.report import Spread, Verdict, verdicts_text


@pytest.mark.parametrize(
    ("median", "at_most", "words"),
    [
        (6.0, False, "goal reached"),
        (4.0, False, "above the floor"),
        (2.0, False, "UNDER THE FLOOR"),
        (1.5, True, "goal reached"),
        (3.0, True, "within the ceiling"),
        (9.0, True, "OVER THE CEILING"),
    ],
)
def test_verdict_in_words(median: float, at_most: bool, words: str) -> None:
    floor, goal = (5.0, 2.0) if at_most else (3.0, 5.0)
    verdict = Verdict("G0", "something", Spread(median, median, median), floor, goal, at_most=at_most)
    assert verdicts_text([verdict]).endswith(words)


def test_a_verdict_that_was_kept_says_the_same() -> None:
    verdict = Verdict("G0", "something", Spread(1, 2, 3), 3.0, 5.0, limit=2.5)
    assert _verdict(asdict(verdict) | {"verdict": verdict.words}) == verdict


def test_parts_have_names_for_the_command_line() -> None:
    assert all(name.isidentifier() or "-" in name for name in PARTS)
    assert all("," not in name for name in PARTS)
