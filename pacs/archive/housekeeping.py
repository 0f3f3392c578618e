"""What the archive does by itself: studies become stable, objects that nothing names are removed after their grace."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from pacs.archive.archive import Archive
from pacs.archive.damage import doubt_damaged
from pacs.archive.deletion import Deletions
from pacs.archive.deliveries import pruning_duty
from pacs.archive.performed import awaited_duty
from pacs.archive.stability import settle_studies
from pacs.archive.workitems import Workitems
from pacs.index.schema import garbage, instance
from pacs.model import to_microseconds
from storage.errors import KeyMissing, StorageError

log = structlog.get_logger()

OBJECTS_AT_ONCE = 500
GARBAGE_PERIOD_S = 60.0
ROOM_PERIOD_S = 1.0
STABILITY_PERIOD_S = 1.0
FORGET_PERIOD_S = 5.0
DAMAGE_PERIOD_S = 3600.0
REFUSALS_PERIOD_S = 5.0
WORKITEM_PERIOD_S = 3600.0
DELIVERY_PERIOD_S = 60.0
FAILURE_PAUSE_S = 5.0


def remove_garbage(archive: Archive, grace: timedelta) -> int:
    """Remove objects which have been garbage for `grace` and which no row names; the entry goes after the object."""
    before = to_microseconds(archive.clock() - grace)
    with archive.index.read() as connection:
        keys = list(
            connection.execute(
                select(garbage.c.object_key).where(garbage.c.since <= before).limit(OBJECTS_AT_ONCE)
            ).scalars()
        )
    removed = 0
    for object_key in keys:
        named = select(instance.c.row).where(instance.c.object_key == object_key)
        with archive.index.read() as connection:
            if connection.execute(named).first() is not None:
                log.critical("garbage_is_named", object_key=object_key)
                continue
        try:
            archive.store.delete(object_key)
        except KeyMissing:
            pass  # an earlier run removed it and was stopped before the entry went
        except StorageError as error:
            log.warning("garbage_kept", object_key=object_key, cause=str(error))
            continue
        archive.index.write(
            lambda connection, key=object_key: connection.execute(  # type: ignore[misc]  # bound now, not at the call
                delete(garbage).where(garbage.c.object_key == key)
            )
        )
        removed += 1
    return removed


class Housekeeper:
    """One thread that runs the periodic duties of an archive; a duty that fails is tried again."""

    def __init__(self, archive: Archive, *, quiet: timedelta, grace: timedelta) -> None:
        self._duties: tuple[tuple[str, float, Callable[[], object]], ...] = (
            ("watch_room", ROOM_PERIOD_S, archive.room.watch),
            ("settle_studies", min(STABILITY_PERIOD_S, quiet.total_seconds()), lambda: settle_studies(archive, quiet)),
            ("settle_performed", STABILITY_PERIOD_S, awaited_duty(archive)),
            ("remove_garbage", GARBAGE_PERIOD_S, lambda: remove_garbage(archive, grace)),
            ("audit_refusals", REFUSALS_PERIOD_S, archive.refusals.write_down),
            ("shrink_derived", ROOM_PERIOD_S, archive.derived_frames.make_room),
            ("forget_erased", FORGET_PERIOD_S, archive.forgetting.catch_up),
            ("remove_uploads", GARBAGE_PERIOD_S, archive.uploads.remove_stale),
            ("erase_deleted", GARBAGE_PERIOD_S, Deletions(archive).erase_due),
            ("remove_workitems", WORKITEM_PERIOD_S, Workitems(archive).remove_ended),
            ("prune_deliveries", DELIVERY_PERIOD_S, pruning_duty(archive)),
            ("doubt_damaged", DAMAGE_PERIOD_S, lambda: doubt_damaged(archive)),
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)

    def start(self) -> None:
        """Begin; the duties run until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End after the duty at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = {name: 0.0 for name, _, _ in self._duties}
        while not self._stopping.is_set():
            for name, period_s, duty in self._duties:
                if time.monotonic() < due[name]:
                    continue
                due[name] = time.monotonic() + period_s
                try:
                    duty()
                except Exception as error:
                    log.error("duty_failed", duty=name, cause=str(error))
                    due[name] = time.monotonic() + FAILURE_PAUSE_S
            self._stopping.wait(max(0.05, min(due.values()) - time.monotonic()))
