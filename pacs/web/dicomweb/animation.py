"""Frames as one moving picture: GIF (89a) or APNG, put together out of single ones, one of them in memory at a time.

The decode workers make the pictures; here their blocks are only reordered.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from pacs.errors import Unreadable

APNG = "image/apng"
DELAY_MS = 100.0
_DELAY_MIN_MS, _DELAY_MAX_MS = 20.0, 10_000.0
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LOOP_FOR_EVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_FRAME_TIME, _FRAME_TIMES, _CINE_RATE, _DISPLAY_RATE = "00181063", "00181065", "00180040", "00082144"


def delays_ms(metadata: Mapping[str, Any], frames: Sequence[int]) -> list[float]:
    """How long each of `frames` (from 1) stays, from the DICOM JSON of their object (PS3.3 C.7.6.5).

    Frame times of their own, one time for all, a rate; 100 ms where nothing is said. Shorter than 20 ms or longer than
    10 s is shown by no player as it is meant.
    """
    times = _numbers(metadata, _FRAME_TIMES)
    common = [*_numbers(metadata, _FRAME_TIME), *(1000 / r for r in _rates(metadata)), DELAY_MS]
    usual = next(time for time in common if time > 0)
    found = []
    for number in frames:
        # each entry is the time between the frame before and this one, so the next one tells how long this one stays
        own = times[number] if number < len(times) else 0.0
        found.append(min(max(own or usual, _DELAY_MIN_MS), _DELAY_MAX_MS))
    return found


def _rates(metadata: Mapping[str, Any]) -> list[float]:
    return [rate for tag in (_CINE_RATE, _DISPLAY_RATE) for rate in _numbers(metadata, tag) if rate > 0]


def _numbers(metadata: Mapping[str, Any], tag: str) -> list[float]:
    try:
        return [float(value) for value in metadata.get(tag, {}).get("Value", []) if value is not None]
    except (TypeError, ValueError):
        return []


class GifFrames:
    """Turns single GIF pictures into the parts of a moving one."""

    media_type = "image/gif"

    def __init__(self, frames: int) -> None:
        self._size = b""

    def part(self, picture: bytes, delay_ms: float) -> bytes:
        """The bytes of the next frame, the head before the first. Raises Unreadable for what is no such picture."""
        try:
            size, shades, image = _gif_parts(picture)
        except (IndexError, struct.error) as error:
            raise Unreadable("a frame is no picture", "ask for the frames by themselves") from error
        head = b""
        if not self._size:
            self._size = size
            head = b"GIF89a" + size + b"\0\0\0" + _LOOP_FOR_EVER
        if size != self._size:
            raise Unreadable("the frames differ in size", "ask for the frames by themselves")
        control = b"\x21\xf9\x04\x04" + struct.pack("<H", round(delay_ms / 10)) + b"\0\0"
        descriptor = b"\x2c\0\0\0\0" + size + bytes([0x80 | (len(shades) // 3).bit_length() - 2])
        return head + control + descriptor + shades + image

    def tail(self) -> bytes:
        """What ends the whole."""
        return b"\x3b"


def _gif_parts(picture: bytes) -> tuple[bytes, bytes, bytes]:
    """Width and height as coded, the colour table, and the compressed image of a GIF with one frame."""
    flags = picture[10]
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    shades = picture[13:position]
    while picture[position] == 0x21:  # extensions
        position = _behind_blocks(picture, position + 2)
    flags = picture[position + 9]
    position += 10
    if flags & 0x80:
        shades = picture[position : position + (3 << (flags & 7) + 1)]
        position += len(shades)
    return picture[6:10], shades, picture[position : _behind_blocks(picture, position + 1)]


def _behind_blocks(picture: bytes, position: int) -> int:
    while picture[position]:
        position += picture[position] + 1
    return position + 1


class ApngFrames:
    """Turns single PNG pictures into the parts of a moving one (PNG, third edition, 11.3.6)."""

    media_type = APNG

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._sequence = 0
        self._head = b""

    def part(self, picture: bytes, delay_ms: float) -> bytes:
        """The bytes of the next frame, the head before the first. Raises Unreadable for what is no such picture."""
        chunks = _png_chunks(picture)
        head = next((body for kind, body in chunks if kind == b"IHDR"), b"")
        first = not self._head
        self._head = self._head or head
        if len(head) != 13 or head != self._head:
            raise Unreadable("the frames differ in size", "ask for the frames by themselves")
        control = struct.pack(">I", self._next()) + head[:8] + struct.pack(">IIHHBB", 0, 0, round(delay_ms), 1000, 0, 0)
        parts = [_chunk(b"fcTL", control)]
        for kind, body in chunks:
            if kind == b"IDAT":
                data = body if first else struct.pack(">I", self._next()) + body
                parts.append(_chunk(b"IDAT" if first else b"fdAT", data))
        if first:
            profiles = [_chunk(kind, body) for kind, body in chunks if kind in (b"iCCP", b"sRGB", b"gAMA")]
            animation = _chunk(b"acTL", struct.pack(">II", self._frames, 0))
            parts = [_SIGNATURE, _chunk(b"IHDR", head), animation, *profiles, *parts]
        return b"".join(parts)

    def tail(self) -> bytes:
        """What ends the whole."""
        return _chunk(b"IEND", b"")

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence - 1


def _png_chunks(picture: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], len(_SIGNATURE)
    while position + 12 <= len(picture):
        length, kind = struct.unpack(">I4s", picture[position : position + 8])
        chunks.append((kind, picture[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
