"""Is this data set whole? One pass that proves it and takes the catalogue's attributes and the frame table.

Strict on completeness, lenient on quirks: what cannot be whole is refused; what is merely odd is accepted and named.
A cut exactly between two top-level elements leaves a well-formed shorter data set, which no walk can see: there the
transport's word counts.
"""

from __future__ import annotations

import os
import struct
import tempfile
import unicodedata
import weakref
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

from pacs.attributes import EXTRACTED
from pacs.dicom.charset import decode_text
from pacs.dicom.dictionary import dictionary_vr
from pacs.dicom.elements import (
    DEFAULT_LIMITS,
    ELEMENT,
    FRAGMENT,
    FRAGMENTS,
    FRAGMENTS_END,
    NULLS,
    PIXEL_DATA,
    SEQUENCE,
    SEQUENCE_END,
    TRAILING_PADDING,
    Limits,
    scan,
)
from pacs.dicom.frames import (
    Fragments,
    FrameTable,
    all_there,
    encapsulated_frames,
    frame_bits,
    native_frames,
    offsets_of,
)
from pacs.dicom.headers import SEND_AGAIN, Buffer
from pacs.dicom.json import sequence_text
from pacs.dicom.paged import PagedBytes
from pacs.dicom.uids import TransferSyntax, transfer_syntax
from pacs.errors import IncompleteDataSet, NotUnderstood, OutOfResources

__all__ = ["DEFAULT_LIMITS", "Limits", "Walk", "inflate", "walk"]

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_SAMPLES_PER_PIXEL: Final = 0x00280002
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_PIXEL_DATA_PROVIDER_URL: Final = 0x00287FE0
_EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
_FLOAT_PIXEL_DATA: Final = 0x7FE00008
_DOUBLE_FLOAT_PIXEL_DATA: Final = 0x7FE00009
_PIXEL_ELEMENTS: Final = frozenset({PIXEL_DATA, _FLOAT_PIXEL_DATA, _DOUBLE_FLOAT_PIXEL_DATA})
_KEPT: Final = frozenset(
    {
        *EXTRACTED,
        *_PIXEL_ELEMENTS,
        _SPECIFIC_CHARACTER_SET,
        _SAMPLES_PER_PIXEL,
        _PHOTOMETRIC_INTERPRETATION,
        _PIXEL_DATA_PROVIDER_URL,
        _EXTENDED_OFFSET_TABLE,
        TRAILING_PADDING,
    }
)
_FLOAT_BITS: Final = {_FLOAT_PIXEL_DATA: 32, _DOUBLE_FLOAT_PIXEL_DATA: 64}
_NUMBER_BYTES: Final = {"US": 2, "SS": 2, "UL": 4, "SL": 4}
_SIGNED_VRS: Final = frozenset({"SS", "SL"})
_TEXT_NUMBER_VRS: Final = frozenset({"IS", "DS", "LO", "SH", "CS", "ST", "LT", "UT"})
_FRAMES_MAX: Final = 2**31 - 1
_DIGITS_MAX: Final = 10
_REMEMBERED_BYTES: Final = 64
_REMEMBERED_MAX: Final = 4096
_DEFLATED_STEP: Final = 64 * 1024
_INFLATED_STEP: Final = 1024 * 1024
_INFLATED_IN_MEMORY: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Walk:
    """What one pass found; offsets in bytes from the start of the (inflated) data set.

    `values`: keyword to text of every catalogue attribute at top level, several values joined by a backslash, an
    empty one "", a sequence as the text of its DICOM JSON array. `dataset_end`: the length without trailing padding.
    `pixel_element_offset`: the header of (7FE0,0008), (7FE0,0009) or (7FE0,0010); None where everything is header.
    `pixel_element_end`: the byte after that element, `pixel_data_vr` its VR as it is really written.
    `oddities`: short codes of what was forgiven, sorted.
    """

    values: Mapping[str, str]
    dataset_end: int
    pixel_element_offset: int | None
    pixel_element_end: int | None
    pixel_data_vr: str
    frames: FrameTable | None
    oddities: tuple[str, ...]


@dataclass(slots=True)
class _Found:
    """What the pass gathers: tag to (VR, start, length) of the kept elements (of a sequence: the whole element), and
    of encapsulated pixel data the (start of the header, length) of every item, the Basic Offset Table first."""

    places: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fragments: list[tuple[int, int]] = field(default_factory=list)
    pixel_tag: int = 0
    pixel_start: int | None = None
    pixel_end: int | None = None
    pixel_vr: str = ""
    encapsulated: bool = False
    delimited: bool = True
    dataset_end: int = -1


def walk(
    data: Buffer,
    transfer_syntax_uid: str,
    *,
    limits: Limits = DEFAULT_LIMITS,
    source_charset: str | None = None,
    pixel_data_required: bool = False,
) -> Walk:
    """Prove that `data`, the bytes of a data set without file meta, ends exactly where it should.

    A deflated data set is inflated first. `source_charset` is a codec known for the sender (see `decode_text`).
    An image with Rows and Columns but without pixel data is odd (`pixel_data_missing`), or refused where
    `pixel_data_required`. Raises IncompleteDataSet, NotUnderstood, OutOfResources.
    """
    syntax = transfer_syntax(transfer_syntax_uid)
    if syntax.deflated:
        data = inflate(data, limits)
    oddities: set[str] = set()
    found = _pass(data, syntax, limits, oddities)
    charset = stripped(decode_text(_raw(data, found, _SPECIFIC_CHARACTER_SET)[0], "CS"))
    values = _values(data, found, syntax, charset, source_charset, limits, oddities)
    frames = _frames(data, found, values, syntax, oddities, pixel_data_required)
    return Walk(
        values=MappingProxyType(values),
        dataset_end=found.dataset_end,
        pixel_element_offset=found.pixel_start,
        pixel_element_end=found.pixel_end,
        pixel_data_vr=found.pixel_vr,
        frames=frames,
        oddities=tuple(sorted(oddities)),
    )


def inflate(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> bytes | PagedBytes:
    """The data set of a deflated transfer syntax (PS3.5 A.5: raw deflate, perhaps padding after it).

    A long one lies in a temporary file without a name, so that senders of bombs take disk for a moment and not the
    node's memory. Raises IncompleteDataSet where the stream stops early, NotUnderstood where it is none or inflates
    past the limits, OutOfResources where there is no room for it.
    """
    allowed = min(limits.inflated_bytes, max(limits.inflate_free_bytes, limits.inflate_ratio * len(data)))
    checksum = size = 0
    with tempfile.SpooledTemporaryFile(_INFLATED_IN_MEMORY) as inflated:
        try:
            inflater = _Inflater(data)
            for piece in inflater:
                size += len(piece)
                if size > allowed:
                    raise NotUnderstood(
                        f"the deflated data set grows to more than {allowed} bytes",
                        "send it in Explicit VR Little Endian",
                    )
                checksum = zlib.crc32(piece, checksum)
                inflated.write(piece)
            # some writers leave the trailer of gzip: checksum and size of what was deflated (RFC 1952 2.3.1)
            if inflater.rest().removeprefix(struct.pack("<II", checksum, size)).strip(b"\0"):
                raise NotUnderstood("something follows the deflated data set", "write the file again without it")
            inflated.seek(0)
            if size <= _INFLATED_IN_MEMORY:
                return inflated.read()
            inflated.flush()
            return PagedBytes(_UnnamedFile(inflated.fileno()).read_at, size)
        except OSError as error:
            raise OutOfResources(
                f"no room to inflate the data set: {error.strerror}", "free the folder for temporary files (TMPDIR)"
            ) from error


class _UnnamedFile:
    """A descriptor of its own of an open file, given back with the last reader."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self._descriptor)

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly these bytes. Raises OutOfResources where the folder for temporary files fails."""
        try:
            data = os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise OutOfResources(f"the inflated data set cannot be read: {error.strerror}", "check TMPDIR") from error
        if len(data) != length:
            raise OutOfResources("the inflated data set became shorter", "check TMPDIR")
        return data


class _Inflater:
    """The pieces of a deflate stream; afterwards `rest` is the beginning of what follows it."""

    def __init__(self, data: Buffer) -> None:
        self._data = data
        self._position = 0
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def __iter__(self) -> Iterator[bytes]:
        inflater = self._inflater
        pending = b""
        while not inflater.eof:
            if not pending:
                pending = self._next()
            try:
                piece = inflater.decompress(pending, _INFLATED_STEP)
            except zlib.error as error:
                raise NotUnderstood("the deflated data set does not inflate", "it is damaged; send it again") from error
            if not pending and not piece and not inflater.eof:
                raise IncompleteDataSet("the deflated data set ends early", SEND_AGAIN)
            pending = inflater.unconsumed_tail
            yield piece

    def rest(self) -> bytes:
        """Up to one step of it, and what of the stream's last step it is already in."""
        return self._inflater.unused_data + self._next()

    def _next(self) -> bytes:
        start, self._position = self._position, self._position + _DEFLATED_STEP
        return bytes(self._data[start : self._position])


def _pass(data: Buffer, syntax: TransferSyntax, limits: Limits, oddities: set[str]) -> _Found:
    found = _Found()
    places, fragments = found.places, found.fragments
    depth = top = 0
    kept = _KEPT
    padding_end = -1
    end = len(data)
    for kind, tag, vr, start, value, length in scan(data, syntax, limits=limits, oddities=oddities, wanted=_KEPT):
        if kind == ELEMENT:
            places[tag] = (vr, value, length)
            if tag in _PIXEL_ELEMENTS and found.pixel_start is None:
                found.pixel_tag, found.pixel_start, found.pixel_end = tag, start, value + length
                found.pixel_vr = _one_pixel_vr(tag, vr)
            elif tag == TRAILING_PADDING:
                found.dataset_end = start if padding_end != start else found.dataset_end
                padding_end = value + length
        elif kind == SEQUENCE:
            if not depth:
                top = start
            depth += 1
        elif kind == SEQUENCE_END:
            depth -= 1
            if not depth and tag in kept:
                places[tag] = ("SQ", top, value - top)
        elif kind == NULLS:
            end = start
        elif not depth and tag in _PIXEL_ELEMENTS:
            if kind == FRAGMENTS and found.pixel_start is None:
                found.pixel_tag, found.pixel_start, found.encapsulated = tag, start, True
                found.pixel_vr = "OB"
            elif kind == FRAGMENT:
                fragments.append((start, length))
            elif kind == FRAGMENTS_END:
                found.delimited = value > start
                found.pixel_end = found.pixel_end or value
        elif kind == FRAGMENTS_END and not depth and value == start:
            raise IncompleteDataSet(f"the data set ends inside ({tag >> 16:04X},{tag & 0xFFFF:04X})", SEND_AGAIN)
    if found.dataset_end < 0:
        found.dataset_end = end
    elif padding_end != end:
        raise NotUnderstood("something follows the data set's trailing padding", "write the file again without it")
    return found


def _one_pixel_vr(tag: int, vr: str) -> str:
    """One VR of native pixel data; bytes or words are words where none is written (PS3.5 A.1)."""
    vr = dictionary_vr(tag) if vr == "UN" else vr
    return vr if len(vr) == 2 else "OW"


def _values(
    data: Buffer,
    found: _Found,
    syntax: TransferSyntax,
    charset: str,
    source_charset: str | None,
    limits: Limits,
    oddities: set[str],
) -> dict[str, str]:
    values: dict[str, str] = {}
    byte_limit = 4 * limits.value_characters
    remembered = min(_REMEMBERED_BYTES, limits.value_characters)
    for tag, (vr, start, length) in found.places.items():
        attribute = EXTRACTED.get(tag)
        if attribute is None:
            continue
        if length == 0:
            text = ""
        elif vr == "SQ":
            text = _sequence(data, syntax, tag, start, length, charset, source_charset, limits, oddities)
        elif attribute.vr in _NUMBER_BYTES:
            numbers = _remembered_numbers if length <= remembered else _numbers
            text = numbers(bytes(data[start : start + min(length, byte_limit)]), vr, syntax.big_endian)
        elif length <= remembered and attribute.vr != "SQ":
            text = _remembered_text(bytes(data[start : start + length]), attribute.vr, charset, source_charset)
        elif attribute.vr == "SQ":
            text = ""
        else:
            raw = bytes(data[start : start + min(length, byte_limit)])
            text = stripped(decode_text(raw, attribute.vr, charset, source_charset))
            if length > byte_limit or len(text) > limits.value_characters:
                oddities.add("value_too_long")
                text = text[: limits.value_characters]
        values[attribute.keyword] = text
    return values


@lru_cache(maxsize=_REMEMBERED_MAX)
def _remembered_text(raw: bytes, vr: str, charset: str, source_charset: str | None) -> str:
    """A short value; the instances of a series say most things alike."""
    return stripped(decode_text(raw, vr, charset, source_charset))


def stripped(text: str) -> str:
    """Padding off each value, composed (NFC), and without the null character that no database holds."""
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return "\\".join([part.strip() for part in text.split("\\")]) if "\\" in text else text.strip()


def _numbers(raw: bytes, vr: str, big_endian: bool) -> str:
    """Binary numbers as decimal text; a number that was written as text stays as it is."""
    size = _NUMBER_BYTES.get(vr, 2)
    if vr in _TEXT_NUMBER_VRS:
        return stripped(decode_text(raw, vr))
    order: Literal["big", "little"] = "big" if big_endian else "little"
    words = (raw[at : at + size] for at in range(0, len(raw) - size + 1, size))
    return "\\".join(str(int.from_bytes(word, order, signed=vr in _SIGNED_VRS)) for word in words)


_remembered_numbers = lru_cache(maxsize=_REMEMBERED_MAX)(_numbers)


def _sequence(
    data: Buffer,
    syntax: TransferSyntax,
    tag: int,
    start: int,
    length: int,
    charset: str,
    source_charset: str | None,
    limits: Limits,
    oddities: set[str],
) -> str:
    if length > limits.sequence_bytes:
        oddities.add("value_too_long")
        return ""
    return sequence_text(bytes(data[start : start + length]), syntax, tag, charset, source_charset)


def _frames(
    data: Buffer,
    found: _Found,
    values: Mapping[str, str],
    syntax: TransferSyntax,
    oddities: set[str],
    pixel_data_required: bool,
) -> FrameTable | None:
    """Where the frames are; proves that native pixel data are long enough and encapsulated ones are all there."""
    samples = _numbers(*_raw(data, found, _SAMPLES_PER_PIXEL), syntax.big_endian)
    interpretation = stripped(decode_text(_raw(data, found, _PHOTOMETRIC_INTERPRETATION)[0], "CS"))
    rows, columns = _first_number(values.get("Rows", "")), _first_number(values.get("Columns", ""))
    if found.pixel_start is None or (found.encapsulated and len(found.fragments) < 2):
        if rows and columns and _PIXEL_DATA_PROVIDER_URL not in found.places:
            if pixel_data_required or not found.delimited:
                raise IncompleteDataSet("the image has rows and columns but no pixel data", SEND_AGAIN)
            oddities.add("pixel_data_missing")
        if found.pixel_start is None:
            return None
    number_of_frames = _number_of_frames(values.get("NumberOfFrames", ""), oddities)
    bits = _FLOAT_BITS.get(found.pixel_tag) or _first_number(values.get("BitsAllocated", ""))
    bits = frame_bits(rows, columns, _first_number(samples) or 1, bits, interpretation)
    if found.encapsulated:
        return _encapsulated(data, found, number_of_frames, syntax, oddities)
    return _native(data, found, number_of_frames, bits, syntax, oddities)


def _encapsulated(
    data: Buffer, found: _Found, number_of_frames: int, syntax: TransferSyntax, oddities: set[str]
) -> FrameTable:
    if syntax.native:
        oddities.add("fragments_in_native_syntax")
    table_start, table_length = found.fragments[0] if found.fragments else (0, 0)
    offsets = offsets_of(data[table_start + 8 : table_start + 8 + table_length], "I")
    if _EXTENDED_OFFSET_TABLE in found.places:
        offsets = offsets_of(_raw(data, found, _EXTENDED_OFFSET_TABLE)[0], "Q")
    first = found.fragments[1][0] if len(found.fragments) > 1 else table_start + 8 + table_length
    fragments = Fragments(first, tuple(length for _, length in found.fragments[1:]), tuple(offsets))
    if not found.delimited and not all_there(data, fragments, number_of_frames, syntax):
        raise IncompleteDataSet("the pixel data end without their delimiter and not all frames are there", SEND_AGAIN)
    return encapsulated_frames(data, fragments, number_of_frames, syntax, oddities)


def _native(
    data: Buffer, found: _Found, number_of_frames: int, bits: int, syntax: TransferSyntax, oddities: set[str]
) -> FrameTable:
    _, start, length = found.places[found.pixel_tag]
    needed = (bits * number_of_frames + 7) // 8
    if syntax.encapsulated and length not in (needed, needed + 1):
        oddities.add("native_in_encapsulated_syntax")
        return encapsulated_frames(data, Fragments(start - 8, (length,), ()), number_of_frames, syntax, oddities)
    if length < needed:
        raise IncompleteDataSet(
            f"the pixel data have {length} bytes; rows, columns, samples, bits and frames ask for {needed}", SEND_AGAIN
        )
    if not bits:
        oddities.add("pixel_description_missing")
    elif length > needed + 1:
        oddities.add("pixel_data_too_long")
    return native_frames(start, bits, number_of_frames)


def _raw(data: Buffer, found: _Found, tag: int) -> tuple[bytes, str]:
    """The value of a kept element and its VR; nothing where it is absent."""
    vr, start, length = found.places.get(tag, ("", 0, 0))
    return bytes(data[start : start + length]), vr


def _number_of_frames(text: str, oddities: set[str]) -> int:
    """Absent means 1 (PS3.3 C.7.6.6); so does what is no number, and it is counted."""
    if not text:
        return 1
    number = _first_number(text)
    if not 0 < number <= _FRAMES_MAX:
        oddities.add("number_of_frames_invalid")
        return 1
    return number


def _first_number(text: str) -> int:
    first = text.split("\\")[0].strip()
    return int(first) if first.isascii() and first.isdigit() and len(first) <= _DIGITS_MAX else 0
