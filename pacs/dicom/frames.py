"""Where each frame's bytes are in a data set (PS3.5 A.4, PS3.3 C.7.6.3), so that a frame is a range read."""

from __future__ import annotations

import itertools
import struct
import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Final

from pacs.dicom.headers import Buffer
from pacs.dicom.uids import RLE_LOSSLESS, TransferSyntax
from pacs.errors import NotFound, Unreadable

_HEAD: Final = struct.Struct("<BBIQQII")  # version, layout, frames, offset, bits of a frame, fragments, first fragments
_VERSION: Final = 1
_ITEM_HEADER: Final = 8
_UNPACKED_MAX: Final = 64
_IMAGE_STARTS: Final = (
    b"\xff\xd8",  # JPEG and JPEG-LS: SOI
    b"\xff\x4f",  # JPEG 2000 and HTJ2K: SOC
    b"\xff\x0a",  # JPEG XL codestream
    b"\x00\x00\x00\x0c",  # the first box of JP2 or JPEG XL
)
_IMAGE_END: Final = b"\xff\xd9"


class Layout(IntEnum):
    """How the frames lie in the pixel data."""

    NATIVE = 0  # back to back, not padded to bytes in between
    ONE_FRAGMENT = 1  # fragment n is frame n
    GROUPED = 2  # a frame is the fragments from its first to the next frame's first
    UNKNOWN = 3  # pixel data are there, but where a frame begins cannot be told


@dataclass(frozen=True, slots=True)
class FrameTable:
    """The byte ranges of the frames, relative to the start of the data set.

    NATIVE: frame n stands `frame_bits` × (n - 1) bits after byte `offset`. Otherwise `offset` is the item header of
    the first fragment, `lengths` are those of the fragments, `first_fragments` the index of each frame's first one.
    `number_of_frames` counts what can be asked for, which need not be what the data set says: a video is one frame
    here, since it is delivered as one part (PS3.18 8.7.3.3.2).
    """

    layout: Layout
    number_of_frames: int
    offset: int
    frame_bits: int = 0
    lengths: tuple[int, ...] = ()
    first_fragments: tuple[int, ...] = ()

    def ranges(self, frame_number: int) -> list[tuple[int, int]]:
        """(offset, length) in bytes of each piece of frame `frame_number`, counted from 1, in order.

        A native frame is one piece: the bytes that hold it. Frames of single bits share a byte where one ends inside
        it: drop `bit_offset` bits at the start of the piece, the least significant first (PS3.5 8.1.1).
        Raises NotFound outside 1..number_of_frames, Unreadable where the ranges cannot be known.
        """
        self.check(frame_number)
        if self.layout is Layout.NATIVE:
            first_bit = self.frame_bits * (frame_number - 1)
            first, last = first_bit // 8, (first_bit + self.frame_bits + 7) // 8
            return [(self.offset + first, last - first)]
        first_fragment, after = self._fragments(frame_number)
        position = self.offset + sum(self.lengths[:first_fragment]) + _ITEM_HEADER * first_fragment
        pieces = []
        for length in self.lengths[first_fragment:after]:
            pieces.append((position + _ITEM_HEADER, length))
            position += _ITEM_HEADER + length
        return pieces

    def check(self, frame_number: int) -> None:
        """Raise what `ranges` would raise."""
        if not 1 <= frame_number <= self.number_of_frames:
            raise NotFound(f"there is no frame {frame_number}", f"the object has frames 1 to {self.number_of_frames}")
        if self.layout is not Layout.NATIVE:
            self._fragments(frame_number)

    def bit_offset(self, frame_number: int) -> int:
        """How many bits of the first byte of a native frame belong to the frame before it, 0 to 7."""
        return self.frame_bits * (frame_number - 1) % 8 if self.layout is Layout.NATIVE else 0

    def _fragments(self, frame_number: int) -> tuple[int, int]:
        """The first fragment of a frame and the one after its last."""
        if self.layout is Layout.ONE_FRAGMENT and frame_number <= len(self.lengths):
            return frame_number - 1, frame_number
        if self.layout is Layout.GROUPED and frame_number <= len(self.first_fragments):
            last = frame_number == len(self.first_fragments)
            after = len(self.lengths) if last else self.first_fragments[frame_number]
            return self.first_fragments[frame_number - 1], after
        raise Unreadable(
            f"where frame {frame_number} lies in the pixel data cannot be told",
            "the object is stored as it was sent; retrieve it whole",
        )

    def to_bytes(self) -> bytes:
        """A compact form for the index; `from_bytes` reads it back."""
        head = _HEAD.pack(
            _VERSION,
            self.layout,
            self.number_of_frames,
            self.offset,
            self.frame_bits,
            len(self.lengths),
            len(self.first_fragments),
        )
        numbers = array("I", (*self.lengths, *self.first_fragments)).tobytes()
        return head + (zlib.compress(numbers) if numbers else b"")

    @classmethod
    def from_bytes(cls, packed: bytes | memoryview) -> FrameTable:
        """What `to_bytes` wrote; the last few are remembered. Raises Unreadable for a damaged one."""
        return _unpacked(bytes(packed))

    @classmethod
    def _from_bytes(cls, packed: bytes) -> FrameTable:
        try:
            version, layout, frames, offset, bits, fragments, firsts = _HEAD.unpack_from(packed)
            numbers = array("I", zlib.decompress(packed[_HEAD.size :]) if fragments or firsts else b"")
            if version != _VERSION or len(numbers) != fragments + firsts:
                raise ValueError
            return cls(Layout(layout), frames, offset, bits, tuple(numbers[:fragments]), tuple(numbers[fragments:]))
        except (struct.error, zlib.error, ValueError) as error:
            raise Unreadable("the frame table in the index is damaged", "run `pacs rebuild`") from error


@lru_cache(_UNPACKED_MAX)
def _unpacked(packed: bytes) -> FrameTable:
    return FrameTable._from_bytes(packed)


@dataclass(frozen=True, slots=True)
class Fragments:
    """Encapsulated pixel data as they were found: `offset` of the first fragment's item header, `lengths` of the
    fragments, and the frame offsets of the Basic or Extended Offset Table."""

    offset: int
    lengths: tuple[int, ...]
    offset_table: tuple[int, ...]


def native_frames(offset: int, frame_bits: int, number_of_frames: int) -> FrameTable:
    """Frames of uncompressed pixel data whose value starts at `offset`."""
    return FrameTable(Layout.NATIVE if frame_bits else Layout.UNKNOWN, number_of_frames, offset, frame_bits)


def encapsulated_frames(
    data: Buffer, found: Fragments, number_of_frames: int, syntax: TransferSyntax, oddities: set[str]
) -> FrameTable:
    """Find which fragments make which frame: by count, by offset table, else by the markers of the codestreams."""
    count = len(found.lengths)
    if syntax.video:
        return FrameTable(Layout.GROUPED, 1, found.offset, 0, found.lengths, (0,) if count else ())
    if count == number_of_frames:
        return FrameTable(Layout.ONE_FRAGMENT, number_of_frames, found.offset, 0, found.lengths)
    if count < number_of_frames:
        oddities.add("fewer_fragments_than_frames")
    if syntax.uid == RLE_LOSSLESS:  # always one fragment a frame (PS3.5 A.4.2)
        return FrameTable(Layout.ONE_FRAGMENT, number_of_frames, found.offset, 0, found.lengths)
    if number_of_frames == 1:
        firsts: tuple[int, ...] = (0,) if count else ()
    else:
        firsts = _by_offset_table(found, number_of_frames, oddities) or _by_markers(data, found)
    if not firsts:
        oddities.add("frames_not_found")
    layout = Layout.GROUPED if firsts else Layout.UNKNOWN
    return FrameTable(layout, number_of_frames, found.offset, 0, found.lengths, firsts)


def all_there(data: Buffer, found: Fragments, number_of_frames: int, syntax: TransferSyntax) -> bool:
    """Whether fragments that end without a delimiter are all there nevertheless: every frame has its end."""
    if syntax.uid == RLE_LOSSLESS:
        return len(found.lengths) == number_of_frames
    ends = [_ends_image(data, start, length) for start, length in _places(found)]
    return bool(ends) and ends[-1] and sum(ends) >= number_of_frames and not syntax.video


def _places(found: Fragments) -> list[tuple[int, int]]:
    places = []
    position = found.offset
    for length in found.lengths:
        places.append((position + _ITEM_HEADER, length))
        position += _ITEM_HEADER + length
    return places


def _by_offset_table(found: Fragments, number_of_frames: int, oddities: set[str]) -> tuple[int, ...]:
    """The table counts from the item tag of the first fragment (PS3.5 A.4)."""
    if len(found.offset_table) != number_of_frames:
        return ()
    index_of = {start - _ITEM_HEADER - found.offset: index for index, (start, _) in enumerate(_places(found))}
    firsts = [index_of.get(offset, -1) for offset in found.offset_table]
    if firsts[0] != 0 or any(after <= before for before, after in itertools.pairwise(firsts)):
        oddities.add("offset_table_wrong")
        return ()
    return tuple(firsts)


def _by_markers(data: Buffer, found: Fragments) -> tuple[int, ...]:
    """A fragment begins a frame where it begins an image and the one before ended one."""
    firsts = []
    ended = True
    for index, (start, length) in enumerate(_places(found)):
        begins = bytes(data[start : start + min(length, 4)]).startswith(_IMAGE_STARTS)
        if index == 0 and not begins:
            return ()
        if begins and ended:
            firsts.append(index)
        ended = _ends_image(data, start, length)
    return tuple(firsts)


def _ends_image(data: Buffer, start: int, length: int) -> bool:
    tail = bytes(data[max(start, start + length - 16) : start + length])
    return tail.rstrip(b"\0").endswith(_IMAGE_END)


def frame_bits(rows: int, columns: int, samples: int, bits_allocated: int, photometric_interpretation: str) -> int:
    """Bits of one uncompressed frame; chrominance is shared between pixels where the interpretation says so
    (PS3.3 C.7.6.3.1.2)."""
    halves = _HALF_SAMPLES.get(photometric_interpretation, 2 * samples) if samples == 3 else 2 * samples
    return rows * columns * bits_allocated * halves // 2


_HALF_SAMPLES: Final = {"YBR_FULL_422": 4, "YBR_PARTIAL_422": 4, "YBR_PARTIAL_420": 3}
"""Samples a pixel, times two."""


def offsets_of(raw: Buffer | bytes, word: str) -> Sequence[int]:
    """The numbers of an offset table: `word` is I (basic, 32-bit) or Q (extended, 64-bit), little endian."""
    size = struct.calcsize(word)
    return struct.unpack(f"<{len(raw) // size}{word}", bytes(raw[: len(raw) // size * size]))
