"""Whether a study is unread, being read or read: by whom and since when, for everybody who looks at the list.

Whoever reads holds the study for HELD and says so again and again; who goes away without a word holds it no longer than
that. A hold keeps nobody out: it tells a colleague, who may take over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, select

from pacs.access.principals import Principal
from pacs.archive.events import EventLog
from pacs.errors import NotFound, StateConflict
from pacs.index.people import reading_state
from pacs.index.schema import study
from pacs.index.upsert import upsert
from pacs.model import EventKind, from_microseconds, to_microseconds

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

HELD: Final = timedelta(minutes=3)


class ReadingDeed(StrEnum):
    """What a reader does."""

    HOLD = "hold"  # begin to read, or go on; does nothing while somebody else reads
    TAKE_OVER = "take_over"  # read it although somebody else does
    RELEASE = "release"
    MARK_READ = "mark_read"  # and release
    MARK_UNREAD = "mark_unread"


@dataclass(frozen=True, slots=True)
class ReadingState:
    """`state` is unread, reading or read; `by` and `at` say who reads or has read it, and since when; `until` is when a
    hold ends that is not renewed."""

    state: str = "unread"
    by: str = ""
    at: datetime | None = None
    until: datetime | None = None


UNREAD: Final = ReadingState()


class Readings:
    """The reading states of one archive. Blocks; thread safe."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def of(self, study_instance_uid: str) -> ReadingState:
        """The state now. Raises NotFound."""
        with self._archive.index.read() as connection:
            _check(connection, study_instance_uid)
            now = to_microseconds(self._archive.clock())
            return states(connection, [study_instance_uid], now).get(study_instance_uid, UNREAD)

    def do(
        self, principal: Principal, study_instance_uid: str, deed: ReadingDeed, seen: str | None = None
    ) -> ReadingState:
        """What it is after `deed`; another's hold where that stood in the way. `seen`: whose reading the asker knew of,
        which a deed that waited for a connection gives way to anybody else's. Raises NotFound, StateConflict."""
        at = self._archive.clock()

        def work(connection: Connection) -> tuple[ReadingState, bool]:
            _check(connection, study_instance_uid)
            chosen = select(reading_state).where(reading_state.c.study_instance_uid == study_instance_uid)
            row = dict(connection.execute(chosen).mappings().one_or_none() or {})
            before = _state(row, to_microseconds(at))
            if seen is not None and before.by not in {"", seen, principal.name}:
                message = f"{before.by} reads this study or has read it"
                raise StateConflict(message, "look at it again", "reading_taken")
            changes = _DEEDS[deed](row, principal.name, to_microseconds(at))
            if not changes:
                return before, False
            key = {"study_instance_uid": study_instance_uid}
            connection.execute(
                upsert(connection, reading_state)
                .values(**key, **changes)
                .on_conflict_do_update(index_elements=list(key), set_=changes)
            )
            after = _state({**row, **changes}, to_microseconds(at))
            if (after.state, after.by) == (before.state, before.by):
                return after, False  # a hold renewed is no news
            payload = {"state": after.state, "by": after.by or principal.name}
            EventLog.append(connection, at, EventKind.STUDY_READING, payload=payload, **key)
            return after, True

        after, is_news = self._archive.index.write(work)
        if is_news:
            self._archive.events.announce()
        return after


def states(connection: Connection, studies: Sequence[str], now: int) -> dict[str, ReadingState]:
    """Of those of `studies` that are not simply unread; `now` in microseconds."""
    chosen = select(reading_state).where(reading_state.c.study_instance_uid.in_(studies))
    rows = connection.execute(chosen).mappings().all()
    found = {str(row["study_instance_uid"]): _state(dict(row), now) for row in rows}
    return {uid: state for uid, state in found.items() if state != UNREAD}


def _check(connection: Connection, study_instance_uid: str) -> None:
    if connection.execute(select(study.c.row).where(study.c.study_instance_uid == study_instance_uid)).first() is None:
        raise NotFound("there is no such study", "check the identifier", "study_absent")


def _state(row: Mapping[str, Any], now: int) -> ReadingState:
    if _is_held(row, now):
        return ReadingState("reading", row["held_by"], _moment(row["held_since"]), _moment(row["held_until"]))
    if row.get("read_by"):
        return ReadingState("read", row["read_by"], _moment(row["read_at"]))
    return UNREAD


def _is_held(row: Mapping[str, Any], now: int) -> bool:
    return bool(row.get("held_by")) and row["held_until"] > now


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)


_Changes = dict[str, Any]
_FREE: Final[Mapping[str, Any]] = {"held_by": "", "held_since": None, "held_until": None}


def _take_over(row: Mapping[str, Any], name: str, now: int) -> _Changes:
    goes_on = _is_held(row, now) and row["held_by"] == name
    until = now + int(HELD / timedelta(microseconds=1))
    return {"held_by": name, "held_since": row["held_since"] if goes_on else now, "held_until": until}


def _hold(row: Mapping[str, Any], name: str, now: int) -> _Changes:
    return {} if _is_held(row, now) and row["held_by"] != name else _take_over(row, name, now)


def _release(row: Mapping[str, Any], name: str, now: int) -> _Changes:
    return dict(_FREE) if row.get("held_by") == name else {}


def _mark_read(row: Mapping[str, Any], name: str, now: int) -> _Changes:
    return {"read_by": name, "read_at": now, **_release(row, name, now)}


def _mark_unread(row: Mapping[str, Any], name: str, now: int) -> _Changes:
    return {"read_by": "", "read_at": None}


_DEEDS: Final[Mapping[ReadingDeed, Callable[[Mapping[str, Any], str, int], _Changes]]] = {
    ReadingDeed.HOLD: _hold,
    ReadingDeed.TAKE_OVER: _take_over,
    ReadingDeed.RELEASE: _release,
    ReadingDeed.MARK_READ: _mark_read,
    ReadingDeed.MARK_UNREAD: _mark_unread,
}
