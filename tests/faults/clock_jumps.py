"""R14: the clock jumps, a day back and forth, an hour for summer time, over the end of 32-bit time, or stands still.

Keys are never used twice, what is acknowledged stays, nothing a row names is purged, and studies still become stable.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from ulid import ULID

from pacs.archive import housekeeping
from pacs.archive.archive import Archive
from pacs.archive.keys import ArrivalOrder
from pacs.archive.recovery import recover
from pacs.archive.stability import CLOCK_STEP, settle_studies
from pacs.index.engine import Index
from pacs.index.schema import study
from pacs.model import to_microseconds, utc_now
from storage.filesystem import FolderStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.doors import NodeDoor
from tests.faults.instances import Template
from tests.faults.rig import Outcome, Rig
from tests.faults.witness import SUCCESS, contradictions, deliver, instead, kept_as_sent, seeded
from tests.support.archives import open_archive
from tests.support.process import NodeProcess

END_OF_32_BITS = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)
GRACE = timedelta(hours=24)
YEARS_S = 20 * 365 * 86400.0
JUMPS = 15


class JumpingClock:
    """The Clock port: the real time and an offset; standing still, it says the same moment again and again."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self._still: datetime | None = None

    def __call__(self) -> datetime:
        return self._still or utc_now() + self.offset

    def jump(self, choose: random.Random) -> str:
        """Jump somewhere; where to, in words."""
        self._still = None
        name = choose.choice(["day-on", "day-back", "summer-time", "winter-time", "2038", "still", "right", "1970"])
        steps = {"day-on": 86400, "day-back": -86400, "summer-time": 3600, "winter-time": -3600}
        if name in steps:
            self.offset += timedelta(seconds=steps[name])
        elif name == "2038":
            self.offset = END_OF_32_BITS - timedelta(milliseconds=choose.randrange(200)) - utc_now()
        elif name == "1970":
            self.offset = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC) - utc_now()  # a battery that is empty
        elif name == "right":
            self.offset = timedelta()
        else:
            self._still = self()
        return name


class _Noting(FolderStore):
    """Notes every key that is put."""

    def __init__(self, root: Path, noted: list[str]) -> None:
        super().__init__(root)
        self._noted = noted

    def put(self, key: str, *arguments: Any, **options: Any) -> None:
        self._noted.append(key)
        super().put(key, *arguments, **options)


def archive_jumps(seed: int, folder: Path, mutant: AbstractContextManager[Any] | None = None) -> Outcome:
    """Sends, duplicates, purges and restarts while the clock jumps, in this process."""
    choose, template, acknowledged, clock = random.Random(seed), Template(), Acknowledged(), JumpingClock()
    violations: list[str] = []
    noted: list[str] = []
    with mutant or ExitStack():
        for _ in range(JUMPS):
            jumped = clock.jump(choose)
            with open_archive(folder, store=_Noting(folder / "store", noted), clock=clock) as archive:
                recover(archive, adopt_hours=48)  # every round is a restart: the order of arrivals begins anew
                found = _round(archive, choose, template, acknowledged, clock)
                violations += [f"{jumped}: {line}" for line in found]
            if violations:
                break
    with open_archive(folder) as archive:
        violations += contradictions(archive.index, archive.store, acknowledged, ahead_s=YEARS_S)
        if len(noted) != len(set(noted)):
            violations.append("a key was used twice")
        if not violations:
            some = choose.sample(range(1, acknowledged.sent + 1), min(10, acknowledged.sent))
            violations += [f"not kept as sent: {n}" for n in some if not kept_as_sent(archive, template.make(n))]
    details = {"acknowledged": len(acknowledged.digests), "keys": len(noted)}
    return Outcome(JUMPS, seeded(seed, violations), details)


def _round(
    archive: Archive, choose: random.Random, template: Template, acknowledged: Acknowledged, clock: JumpingClock
) -> list[str]:
    found = []
    for count in range(8):
        if count % 4 == 3:
            clock.jump(choose)
        again = acknowledged.sent and choose.random() < 0.3
        number = choose.randrange(1, acknowledged.sent + 1) if again else acknowledged.sent + 1
        acknowledged.sent = max(acknowledged.sent, number)
        prepared = template.make(number)
        status = deliver(archive, prepared)
        acknowledged.note_sent(prepared, status)
        if status != SUCCESS:
            found.append(f"answered with {status:04X}")
    housekeeping.remove_garbage(archive, GRACE)
    settle_studies(archive, timedelta())
    now = to_microseconds(clock() + CLOCK_STEP)
    waiting = select(func.count()).select_from(study).where(study.c.stable == 0, study.c.changed_at > now)
    with archive.index.read() as connection:
        if connection.execute(waiting).scalar_one():
            found.append("a study waits for a clock that stepped back")
    return found


class SteppedNode(NodeProcess):
    """A node of its own whose clock is set by a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"ARCHIVE__STUDY_QUIET_S": "0.2"})
        self._file = folder / "offset"
        self.module = ("tests.faults.clock_node", str(self._file))
        self.step(0)

    def step(self, seconds: float) -> None:
        """Set the clock to the real time and so many seconds."""
        aside = self._file.with_suffix(".new")
        aside.write_text(str(seconds), encoding="ascii")
        aside.rename(self._file)


def node_jumps(seed: int, folder: Path) -> Outcome:
    """A running node's clock jumps under it while a modality sends; then it restarts with the right time."""
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    violations: list[str] = []
    to_2038 = (END_OF_32_BITS - utc_now()).total_seconds()
    node = SteppedNode(folder / "node")
    try:
        node.start()
        door = NodeDoor(node)
        steps = [86400.0, -86400.0, 3600.0, to_2038 - 0.5, to_2038 + 5, 0.0]
        choose.shuffle(steps)
        for seconds in steps:
            node.step(seconds)
            for _ in range(5):
                acknowledged.sent += 1
                prepared = template.make(acknowledged.sent)
                status = door.send(prepared)
                acknowledged.note_sent(prepared, status)
                if status != SUCCESS or not door.reads(prepared):
                    violations.append(f"at {seconds:+.0f} s: answered with {status:04X}, or not served")
            node.wait_ready()
        door.close()
        node.step(0)
        node.stop()
        node.start()
        door = NodeDoor(node)
        violations += [
            f"lost after the jumps: {number}"
            for number in range(1, acknowledged.sent + 1)
            if not door.reads(template.make(number))
        ]
        door.close()
        node.stop()
        index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
        try:
            violations += contradictions(index, FolderStore(node.data / "store"), acknowledged, ahead_s=YEARS_S)
        finally:
            index.close()
    finally:
        node.kill()
    return Outcome(len(steps), seeded(seed, violations), {"acknowledged": len(acknowledged.digests)})


# Mutants -----------------------------------------------------------------------------------------------------------


def _from_the_clock_only(order: ArrivalOrder) -> ULID:
    return ULID(((to_microseconds(order._clock()) // 1000) << 80).to_bytes(16))


def _purge_by_mtime(archive: Archive, grace: timedelta) -> int:
    """Removes every object whose file is older than the grace, by the clock on the wall."""
    before, removed = (archive.clock() - grace).timestamp(), 0
    for key in list(archive.store.list()):
        file = archive.store.local_path(key)
        if file is not None and file.stat().st_mtime < before:
            archive.store.delete(key)
            removed += 1
    return removed


def _mutant(place: object, name: str, replacement: Any) -> Callable[[int, Path], Outcome]:
    return lambda seed, folder: archive_jumps(seed, folder, instead(place, name, replacement))


def run_slice(seed: int, folder: Path) -> Outcome:
    """Archives and a node whose clocks jump."""
    parts = [archive_jumps(seed * 10 + more, folder / f"archive{more}") for more in range(5)]
    parts.append(node_jumps(seed, folder / "node"))
    details = {"acknowledged": sum(part.details["acknowledged"] for part in parts)}
    return Outcome(
        sum(part.trials for part in parts), tuple(line for part in parts for line in part.violations), details
    )


RIG = Rig(
    name="clock-jumps",
    noun="jumps",
    goal=10_000,
    slice=run_slice,
    mutants={
        "ulid-from-clock-only": _mutant(ArrivalOrder, "next", _from_the_clock_only),
        "purge-by-mtime": _mutant(housekeeping, "remove_garbage", _purge_by_mtime),
    },
)
