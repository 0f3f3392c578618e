"""From single figures to ratios, goals and text."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

SHARE_OF_LIMIT: Final = 0.8


@dataclass(frozen=True, slots=True)
class Spread:
    """Smallest, middle and largest of several rounds."""

    least: float
    median: float
    most: float

    def __str__(self) -> str:
        return f"{short(self.least)} – {short(self.median)} – {short(self.most)}"


def spread(values: Iterable[float]) -> Spread:
    """The spread of at least one value."""
    listed = sorted(values)
    return Spread(listed[0], statistics.median(listed), listed[-1])


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, the ratio that was reached, and what became of it.

    `floor` is what must not be missed; where the machine itself gives less (`limit`, the same ratio for a program that
    does only what cannot be avoided), 80 % of that counts. `at_most`: the smaller the better.
    """

    id: str
    what: str
    ratio: Spread
    floor: float
    goal: float
    limit: float | None = None
    at_most: bool = False

    @property
    def floor_that_counts(self) -> float:
        """The floor, or 80 % of a limit below it."""
        return self.floor if self.limit is None or self.limit >= self.floor else SHARE_OF_LIMIT * self.limit

    @property
    def words(self) -> str:
        """In words."""
        if self._reaches(self.goal):
            return "goal reached"
        return "above the floor" if self._reaches(self.floor_that_counts) else "UNDER THE FLOOR"

    def _reaches(self, mark: float) -> bool:
        return self.ratio.median <= mark if self.at_most else self.ratio.median >= mark


def verdicts_text(verdicts: Sequence[Verdict]) -> str:
    """One line a goal: least – median – most of the rounds, what counts, and the verdict."""
    lines = []
    for verdict in verdicts:
        floor = f"{verdict.floor_that_counts:.3g}"
        if verdict.floor_that_counts != verdict.floor:
            floor += f" (80 % of the limit, for {verdict.floor:g})"
        words = "within the ceiling" if verdict.at_most and verdict.words == "above the floor" else verdict.words
        if verdict.at_most:
            words = words.replace("UNDER THE FLOOR", "OVER THE CEILING")
        mark = "at most" if verdict.at_most else "floor"
        limit = f", limit {short(verdict.limit)}" if verdict.limit is not None else ""
        lines.append(
            f"  {verdict.id:4} {verdict.what}: {verdict.ratio}   {mark} {floor}, goal {verdict.goal:g}{limit}: {words}"
        )
    return "\n".join(lines)


def short(value: float) -> str:
    """Three figures are enough."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
