"""The tally: what the slices did and found so far, in a file, so that the long form can be stopped and gone on with."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.rig import Outcome

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("pacs", "storage", "tests/faults", "tests/support")


@dataclass(slots=True)
class Record:
    """One rig's sum over its slices."""

    seed: int = 1  # of the next slice
    trials: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    details: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)  # trials by the sources they ran against
    mutants: dict[str, str] = field(default_factory=dict)  # name to the sources against which it was caught last

    def add(self, outcome: Outcome, seconds: float, revision: str) -> None:
        """Add one slice and move on to the next seed."""
        self.seed += 1
        self.trials += outcome.trials
        self.seconds += seconds
        self.violations += outcome.violations
        self.revisions[revision] = self.revisions.get(revision, 0) + outcome.trials
        for name, count in outcome.details.items():
            self.details[name] = self.details.get(name, 0) + count


class Tally:
    """The records of all rigs, written back after every change; slices of other rigs may run at the same time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._records = self._kept()
        self._asked: set[str] = set()

    def record(self, name: str) -> Record:
        """The record of the rig `name`, empty at first; from now on it is this process's to change."""
        self._asked.add(name)
        return self._records.setdefault(name, Record())

    def save(self) -> None:
        """Replace the file in one step: a slice may be interrupted at any time."""
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            records = self._kept() | {name: self._records[name] for name in self._asked}
            fresh = self._file.with_suffix(".part")
            fresh.write_text(json.dumps({name: asdict(kept) for name, kept in records.items()}, indent=1) + "\n")
            os.replace(fresh, self._file)

    def _kept(self) -> dict[str, Record]:
        if not self._file.exists():
            return {}
        return {name: Record(**kept) for name, kept in json.loads(self._file.read_text()).items()}


def revision(sources: Sequence[str] = SOURCES) -> str:
    """The commit whose `sources` run here, with a plus when they were changed since; "unknown" outside git."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout

    try:
        commit = git("log", "-1", "--format=%h", "--", *sources).strip()
        return commit + ("+" if git("status", "--porcelain", "--untracked-files=no", "--", *sources).strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
