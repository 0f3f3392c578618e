"""Objects are read again past the page cache, soon after they came and all of them in every period; what is found
damaged is marked, and repaired where a sound copy is.

Reading goes on for a share of the time only, piece by piece, so it takes at most that share of the disk's bandwidth.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select

from pacs.archive import duties
from pacs.archive.damage import prove
from pacs.archive.digests import Pace, at_once
from pacs.archive.duties import Duty, Progress
from pacs.archive.keys import PREFIX, key_at
from pacs.archive.repair import repair
from pacs.errors import NotFound, SuretError
from pacs.index.schema import instance
from pacs.model import HIDDEN, StorageState
from storage.errors import StorageError
from storage.protocol import ObjectStore

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

log = structlog.get_logger()

OBJECTS_AT_ONCE = 100
KEEP_EVERY_S = 30.0
LOOK_EVERY_S = 60.0
FAILURE_PAUSE_S = 60.0
PASS_PART = 0.8
"""A pass begins when this part of the period has gone since the last began, so that it ends within the period."""
PIECE_S_MAX = 1.0
SETTLED = timedelta(hours=1)
"""Objects younger than this may still be without their row, and in the disk's own memory."""
FIRST_LOOK_BACK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Found:
    """An object that is not as it came; `repaired_from` is empty where no sound copy was found."""

    object_key: str
    state: str  # damaged, or unreadable: storage does not give it back
    repaired_from: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a pass: the key it came to, how much was read, and what was found."""

    position: str
    is_last: bool
    objects: int
    size: int
    found: tuple[Found, ...]


class StoreAway(SuretError):
    """The store gives nothing at the moment, which is no object's fault."""


class _Stopping(Exception):
    pass


def scrub(
    archive: Archive,
    *,
    after: str = "",
    before: str = "",
    copies: Sequence[ObjectStore] = (),
    pace: Pace = at_once,
    seconds_max: float = float("inf"),
    objects_max: int = OBJECTS_AT_ONCE,
) -> Part:
    """Prove the next objects above the key `after` (and below `before`), and repair what is not as it came.

    Raises StoreAway; what `pace` raises ends it too, and what was read then has to be read again.
    """
    rows = select(instance.c.object_key, instance.c.size).where(
        instance.c.object_key > after, instance.c.state.not_in(HIDDEN)
    )
    if before:
        rows = rows.where(instance.c.object_key < before)
    with archive.index.read() as connection:
        batch = connection.execute(rows.order_by(instance.c.object_key).limit(objects_max)).all()
    deadline = time.monotonic() + seconds_max
    found: list[Found] = []
    position, objects, size = after, 0, 0
    for object_key, object_size in batch:
        if (bad := _look(archive, object_key, copies, pace)) is not None:
            found.append(bad)
        pace(0)  # where there is nothing to read, nothing else waits and hears that it has to end
        position, objects, size = object_key, objects + 1, size + object_size
        if time.monotonic() > deadline:
            break
    is_last = len(batch) < objects_max and objects == len(batch)
    return Part(position, is_last, objects, size, tuple(found))


def _look(archive: Archive, object_key: str, copies: Sequence[ObjectStore], pace: Pace) -> Found | None:
    try:
        state = prove(archive, object_key, pace)
        if state is None:
            _require_store(archive)
            state = prove(archive, object_key, pace)  # it may have been away for a moment
        if state is StorageState.STORED:
            return None
        return Found(object_key, "unreadable" if state is None else state.value, repair(archive, object_key, copies))
    except NotFound:
        return None  # a re-send has healed it, so nothing names the old object any more


def _require_store(archive: Archive) -> None:
    try:
        archive.store.check()
    except StorageError as error:
        raise StoreAway(f"the object store is away: {error}", "see to it; the scrub goes on by itself") from error


class Share:
    """A pace that leaves most of the time to others: after each piece it waits as the `share` demands (0 < share ≤ 1).

    Raises what `wait` raises; `wait` is given seconds.
    """

    def __init__(self, share: float, wait: Callable[[float], None] = time.sleep) -> None:
        self._idle = 1 / share - 1
        self._wait = wait
        self._since = time.monotonic()

    def __call__(self, _size: int) -> None:
        """Wait for what the piece took, times the rest of the share."""
        worked = min(time.monotonic() - self._since, PIECE_S_MAX)  # the last wait may have been for another reason
        self._wait(worked * self._idle)
        self._since = time.monotonic()


class Scrubber:
    """One thread that scrubs beside everything else a node does; where it is it keeps in the index."""

    def __init__(
        self, archive: Archive, *, period: timedelta, share: float, copies: Sequence[ObjectStore] = ()
    ) -> None:
        self._archive = archive
        self._period = period
        self._copies = copies
        self._counts = Counter({"objects": 0, "bytes": 0, "damaged": 0, "repaired": 0})
        self._stopping = threading.Event()
        self._pace = Share(share, self._wait)
        self._thread = threading.Thread(target=self._run, name="scrubber", daemon=True)

    def start(self) -> None:
        """Begin; it goes on until `stop`. With a period of zero nothing is ever scrubbed."""
        if self._period:
            self._thread.start()

    def stop(self) -> None:
        """End after the piece at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def statistics(self) -> dict[str, float]:
        """Counters since the start."""
        return dict(self._counts)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopping

    def _run(self) -> None:
        while True:
            try:
                if not (self._new() or self._all()):
                    self._wait(LOOK_EVERY_S)
            except _Stopping:
                return
            except Exception as error:
                log.error("scrub_failed", cause=str(error))
                if self._stopping.wait(FAILURE_PAUSE_S):
                    return

    def _new(self) -> bool:
        """Read what came since the last look and has settled; whether there was anything."""
        now = self._archive.clock()
        known = self._progress(Duty.SCRUB_NEW)
        if not known.position:
            known = Progress(key_at(now - FIRST_LOOK_BACK))
        return self._go_on(Duty.SCRUB_NEW, replace(known, started_at=now), key_at(now - SETTLED))

    def _all(self) -> bool:
        """Go on with the pass over everything, or begin one when it is due; whether there was anything to do."""
        now = self._archive.clock()
        known = self._progress(Duty.SCRUB_ALL)
        if not known.position:
            if known.started_at is not None and now - known.started_at < self._period * PASS_PART:
                return False
            known = replace(known, position=PREFIX, started_at=now)
            log.info("scrub_started")
        return self._go_on(Duty.SCRUB_ALL, known, key_at(known.started_at or now))

    def _go_on(self, duty: Duty, known: Progress, before: str) -> bool:
        """Read on for KEEP_EVERY_S and keep where it came to; also when it is stopped in between."""
        deadline = time.monotonic() + KEEP_EVERY_S
        began, is_last = known.position, False
        try:
            while not is_last and (known.position == began or time.monotonic() < deadline):
                part = scrub(
                    self._archive,
                    after=known.position,
                    before=before,
                    copies=self._copies,
                    pace=self._pace,
                    seconds_max=KEEP_EVERY_S,
                    objects_max=OBJECTS_AT_ONCE,
                )
                self._count(part)
                known, is_last = replace(known, position=part.position), part.is_last
        finally:
            if is_last:
                known = replace(known, finished_at=self._archive.clock())
            if is_last and duty is Duty.SCRUB_ALL:
                known = replace(known, position="")
                log.info("scrub_finished", **self._counts)
            if known.position != began:
                self._archive.index.write(lambda connection: duties.keep(connection, duty, known))
        return known.position != began

    def _count(self, part: Part) -> None:
        self._counts["objects"] += part.objects
        self._counts["bytes"] += part.size
        self._counts["damaged"] += len(part.found)
        self._counts["repaired"] += sum(1 for found in part.found if found.repaired_from)

    def _progress(self, duty: Duty) -> Progress:
        with self._archive.index.read() as connection:
            return duties.progress(connection, duty)
