"""What is stored already is read again for extended query tags, beside everything else and for a share of the time.

How far it is lies in the index, in the transaction of what was found: a node that is killed goes on from there. The
pass of a tag ends at the instance that was the newest when it began; what came later was read when it came.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, delete, func, select, update

from pacs.archive.archive import Archive
from pacs.archive.extended import Current, TagStatus
from pacs.archive.extended_values import Rows, Told, forget, keep, told_by
from pacs.archive.retrieve import live_by_row
from pacs.archive.scrub import Share
from pacs.attributes import Extended, Level
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import StoreFailed, SuretError
from pacs.index.extended import VALUE_TABLES, extended_error, extended_pending, extended_tag
from pacs.index.schema import IS_LIVE, instance, series
from pacs.model import StoredInstance, from_microseconds
from storage.errors import StorageError

log = structlog.get_logger()

OBJECTS_AT_ONCE: Final = 100
VALUES_AT_ONCE: Final = 1000
LOOK_EVERY_S: Final = 3.0
LEARNT_AFTER: Final = timedelta(seconds=15)
"""By then every node on the same database knows of a tag, and what each takes in is read for it."""
FAILURE_PAUSE_S: Final = 10.0


class _Stopping(Exception):
    pass


class Reindexer:
    """One thread that reads stored objects for new tags and those that come to another place, and removes the values of
    tags that are given up."""

    def __init__(self, archive: Archive, *, share: float, learnt_after: timedelta = timedelta()) -> None:
        self._archive = archive
        self._learnt_after = learnt_after
        self._counts = Counter({"objects": 0, "failures": 0})
        self._stopping = threading.Event()
        self._pace = Share(share, self._wait)
        self._thread = threading.Thread(target=self._run, name="reindexer", daemon=True)

    def start(self) -> None:
        """Begin; it goes on until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End after the objects at hand."""
        self._stopping.set()
        self._archive.extended.changed.set()
        if self._thread.is_alive():
            self._thread.join()

    def statistics(self) -> dict[str, float]:
        """Counters since the start."""
        return dict(self._counts)

    def step(self) -> bool:
        """Do the next piece of what is to be done; whether there was any."""
        tags = self._archive.extended.current
        return self._read_pending(tags) or self._remove(tags) or self._go_on(tags)

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopping

    def _run(self) -> None:
        changed = self._archive.extended.changed
        while not self._stopping.is_set():
            try:
                changed.clear()
                self._archive.extended.learn()
                while self.step():
                    self._wait(0)
            except _Stopping:
                return
            except Exception as error:
                self._counts["failures"] += 1
                log.error("reindexing_failed", cause=str(error))
                if self._stopping.wait(FAILURE_PAUSE_S):
                    return
                continue
            changed.wait(LOOK_EVERY_S)

    # Values that go ------------------------------------------------------------------------------------------------

    def _remove(self, tags: Current) -> bool:
        """Remove some of the values of a tag that is given up, and at last the tag."""
        for key in sorted(tags.deleting):
            if not self._archive.index.write(lambda connection, key=key: _remove_some(connection, key)):  # type: ignore[misc]
                self._archive.extended.reload()
            self._pace(0)
            return True
        return False

    # Objects that are read -----------------------------------------------------------------------------------------

    def _read_pending(self, tags: Current) -> bool:
        with self._archive.index.read() as connection:
            rows = list(connection.execute(select(extended_pending.c.instance_row).limit(OBJECTS_AT_ONCE)).scalars())
        if not rows:
            return False
        found = self._read(live_by_row(self._archive.index, instance.c.row.in_(rows), limit=len(rows)), tags.read)
        now = self._archive.clock()

        def work(connection: Connection) -> None:
            waiting = delete(extended_pending).where(extended_pending.c.instance_row.in_(rows))
            mine = set(connection.execute(waiting.returning(extended_pending.c.instance_row)).scalars())
            for told, places in _placed(connection, {row: told for row, told in found.items() if row in mine}):
                forget(connection, places)
                keep(connection, told, places, now)

        self._archive.index.write(work)
        return True

    def _go_on(self, tags: Current) -> bool:
        """Read the next objects for the tags that are the least far; tags that meet go on together."""
        if not tags.adding:
            return False
        with self._archive.index.read() as connection:
            rows = connection.execute(select(extended_tag).where(extended_tag.c.key.in_(tags.adding))).all()
        for row in rows:
            if row.last_row is None:
                if self._archive.clock() - from_microseconds(row.created_at) < self._learnt_after:
                    return False
                self._archive.index.write(lambda connection, key=row.key: _begin(connection, key))  # type: ignore[misc]
                return True
        if not rows:
            return False
        position = min(row.position for row in rows)
        group = [row for row in rows if row.position == position]
        end = min([*(row.last_row for row in group), *(row.position for row in rows if row.position > position)])
        stored = live_by_row(
            self._archive.index, instance.c.row > position, instance.c.row <= end, limit=OBJECTS_AT_ONCE
        )
        keys = {row.key for row in group}
        found = self._read(stored, [tag for tag in tags.read if tag.key in keys])
        reached = stored[-1].row if len(stored) == OBJECTS_AT_ONCE else end
        now = self._archive.clock()
        self._archive.index.write(lambda connection: _advance(connection, keys, position, found, reached, now))
        if any(reached >= row.last_row for row in group):
            self._archive.extended.reload()
            log.info("extended_query_tags_ready", tags=[row.tag for row in group if reached >= row.last_row])
        return True

    def _read(self, stored: Sequence[StoredInstance], tags: Sequence[Extended]) -> dict[int, tuple[Told, ...]]:
        """By row of the instance, what each object says; an object that cannot be read is an error of every tag.

        Raises StoreFailed where the store is away, which is no object's fault.
        """
        found: dict[int, tuple[Told, ...]] = {}
        for one in stored:
            try:
                found[one.row] = told_by(*_searched(self._archive, one), tags)
            except SuretError as error:
                if isinstance(error, StoreFailed):
                    self._require_store()
                message = f"the object cannot be read: {error.message}"
                found[one.row] = tuple(Told(tag.key, tag.level, (), message) for tag in tags)
            self._counts["objects"] += 1
            self._pace(0)
        return found

    def _require_store(self) -> None:
        try:
            self._archive.store.check()
        except StorageError as error:
            raise StoreFailed(f"the object store is away: {error}") from error


def _searched(archive: Archive, stored: StoredInstance) -> tuple[bytes, str]:
    """What is around the pixel data of an object, and the syntax that it is in."""
    header = archive.header(stored)
    if transfer_syntax(stored.transfer_syntax_uid).deflated:
        return header, EXPLICIT_VR_LITTLE_ENDIAN
    end = stored.pixel_element_end
    if stored.pixel_element_offset is not None and end is not None and end < stored.dataset_length:
        header += archive.read(stored, stored.dataset_offset + end, stored.dataset_length - end)
    return header, stored.transfer_syntax_uid


def _begin(connection: Connection, key: int) -> None:
    """A pass begins: here the newest instance there is, as whoever came earlier has committed."""
    last = connection.execute(select(func.max(instance.c.row))).scalar() or 0
    total = connection.execute(select(func.count()).select_from(instance).where(IS_LIVE)).scalar_one()
    connection.execute(
        update(extended_tag).where(extended_tag.c.key == key).values(last_row=last, objects_total=total)
    ).close()


def _advance(
    connection: Connection,
    keys: Collection[int],
    position: int,
    found: dict[int, tuple[Told, ...]],
    reached: int,
    now: datetime,
) -> None:
    """Keep what was found from `position` on, unless another node has done so meanwhile."""
    of_these = extended_tag.c.key.in_(sorted(keys))
    done = extended_tag.c.objects_done + len(found)
    moved = update(extended_tag).where(of_these, extended_tag.c.position == position)
    if not connection.execute(moved.values(position=reached, objects_done=done)).rowcount:
        return
    for told, places in _placed(connection, found):
        keep(connection, told, places, now)
    is_over = (of_these, extended_tag.c.last_row <= reached, extended_tag.c.status == TagStatus.ADDING.value)
    connection.execute(update(extended_tag).where(*is_over).values(status=TagStatus.READY.value))


def _placed(connection: Connection, found: dict[int, tuple[Told, ...]]) -> list[tuple[tuple[Told, ...], Rows]]:
    """What objects say, with their rows as they are now; those that have come out of sight are left out."""
    places = connection.execute(
        select(instance.c.row, instance.c.series_row, series.c.study_row)
        .join(series, series.c.row == instance.c.series_row)
        .where(IS_LIVE, instance.c.row.in_(sorted(found)))
        .order_by(instance.c.row)
    )
    return [
        (found[row], {Level.STUDY: study_row, Level.SERIES: series_row, Level.IMAGE: row})
        for row, series_row, study_row in places
    ]


def _remove_some(connection: Connection, key: int) -> bool:
    """Remove values of a tag; False when the last were gone and the tag went too."""
    for table in VALUE_TABLES.values():
        rows = list(
            connection.execute(
                select(table.c.row).where(table.c.tag_key == key).distinct().limit(VALUES_AT_ONCE)
            ).scalars()
        )
        if rows:
            connection.execute(delete(table).where(table.c.tag_key == key, table.c.row.in_(rows)))
            return True
    connection.execute(delete(extended_error).where(extended_error.c.tag_key == key))
    connection.execute(delete(extended_tag).where(extended_tag.c.key == key))
    return False


def all_is_read(connection: Connection, keys: Collection[int]) -> None:
    """Inside a write: every object has just been read for these tags."""
    last: Any = select(func.coalesce(func.max(instance.c.row), 0)).scalar_subquery()
    connection.execute(
        update(extended_tag)
        .where(extended_tag.c.key.in_(sorted(keys)))
        .values(status=TagStatus.READY.value, position=last, last_row=last)
    ).close()
