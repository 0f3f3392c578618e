"""What a compressed frame says of itself, read before a decoder believes it.

A decoder allocates by the codestream, not by the data set: its size is compared with Rows and Columns first. The
colour space of a JPEG and the precision of a JPEG 2000 frame are facts of the codestream too, and often differ from
the header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

# ISO/IEC 10918-1 Table B.1, ISO/IEC 14495-1 (SOF55): start of frame of every coding process
_START_OF_FRAME = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_NO_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_START_OF_SCAN = 0xDA
_APP0, _APP14 = 0xE0, 0xEE
_MARKERS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Codestream:
    """`columns` and `rows` in pixels, `precision` in bits a sample. `ybr` None: the codestream does not tell."""

    columns: int
    rows: int
    components: int
    precision: int
    signed: bool = False
    ybr: bool | None = None


def read_jpeg(data: bytes | memoryview) -> Codestream | None:
    """The frame header of a JPEG or JPEG-LS codestream (ISO/IEC 10918-1 B.2.2); None when there is none to be found."""
    jfif = False
    adobe: int | None = None
    for marker, start, end in _jpeg_segments(data):
        payload = bytes(data[start : min(end, start + 64)])
        if marker == _APP0:
            jfif = jfif or payload.startswith(b"JFIF\0")
        elif marker == _APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
            adobe = payload[11]
        elif marker in _START_OF_FRAME and len(payload) >= 6:
            precision, rows, columns, components = struct.unpack_from(">BHHB", payload)
            identifiers = payload[6 : 6 + 3 * components : 3]
            ybr = _is_ybr(jfif, adobe, identifiers) if components == 3 else False
            return Codestream(columns, rows, components, precision, ybr=ybr)
    return None


def jpeg_transfer_syntax(data: bytes | memoryview) -> str:
    """The transfer syntax whose frames a JPEG or JPEG-LS codestream may be, "" where there is none (PS3.5 8.2).

    Which of the lossless ones it is, the first scan's header tells.
    """
    segments = _jpeg_segments(data)
    process, start = next(((marker, at) for marker, at, _ in segments if marker in _START_OF_FRAME), (0, 0))
    if process == 0xC0 and data[start : start + 1] == b"\x08":
        return "1.2.840.10008.1.2.4.50"
    if process == 0xC1:
        return "1.2.840.10008.1.2.4.51"
    if process not in (0xC3, 0xF7):
        return ""
    last = segments[-1][2]
    scan = bytes(data[last : last + 32])
    components = scan[4] if len(scan) > 4 and scan[:2] == b"\xff\xda" else 0
    parameter = scan[5 + 2 * components] if components > 0 and len(scan) > 5 + 2 * components else -1
    if process == 0xC3:
        return "1.2.840.10008.1.2.4.70" if parameter == 1 else "1.2.840.10008.1.2.4.57"
    return "1.2.840.10008.1.2.4.80" if parameter == 0 else "1.2.840.10008.1.2.4.81"


def _is_ybr(jfif: bool, adobe: int | None, identifiers: bytes) -> bool | None:
    """Whether three components are Y, Cb, Cr: the Adobe transform flag, else JFIF (always YCbCr), else their names."""
    if adobe in (0, 1):
        return adobe == 1
    if jfif:
        return True
    return False if identifiers in (b"RGB", b"rgb") else None


def _jpeg_segments(data: bytes | memoryview) -> list[tuple[int, int, int]]:
    """(marker, start, end of payload) up to the first scan, a bounded number of them."""
    segments: list[tuple[int, int, int]] = []
    position = 2
    while position + 4 <= len(data) and len(segments) < _MARKERS_MAX:
        if data[position] != 0xFF:
            break
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        if marker in _NO_LENGTH:
            position += 2
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _START_OF_SCAN or length < 2:
            break
        segments.append((marker, position + 4, position + 2 + length))
        position += 2 + length
    return segments


def read_jpeg_2000(data: bytes | memoryview) -> Codestream | None:
    """The SIZ segment of a JPEG 2000 or HTJ2K codestream (ISO/IEC 15444-1 A.5.1), bare or in JP2 boxes."""
    head = bytes(data[:4096])
    start = head.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(head) < start + 43:
        return None
    columns, rows, x, y = struct.unpack_from(">IIII", head, start + 8)
    components, depth = struct.unpack_from(">HB", head, start + 40)
    return Codestream(columns - x, rows - y, components, (depth & 0x7F) + 1, signed=bool(depth & 0x80))


def jpeg_2000_coding(data: bytes | memoryview) -> tuple[str, bool]:
    """The transfer syntax whose frames a bare JPEG 2000 or HTJ2K codestream may be, "" for what is none; and whether
    its components are mixed, as they are of YBR_RCT and YBR_ICT (ISO/IEC 15444-1 A.6.1)."""
    head = bytes(data[:4096])
    coding = head.find(b"\xff\x52", 4)
    if head[:4] != b"\xff\x4f\xff\x51" or not 0 < coding < len(head) - 13:
        return "", False
    reversible, mixed = head[coding + 13] == 1, head[coding + 8] == 1
    if head.find(b"\xff\x50", 4, coding) >= 0:
        return ("1.2.840.10008.1.2.4.201" if reversible else "1.2.840.10008.1.2.4.203"), mixed
    return ("1.2.840.10008.1.2.4.90" if reversible else "1.2.840.10008.1.2.4.91"), mixed
