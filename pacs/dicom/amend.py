"""A data set with corrected attributes and an account of it in Original Attributes Sequence (PS3.3 C.12.1.1.9).

The bytes are edited in the coding that they are in, and only where something changes: what stays is given as ranges of
what is stored, so an object of any size goes through. Where a new value has letters that the object's character set
lacks, every text of it becomes Unicode (ISO_IR 192): a letter is never lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from pacs.attributes import NAMED
from pacs.dicom.charset import UTF8, decode_text, encode_text
from pacs.dicom.dictionary import LONG_VRS, TEXT_VRS
from pacs.dicom.elements import ELEMENT, ITEM, ITEM_END, SEQUENCE, SEQUENCE_END, scan
from pacs.dicom.headers import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    ITEM_DELIMITER,
    ITEM_TAG,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
    Buffer,
    Coding,
    actual_coding,
)
from pacs.dicom.uids import IMPLEMENTATION_VERSION_NAME, TransferSyntax

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_ORIGINAL_ATTRIBUTES: Final = 0x04000561
_MODIFIED_ATTRIBUTES: Final = 0x04000550
_MODIFICATION_DATETIME: Final = 0x04000562
_MODIFYING_SYSTEM: Final = 0x04000563
_SOURCE_OF_PREVIOUS_VALUES: Final = 0x04000564
_REASON: Final = 0x04000565
_LONG_NAMES: Final = frozenset(LONG_VRS.values())
_SHORT_LENGTH_MAX: Final = 65534
_VRS: Final = {attribute.tag: attribute.vr for attribute in NAMED.values()}
_UNKNOWN_ITEM: Final = b"\xfe\xff\x00\xe0"

Segment = bytes | range
"""Bytes that are new, or the range of those that stay."""


@dataclass(frozen=True, slots=True)
class Change:
    """One act that changed attributes: keyword to new text, several values joined by a backslash.

    `reason` is a defined term of (0400,0565), `source` where the values before came from, "" where nobody knows.
    """

    at: datetime
    reason: str
    values: Mapping[str, str]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Amended:
    """Segments of what stands before and behind the pixel data."""

    head: tuple[Segment, ...]
    behind: tuple[Segment, ...]


def amended(head: Buffer, behind: Buffer, syntax: TransferSyntax, changes: Sequence[Change]) -> Amended | None:
    """The parts of a data set around its pixel data as `changes`, the oldest first, make them; None where every value
    is so already. An act that changes nothing of this object leaves no trace in it.

    `head` is all before the pixel data, `behind` all after them, both inflated. Raises what `scan` raises for a data
    set that was never walked.
    """
    written = _Written(head, syntax, changes)
    steps = list(written.steps(changes))
    if not steps:
        return None
    wide = any(not written.fits(text) for change, _ in steps for text in change.values.values())
    account, fresh = written.told(steps, wide)
    charset = written.charset if wide else None
    edits = _edits(head, syntax, written.coding, charset, _Fresh(fresh, account, written.inner))
    edits_behind = _edits(behind, syntax, written.coding, charset, None) if wide and len(behind) else []
    return Amended(tuple(_segments(edits, len(head))), tuple(_segments(edits_behind, len(behind))))


class _Place(NamedTuple):
    """A top level element as it is written: its VR and where its value is."""

    vr: str
    start: int
    end: int


class _Written:
    """What an object says now of the attributes that change."""

    def __init__(self, data: Buffer, syntax: TransferSyntax, changes: Sequence[Change]) -> None:
        declared = BIG_ENDIAN if syntax.big_endian else IMPLICIT if syntax.implicit else EXPLICIT
        wanted = {NAMED[keyword].tag for change in changes for keyword in change.values}
        self._data = data
        self._places = _places(data, syntax, wanted | {_SPECIFIC_CHARACTER_SET, _ORIGINAL_ATTRIBUTES})
        account = self._places.get(_ORIGINAL_ATTRIBUTES)
        self.coding = actual_coding(data, declared, set())
        self.inner = IMPLICIT if account is not None and account.vr == "UN" else self.coding
        self.charset = decode_text(self._value(_SPECIFIC_CHARACTER_SET), "CS").strip()

    def _value(self, tag: int) -> bytes:
        place = self._places.get(tag)
        return bytes(self._data[place.start : place.end]) if place is not None else b""

    def steps(self, changes: Sequence[Change]) -> Iterator[tuple[Change, list[str]]]:
        """Each act that changes something here, with the keywords of what it changes, in the order of their tags."""
        now: dict[str, str] = {}
        for change in changes:
            differing = []
            for keyword, text in change.values.items():
                attribute = NAMED[keyword]
                was = now.get(keyword)
                if was is None:
                    was = decode_text(self._value(attribute.tag), attribute.vr, self.charset)
                if _plain(was) != _plain(text):
                    differing.append(keyword)
                    now[keyword] = text
            if differing:
                yield change, sorted(differing, key=lambda keyword: NAMED[keyword].tag)

    def fits(self, text: str) -> bool:
        """Whether the object's character set has the letters of `text`."""
        return text.isascii() or encode_text(text, self.charset)[1] in (self.charset.partition("\\")[0], None)

    def told(self, steps: Sequence[tuple[Change, list[str]]], wide: bool) -> tuple[bytes, dict[int, bytes]]:
        """The items of the account, and the new elements by tag."""
        now: dict[int, bytes] = {}
        items = b""
        for change, keywords in steps:
            before = b""
            for keyword in keywords:
                attribute = NAMED[keyword]
                raw = now.get(attribute.tag, self._old(attribute.tag, attribute.vr, wide))
                before += _element(self.inner, attribute.tag, attribute.vr, raw)
                now[attribute.tag] = self._encoded(change.values[keyword], wide)
            items += _in_item(self.inner, self._account(change, before, wide))
        fresh = {tag: _element(self.coding, tag, _VRS[tag], raw) for tag, raw in now.items()}
        if wide:
            fresh[_SPECIFIC_CHARACTER_SET] = _element(self.coding, _SPECIFIC_CHARACTER_SET, "CS", UTF8.encode())
        return items, fresh

    def _old(self, tag: int, vr: str, wide: bool) -> bytes:
        raw = self._value(tag)
        return decode_text(raw, vr, self.charset).encode() if wide and vr in TEXT_VRS else raw

    def _encoded(self, text: str, wide: bool) -> bytes:
        return text.encode() if wide else encode_text(text, self.charset)[0]

    def _account(self, change: Change, before: bytes, wide: bool) -> bytes:
        coding = self.inner
        return b"".join(
            (
                _open(coding, _MODIFIED_ATTRIBUTES, "SQ"),
                _in_item(coding, before),
                _mark(coding, SEQUENCE_DELIMITER, 0),
                _element(coding, _MODIFICATION_DATETIME, "DT", change.at.strftime("%Y%m%d%H%M%S.%f%z").encode()),
                _element(coding, _MODIFYING_SYSTEM, "LO", IMPLEMENTATION_VERSION_NAME.encode()),
                _element(coding, _SOURCE_OF_PREVIOUS_VALUES, "LO", self._encoded(change.source, wide)),
                _element(coding, _REASON, "CS", change.reason.encode()),
            )
        )


def _plain(text: str) -> str:
    return "\\".join(part.strip(" \0") for part in text.split("\\"))


def _places(data: Buffer, syntax: TransferSyntax, wanted: set[int]) -> dict[int, _Place]:
    """Where the top level elements `wanted` are; of several the last, as the index takes it."""
    found: dict[int, _Place] = {}
    depth = opened = 0
    written = ""
    for kind, tag, vr, start, value, length in scan(data, syntax):
        if kind == ELEMENT and not depth and tag in wanted:
            found[tag] = _Place(vr, value, value + length)
        elif kind == SEQUENCE:
            if not depth:
                opened, written = value, vr
            depth += 1
        elif kind == SEQUENCE_END:
            depth -= 1
            if not depth and tag in wanted:
                found[tag] = _Place(written, opened, start)
    return found


# Editing -------------------------------------------------------------------------------------------------------


class _Edit(NamedTuple):
    """Bytes from `start` to `end` make place for `fresh`."""

    start: int
    end: int
    fresh: bytes


class _Fresh(NamedTuple):
    """What comes into a data set: top level elements by tag, and items of Original Attributes Sequence."""

    elements: Mapping[int, bytes]
    account: bytes
    inner: Coding


def _edits(
    data: Buffer, syntax: TransferSyntax, coding: Coding, charset: str | None, fresh: _Fresh | None
) -> list[_Edit]:
    """What changes in `data`: `fresh` takes its place, group lengths that would be wrong go, and with the `charset` in
    which it is written every text becomes Unicode, for which nothing around it may have a length of its own."""
    editor = _Editor(data, coding, charset, fresh)
    for event in scan(data, syntax):
        editor.take(*event)
    editor.end(len(data))
    return editor.edits


class _Editor:
    """Follows a scan and notes what changes, in the order of the bytes."""

    def __init__(self, data: Buffer, coding: Coding, charset: str | None, fresh: _Fresh | None) -> None:
        self.edits: list[_Edit] = []
        self._data = data
        self._coding = coding
        self._codings = [coding]  # of the data set and of the items around the place that is looked at
        self._charsets = None if charset is None else [charset]
        self._fresh = fresh
        self._waiting = sorted(fresh.elements) if fresh is not None else []
        self._account_open = fresh is not None
        self._in_account = False
        self._groups = {tag >> 16 for tag in self._waiting} | {_ORIGINAL_ATTRIBUTES >> 16}

    def take(self, kind: int, tag: int, vr: str, start: int, value: int, length: int) -> None:
        """One event of the scan."""
        depth = len(self._codings) - 1
        if kind in (ELEMENT, SEQUENCE) and not depth and self._fresh is not None:
            self._insert_before(tag, start)
        if kind == ELEMENT:
            self._element(depth, tag, vr, start, value, length)
        elif kind == SEQUENCE:
            is_account = not depth and tag == _ORIGINAL_ATTRIBUTES and self._fresh is not None
            if is_account:
                self._in_account, self._account_open = True, False
            if length != UNDEFINED_LENGTH and (self._charsets is not None or is_account):
                self._edit(start, value, _open(self._codings[-1], tag, vr))
            self._codings.append(IMPLICIT if vr == "UN" else self._codings[-1])
        elif kind == SEQUENCE_END:
            inner = self._codings.pop()
            if depth == 1 and self._in_account and self._fresh is not None:
                self._edit(start, value, self._fresh.account + _mark(inner, SEQUENCE_DELIMITER, 0))
                self._in_account = False
            elif self._charsets is not None:
                self._edit(start, value, _mark(inner, SEQUENCE_DELIMITER, 0))
        elif self._charsets is not None and kind == ITEM:
            self._charsets.append(self._charsets[-1])
            if length != UNDEFINED_LENGTH:
                self._edit(start, value, _mark(self._codings[-1], ITEM_TAG, UNDEFINED_LENGTH))
        elif self._charsets is not None and kind == ITEM_END:
            self._charsets.pop()
            self._edit(start, value, _mark(self._codings[-1], ITEM_DELIMITER, 0))

    def end(self, position: int) -> None:
        """The data set has ended at `position`."""
        if self._fresh is not None:
            self._insert_before(1 << 32, position)

    def _edit(self, start: int, end: int, fresh: bytes) -> None:
        self.edits.append(_Edit(start, end, fresh))

    def _insert_before(self, tag: int, position: int) -> None:
        assert self._fresh is not None
        while self._waiting and self._waiting[0] <= tag:
            self._edit(position, position, self._fresh.elements[self._waiting.pop(0)])
        if self._account_open and tag > _ORIGINAL_ATTRIBUTES:
            self._account_open = False
            head = _open(self._coding, _ORIGINAL_ATTRIBUTES, "SQ")
            self._edit(position, position, head + self._fresh.account + _mark(self._coding, SEQUENCE_DELIMITER, 0))

    def _element(self, depth: int, tag: int, vr: str, start: int, value: int, length: int) -> None:
        end = value + length
        if not depth and self._fresh is not None:
            if tag in self._fresh.elements or (not tag & 0xFFFF and tag >> 16 in self._groups):
                self._edit(start, end, b"")
                return
            if tag == _ORIGINAL_ATTRIBUTES and bytes(self._data[value : value + 4]) != _UNKNOWN_ITEM:
                self._account_open = True  # there are no items in it
                self._edit(start, end, b"")
                self._insert_before(tag + 1, end)
                return
            if tag == _ORIGINAL_ATTRIBUTES:  # its items are Implicit VR Little Endian (PS3.5 6.2.2)
                self._account_open = False
                self._edit(start, value, _open(self._coding, tag, "UN"))
                self._edit(end, end, self._fresh.account + _mark(self._fresh.inner, SEQUENCE_DELIMITER, 0))
                return
        if self._charsets is None:
            return
        if not tag & 0xFFFF:
            self._edit(start, end, b"")
        elif tag == _SPECIFIC_CHARACTER_SET:
            self._charsets[-1] = decode_text(bytes(self._data[value:end]), "CS").strip()
            self._edit(start, end, _element(self._codings[-1], tag, "CS", UTF8.encode()))
        elif vr in TEXT_VRS:
            raw = bytes(self._data[value:end])
            if not raw.isascii() or b"\x1b" in raw:
                text = decode_text(raw, vr, self._charsets[-1])
                self._edit(start, end, _element(self._codings[-1], tag, vr, text.encode()))


def _segments(edits: Sequence[_Edit], length: int) -> Iterator[Segment]:
    position = 0
    for edit in edits:
        if edit.start > position:
            yield range(position, edit.start)
        if edit.fresh:
            yield edit.fresh
        position = max(position, edit.end)
    if position < length:
        yield range(position, length)


# Writing -------------------------------------------------------------------------------------------------------


def _element(coding: Coding, tag: int, vr: str, raw: bytes) -> bytes:
    raw += b" " * (len(raw) & 1)
    return _head(coding, tag, vr, len(raw)) + raw


def _open(coding: Coding, tag: int, vr: str) -> bytes:
    """The head of a sequence of undefined length."""
    return _head(coding, tag, vr, UNDEFINED_LENGTH)


def _head(coding: Coding, tag: int, vr: str, length: int) -> bytes:
    group, element = tag >> 16, tag & 0xFFFF
    if coding.implicit:
        return coding.implicit_head.pack(group, element, length)
    if vr not in _LONG_NAMES and length > _SHORT_LENGTH_MAX:
        vr = "UN"
    if vr in _LONG_NAMES:
        return coding.explicit_head.pack(group, element, vr.encode(), 0) + coding.word.pack(length)
    return coding.explicit_head.pack(group, element, vr.encode(), length)


def _mark(coding: Coding, element: int, length: int) -> bytes:
    """The head of an item, or a delimiter."""
    return coding.implicit_head.pack(0xFFFE, element, length)


def _in_item(coding: Coding, content: bytes) -> bytes:
    return _mark(coding, ITEM_TAG, UNDEFINED_LENGTH) + content + _mark(coding, ITEM_DELIMITER, 0)
