"""One life of the node: the archive's real code between a start and a stop or a crash, on simulated disk and time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pacs.archive import keys
from pacs.archive.archive import Archive
from pacs.archive.limits import IngestLimits
from pacs.archive.recovery import recover
from pacs.index import writer
from pacs.index.engine import Index
from pacs.model import from_microseconds
from storage.filesystem import FolderStore
from tests.faults.simulated.database import Database
from tests.faults.simulated.disk import Disk
from tests.faults.simulated.scheduler import Faults, Queues, Scheduler, Tasks, Threads, Trace, waiting

BEGIN_MICROSECONDS = 1_767_225_600_000_000  # 2026-01-01
PORT_CALL_MICROSECONDS = 1000
LIMITS = IngestLimits(instance_bytes_max=1 << 20, free_bytes_min=0, free_percent_min=0)
ADOPT_HOURS = 48


class World:
    """What outlives the node: its disk, its index' files, time, chance, and the trace."""

    def __init__(self, seed: int, folder: Path, template: Path, trace: Trace) -> None:
        self.choose = random.Random(seed)
        self.secrets = random.Random(seed + 1)
        self.trace = trace
        self.disk = Disk(self.choose, folder)
        self.database = Database(self.choose, folder, template)
        self.derived = folder / "derived"
        self.now = BEGIN_MICROSECONDS
        self.clock_went_back = False

    def clock(self) -> datetime:
        """The simulated wall clock."""
        return from_microseconds(self.now)

    def pass_time(self) -> None:
        """A port call takes a moment."""
        self.now += PORT_CALL_MICROSECONDS

    def jump(self, hours: float) -> None:
        """Somebody sets the clock."""
        self.now += int(hours * 3_600_000_000)
        self.clock_went_back |= hours < 0
        self.trace.note(f"clock {hours}")


class Node:
    """One process of the node, as far as the archive goes."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world = world
        self.faults = faults
        self.scheduler = Scheduler(world.choose, world.trace, faults, world.pass_time)
        self.index: Index | None = None
        self.archive: Archive

    @contextmanager
    def process(self) -> Iterator[None]:
        """While it lasts the product's calls go to this node's disk, database, clock and threads."""
        scheduler, world = self.scheduler, self.world
        with ExitStack() as stack:
            stack.enter_context(world.disk.under(scheduler))
            stack.enter_context(world.database.under(scheduler))
            for owner, name, replacement in (
                (writer, "threading", Threads(scheduler)),
                (writer, "queue", Queues(scheduler)),
                (keys, "secrets", SimpleNamespace(randbits=world.secrets.getrandbits)),
                (Future, "result", waiting(scheduler, Future.result)),
                (Future, "exception", waiting(scheduler, Future.exception)),
            ):
                stack.enter_context(patch.object(owner, name, replacement))
            yield

    def open(self) -> None:
        """Index, store and archive as `pacs serve` opens them; migrations are the template's."""
        self.index = Index(self.world.database.url)
        store = FolderStore(self.world.disk.path)
        self.archive = Archive(self.index, store, derived=self.world.derived, limits=LIMITS, clock=self.world.clock)
        self.archive.settling = Tasks(self.scheduler, "settle")
        self.archive.extended.reload()  # later it is held locked over port calls, where no task may meet it

    def recover(self) -> None:
        """What comes before the node is ready."""
        recover(self.archive, adopt_hours=ADOPT_HOURS)

    def run(self, work: Callable[[], Any]) -> bool:
        """Run `work` and whatever it starts; False when the node was killed meanwhile. Its own error is raised."""
        task = self.scheduler.spawn("main", work)
        survived = self.scheduler.run()
        if task.error is not None:
            raise task.error
        return survived

    def crash(self, *, power: bool, manner: str = "") -> None:
        """Kill the process, or cut the power, `manner` of what was not synced being let through."""
        world = self.world
        world.database.crash(power=power)
        self.scheduler.kill()
        self._forget()
        world.database.close()
        manner = world.disk.cut_power(manner) if power else "killed"
        world.trace.note(f"crash {manner}")

    def _forget(self) -> None:
        """Let go of the connection that the writer kept, as the end of a process does."""
        killed = self.index._writer if self.index is not None else None
        if killed is not None and killed._kept is not None:
            killed._kept.invalidate()

    def stop(self) -> None:
        """Close in order."""
        assert self.index is not None
        self.run(self.index.close)
        self.world.database.closed()
