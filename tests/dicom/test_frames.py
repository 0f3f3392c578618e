"""Frame tables: which bytes make a frame."""

from __future__ import annotations

import io
import struct

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import generate_frames

from pacs.dicom.frames import FrameTable, Layout, frame_bits
from pacs.dicom.walker import Walk, inflate, walk
from pacs.errors import NotFound, Unreadable
from tests.support.corpus import CorpusFile
from tests.support.datasets import accepted_files, by_file, described, element, encapsulated, identified, split_file

JPEG = "1.2.840.10008.1.2.4.50"
J2K = "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
H264 = "1.2.840.10008.1.2.4.102"
EXPLICIT = "1.2.840.10008.1.2.1"
START, END = b"\xff\xd8", b"\xff\xd9"


def jpeg(content: bytes) -> bytes:
    """Something with the markers of a JPEG stream, of even length."""
    return START + content + bytes(len(content) & 1) + END


def multi_frame(frames: str, *pixel_elements: bytes) -> bytes:
    return identified(described(4, 4, bits=8, frames=frames), *pixel_elements)


def frames_of(data: bytes, walked: Walk) -> list[bytes]:
    assert walked.frames is not None
    return [
        b"".join(data[start : start + length] for start, length in walked.frames.ranges(number))
        for number in range(1, walked.frames.number_of_frames + 1)
    ]


def table_of(walked: Walk) -> FrameTable:
    assert walked.frames is not None
    return walked.frames


def test_as_many_fragments_as_frames() -> None:
    images = [jpeg(b"one"), jpeg(b"two!"), jpeg(b"3")]
    data = multi_frame("3", encapsulated(*images))
    assert frames_of(data, walk(data, JPEG)) == images


def test_one_frame_over_many_fragments() -> None:
    pieces = [START + b"aa", b"bb", b"cc" + END]
    data = multi_frame("", encapsulated(*pieces))
    walked = walk(data, JPEG)
    assert frames_of(data, walked) == [b"".join(pieces)]
    assert len(table_of(walked).ranges(1)) == 3


def test_the_basic_offset_table_groups_fragments() -> None:
    pieces = [b"a1", b"a2a2", b"b1", b"c1c1", b"c2"]
    offsets = struct.pack("<3I", 0, 22, 32)
    data = multi_frame("3", encapsulated(*pieces, offset_table=offsets))
    assert frames_of(data, walk(data, JPEG)) == [b"a1a2a2", b"b1", b"c1c1c2"]


def test_the_extended_offset_table_groups_fragments() -> None:
    pieces = [b"a1", b"a2a2", b"b1"]
    table = element(0x7FE00001, "OV", struct.pack("<2Q", 0, 22))
    data = multi_frame("2", table, encapsulated(*pieces))
    assert frames_of(data, walk(data, JPEG)) == [b"a1a2a2", b"b1"]


@pytest.mark.parametrize("offsets", [(0, 5), (4, 22), (0, 0), (22, 0), (0, 999)])
def test_an_offset_table_that_points_nowhere_is_not_believed(offsets: tuple[int, int]) -> None:
    pieces = [START + b"a1", b"a2a2" + END, jpeg(b"b1")]
    data = multi_frame("2", encapsulated(*pieces, offset_table=struct.pack("<2I", *offsets)))
    walked = walk(data, JPEG)
    assert frames_of(data, walked) == [pieces[0] + pieces[1], pieces[2]]
    assert "offset_table_wrong" in walked.oddities


@pytest.mark.parametrize("start", [b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51"])
def test_markers_tell_the_frames_where_nothing_else_does(start: bytes) -> None:
    pieces = [start + b"aa", b"aaaa" + END, start + b"bb" + END + b"\0\0", start + b"cc", b"cc", b"cc" + END]
    data = multi_frame("3", encapsulated(*pieces))
    walked = walk(data, J2K)
    assert frames_of(data, walked) == [b"".join(pieces[:2]), pieces[2], b"".join(pieces[3:])]


def test_a_start_marker_inside_an_image_begins_no_frame() -> None:
    pieces = [START + b"aa", START + b"bb" + END, jpeg(b"c")]
    data = multi_frame("2", encapsulated(*pieces))
    assert frames_of(data, walk(data, JPEG)) == [pieces[0] + pieces[1], pieces[2]]


def test_frames_that_cannot_be_found_are_unreadable_but_stored() -> None:
    data = multi_frame("2", encapsulated(b"aaaa", b"bbbb", b"cccc"))
    walked = walk(data, JPEG)
    assert "frames_not_found" in walked.oddities
    with pytest.raises(Unreadable, match="frame 1"):
        table_of(walked).ranges(1)


def test_a_wrong_number_of_frames_leaves_the_existing_ones_readable() -> None:
    images = [jpeg(b"one"), jpeg(b"two")]
    data = multi_frame("5", encapsulated(*images))
    walked = walk(data, JPEG)
    table = table_of(walked)
    assert "fewer_fragments_than_frames" in walked.oddities
    assert data[table.ranges(2)[0][0] :].startswith(images[1])
    with pytest.raises(Unreadable):
        table.ranges(3)


def test_rle_has_one_fragment_a_frame_whatever_the_header_says() -> None:
    fragments = [bytes(64) + b"ab", bytes(64) + b"cd", bytes(64) + b"ef"]
    data = multi_frame("2", encapsulated(*fragments))
    assert frames_of(data, walk(data, RLE)) == fragments[:2]


def test_a_video_is_one_part() -> None:
    data = multi_frame("250", encapsulated(b"moov", b"mdat"))
    walked = walk(data, H264)
    assert table_of(walked).number_of_frames == 1
    assert frames_of(data, walked) == [b"moovmdat"]


def test_native_frames_lie_back_to_back() -> None:
    pixels = np.arange(3 * 4 * 4, dtype="<u2")
    data = identified(described(4, 4, frames="3"), element(0x7FE00010, "OW", pixels.tobytes()))
    walked = walk(data, EXPLICIT)
    assert frames_of(data, walked) == [pixels[i * 16 : (i + 1) * 16].tobytes() for i in range(3)]
    assert table_of(walked).bit_offset(3) == 0


def test_single_bit_frames_share_a_byte() -> None:
    bits = np.random.default_rng(5).integers(0, 2, (3, 3, 5), dtype=np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    data = identified(described(3, 5, bits=1, frames="3"), element(0x7FE00010, "OB", packed + bytes(len(packed) & 1)))
    table = table_of(walk(data, EXPLICIT))
    for number in (1, 2, 3):
        ((start, length),) = table.ranges(number)
        unpacked = np.unpackbits(np.frombuffer(data[start : start + length], np.uint8), bitorder="little")
        first = table.bit_offset(number)
        assert (unpacked[first : first + 15].reshape(3, 5) == bits[number - 1]).all()


@pytest.mark.parametrize("number", [0, -1, 4])
def test_a_frame_that_does_not_exist_is_not_found(number: int) -> None:
    with pytest.raises(NotFound, match=str(number)):
        FrameTable(Layout.NATIVE, 3, 0, 64).ranges(number)


@pytest.mark.parametrize(
    ("samples", "interpretation", "bits"),
    [
        (1, "MONOCHROME2", 8 * 100),
        (3, "RGB", 24 * 100),
        (3, "YBR_FULL_422", 16 * 100),
        (3, "YBR_PARTIAL_420", 12 * 100),
    ],
)
def test_chrominance_may_be_shared_between_pixels(samples: int, interpretation: str, bits: int) -> None:
    assert frame_bits(10, 10, samples, 8, interpretation) == bits


SIZES = st.lists(st.integers(0, 2**32 - 2), max_size=50).map(tuple)


@given(
    st.builds(
        FrameTable,
        layout=st.sampled_from(Layout),
        number_of_frames=st.integers(1, 2**31 - 1),
        offset=st.integers(0, 2**40),
        frame_bits=st.integers(0, 2**40),
        lengths=SIZES,
        first_fragments=st.lists(st.integers(0, 1000), max_size=20).map(tuple),
    )
)
def test_a_table_survives_the_index(table: FrameTable) -> None:
    packed = table.to_bytes()
    assert FrameTable.from_bytes(packed) == table
    assert FrameTable.from_bytes(memoryview(packed)) == table


def test_a_large_table_is_compact() -> None:
    table = FrameTable(Layout.ONE_FRAGMENT, 10_000, 4096, 0, (65536,) * 10_000)
    assert len(table.to_bytes()) < 2000


def test_a_damaged_table_is_unreadable() -> None:
    packed = FrameTable(Layout.ONE_FRAGMENT, 2, 100, 0, (10, 20)).to_bytes()
    for damaged in (b"", packed[:10], packed[:-2], b"\x09" + packed[1:], packed[:1] + b"\x63" + packed[2:]):
        with pytest.raises(Unreadable, match="damaged"):
            FrameTable.from_bytes(damaged)


@pytest.mark.filterwarnings("ignore:::pydicom")
@by_file(file for file in accepted_files() if file.decoded_shape and file.kind not in ("4d-series", "ct-series"))
def test_the_frames_of_the_public_files_are_those_that_pydicom_finds(file: CorpusFile) -> None:
    uid, data = split_file(file.path.read_bytes())
    table = walk(data, uid).frames
    dataset = pydicom.dcmread(io.BytesIO(file.path.read_bytes()), force=True)
    assert table is not None
    number_of_frames = int(dataset.get("NumberOfFrames", 1) or 1)
    assert table.number_of_frames == number_of_frames
    if uid.endswith(".99"):
        data = inflate(data)
    ours = [b"".join(data[s : s + n] for s, n in table.ranges(i + 1)) for i in range(number_of_frames)]
    pixels = next(dataset[k] for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData") if k in dataset)
    if pixels.is_undefined_length:
        assert ours == list(generate_frames(pixels.value, number_of_frames=number_of_frames))
        return
    if table.frame_bits % 8:
        assert b"".join(ours)[:64] == pixels.value[:64]
        return
    used = len(ours[0]) * number_of_frames
    assert b"".join(ours) == pixels.value[:used]
    assert len(pixels.value) - used in (0, 1)
