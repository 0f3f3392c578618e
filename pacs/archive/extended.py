"""Extended query tags: private and other attributes that an administrator adds to what is searched.

A tag is `adding` while what is stored already is read again (`pacs.archive.reindex`), then `ready`, and `deleting`
until its values are gone. What arrives meanwhile is indexed in the transaction of its row. The tags are known in
memory, with a generation: an object that was read with those of another one is read once more.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from sqlalchemy import Connection, func, insert, select, update

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.principals import Principal
from pacs.archive.extended_values import Told, told_by
from pacs.archive.typed import MATCHING_OF
from pacs.attributes import BY_TAG, Extended, Level, Matching, Vocabulary
from pacs.dicom.dictionary import dictionary_vr, private_vr
from pacs.dicom.headers import Buffer
from pacs.errors import AlreadyThere, NotFound, NotPermitted, QueryRefused
from pacs.index.engine import Index
from pacs.index.extended import extended_error, extended_tag
from pacs.index.schema import instance
from pacs.model import Clock, from_microseconds, to_microseconds

TAGS_MAX: Final = 128
ERRORS_MAX: Final = 1000
CREATOR_CHARACTERS_MAX: Final = 64
LEVELS: Final = {"study": Level.STUDY, "series": Level.SERIES, "instance": Level.IMAGE}

PATH_MAX: Final = 4
"""Tags of one path: an attribute and the sequences around it."""

_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_NEVER: Final = frozenset({0x0000, 0x0002, 0xFFFC, 0xFFFE})
_SPECIAL: Final = frozenset({0x00080005, 0x00080201})
"""Attributes that say how others are to be read."""


_KNOWN = select(
    extended_tag.c.key,
    extended_tag.c.tag,
    extended_tag.c.vr,
    extended_tag.c.private_creator,
    extended_tag.c.level,
    extended_tag.c.status,
    extended_tag.c.enabled,
).order_by(extended_tag.c.key)


class TagStatus(StrEnum):
    """How far a tag is."""

    ADDING = "adding"
    READY = "ready"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class ExtendedTag:
    """A tag as people see it. `objects_done` of `objects_total` that were stored before it have been read; `errors` is
    of how many instances something could not be searched."""

    tag: str
    keyword: str
    vr: str
    private_creator: str
    level: str
    status: TagStatus
    enabled: bool
    objects_done: int
    objects_total: int
    errors: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TagError:
    """An instance of which something could not be searched."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Current:
    """The tags as they are in memory: those that arrivals are read for, and what can be asked for."""

    generation: int = 0
    read: tuple[Extended, ...] = ()
    adding: frozenset[int] = frozenset()
    deleting: frozenset[int] = frozenset()
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    def told_by(self, data: Buffer, transfer_syntax_uid: str) -> tuple[Told, ...]:
        """What a data set says of the tags."""
        return told_by(data, transfer_syntax_uid, self.read) if self.read else ()


class ExtendedTags:
    """The extended query tags of one archive. Every change is audited in its own transaction."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._current: Current | None = None
        self._rows: Sequence[Any] = ()
        self.changed = threading.Event()
        """Set when there may be something to read or to remove."""

    @property
    def current(self) -> Current:
        """What is known now."""
        return self._current or self.reload()

    def reload(self) -> Current:
        """Know what the index has; a new generation begins."""
        with self._lock:
            generation = self._current.generation + 1 if self._current is not None else 0
            with self._index.read() as connection:
                self._rows = connection.execute(_KNOWN).all()
            rows = self._rows
            self._current = current = _current(rows, generation)
        self.changed.set()
        return current

    def learn(self) -> None:
        """Know what another node on the same database has changed."""
        with self._lock, self._index.read() as connection:
            rows = connection.execute(_KNOWN).all()
            changed = rows != self._rows
        if changed:
            self.reload()

    def add(self, tag: str, vr: str = "", private_creator: str = "", level: str = "", *, by: Principal) -> ExtendedTag:
        """Have a tag searched: `tag` is eight hexadecimal digits or a keyword, behind those of the sequences around it
        with dots between them; `vr` may be left out where a dictionary knows it, `level` is study, series or instance
        (the default).

        Raises NotPermitted, QueryRefused, AlreadyThere.
        """
        _require(by)
        values = _checked(tag, vr, private_creator.strip(), level or "instance")

        def work(connection: Connection) -> None:
            known = connection.execute(select(extended_tag.c.tag, extended_tag.c.status)).all()
            for one in known:
                if one.tag == values["tag"]:
                    wait = " and is being deleted" if one.status == TagStatus.DELETING else ""
                    raise AlreadyThere(f"{one.tag} is an extended query tag already{wait}", "remove it first, or wait")
            if len(known) >= TAGS_MAX:
                raise QueryRefused(f"there are {len(known)} extended query tags", "remove one that is not needed")
            now = self._clock()
            connection.execute(
                insert(extended_tag).values(**values, status=TagStatus.ADDING.value, created_at=to_microseconds(now))
            ).close()
            self._audit(connection, "extended query tag added", by, values)

        self._index.write(work)
        self.reload()
        return self.get(values["tag"])

    def remove(self, tag: str, *, by: Principal) -> None:
        """Search a tag no more; its values go beside everything else. Raises NotPermitted, QueryRefused, NotFound."""
        _require(by)
        self._change(_digits(tag), {"status": TagStatus.DELETING.value}, "extended query tag removed", by)

    def enable(self, tag: str, enabled: bool, *, by: Principal) -> ExtendedTag:
        """Allow or forbid to ask for a tag, whose values are kept up in either case.

        Raises NotPermitted, QueryRefused, NotFound.
        """
        _require(by)
        digits = _digits(tag)
        action = f"extended query tag {'enabled' if enabled else 'disabled'}"
        self._change(digits, {"enabled": int(enabled)}, action, by)
        return self.get(digits)

    def listing(self) -> list[ExtendedTag]:
        """Every one, in the order in which they were added."""
        counts = (
            select(extended_error.c.tag_key, func.count().label("errors")).group_by(extended_error.c.tag_key).subquery()
        )
        statement = (
            select(extended_tag, func.coalesce(counts.c.errors, 0).label("errors"))
            .select_from(extended_tag.outerjoin(counts, counts.c.tag_key == extended_tag.c.key))
            .order_by(extended_tag.c.key)
        )
        with self._index.read() as connection:
            return [_shown(row) for row in connection.execute(statement)]

    def get(self, tag: str) -> ExtendedTag:
        """One of them. Raises QueryRefused, NotFound."""
        digits = _digits(tag)
        for one in self.listing():
            if one.tag == digits:
                return one
        raise _unknown(digits)

    def errors(self, tag: str, limit: int = ERRORS_MAX, *, by: Principal) -> list[TagError]:
        """Instances of which something could not be searched, in the order of arrival.

        Raises NotPermitted, QueryRefused, NotFound.
        """
        _require(by)
        self.get(tag)
        columns = (instance.c.study_instance_uid, instance.c.series_instance_uid, instance.c.sop_instance_uid)
        statement = (
            select(*columns, extended_error.c.message, extended_error.c.at)
            .join(extended_tag, extended_tag.c.key == extended_error.c.tag_key)
            .join(instance, instance.c.row == extended_error.c.instance_row)
            .where(extended_tag.c.tag == _digits(tag))
            .order_by(extended_error.c.instance_row)
            .limit(min(limit, ERRORS_MAX))
        )
        with self._index.read() as connection:
            return [TagError(*row[:4], from_microseconds(row[4])) for row in connection.execute(statement)]

    def _change(self, digits: str, values: dict[str, Any], action: str, by: Principal) -> None:
        def work(connection: Connection) -> None:
            kept = (extended_tag.c.tag == digits, extended_tag.c.status != TagStatus.DELETING.value)
            if not connection.execute(update(extended_tag).where(*kept).values(values)).rowcount:
                raise _unknown(digits)
            self._audit(connection, action, by, {"tag": digits})

        self._index.write(work)
        self.reload()

    def _audit(self, connection: Connection, action: str, by: Principal, values: dict[str, str]) -> None:
        audit.record(
            connection,
            self._clock(),
            code=AuditCode.APPLICATION_ACTIVITY,
            action=action,
            principal=by,
            detail=" ".join(value for value in values.values() if value),
        )


def attribute_of(row: Any) -> Extended:
    """A row of `extended_tag` as an attribute."""
    *sequences, tag = _path(row.tag)
    return Extended(
        _keyword(row.tag) or row.tag,
        tag,
        row.vr,
        LEVELS[row.level],
        MATCHING_OF[row.vr],
        column="",
        multiple=True,
        key=row.key,
        private_creator=row.private_creator,
        sequences=tuple(sequences),
    )


def _path(digits: str) -> tuple[int, ...]:
    return tuple(int(part, 16) for part in digits.split("."))


def _keyword(digits: str) -> str:
    """The keywords with dots between them; "" where one of the tags has none."""
    keywords = [keyword_for_tag(tag) for tag in _path(digits)]
    return ".".join(keywords) if all(keywords) else ""


def _current(rows: Sequence[Any], generation: int) -> Current:
    attributes = {row.key: attribute_of(row) for row in rows}
    kept = [row for row in rows if row.status != TagStatus.DELETING]
    asked = [row for row in kept if row.status == TagStatus.READY and row.enabled]
    waiting = {
        _path(row.tag): "is still being indexed" if row.status == TagStatus.ADDING else "is disabled"
        for row in kept
        if row not in asked
    }
    return Current(
        generation,
        tuple(attributes[row.key] for row in kept),
        frozenset(row.key for row in kept if row.status == TagStatus.ADDING),
        frozenset(row.key for row in rows if row.status == TagStatus.DELETING),
        Vocabulary([attributes[row.key] for row in asked], waiting),
    )


def _digits(tag: str) -> str:
    """Eight hexadecimal digits for each tag of a path. Raises QueryRefused."""
    parts = tag.split(".")
    if len(parts) > PATH_MAX:
        raise QueryRefused(
            f"{tag[:64]!r} stands in {len(parts) - 1} sequences", f"at most {PATH_MAX - 1} are gone into"
        )
    return ".".join(_digits_of_one(part) for part in parts)


def _digits_of_one(tag: str) -> str:
    found = _TAG.fullmatch(tag.strip())
    number = int(found[1] + found[2], 16) if found else tag_for_keyword(tag.strip())
    if number is None:
        raise QueryRefused(f"{tag[:64]!r} is no attribute", "give a keyword, or eight hexadecimal digits")
    return f"{number:08X}"


def _checked(tag: str, vr: str, private_creator: str, level: str) -> dict[str, str]:
    """The columns that describe a tag. Raises QueryRefused, AlreadyThere."""
    digits = _digits(tag)
    *sequences, number = _path(digits)
    _check_sequences(sequences, number, private_creator)
    if number >> 16 & 1:
        known_vr = _private(number, private_creator)
    else:
        known_vr = _standard(number, private_creator, inside=bool(sequences))
    if not vr and len(known_vr) != 2:
        raise QueryRefused(f"the VR of {digits} is {known_vr}", "say which with `vr`")
    vr = (vr or known_vr).upper()
    if vr == "SQ":
        raise QueryRefused(
            f"{digits} is a sequence, which has no values but those of its items",
            f"add what is looked for in them, as in {digits}.00080100",
        )
    if vr not in MATCHING_OF:
        said = "is not known" if vr == "UN" else f"{vr[:8]!r} is not searched"
        raise QueryRefused(f"the VR of {digits} {said}", f"give one of {', '.join(sorted(MATCHING_OF))}")
    if known_vr != "UN" and vr not in known_vr.split(" or ") and not number >> 16 & 1:
        raise QueryRefused(f"the VR of {digits} is {known_vr}, not {vr}", "leave `vr` out")
    if level not in LEVELS:
        raise QueryRefused(f"level {level[:32]!r}", f"expected {', '.join(LEVELS)}")
    return {"tag": digits, "vr": vr, "private_creator": private_creator, "level": level}


def _check_sequences(sequences: Sequence[int], number: int, creator: str) -> None:
    """Raise QueryRefused where what is around an attribute is no sequence, AlreadyThere where it is searched anyway."""
    for one in sequences:
        vr = _private(one, creator) if one >> 16 & 1 else dictionary_vr(one)
        if vr not in ("SQ", "UN") or (vr == "UN" and not one >> 16 & 1):
            raise QueryRefused(f"{one:08X} is no sequence", "only a sequence has attributes inside")
    known = BY_TAG.get(sequences[0]) if sequences else None
    if known is not None:
        raise AlreadyThere(
            f"{known.keyword} is searched already, with all that its items hold", "name it in the search"
        )
    if sequences and creator and not any(one >> 16 & 1 for one in (*sequences, number)):
        raise QueryRefused("nothing of it is private", "leave `private_creator` out")


def _private(number: int, creator: str) -> str:
    if number & 0xFFFF < 0x1000 or number >> 16 < 0x0009 or number >> 16 == 0xFFFF:
        raise QueryRefused(f"{number:08X} is no private attribute", "give its element as bbee, with a block from 10")
    if not creator:
        raise QueryRefused(f"{number:08X} is private", "say whose it is with `private_creator`")
    if len(creator) > CREATOR_CHARACTERS_MAX or "\\" in creator or not creator.isprintable():
        raise QueryRefused("private_creator is no value of an LO", f"at most {CREATOR_CHARACTERS_MAX} characters")
    return private_vr(creator, number)


def _standard(number: int, creator: str, *, inside: bool) -> str:
    if creator and not inside:
        raise QueryRefused(f"{number:08X} is not private", "leave `private_creator` out")
    known = None if inside else BY_TAG.get(number)
    if known is not None and (known.matching is not Matching.RETURN or number in _SPECIAL):
        raise AlreadyThere(f"{known.keyword} is searched already", "it needs no extended query tag")
    if number >> 16 in _NEVER or not number & 0xFFFF or number in _SPECIAL:
        raise QueryRefused(f"{number:08X} is nothing to be searched", "choose an attribute of the data set")
    return dictionary_vr(number)


def _shown(row: Any) -> ExtendedTag:
    return ExtendedTag(
        tag=row.tag,
        keyword=_keyword(row.tag),
        vr=row.vr,
        private_creator=row.private_creator,
        level=row.level,
        status=TagStatus(row.status),
        enabled=bool(row.enabled),
        objects_done=row.objects_done,
        objects_total=row.objects_total,
        errors=row.errors,
        created_at=from_microseconds(row.created_at),
    )


def _unknown(digits: str) -> NotFound:
    return NotFound(f"{digits} is no extended query tag", "`pacs tag list` shows them")


def _require(by: Principal) -> None:
    if not may(by, Action.MANAGE_ARCHIVE):
        raise NotPermitted(f"{by.name} may not manage extended query tags", "ask an administrator")
