"""The head of one element in each of its written forms, and the guesses for heads that are wrong (PS3.5 7.1)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from pacs.dicom.dictionary import LONG_VRS, SHORT_VRS, dictionary_vr, private_vr
from pacs.dicom.paged import PagedBytes
from pacs.errors import ArrivalRefused, IncompleteDataSet, NotUnderstood

Buffer = bytes | bytearray | memoryview | PagedBytes
Header = tuple[str, int, int]
"""VR, start of the value, length of the value."""

UNDEFINED_LENGTH: Final = 0xFFFFFFFF
ITEM_TAG: Final = 0xE000
ITEM_DELIMITER: Final = 0xE00D
SEQUENCE_DELIMITER: Final = 0xE0DD

LETTERS_AS_LENGTH: Final = 0x4141  # the smallest length whose low bytes could be the letters of a VR
_NULLS_STEP: Final = 65536


class Coding(NamedTuple):
    """How a run of elements is written."""

    implicit: bool
    explicit_head: struct.Struct  # group, element, VR, 16-bit length
    implicit_head: struct.Struct  # group, element, 32-bit length
    word: struct.Struct  # the 32-bit length of a long VR


def _coding(implicit: bool, order: str) -> Coding:
    return Coding(implicit, struct.Struct(order + "HH2sH"), struct.Struct(order + "HHI"), struct.Struct(order + "I"))


IMPLICIT: Final = _coding(implicit=True, order="<")
EXPLICIT: Final = _coding(implicit=False, order="<")
BIG_ENDIAN: Final = _coding(implicit=False, order=">")


def actual_coding(data: Buffer, declared: Coding, odd: set[str]) -> Coding:
    """How the data set is really written: some devices agree on one transfer syntax and send another."""
    end = len(data)
    if end < 8 or declared is BIG_ENDIAN:
        return declared
    group, element, code, _ = EXPLICIT.explicit_head.unpack(data[:8])
    tag = group << 16 | element
    if declared.implicit:
        other = EXPLICIT if _explicit_inside(data, 0, end, tag) is not None else None
    elif code in SHORT_VRS or code in LONG_VRS:
        other = None
    else:
        header = ("", 8, EXPLICIT.word.unpack(data[4:8])[0])
        other = IMPLICIT if _plausible(data, header, end, tag, IMPLICIT) else None
    if other is None:
        return declared
    odd.add("transfer_syntax_wrong")
    return other


def implicit_header(
    data: Buffer, start: int, end: int, tag: int, length: int, creators: dict[int, str], odd: set[str]
) -> Header:
    if length >= LETTERS_AS_LENGTH and length != UNDEFINED_LENGTH:
        explicit = _explicit_inside(data, start, end, tag)
        if explicit is not None:
            odd.add("explicit_element")
            return explicit
    value = start + 8
    if not tag & 0x10000:
        return dictionary_vr(tag), value, length
    group, element = tag >> 16, tag & 0xFFFF
    if 0x0010 <= element <= 0x00FF:
        creators[group << 8 | element] = (
            bytes(data[value : min(value + length, value + 64, end)]).decode("latin-1").strip(" \0")
        )
    return private_vr(creators.get(group << 8 | element >> 8, ""), tag), value, length


def long_header(
    data: Buffer, start: int, end: int, tag: int, code: bytes, length: int, coding: Coding, odd: set[str]
) -> Header:
    """The header of an explicit element whose VR is not one with a 16-bit length."""
    vr = LONG_VRS.get(code)
    if vr is None:
        return _odd_header(data, start, end, tag, code, length, coding, odd)
    if start + 12 > end:
        raise short_header(start, end)
    if length:  # the reserved bytes
        odd.add("reserved_bytes")
        short = (vr, start + 8, length)
        if _plausible(data, short, end, tag, coding):
            return short
    return vr, start + 12, coding.word.unpack(data[start + 8 : start + 12])[0]


def _odd_header(
    data: Buffer, start: int, end: int, tag: int, code: bytes, length: int, coding: Coding, odd: set[str]
) -> Header:
    """The header of an element whose VR is unknown: the first form after which the data set goes on sensibly."""
    implicit = (dictionary_vr(tag), start + 8, coding.word.unpack(data[start + 4 : start + 8])[0])
    short = ("UN", start + 8, length)
    forms: list[tuple[str, Header]] = []
    if length == 0 and start + 12 <= end:
        forms.append(("unknown_vr", ("UN", start + 12, coding.word.unpack(data[start + 8 : start + 12])[0])))
    forms += [("unknown_vr", short), ("implicit_element", implicit)]
    letters = code.isalpha() and code.isupper()
    if not letters:
        forms.insert(0, forms.pop())
    for oddity, header in forms:
        if _plausible(data, header, end, tag, coding):
            odd.add(oddity)
            return header
    if _plausible(data, implicit, end, tag, IMPLICIT):
        odd.add("implicit_element")
        return implicit
    if letters:
        raise overrun(tag, start, forms[0][1][2], end, len(data))
    raise NotUnderstood(
        f"the element at byte {start} has no value representation and makes no sense without one",
        "check that the transfer syntax is the one the data set is written in",
    )


def _explicit_inside(data: Buffer, start: int, end: int, tag: int) -> Header | None:
    """The header read as an explicit one inside an implicit data set, where that makes more sense."""
    code = bytes(data[start + 4 : start + 6])
    explicit = EXPLICIT
    length = explicit.explicit_head.unpack(data[start : start + 8])[3]
    if code in SHORT_VRS:
        header = (SHORT_VRS[code], start + 8, length)
    elif code in LONG_VRS and length == 0 and start + 12 <= end:
        header = (LONG_VRS[code], start + 12, explicit.word.unpack(data[start + 8 : start + 12])[0])
    else:
        return None
    if _plausible(data, header, end, tag, explicit):
        return header
    impossible = start + 8 + explicit.word.unpack(data[start + 4 : start + 8])[0] > end
    return header if impossible and _plausible(data, header, end, tag, IMPLICIT) else None


def _plausible(data: Buffer, header: Header, end: int, tag: int, coding: Coding) -> bool:
    """Whether, with this header, a later element or the end follows the value."""
    _, value, length = header
    if length == UNDEFINED_LENGTH:
        return item_at(data, value, end, coding.implicit_head)
    following = value + length
    if following + 8 > end:
        return following == end
    group, element, code, _ = coding.explicit_head.unpack(data[following : following + 8])
    if group == 0xFFFE:
        return True
    if (group << 16 | element) <= tag:
        return False
    if not coding.implicit:
        return code in SHORT_VRS or code in LONG_VRS
    next_length = coding.word.unpack(data[following + 4 : following + 8])[0]
    return bool(next_length == UNDEFINED_LENGTH or following + 8 + next_length <= end)


def item_at(data: Buffer, position: int, end: int, head: struct.Struct) -> bool:
    if position + 8 > end:
        return False
    group, element, _ = head.unpack(data[position : position + 8])
    return group == 0xFFFE and element in (ITEM_TAG, SEQUENCE_DELIMITER)


def only_nulls(data: Buffer, start: int, end: int) -> bool:
    """Zero padding, an even number of bytes: one zero byte alone may be the first half of a big endian tag."""
    if (end - start) & 1:
        return False
    return all(
        not bytes(data[position : min(position + _NULLS_STEP, end)]).strip(b"\0")
        for position in range(start, end, _NULLS_STEP)
    )


SEND_AGAIN: Final = "it was cut off; send it again"


def short_header(start: int, end: int) -> ArrivalRefused:
    return IncompleteDataSet(
        f"the data set or an item ends at byte {end}, inside the header at byte {start}", SEND_AGAIN
    )


def overrun(tag: int, start: int, length: int, end: int, total: int) -> ArrivalRefused:
    where = "the data set" if end == total else "the item or sequence around it"
    return IncompleteDataSet(
        f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) at byte {start} claims {length} bytes, "
        f"but {where} ends at byte {end}",
        SEND_AGAIN,
    )


def too_many(what: str, limit: int) -> ArrivalRefused:
    return NotUnderstood(
        f"the data set has more than {limit} {what}", "no real object has so many; it is damaged or hostile"
    )
