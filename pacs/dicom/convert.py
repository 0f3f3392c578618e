"""Any uncompressed data set in Explicit or Implicit VR Little Endian, element for element: PS3.18 8.7.3.2 asks for the
one, PS3.5 10.1 for the other.

Sequences come out with undefined length, values with even length; group lengths and padding, which say nothing, are
left out. Values go through in pieces, so pixel data are never held twice.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from pacs.dicom.context import NOTED, Context, little_endian
from pacs.dicom.dictionary import LONG_VRS
from pacs.dicom.elements import (
    ELEMENT,
    FRAGMENT,
    FRAGMENTS,
    FRAGMENTS_END,
    ITEM,
    ITEM_END,
    SEQUENCE,
    SEQUENCE_END,
    TRAILING_PADDING,
    scan,
)
from pacs.dicom.headers import UNDEFINED_LENGTH, Buffer
from pacs.dicom.paged import PagedBytes, pieces
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate

_SHORT: Final = struct.Struct("<HH2sH")
_LONG: Final = struct.Struct("<HH2sHI")
_ITEM: Final = struct.Struct("<HHI")
_OPEN_ITEM: Final = _ITEM.pack(0xFFFE, 0xE000, UNDEFINED_LENGTH)
_ITEM_DELIMITER: Final = _ITEM.pack(0xFFFE, 0xE00D, 0)
_SEQUENCE_DELIMITER: Final = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_LONG_NAMES: Final = frozenset(LONG_VRS.values())
_PADDED_WITH_NULL: Final = frozenset({"UI", *_LONG_NAMES}) - {"UC", "UR", "UT"}
_SHORT_LENGTH_MAX: Final = 65534


def explicit_little_endian(data: Buffer, transfer_syntax_uid: str) -> Iterator[bytes | memoryview]:
    """The pieces of the data set in Explicit VR Little Endian; `data` are its bytes as stored, deflated ones included.

    An implicit element takes its VR from the dictionary, an ambiguous one from the data set around it (PS3.6 6), an
    unknown one is UN; so is a value over 65534 bytes in a VR with a 16-bit length (PS3.5 6.2.2). Raises what `scan`
    raises for a data set that was never walked.
    """
    return _converted(data, transfer_syntax_uid, implicit=False)


def implicit_little_endian(data: Buffer, transfer_syntax_uid: str) -> Iterator[bytes | memoryview]:
    """The pieces of the data set in Implicit VR Little Endian; as `explicit_little_endian` otherwise.

    Pixel data must not be in fragments: there is no such thing in this syntax (PS3.5 A.1).
    """
    return _converted(data, transfer_syntax_uid, implicit=True)


def _converted(data: Buffer, transfer_syntax_uid: str, *, implicit: bool) -> Iterator[bytes | memoryview]:
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.deflated:
        data = inflate(data)
    if isinstance(data, bytes | bytearray):
        data = memoryview(data)
    if not implicit and (transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN or syntax.deflated):
        yield from pieces(data, 0, len(data))
        return
    head = _implicit_head if implicit else _head
    context = Context(data, syntax)
    big_endian = [syntax.big_endian]
    for kind, tag, vr, _, value, length in scan(data, syntax):
        if kind == ELEMENT:
            if _carried(tag):
                yield from _element(data, value, length, tag, vr, big_endian[-1], context, head)
        elif kind == SEQUENCE:
            # what is UN with undefined length is little endian within (PS3.5 6.2.2)
            big_endian.append(big_endian[-1] and vr != "UN")
            yield head(tag, "SQ", UNDEFINED_LENGTH)
        elif kind == ITEM:
            context.enter()
            yield _OPEN_ITEM
        elif kind == ITEM_END:
            context.leave()
            yield _ITEM_DELIMITER
        elif kind == SEQUENCE_END:
            big_endian.pop()
            yield _SEQUENCE_DELIMITER
        elif kind == FRAGMENTS:
            yield head(tag, "OB", UNDEFINED_LENGTH)
        elif kind == FRAGMENT:
            yield _ITEM.pack(0xFFFE, 0xE000, length)
            yield from pieces(data, value, value + length)
        elif kind == FRAGMENTS_END:
            yield _SEQUENCE_DELIMITER


def _element(
    data: memoryview | PagedBytes,
    value: int,
    length: int,
    tag: int,
    vr: str,
    big_endian: bool,
    context: Context,
    head: Callable[[int, str, int], bytes],
) -> Iterator[bytes | memoryview]:
    if tag in NOTED:
        context.note(tag, bytes(data[value : value + length]), big_endian)
    vr = context.resolve(vr)
    word_bytes = context.word_bytes(tag, vr) if big_endian else 1
    padding = length & 1
    yield head(tag, vr, length + padding)
    if word_bytes == 1:
        yield from pieces(data, value, value + length)
    else:  # a piece is a multiple of every word
        for piece in pieces(data, value, value + length):
            yield little_endian(bytes(piece), word_bytes)
    if padding:
        yield b"\0" if vr in _PADDED_WITH_NULL else b" "


def _implicit_head(tag: int, vr: str, length: int) -> bytes:
    return _ITEM.pack(tag >> 16, tag & 0xFFFF, length)


def _head(tag: int, vr: str, length: int) -> bytes:
    if vr not in _LONG_NAMES and length > _SHORT_LENGTH_MAX:
        vr = "UN"
    if vr in _LONG_NAMES:
        return _LONG.pack(tag >> 16, tag & 0xFFFF, vr.encode("ascii"), 0, length)
    return _SHORT.pack(tag >> 16, tag & 0xFFFF, vr.encode("ascii"), length)


def _carried(tag: int) -> bool:
    """Group lengths would be wrong now, groups 0000 and 0002 are not of a data set, padding says nothing."""
    return bool(tag & 0xFFFF) and tag >> 16 not in (0x0000, 0x0002) and tag != TRAILING_PADDING
