"""What a video file says of itself: MP4 boxes (ISO/IEC 14496-12) and MPEG-2 streams (ISO/IEC 13818-1 and -2).

Only headers are read, by range; the pictures of an MPEG-2 stream are counted in one pass over it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pacs.errors import NotUnderstood

ReadAt = Callable[[int, int], bytes]
"""Up to so many bytes (the second) from an offset (the first)."""

_BOXES_MAX: Final = 100_000
_MOVIE_BYTES_MAX: Final = 64 << 20
_PIECE_BYTES: Final = 1 << 20
_HEAD_BYTES: Final = 1 << 20
TRANSPORT_PACKET_BYTES: Final = 188

_MPEG2_FRAME_RATES: Final = (0.0, 24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 50.0, 60000 / 1001, 60.0)


@dataclass(frozen=True, slots=True)
class Video:
    """`transfer_syntax_uid` is the lowest that holds it; `frame_time_ms` the mean. `bits` are those of a sample."""

    transfer_syntax_uid: str
    columns: int
    rows: int
    number_of_frames: int
    frame_time_ms: float
    bits: int = 8


def is_mp4(head: bytes) -> bool:
    """Whether a stream that begins with these 8 bytes is an MP4 file."""
    return head[4:8] == b"ftyp"


def describe(read: ReadAt, length: int) -> Video:
    """What the video of `length` bytes is. Raises NotUnderstood for what no transfer syntax of DICOM holds."""
    found = _described(read, length)
    if not found.columns or not found.rows:
        raise NotUnderstood("the video has no picture size", "send a whole file")
    return found


def _described(read: ReadAt, length: int) -> Video:
    head = read(0, 1024)
    if is_mp4(head):
        return _mp4(read, length)
    if head[:1] == b"\x47" and head[TRANSPORT_PACKET_BYTES : TRANSPORT_PACKET_BYTES + 1] in (b"\x47", b""):
        return _mpeg2(_transport_payload, read, length)
    if head[:4] == b"\0\0\1\xba":
        return _mpeg2(_program_payload, read, length)
    if head[:4] == b"\0\0\1\xb3":
        return _mpeg2(_pieces, read, length)
    raise NotUnderstood("the video is neither MP4 nor an MPEG-2 stream", "convert it to MP4 with H.264 or H.265 video")


# MP4 -------------------------------------------------------------------------------------------------------------


def _boxes(read: ReadAt, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start and end of the content) of every box between two offsets."""
    position = start
    for _ in range(_BOXES_MAX):
        if position + 8 > end:
            return
        header = read(position, 16)
        if len(header) < 8:
            return
        size, kind, content = int.from_bytes(header[:4], "big"), header[4:8], position + 8
        if size == 1 and len(header) == 16:
            size, content = int.from_bytes(header[8:16], "big"), position + 16
        after = end if size == 0 else position + size
        if after < content or after > end:
            raise NotUnderstood("the MP4 file ends inside a box", "send the whole file")
        yield kind, content, after
        position = after


def _mp4(read: ReadAt, length: int) -> Video:
    movie: dict[bytes, bytes] = {}
    fragments = []
    for kind, start, end in _boxes(read, 0, length):
        if kind in (b"moov", b"moof"):
            if end - start > _MOVIE_BYTES_MAX:
                raise NotUnderstood("the index of the MP4 file is too large")
            if kind == b"moof":
                fragments.append(_runs(read(start, end - start)))
            else:
                movie = _video_track(read(start, end - start))
    if not movie:
        raise NotUnderstood("the MP4 file has no video track", "send a whole file that has one")
    entry, header, sizes = movie[b"stsd"], movie[b"mdhd"], movie[b"stsz"]
    frames = int.from_bytes(sizes[8:12], "big")
    ticks, scale = _duration(header)
    if not frames and fragments:
        track = int.from_bytes(movie[b"tkhd"][20:24] if movie[b"tkhd"][0] else movie[b"tkhd"][12:16], "big")
        frames = sum(run.get(track, (0, 0))[0] for run in fragments)
        ticks = ticks or sum(run.get(track, (0, 0))[1] for run in fragments)
    if not frames:
        raise NotUnderstood("the video has no frames", "send a whole file")
    columns, rows = struct.unpack_from(">HH", entry, 40)
    syntax, bits = _coding(entry)
    return Video(syntax, columns, rows, frames, 1000 * ticks / scale / frames if scale else 0.0, bits)


_PATH: Final = frozenset({b"mdia", b"minf", b"stbl"})
_WANTED: Final = frozenset({b"tkhd", b"mdhd", b"hdlr", b"stsd", b"stsz"})


def _inside(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    return _boxes(lambda offset, count: data[offset : offset + count], start, len(data) if end is None else end)


def _video_track(movie: bytes) -> dict[bytes, bytes]:
    """The boxes of the first track of pictures, by type."""
    for kind, start, end in _inside(movie):
        if kind != b"trak":
            continue
        found: dict[bytes, bytes] = {}
        waiting = [(start, end)]
        while waiting:
            for inner, at, after in _inside(movie, *waiting.pop()):
                if inner in _PATH:
                    waiting.append((at, after))
                elif inner in _WANTED:
                    found[inner] = movie[at:after]
        if found.keys() >= _WANTED and found[b"hdlr"][8:12] == b"vide" and len(found[b"stsd"]) >= 94:
            return found
    return {}


def _duration(header: bytes) -> tuple[int, int]:
    """Ticks and ticks a second of a media header box."""
    form, at = (">IQ", 20) if header[:1] == b"\1" else (">II", 12)
    scale, ticks = struct.unpack_from(form, header.ljust(32, b"\0"), at)
    return (0 if ticks in (0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF) else ticks), scale


def _runs(fragment: bytes) -> dict[int, tuple[int, int]]:
    """Track number to samples and ticks of one movie fragment; ticks where the fragment tells a default."""
    found: dict[int, tuple[int, int]] = {}
    for kind, start, end in _inside(fragment):
        if kind != b"traf":
            continue
        track, count, default = 0, 0, 0
        for inner, at, after in _inside(fragment, start, end):
            if inner == b"tfhd":
                flags, track = int.from_bytes(fragment[at + 1 : at + 4], "big"), _u32(fragment, at + 4)
                skip = (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
                default = _u32(fragment, at + 8 + skip) if flags & 8 and at + 12 + skip <= after else 0
            elif inner == b"trun":
                count += _u32(fragment, at + 4)
        known = found.get(track, (0, 0))
        found[track] = (known[0] + count, known[1] + count * default)
    return found


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _coding(entry: bytes) -> tuple[str, int]:
    """Transfer syntax and bits a sample of a sample description box. Raises NotUnderstood."""
    name = entry[12:16]
    # a visual sample entry is 78 bytes long, then come its boxes
    boxes = {kind: entry[start:end] for kind, start, end in _inside(entry, 94, 8 + _u32(entry, 8))}
    if name in (b"avc1", b"avc3") and len(boxes.get(b"avcC", b"")) > 3:
        profile, level = boxes[b"avcC"][1], boxes[b"avcC"][3]
        if profile in (66, 77, 88, 100) and level <= 42:
            return ("1.2.840.10008.1.2.4.102" if level <= 41 else "1.2.840.10008.1.2.4.104"), 8
        if profile == 128 and level <= 42:
            return "1.2.840.10008.1.2.4.106", 8
        raise NotUnderstood(
            f"H.264 of profile {profile} and level {level / 10:g} has no transfer syntax in DICOM",
            "convert it to High Profile, level 4.2 at most, 8 bits",
        )
    if name in (b"hvc1", b"hev1") and len(boxes.get(b"hvcC", b"")) > 12:
        profile, level = boxes[b"hvcC"][1] & 31, boxes[b"hvcC"][12]
        if profile in (1, 2) and level <= 153:
            return ("1.2.840.10008.1.2.4.107", 8) if profile == 1 else ("1.2.840.10008.1.2.4.108", 10)
        raise NotUnderstood(
            f"H.265 of profile {profile} and level {level / 30:g} has no transfer syntax in DICOM",
            "convert it to Main or Main 10 Profile, level 5.1 at most",
        )
    raise NotUnderstood(
        f"video coded as {name.decode('latin-1')!r} has no transfer syntax in DICOM", "convert it to H.264 or H.265"
    )


# MPEG-2 ----------------------------------------------------------------------------------------------------------


def _pieces(read: ReadAt, length: int) -> Iterator[bytes]:
    for offset in range(0, length, _PIECE_BYTES):
        yield read(offset, min(_PIECE_BYTES, length - offset))


def _transport_payload(read: ReadAt, length: int) -> Iterator[bytes]:
    """What the packets of the first video stream carry; PES headers stay in it, where no start code of video is."""
    video = -1
    for offset in range(0, length, TRANSPORT_PACKET_BYTES * 4096):
        piece = read(offset, min(TRANSPORT_PACKET_BYTES * 4096, length - offset))
        payload = bytearray()
        for at in range(0, len(piece) - TRANSPORT_PACKET_BYTES + 1, TRANSPORT_PACKET_BYTES):
            packet = piece[at : at + TRANSPORT_PACKET_BYTES]
            number = int.from_bytes(packet[1:3], "big") & 0x1FFF
            begin = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
            if not packet[3] & 0x10:
                continue
            if video < 0 and packet[begin : begin + 3] == b"\0\0\1" and 0xE0 <= packet[min(begin + 3, 187)] <= 0xEF:
                video = number
            if number == video:
                begins_packet = packet[1] & 0x40 and packet[begin : begin + 3] == b"\0\0\1"
                payload += packet[begin + (9 + packet[min(begin + 8, 187)] if begins_packet else 0) :]
        yield bytes(payload)


def _program_payload(read: ReadAt, length: int) -> Iterator[bytes]:
    """What the packets of the first video stream carry (ISO/IEC 13818-1 2.5.3)."""
    position, video = 0, -1
    window, begun = b"", 0
    while position + 6 <= length:
        if position < begun or position + 16 > begun + len(window):
            window, begun = read(position, min(_PIECE_BYTES, length - position)), position
        head = window[position - begun : position - begun + 16]
        if head[:3] != b"\0\0\1":
            return
        code = head[3]
        if code == 0xBA:
            position += 14 + (head[13] & 7 if len(head) > 13 else 0) if head[4] & 0xC0 == 0x40 else 12
            continue
        if code == 0xB9:
            return
        size = int.from_bytes(head[4:6], "big")
        if 0xE0 <= code <= 0xEF and video in (-1, code):
            video = code
            skip = 3 + head[8] if len(head) > 8 and head[6] & 0xC0 == 0x80 else 0
            yield read(position + 6 + skip, max(0, size - skip))
        position += 6 + size


def _mpeg2(payload: Callable[[ReadAt, int], Iterator[bytes]], read: ReadAt, length: int) -> Video:
    """Sequence header and extension, and how many pictures there are (ISO/IEC 13818-2 6.2)."""
    head, kept, pictures = b"", b"", 0
    for piece in payload(read, length):
        if len(head) < _HEAD_BYTES:
            head += piece[: _HEAD_BYTES - len(head)]
        looked_at = kept + piece
        pictures += looked_at.count(b"\0\0\1\0")
        kept = looked_at[-3:]
    at = head.find(b"\0\0\1\xb3")
    extension = head.find(b"\0\0\1\xb5", at, at + 1024)
    if at < 0 or extension < 0 or len(head) < extension + 10 or head[extension + 4] >> 4 != 1:
        raise NotUnderstood("the stream holds no MPEG-2 video", "convert it to MP4 with H.264 or H.265 video")
    columns, rows = (
        int.from_bytes(head[at + 4 : at + 6], "big") >> 4,
        int.from_bytes(head[at + 5 : at + 7], "big") & 0xFFF,
    )
    level = head[extension + 5] >> 4
    rate = _MPEG2_FRAME_RATES[min(head[at + 7] & 15, 8)]
    if not pictures or not rate:
        raise NotUnderstood("the stream holds no pictures", "send a whole file")
    syntax = "1.2.840.10008.1.2.4.100" if level in (8, 10) else "1.2.840.10008.1.2.4.101"
    return Video(syntax, columns, rows, pictures, 1000 / rate)
