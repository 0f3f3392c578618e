"""What every rig is: one way to hurt the node, in slices that replay from a seed, and the mutants it has to catch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one slice did and found."""

    trials: int  # kills, cuts, histories …
    violations: tuple[str, ...]  # in words, with the seed
    details: Mapping[str, int] = field(default_factory=dict)  # acknowledged, sent, refused …


@dataclass(frozen=True, slots=True)
class Rig:
    """One way to hurt the node."""

    name: str
    noun: str  # what is counted: "kills", "cuts", "histories"
    goal: int  # trials of the long form
    slice: Callable[[int, Path], Outcome]  # (seed, empty folder): a slice of 10 to 60 s
    mutants: Mapping[str, Callable[[int, Path], Outcome]] = field(default_factory=dict)  # each brings violations
    needs: Callable[[], str] = str  # "" or why it cannot run here (not root, no fuse …)
