"""What a video file says of itself, in every container, and which are refused."""

from __future__ import annotations

import contextlib

import pytest

from pacs.dicom.video import Video, describe
from pacs.errors import NotUnderstood
from tests.support.videos import H265, box, mp4, mpeg2, program_stream, transport_stream


def described(data: bytes) -> Video:
    return describe(lambda offset, count: data[offset : offset + count], len(data))


@pytest.mark.parametrize(
    ("data", "syntax", "bits"),
    [
        (mp4(), "102", 8),
        (mp4(moov_last=False), "102", 8),
        (mp4(in_fragments=True), "102", 8),
        (mp4(level=42, profile=77), "104", 8),
        (mp4(profile=128), "106", 8),
        (mp4(coding=H265, profile=1, level=153), "107", 8),
        (mp4(coding=H265, profile=2, level=120), "108", 10),
        (mpeg2(), "100", 8),
        (mpeg2(level=4), "101", 8),
        (program_stream(mpeg2()), "100", 8),
        (transport_stream(mpeg2()), "100", 8),
    ],
)
def test_what_it_is(data: bytes, syntax: str, bits: int) -> None:
    assert described(data) == Video(f"1.2.840.10008.1.2.4.{syntax}", 320, 240, 50, 40.0, bits)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no video at all, but long enough to look at",
        mp4()[:-20],
        mp4(frames=0),
        mp4(columns=0),
        mp4(level=51),
        mp4(profile=110),
        mp4(coding=b"mp4v"),
        mp4(coding=H265, profile=4, level=90),
        box(b"ftyp", b"isom"),
        box(b"ftyp", b"isom") + box(b"moov", box(b"trak")),
        b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\1moov" + b"\xff" * 8,
        b"\0\0\1\xb3" + bytes(40),
        mpeg2(frames=0),
        b"\0\0\1\xba" + bytes(20),
        b"\x47" * 400,
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        described(data)


def test_no_piece_of_a_video_upsets_the_reader() -> None:
    for data in (mp4(data=b"x"), mp4(in_fragments=True, data=b"x"), mpeg2(frames=1), transport_stream(mpeg2(frames=3))):
        for length in range(len(data)):
            with contextlib.suppress(NotUnderstood):
                described(data[:length])
            with contextlib.suppress(NotUnderstood):
                described(data[:length] + b"\xff" * 4 + data[length + 4 :])
