"""What a rig is: one way to hurt the node, in slices which a seed replays, with mutants that it has to catch.

python -m tests.faults --rig kill --seed 7          one slice, as the tally ran it
python -m tests.faults --rig kill --mutant NAME     one mutant
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIDENCE_EVENTS = 3.0
"""No failure in N independent trials bounds the failure rate below 3/N with 95 % confidence (the rule of three)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one slice did and found."""

    trials: int  # kills, cuts, histories …
    violations: tuple[str, ...]  # in words, with the seed
    details: Mapping[str, int] = field(default_factory=dict)  # acknowledged, sent, refused …


Slice = Callable[[int, Path], Outcome]
"""From a seed and an empty folder to what was done and found."""


def _nothing_missing() -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Rig:
    """One way to hurt the node."""

    name: str  # "kill", "system-call-kill", "power-cut-ext4" …
    noun: str  # what is counted: "kills", "cuts", "histories"
    goal: int  # trials of the long form
    slice: Slice  # a slice of 10 to 60 s
    mutants: Mapping[str, Slice] = field(default_factory=dict)  # each has to come back with violations
    needs: Callable[[], str] = _nothing_missing  # "" or why it cannot run here (not root, no FUSE …)


def bound(trials: int) -> float:
    """The rate of failures which `trials` without one exclude, with 95 % confidence."""
    return min(1.0, CONFIDENCE_EVENTS / trials) if trials else 1.0
