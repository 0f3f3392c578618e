"""One iterative scan over the elements of a data set (PS3.5 chapter 7), shared by everything that reads bytes.

The scan never recurses, trusts no length, and knows the deviations that real devices write; what it had to forgive it
names in `oddities`. Offsets are relative to the start of the data set; lengths are bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pacs.dicom.dictionary import SHORT_VRS, STANDARD_VRS
from pacs.dicom.headers import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    ITEM_DELIMITER,
    ITEM_TAG,
    LETTERS_AS_LENGTH,
    SEND_AGAIN,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
    Buffer,
    Coding,
    actual_coding,
    implicit_header,
    item_at,
    long_header,
    only_nulls,
    overrun,
    short_header,
    too_many,
)
from pacs.dicom.paged import PagedBytes
from pacs.dicom.uids import TransferSyntax
from pacs.errors import IncompleteDataSet, NotUnderstood

TRAILING_PADDING: Final = 0xFFFCFFFC
PIXEL_DATA: Final = 0x7FE00010


@dataclass(frozen=True, slots=True)
class Limits:
    """Structural limits against bombs: counts over the whole data set, `depth` in nested sequences, sizes in bytes,
    `value_characters` for one extracted attribute. Deflated data may grow `inflate_ratio` times once over
    `inflate_free_bytes`, and to `inflated_bytes` at most."""

    depth: int = 64
    elements: int = 200_000
    items: int = 100_000
    fragments: int = 1_000_000
    value_characters: int = 1024
    sequence_bytes: int = 64 * 1024
    inflate_ratio: int = 100
    inflate_free_bytes: int = 4 * 1024 * 1024
    inflated_bytes: int = 256 * 1024 * 1024


DEFAULT_LIMITS: Final = Limits()

# kinds of events
ELEMENT: Final = 0  # a value of defined length
SEQUENCE: Final = 1  # a sequence begins; `value` is where its first item stands
SEQUENCE_END: Final = 2  # `start` is the end of its items, `value` the byte after its delimiter
ITEM: Final = 3  # an item begins; `value` is where its first element stands
ITEM_END: Final = 4  # `start` is the end of its elements, `value` the byte after its delimiter
FRAGMENTS: Final = 5  # encapsulated data begin; `value` is where the Basic Offset Table item stands
FRAGMENT: Final = 6  # the Basic Offset Table first, then every fragment; `start` is its item header
FRAGMENTS_END: Final = 7  # like SEQUENCE_END; `value` equals `start` where the data end without the delimiter
NULLS: Final = 8  # nothing but zero bytes from `start` to the end

Event = tuple[int, int, str, int, int, int]
"""(kind, tag, VR, start of the header, start of the value, length of the value)."""

_SPECIAL_GROUPS: Final = frozenset({0x0000, 0xFFFE})
_FRAGMENTED_VRS: Final = frozenset({"OB", "OW", "OB or OW", "OF", "OD", "OL", "OV"})


def scan(
    data: Buffer,
    syntax: TransferSyntax,
    *,
    limits: Limits = DEFAULT_LIMITS,
    oddities: set[str] | None = None,
    wanted: Container[int] | None = None,
) -> Iterator[Event]:
    """Every element, item and fragment of `data` in the order of the bytes; `data` is already inflated.

    Of plain elements, with `wanted`, only those of its tags at top level; all are checked.
    A container may lack its delimiter where a declared length around it proves its end. Raises IncompleteDataSet
    where the bytes end inside something, NotUnderstood where they cannot be read or pass a limit.

    One long function, because a call for every element would double the time of the ingest path.
    """
    odd = oddities if oddities is not None else set()
    declared = BIG_ENDIAN if syntax.big_endian else IMPLICIT if syntax.implicit else EXPLICIT
    coding = actual_coding(data, declared, odd)
    implicit, implicit_head = coding.implicit, coding.implicit_head
    explicit_at, implicit_at = _heads(data, coding)
    # the data set being read: its end, whether a declared length proves that end, whether a delimiter must close it
    end, bounded, delimited, previous = len(data), False, False, -1
    creators: dict[int, str] = {}
    sequence = (0, False, False, 0, "")  # the sequence around it: end, bounded, delimited, tag, VR
    waiting: list[tuple[tuple[int, bool, bool, int, str], tuple[int, bool, bool, int], dict[int, str], Coding]] = []
    position = elements = items = 0
    element_limit, short_vr, standard_vr = limits.elements, SHORT_VRS.get, STANDARD_VRS.get

    while True:
        opened = False
        while position < end:
            start = position
            value = start + 8
            if value > end:
                if not waiting and only_nulls(data, start, end):
                    break
                raise short_header(start, end)
            if implicit:
                group, element, length = implicit_at(data, start)
                tag = group << 16 | element
                vr = "" if length >= LETTERS_AS_LENGTH else standard_vr(tag, "")
            else:
                group, element, code, length = explicit_at(data, start)
                tag = group << 16 | element
                vr = short_vr(code, "")
            if group in _SPECIAL_GROUPS:
                if group == 0 and not waiting and not any(data[start:value]):
                    if only_nulls(data, start, end):
                        break
                    raise NotUnderstood(
                        f"zero bytes stand in the way at byte {start}", "the data set is damaged; send it again"
                    )
                if group == 0xFFFE:
                    if delimited and element in (ITEM_DELIMITER, SEQUENCE_DELIMITER, ITEM_TAG):
                        break
                    position = _stray(element, start, odd)
                    continue
            elements += 1
            if elements > element_limit:
                raise too_many("elements", element_limit)
            if tag <= previous:
                odd.add("duplicate_tag" if tag == previous else "tag_order")
            previous = tag
            if not vr:
                if implicit:
                    vr, value, length = implicit_header(data, start, end, tag, length, creators, odd)
                else:
                    vr, value, length = long_header(data, start, end, tag, code, length, coding, odd)
            if length == UNDEFINED_LENGTH:
                if tag == PIXEL_DATA or vr in _FRAGMENTED_VRS:
                    yield FRAGMENTS, tag, vr, start, value, length
                    position = yield from _fragments(
                        data, tag, vr, value, end, bool(waiting), bounded, implicit_head, limits, odd
                    )
                    continue
                opened = True
                break
            position = value + length
            if position > end:
                raise overrun(tag, start, length, end, len(data))
            if vr == "SQ":
                if length == 0 or item_at(data, value, position, implicit_head):
                    opened = True
                    break
                odd.add("sequence_without_items")
                vr = "UN"
            if length & 1:
                odd.add("odd_length")
            if not element:
                odd.add("group_length")
            if wanted is None or (tag in wanted and not waiting):
                yield ELEMENT, tag, vr, start, value, length

        if opened:
            if len(waiting) >= limits.depth:
                raise too_many("levels of nested sequences", limits.depth)
            waiting.append((sequence, (end, bounded, delimited, previous), creators, coding))
            if length == UNDEFINED_LENGTH:
                sequence = (end, bounded, True, tag, vr)
                if vr not in ("SQ", "UN"):
                    odd.add("wrong_vr")
                if vr == "UN":  # its items are Implicit VR Little Endian whatever is around it (PS3.5 6.2.2)
                    coding = IMPLICIT
                    implicit, implicit_head = coding.implicit, coding.implicit_head
                    explicit_at, implicit_at = _heads(data, coding)
            else:
                sequence = (position, True, False, tag, vr)
            yield SEQUENCE, tag, vr, start, value, length
            position = value
        elif not waiting:
            if position < end:
                odd.add("trailing_nulls")
                yield NULLS, 0, "", position, position, end - position
            return
        else:
            start = position
            if position < end:
                position = _close_item(data, position, implicit_head, odd)
            elif delimited:
                _missing_delimiter("item", bounded, position, odd)
            yield ITEM_END, sequence[3], "", start, position, 0

        # the next item of the sequence, or the way back to the data set around it
        sequence_end, sequence_bounded, sequence_delimited, tag, vr = sequence
        while True:
            start = position
            if start + 8 <= sequence_end:
                group, element, length = implicit_head.unpack(data[start : start + 8])
                position = start + 8
                if group != 0xFFFE:
                    raise NotUnderstood(
                        f"no item where one should stand, at byte {start}", "the data set is damaged; send it again"
                    )
                if element == ITEM_TAG:
                    items += 1
                    if items > limits.items:
                        raise too_many("items", limits.items)
                    delimited = length == UNDEFINED_LENGTH
                    end, bounded = (sequence_end, sequence_bounded) if delimited else (position + length, True)
                    if end > sequence_end:
                        raise overrun(tag, start, length, sequence_end, len(data))
                    previous, creators = -1, {}
                    yield ITEM, tag, vr, start, position, length
                    break
                if element != SEQUENCE_DELIMITER or not sequence_delimited:
                    odd.add("stray_delimiter")
                    continue
                if length:
                    odd.add("delimiter_length")
            elif start < sequence_end:
                raise short_header(start, sequence_end)
            elif sequence_delimited:
                _missing_delimiter("sequence", sequence_bounded, start, odd)
            yield SEQUENCE_END, tag, vr, start, position, 0
            sequence, (end, bounded, delimited, previous), creators, coding = waiting.pop()
            implicit, implicit_head = coding.implicit, coding.implicit_head
            explicit_at, implicit_at = _heads(data, coding)
            break


_HeadAt = Callable[[Any, int], tuple[Any, ...]]


def _heads(data: Buffer, coding: Coding) -> tuple[_HeadAt, _HeadAt]:
    """How an explicit and an implicit head at a position are read: without a copy where the bytes are in memory."""
    explicit, implicit = coding.explicit_head, coding.implicit_head
    if not isinstance(data, PagedBytes):
        return explicit.unpack_from, implicit.unpack_from
    return (
        lambda data, start: explicit.unpack(data[start : start + 8]),
        lambda data, start: implicit.unpack(data[start : start + 8]),
    )


def _fragments(
    data: Buffer, tag: int, vr: str, position: int, end: int, nested: bool, bounded: bool,
    head: struct.Struct, limits: Limits, odd: set[str],
) -> Generator[Event, None, int]:  # fmt: skip
    """The items of encapsulated data (PS3.5 A.4); returns the byte after them."""
    count = 0
    while position < end:
        if position + 8 > end:
            raise short_header(position, end)
        group, element, length = head.unpack(data[position : position + 8])
        if group != 0xFFFE or element not in (ITEM_TAG, SEQUENCE_DELIMITER) or length == UNDEFINED_LENGTH:
            raise NotUnderstood(
                f"no fragment where one should stand, at byte {position}", "the pixel data are damaged; send it again"
            )
        if element == SEQUENCE_DELIMITER:
            if length:
                odd.add("delimiter_length")
            yield FRAGMENTS_END, tag, vr, position, position + 8, 0
            return position + 8
        count += 1
        if count > limits.fragments:
            raise too_many("fragments", limits.fragments)
        if position + 8 + length > end:
            raise overrun(tag, position, length, end, len(data))
        yield FRAGMENT, tag, vr, position, position + 8, length
        position += 8 + length
    # at the very end of the data set only the fragments themselves can tell whether they are all there
    _missing_delimiter("sequence", bounded or not nested, position, odd)
    yield FRAGMENTS_END, tag, vr, position, position, 0
    return position


def _stray(element: int, start: int, odd: set[str]) -> int:
    if element == ITEM_TAG:
        raise NotUnderstood(
            f"an item stands outside a sequence at byte {start}", "the data set is damaged; send it again"
        )
    odd.add("stray_delimiter")
    return start + 8


def _close_item(data: Buffer, position: int, head: struct.Struct, odd: set[str]) -> int:
    """The byte after the delimiter of an item; another item or the end of the sequence closes it as well."""
    _, element, length = head.unpack(data[position : position + 8])
    if element != ITEM_DELIMITER:
        odd.add("missing_item_delimiter")
        return position
    if length:
        odd.add("delimiter_length")
    return position + 8


def _missing_delimiter(what: str, proven: bool, position: int, odd: set[str]) -> None:
    if not proven:
        raise IncompleteDataSet(f"the data set ends at byte {position} inside a {what} of undefined length", SEND_AGAIN)
    odd.add(f"missing_{what}_delimiter")
