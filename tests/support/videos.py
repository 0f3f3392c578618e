"""Video files by hand: their headers are right, their pictures are none. What reads headers alone reads them whole."""

from __future__ import annotations

import struct

H264, H265 = b"avc1", b"hvc1"


def box(kind: bytes, *content: bytes) -> bytes:
    """One box of ISO/IEC 14496-12."""
    body = b"".join(content)
    return struct.pack(">I", 8 + len(body)) + kind + body


def mp4(
    *,
    columns: int = 320,
    rows: int = 240,
    frames: int = 50,
    coding: bytes = H264,
    profile: int = 100,
    level: int = 41,
    in_fragments: bool = False,
    moov_last: bool = True,
    data: bytes = bytes(range(256)) * 64,
) -> bytes:
    """An MP4 file of one video track at 25 frames a second."""
    if coding == H264:
        configuration = box(b"avcC", bytes([1, profile, 0, level, 0xFF]))
    else:
        configuration = box(b"hvcC", bytes([1, profile]) + bytes(10) + bytes([level]) + bytes(10))
    entry = struct.pack(">6xH16xHH50x", 1, columns, rows)
    description = box(b"stsd", struct.pack(">II", 0, 1), box(coding, entry, configuration))
    count = 0 if in_fragments else frames
    sizes = box(b"stsz", struct.pack(">III", 0, 1 if count else 0, count))
    header = box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 12800, 0 if in_fragments else frames * 512, 0))
    handler = box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"vide"), b"video\0")
    media = box(b"mdia", header, handler, box(b"minf", box(b"stbl", description, sizes)))
    track_header = box(b"tkhd", struct.pack(">IIIII60x", 3, 0, 0, 1, 0))
    sound = box(b"trak", box(b"mdia", box(b"hdlr", struct.pack(">II4s12x", 0, 0, b"soun"))))
    movie = box(b"moov", box(b"mvhd", bytes(100)), sound, box(b"trak", track_header, media))
    pieces = [movie, box(b"mdat", data)]
    if in_fragments:
        half = struct.pack(">II", 0, frames // 2)
        track = struct.pack(">III", 8, 1, 512)
        fragment = box(b"moof", box(b"mfhd", bytes(8)), box(b"traf", box(b"tfhd", track), box(b"trun", half)))
        pieces = [movie, fragment, box(b"mdat", data), fragment, box(b"mdat", data)]
    elif moov_last:
        pieces.reverse()
    return box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + b"".join(pieces)


def mpeg2(*, columns: int = 320, rows: int = 240, frames: int = 50, level: int = 8) -> bytes:
    """An elementary stream of ISO/IEC 13818-2 at 25 frames a second."""
    size = (columns << 12 | rows).to_bytes(3, "big")
    sequence = b"\0\0\1\xb3" + size + bytes([0x13, 0xFF, 0xFF, 0xE0, 0x18])
    extension = b"\0\0\1\xb5" + bytes([0x14, level << 4 | 0x0A, 0, 1, 0, 0])
    picture = b"\0\0\1\0" + bytes([0, 0x0F, 0xFF, 0xF8]) + b"\0\0\1\x01" + b"\x5a" * 100
    return sequence + extension + picture * frames


def program_stream(video: bytes) -> bytes:
    """`video` in packets of a program stream (ISO/IEC 13818-1 2.5)."""
    pack = b"\0\0\1\xba" + bytes([0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xF8])
    padding = b"\0\0\1\xbe" + struct.pack(">H", 16) + b"\xff" * 16
    packets = []
    for start in range(0, len(video), 1001):  # so that start codes fall between packets
        piece = video[start : start + 1001]
        packets.append(b"\0\0\1\xe0" + struct.pack(">H", len(piece) + 3) + b"\x80\0\0" + piece)
    return pack + padding.join(packets) + b"\0\0\1\xb9"


def transport_stream(video: bytes) -> bytes:
    """`video` in packets of a transport stream (ISO/IEC 13818-1 2.4), one of another stream between any two."""
    carried = b"\0\0\1\xe0\0\0\x80\0\0" + video
    packets, number = [], 0
    while carried:
        room = 184
        if len(carried) < room:
            stuffing = room - len(carried) - 1
            adaptation = bytes([stuffing]) + (b"\0" + b"\xff" * (stuffing - 1) if stuffing else b"")
            body, carried = adaptation + carried, b""
            control = 0x30
        else:
            body, carried, control = carried[:room], carried[room:], 0x10
        begins = 0x40 if number == 0 else 0
        packets.append(bytes([0x47, begins | 1, 0, control | number & 15]) + body)
        packets.append(bytes([0x47, 0x1F, 0xFF, 0x10]) + b"\xff" * 184)
        number += 1
    return b"".join(packets)
