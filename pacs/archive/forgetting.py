"""What was derived from objects goes when they are erased: frames, pictures, the metadata of their series.

Every node keeps such things in a folder and memory of its own, so each follows the event log for itself, from a place
that is kept in that folder: an erasure is known to it even if it ended in between, or another process erased.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from pacs.archive.events import EventLog
from pacs.index.deletions import tombstone
from pacs.index.engine import Index
from pacs.model import EventKind

PAGE = 100
KEPT_EVERY = 10_000  # events


@dataclass(frozen=True, slots=True)
class Erased:
    """An object that is gone for good."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str


Forget = Callable[[Sequence[Erased]], None]


class Forgetting:
    """Tells whoever holds something derived of what is erased. `file` keeps how far the event log has been read."""

    def __init__(self, index: Index, events: EventLog, file: Path) -> None:
        self._index = index
        self._events = events
        self._file = file
        self._holders: list[Forget] = []
        self._lock = threading.Lock()
        self._position = self._kept = -1

    def tell(self, holder: Forget) -> None:
        """`holder` is told of every erasure from now on; it may be told of one again."""
        self._holders.append(holder)

    def catch_up(self) -> None:
        """Tell of every erasure that was committed and not told of yet. Raises OSError where something derived cannot
        be removed; it is tried again then."""
        with self._lock:
            if self._position < 0:
                self._position = self._kept = _read(self._file)
            while True:
                latest = self._events.latest()
                found = self._events.after(self._position, PAGE, kinds=(EventKind.OBJECTS_ERASED,))
                for event in found:
                    erased = self._of(str(event.payload.get("deletion", "")))
                    for holder in self._holders:
                        holder(erased)
                whole = len(found) < PAGE
                self._position = max(self._position, latest) if whole else found[-1].number
                if found or self._position - self._kept >= KEPT_EVERY:
                    self._file.parent.mkdir(parents=True, exist_ok=True)
                    self._file.write_text(f"{self._position}\n", encoding="ascii")
                    self._kept = self._position
                if whole:
                    return

    def _of(self, deletion_id: str) -> list[Erased]:
        columns = (tombstone.c.study_instance_uid, tombstone.c.series_instance_uid, tombstone.c.sop_instance_uid)
        statement = select(*columns).where(tombstone.c.deletion_id == deletion_id, tombstone.c.erased == 1)
        with self._index.read() as connection:
            return [Erased(*row) for row in connection.execute(statement)]


def _read(file: Path) -> int:
    """The place that was kept; 0, from the beginning, where there is none that can be read."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdecimal() else 0
