"""What every part of the bench is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.report import Verdict

ROUNDS_MIN = 3


class Failed(Exception):
    """A peer answered something else than success, or not at all: its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Session:
    """How much is done and where. `folder` is on the disk that is measured, and the part's own.

    No round begins after `seconds_max`, once ROUNDS_MIN are done.
    """

    folder: Path
    quick: bool
    rounds: int
    seconds_max: float

    def numbers(self) -> Iterator[int]:
        """The number of each round, from 0; says when it is over."""
        began = time.monotonic()
        for number in range(self.rounds):
            if number >= ROUNDS_MIN and time.monotonic() - began > self.seconds_max:
                print(f"stopped after {number} rounds: the machine is slow or busy")
                return
            yield number
            print(f"round {number + 1} of {self.rounds}: {time.monotonic() - began:.0f} s", flush=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part found: `figures` for JSON, `text` for people, and what became of its goals."""

    figures: dict[str, Any]
    text: str
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the bench: what it measures, and the function that does. `run` raises Failed."""

    what: str
    run: Callable[[Session], Outcome]
