"""A stored object in another transfer syntax: element for element where its pixels stay as they are, frame by frame
through a decode worker where they are compressed. Nothing is compressed here, and nothing is held whole.

The stored object is never changed (PS3.4 B.4.1.3 and C.4.2.3.2 leave the syntax of a sub-operation to the sender).
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterator
from typing import Final

from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.dicom.convert import explicit_little_endian, implicit_little_endian
from pacs.dicom.elements import ELEMENT, SEQUENCE, SEQUENCE_END, TRAILING_PADDING, scan
from pacs.dicom.paged import PagedBytes, bytes_at
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.errors import Unreadable
from pacs.model import StoredInstance
from pacs.render.values import DECODABLE, DecodedFrame, RenderJob

Piece = bytes | memoryview
Decode = Callable[[RenderJob], DecodedFrame]
"""One frame as plain pixels: `DecodeWorkers.decode`. Raises Unreadable, Busy."""

PIECE_BYTES: Final = 1 << 20
VALUE_BYTES_MAX: Final = 0xFFFFFFFE  # of an element of defined length (PS3.5 7.1)

_SHORT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<HH2sHI")
_IMPLICIT = struct.Struct("<HHI")
_PIXEL_DATA: Final = (0x7FE0, 0x0010)
_EXTENDED_OFFSETS: Final = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
_LEFT_OUT_BEHIND: Final = frozenset({TRAILING_PADDING, 0xFFFAFFFA})  # padding, and signatures over pixels no more


def decodable(transfer_syntax_uid: str) -> bool:
    """Whether the pixels of an object in this syntax can be given uncompressed."""
    return transfer_syntax(transfer_syntax_uid).native or transfer_syntax_uid in DECODABLE


def attainable(transfer_syntax_uid: str) -> tuple[str, ...]:
    """The syntaxes in which `Transcoder.dataset` can give an object stored in this one, the best first."""
    plain = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if decodable(transfer_syntax_uid) else ()
    return tuple(dict.fromkeys((transfer_syntax_uid, *plain)))


class Transcoder:
    """Gives the data sets of stored objects. Blocks; may be used from many threads."""

    def __init__(self, archive: Archive, decode: Decode) -> None:
        self._archive = archive
        self._decode = decode

    def dataset(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        """The pieces of the data set in `transfer_syntax_uid`, one of `attainable`.

        The first piece is made at once, so that what cannot be read or decoded is known before anything is sent.
        Raises Unreadable, StoreFailed, Busy, and later the same in the middle.
        """
        if transfer_syntax_uid == stored.transfer_syntax_uid:
            made = self._verbatim(stored)
        elif transfer_syntax_uid not in attainable(stored.transfer_syntax_uid):
            raise Unreadable(
                f"{transfer_syntax(stored.transfer_syntax_uid).name} cannot be made "
                f"{transfer_syntax(transfer_syntax_uid).name}",
                "retrieve it as it is stored",
            )
        elif transfer_syntax(stored.transfer_syntax_uid).native or stored.pixel_element_offset is None:
            made = self._converted(stored, transfer_syntax_uid)
        else:
            made = self._decoded(stored, transfer_syntax_uid)
        first = next(made, b"")
        return itertools.chain((first,), made)

    def frame(self, stored: StoredInstance, frame_number: int) -> DecodedFrame:
        """One frame as plain pixels. Raises NotFound, Unreadable, Busy."""
        return self._decode(
            RenderJob(
                header=self._archive.header(stored),
                transfer_syntax_uid=stored.transfer_syntax_uid,
                frame=self._archive.frame(stored, frame_number),
                frame_number=frame_number,
                pixel_data_vr=stored.pixel_data_vr,
            )
        )

    def _verbatim(self, stored: StoredInstance) -> Iterator[Piece]:
        self._archive.read(stored, stored.size - 1, 1)  # shorter than it was: known before the first byte is sent
        end = stored.dataset_offset + stored.dataset_length
        for start in range(stored.dataset_offset, end, PIECE_BYTES):
            yield self._archive.read(stored, start, min(PIECE_BYTES, end - start))

    def _converted(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        # an encapsulated syntax without pixel data is Explicit VR Little Endian already
        native = transfer_syntax(stored.transfer_syntax_uid).native
        uid = stored.transfer_syntax_uid if native else EXPLICIT_VR_LITTLE_ENDIAN
        return _in(transfer_syntax_uid, self._bytes(stored), uid)

    def _decoded(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        frames = frame_table(stored).number_of_frames
        first = self.frame(stored, 1)
        length = len(first.data) * frames
        if length > VALUE_BYTES_MAX:
            raise Unreadable("the decoded pixels are too large for one value", "retrieve it as it is stored")
        header, behind = around_pixels(self._bytes(stored), stored, first)
        yield from _in(transfer_syntax_uid, header, EXPLICIT_VR_LITTLE_ENDIAN)
        if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
            yield _IMPLICIT.pack(*_PIXEL_DATA, length + (length & 1))
        else:
            yield pixel_head(first, length)
        yield first.data
        for number in range(2, frames + 1):
            frame = self.frame(stored, number)
            if len(frame.data) != len(first.data):
                raise Unreadable("the frames decode to different sizes", "retrieve it as it is stored")
            yield frame.data
        yield b"\0" * (length & 1)
        yield from _in(transfer_syntax_uid, behind, EXPLICIT_VR_LITTLE_ENDIAN)

    def _bytes(self, stored: StoredInstance) -> bytes | PagedBytes:
        return bytes_at(
            lambda offset, length: self._archive.read(stored, stored.dataset_offset + offset, length),
            stored.dataset_length,
        )


def _in(transfer_syntax_uid: str, data: bytes | PagedBytes, stored_uid: str) -> Iterator[Piece]:
    if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
        return implicit_little_endian(data, stored_uid)
    return explicit_little_endian(data, stored_uid)


def around_pixels(data: bytes | PagedBytes, stored: StoredInstance, frame: DecodedFrame) -> tuple[bytes, bytes]:
    """What stands before and behind the pixel data of an encapsulated data set, in Explicit VR Little Endian, true for
    the decoded pixels."""
    offset, end = stored.pixel_element_offset, stored.pixel_element_end
    if offset is None or end is None:
        raise Unreadable(f"instance {stored.sop_instance_uid} has no pixel data", "retrieve it as it is stored")
    return _described(data[:offset], frame), _behind(data[end:])


def pixel_head(frame: DecodedFrame, length: int) -> bytes:
    """The header of native pixel data of `length` bytes in Explicit VR Little Endian; an odd length needs a pad."""
    vr = b"OW" if frame.bits_allocated > 8 else b"OB"
    return _LONG.pack(*_PIXEL_DATA, vr, 0, length + (length & 1))


def _described(header: bytes, frame: DecodedFrame) -> bytes:
    """`header` (Explicit VR Little Endian) with the Image Pixel attributes of the decoded frame (PS3.3 C.7.6.3)."""
    fresh = _pixel_attributes(frame)
    out = bytearray()
    copied = depth = 0
    for kind, tag, _, start, value, length in scan(header, transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)):
        depth += (kind == SEQUENCE) - (kind == SEQUENCE_END)
        if depth or kind != ELEMENT or (tag not in fresh and tag not in _EXTENDED_OFFSETS):
            continue
        out += header[copied:start]
        out += fresh.get(tag, b"")
        copied = value + length
    return bytes(out + header[copied:])


def _pixel_attributes(frame: DecodedFrame) -> dict[int, bytes]:
    photometric = frame.photometric_interpretation.encode("ascii")
    photometric += b" " * (len(photometric) & 1)
    words = {
        0x00280006: frame.planar_configuration,
        0x00280100: frame.bits_allocated,
        0x00280101: frame.bits_stored,
        0x00280102: frame.bits_stored - 1,
        0x00280103: frame.pixel_representation,
    }
    elements = {
        tag: _SHORT.pack(tag >> 16, tag & 0xFFFF, b"US", 2) + struct.pack("<H", word) for tag, word in words.items()
    }
    elements[0x00280004] = _SHORT.pack(0x0028, 0x0004, b"CS", len(photometric)) + photometric
    return elements


def _behind(rest: bytes) -> bytes:
    """`rest`, which follows the pixel data, without what no longer holds."""
    out = bytearray()
    depth = kept_from = 0
    for kind, tag, _, start, value, length in scan(rest, transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)):
        depth += (kind == SEQUENCE) - (kind == SEQUENCE_END)
        if tag in _LEFT_OUT_BEHIND and not depth:
            out += rest[kept_from:start]
            kept_from = value + (length if kind == ELEMENT else 0)
    return bytes(out + rest[kept_from:])
