"""A stored object in another transfer syntax: element for element where its pixels stay as they are, frame by frame
through a decode worker where they are, or become, compressed. Nothing is held whole.

The stored object is never changed (PS3.4 B.4.1.3 and C.4.2.3.2 leave the syntax of a sub-operation to the sender).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.dicom.convert import explicit_little_endian, implicit_little_endian
from pacs.dicom.elements import ELEMENT, SEQUENCE, SEQUENCE_END, TRAILING_PADDING, scan
from pacs.dicom.headers import UNDEFINED_LENGTH, Buffer
from pacs.dicom.paged import PagedBytes, bytes_at
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StoredInstance
from pacs.render.values import DECODABLE, ENCODABLE, JPEG_BASELINE, DecodedFrame, EncodedFrame, RenderJob

Piece = bytes | memoryview
Decode = Callable[[RenderJob], DecodedFrame]
"""One frame as plain pixels: `DecodeWorkers.decode`. Raises Unreadable, Busy."""

Encode = Callable[[RenderJob, str], EncodedFrame]
"""One frame in a compressed syntax: `DecodeWorkers.encode`. Raises Unreadable, NotAcceptable, Busy."""

PIECE_BYTES: Final = 1 << 20
VALUE_BYTES_MAX: Final = 0xFFFFFFFE  # of an element of defined length (PS3.5 7.1)

_SHORT = struct.Struct("<HH2sH")
_LONG = struct.Struct("<HH2sHI")
_IMPLICIT = struct.Struct("<HHI")
_PIXEL_DATA: Final = (0x7FE0, 0x0010)
_FRAGMENT: Final = (0xFFFE, 0xE000)
_DELIMITER: Final = (0xFFFE, 0xE0DD)
_ITEM = struct.Struct("<HHI")
_LEFT_OUT_BEFORE: Final = frozenset({0x00280000, 0x7FE00000, 0x7FE00001, 0x7FE00002, 0x7FE00003})  # lengths, offsets
_LEFT_OUT_BEHIND: Final = frozenset({TRAILING_PADDING, 0xFFFAFFFA})  # padding, and signatures over pixels no more


def decodable(transfer_syntax_uid: str) -> bool:
    """Whether the pixels of an object in this syntax can be given uncompressed."""
    return transfer_syntax(transfer_syntax_uid).native or transfer_syntax_uid in DECODABLE


def attainable(transfer_syntax_uid: str) -> tuple[str, ...]:
    """The syntaxes in which `Transcoder.dataset` can give an object stored in this one, the best first."""
    plain = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN) if decodable(transfer_syntax_uid) else ()
    return tuple(dict.fromkeys((transfer_syntax_uid, *plain)))


def compressible(transfer_syntax_uid: str, target: str, *, lossy: bool = False) -> bool:
    """Whether frames stored in the one syntax may be encoded in the other; JPEG Baseline only where loss is allowed."""
    return target in ENCODABLE and (lossy or target != JPEG_BASELINE) and decodable(transfer_syntax_uid)


class Transcoder:
    """Gives the data sets and frames of stored objects. Blocks; may be used from many threads.

    Without `encode` nothing is compressed.
    """

    def __init__(self, archive: Archive, decode: Decode, encode: Encode | None = None) -> None:
        self._archive = archive
        self._decode = decode
        self._encode = encode

    def dataset(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        """The pieces of the data set in `transfer_syntax_uid`, one of `attainable` or of what is `compressible`.

        The first piece is made at once, so that what cannot be read or decoded is known before anything is sent.
        Raises Unreadable, NotAcceptable (no form of these pixels in that syntax), StoreFailed, Busy, and later the same
        in the middle.
        """
        if transfer_syntax_uid == stored.transfer_syntax_uid:
            made = self._corrected(stored) if stored.changes else self._verbatim(stored)
        elif self._encode is not None and compressible(stored.transfer_syntax_uid, transfer_syntax_uid):
            if stored.pixel_element_offset is None:  # such syntaxes are Explicit VR Little Endian around the pixels
                made = self._converted(stored, EXPLICIT_VR_LITTLE_ENDIAN)
            else:
                made = self._encoded(stored, transfer_syntax_uid)
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
        return self._decode(self.job(stored, frame_number))

    def encoded(self, stored: StoredInstance, frame_number: int, transfer_syntax_uid: str) -> EncodedFrame:
        """One frame in a compressed syntax. Raises NotFound, Unreadable, NotAcceptable, Busy."""
        if self._encode is None:
            raise NotAcceptable("nothing is compressed here", "retrieve it as it is stored")
        return self._encode(self.job(stored, frame_number), transfer_syntax_uid)

    def job(self, stored: StoredInstance, frame_number: int) -> RenderJob:
        """What a decode worker needs of one frame. Raises NotFound, Unreadable, StoreFailed."""
        return RenderJob(
            header=self._archive.header(stored),
            transfer_syntax_uid=stored.transfer_syntax_uid,
            frame=self._archive.frame(stored, frame_number),
            frame_number=frame_number,
            pixel_data_vr=stored.pixel_data_vr,
        )

    def _verbatim(self, stored: StoredInstance) -> Iterator[Piece]:
        self._archive.read(stored, stored.size - 1, 1)  # shorter than it was: known before the first byte is sent
        end = stored.dataset_offset + stored.dataset_length
        for start in range(stored.dataset_offset, end, PIECE_BYTES):
            yield self._archive.read(stored, start, min(PIECE_BYTES, end - start))

    def _corrected(self, stored: StoredInstance) -> Iterator[Piece]:
        """The same with what corrections make of it; what was deflated is deflated again."""
        self._archive.read(stored, stored.size - 1, 1)
        dataset = self._archive.as_it_goes_out(stored).dataset
        parts = (bytes(dataset[start : start + PIECE_BYTES]) for start in range(0, len(dataset), PIECE_BYTES))
        return _deflated(parts) if transfer_syntax(stored.transfer_syntax_uid).deflated else parts

    def _converted(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        # an encapsulated syntax without pixel data is Explicit VR Little Endian already
        native = transfer_syntax(stored.transfer_syntax_uid).native
        uid = stored.transfer_syntax_uid if native else EXPLICIT_VR_LITTLE_ENDIAN
        if stored.changes:
            inflated = transfer_syntax(uid).deflated
            dataset = self._archive.as_it_goes_out(stored).dataset
            return _in(transfer_syntax_uid, _bytes_or_paged(dataset), EXPLICIT_VR_LITTLE_ENDIAN if inflated else uid)
        return _in(transfer_syntax_uid, self._bytes(stored), uid)

    def _decoded(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        frames = frame_table(stored).number_of_frames
        first = self.frame(stored, 1)
        bits = first.rows * first.columns * first.samples_per_pixel * first.bits_allocated
        length = (bits * frames + 7) // 8
        if length > VALUE_BYTES_MAX:
            raise Unreadable("the decoded pixels are too large for one value", "retrieve it as it is stored")
        header, behind = self._around(stored, first)
        yield from _in(transfer_syntax_uid, header, EXPLICIT_VR_LITTLE_ENDIAN)
        if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
            yield _IMPLICIT.pack(*_PIXEL_DATA, length + (length & 1))
        else:
            yield pixel_head(first, length)
        values = self._values(stored, first, frames)
        yield from values if bits % 8 == 0 else _without_gaps(values, bits)
        yield b"\0" * (length & 1)
        yield from _in(transfer_syntax_uid, behind, EXPLICIT_VR_LITTLE_ENDIAN)

    def _values(self, stored: StoredInstance, first: DecodedFrame, frames: int) -> Iterator[bytes]:
        yield first.data
        for number in range(2, frames + 1):
            frame = self.frame(stored, number)
            if len(frame.data) != len(first.data):
                raise Unreadable("the frames decode to different sizes", "retrieve it as it is stored")
            yield frame.data

    def _encoded(self, stored: StoredInstance, transfer_syntax_uid: str) -> Iterator[Piece]:
        """With an empty Basic Offset Table and one fragment a frame (PS3.5 A.4): nothing has to be known beforehand."""
        frames = frame_table(stored).number_of_frames
        first = self.encoded(stored, 1, transfer_syntax_uid)
        header, behind = self._around(stored, first)
        yield header
        yield _LONG.pack(*_PIXEL_DATA, b"OB", 0, UNDEFINED_LENGTH) + _ITEM.pack(*_FRAGMENT, 0)
        for number in range(1, frames + 1):
            frame = first if number == 1 else self.encoded(stored, number, transfer_syntax_uid)
            padding = len(frame.data) & 1
            yield _ITEM.pack(*_FRAGMENT, len(frame.data) + padding)
            yield frame.data
            yield b"\0" * padding
        yield _ITEM.pack(*_DELIMITER, 0)
        yield behind

    def _around(self, stored: StoredInstance, first: DecodedFrame | EncodedFrame) -> tuple[bytes, bytes]:
        if stored.changes:
            made = self._archive.as_it_goes_out(stored)
            return around_pixels(_bytes_or_paged(made.dataset), made.stored, first)
        return around_pixels(self._inflated(stored), stored, first)

    def _inflated(self, stored: StoredInstance) -> bytes | PagedBytes:
        data = self._bytes(stored)
        return inflate(bytes(data[:])) if transfer_syntax(stored.transfer_syntax_uid).deflated else data

    def _bytes(self, stored: StoredInstance) -> bytes | PagedBytes:
        return bytes_at(
            lambda offset, length: self._archive.read(stored, stored.dataset_offset + offset, length),
            stored.dataset_length,
        )


def _without_gaps(frames: Iterator[bytes], bits: int) -> Iterator[bytes]:
    """Frames of so many single bits behind each other (PS3.5 8.1.1): the next begins in the byte in which one ends."""
    carried = held = 0
    for frame in frames:
        carried |= (int.from_bytes(frame, "little") & ((1 << bits) - 1)) << held
        held += bits
        whole = held // 8
        yield (carried & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")
        carried >>= 8 * whole
        held -= 8 * whole
    yield carried.to_bytes((held + 7) // 8, "little")


def _bytes_or_paged(data: Buffer) -> bytes | PagedBytes:
    return data if isinstance(data, PagedBytes) else bytes(data)


def _deflated(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Raw deflate, of an even number of bytes (PS3.5 A.5)."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    length = 0
    for piece in itertools.chain(pieces, (None,)):
        made = deflater.flush() if piece is None else deflater.compress(piece)
        length += len(made)
        if made:
            yield made
    yield b"\0" * (length & 1)


def _in(transfer_syntax_uid: str, data: bytes | PagedBytes, stored_uid: str) -> Iterator[Piece]:
    if transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN:
        return implicit_little_endian(data, stored_uid)
    return explicit_little_endian(data, stored_uid)


def around_pixels(
    data: bytes | PagedBytes, stored: StoredInstance, frame: DecodedFrame | EncodedFrame
) -> tuple[bytes, bytes]:
    """What stands before and behind the pixel data of a data set (inflated, if it was deflated), in Explicit VR Little
    Endian, true for pixels such as those of `frame`."""
    offset, end = stored.pixel_element_offset, stored.pixel_element_end
    if offset is None or end is None:
        raise Unreadable(f"instance {stored.sop_instance_uid} has no pixel data", "retrieve it as it is stored")
    before, behind = data[:offset], data[end:]
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    if syntax.implicit or syntax.big_endian:
        before, behind = (b"".join(explicit_little_endian(part, syntax.uid)) for part in (before, behind))
    return _described(before, frame), _behind(behind)


def pixel_head(frame: DecodedFrame, length: int) -> bytes:
    """The header of native pixel data of `length` bytes in Explicit VR Little Endian; an odd length needs a pad."""
    vr = b"OW" if frame.bits_allocated > 8 else b"OB"
    return _LONG.pack(*_PIXEL_DATA, vr, 0, length + (length & 1))


def _described(header: bytes, frame: DecodedFrame | EncodedFrame) -> bytes:
    """`header` (Explicit VR Little Endian) with the Image Pixel attributes of the frame (PS3.3 C.7.6.3).

    The group length of theirs goes: it would be wrong now.
    """
    fresh = _pixel_attributes(frame)
    out = bytearray()
    copied = depth = 0
    for kind, tag, _, start, value, length in scan(header, transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN)):
        depth += (kind == SEQUENCE) - (kind == SEQUENCE_END)
        if depth or kind != ELEMENT or (tag not in fresh and tag not in _LEFT_OUT_BEFORE):
            continue
        out += header[copied:start]
        out += fresh.get(tag, b"")
        copied = value + length
    return bytes(out + header[copied:])


def _pixel_attributes(frame: DecodedFrame | EncodedFrame) -> dict[int, bytes]:
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
