"""What the fuzzers did so far, in a file, so that an hour or ten million executions can be gathered in slices."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.faults.tally import revision

EXECUTIONS, MINUTES = 10_000_000, 60.0
"""The goal of each target: whichever comes first."""

SOURCES = ("pacs", "tests/fuzz")


@dataclass(slots=True)
class Record:
    """One target's sum over its slices; the processor's minutes tell what a busy machine left of the others."""

    executions: int = 0
    minutes: float = 0.0
    processor_minutes: float = 0.0
    findings: int = 0  # slices that ended with one
    revisions: dict[str, int] = field(default_factory=dict)  # executions by the sources they ran against


class Tally:
    """The records of all targets; two fuzzers may add at the same time."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def records(self) -> dict[str, Record]:
        """By target."""
        if not self._file.exists():
            return {}
        return {name: Record(**kept) for name, kept in json.loads(self._file.read_text()).items()}

    def add(self, target: str, executions: int, seconds: float, processor_seconds: float, *, findings: int) -> None:
        """Add one slice."""
        against = revision(SOURCES)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            records = self.records()
            record = records.setdefault(target, Record())
            record.executions += executions
            record.minutes += seconds / 60
            record.processor_minutes += processor_seconds / 60
            record.findings += findings
            record.revisions[against] = record.revisions.get(against, 0) + executions
            fresh = self._file.with_suffix(".part")
            fresh.write_text(json.dumps({name: asdict(kept) for name, kept in records.items()}, indent=1) + "\n")
            os.replace(fresh, self._file)

    def words(self, target: str) -> str:
        """What was reached."""
        record = self.records().get(target, Record())
        reached = record.executions >= EXECUTIONS or record.minutes >= MINUTES
        return (
            f"{target}: N = {record.executions:,} of {EXECUTIONS:,} executions so far, {record.minutes:.0f} of "
            f"{MINUTES:.0f} min ({record.processor_minutes:.0f} of the processor), {record.findings} findings"
            + (": reached" if reached else "")
        )
