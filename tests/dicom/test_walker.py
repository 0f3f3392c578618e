"""The walker: every real file is accepted, no cut one is, and the attributes are those of the file."""

from __future__ import annotations

import io
import mmap
import random
import struct
import zlib
from pathlib import Path

import pydicom
import pytest

from pacs.attributes import EXTRACTED, Matching
from pacs.dicom.elements import ELEMENT, FRAGMENTS_END, NULLS, SEQUENCE, SEQUENCE_END, scan
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import Limits, Walk, inflate, walk
from pacs.errors import ArrivalRefused, IncompleteDataSet, NotUnderstood, SuretError
from tests.support.corpus import CorpusFile, corpus
from tests.support.datasets import (
    CT_IMAGE_STORAGE,
    REFUSABLE_KINDS,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    accepted_files,
    by_file,
    described,
    element,
    encapsulated,
    identified,
    image,
    implicit,
    item,
    open_sequence,
    split_file,
    us,
)

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
RLE = "1.2.840.10008.1.2.5"
H264 = "1.2.840.10008.1.2.4.102"


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


# ---- the public files


@by_file(accepted_files())
def test_every_real_file_is_accepted(file: CorpusFile) -> None:
    uid, data = split_file(file.path.read_bytes())
    walked = walk(data, uid)
    assert walked.values.get("SOPClassUID", "") in (file.sop_class_uid, "")
    if file.decoded_shape:
        assert walked.frames is not None
        assert walked.pixel_element_offset is not None


@by_file(file for file in corpus() if file.kind in REFUSABLE_KINDS)
def test_a_hostile_file_is_walked_or_refused_and_nothing_else(file: CorpusFile) -> None:
    raw = file.path.read_bytes()
    try:
        uid, data = split_file(raw)
    except (SuretError, AssertionError):
        uid, data = IMPLICIT, raw
    for uid_tried in {uid, EXPLICIT, IMPLICIT, BIG_ENDIAN}:
        try:
            walked = walk(data, uid_tried)
        except ArrivalRefused as refused:
            assert refused.status == 0xC000  # noqa: PT017
        else:
            assert isinstance(walked, Walk)
            assert walked.dataset_end <= len(data)


@pytest.mark.filterwarnings("ignore:::pydicom")
@by_file(file for file in accepted_files() if file.kind not in ("4d-series", "ct-series", "mr-series", "charset"))
def test_the_attributes_are_those_that_pydicom_reads(file: CorpusFile) -> None:
    uid, data = split_file(file.path.read_bytes())
    walked = walk(data, uid)
    dataset = pydicom.dcmread(file.path, force=True, stop_before_pixels=True)
    for tag, attribute in EXTRACTED.items():
        assert (attribute.keyword in walked.values) == (tag in dataset), attribute.keyword
        if tag not in dataset or attribute.matching is Matching.SEQUENCE:
            continue
        expected = dataset[tag].value
        if expected is None:
            expected = ""
        parts = list(expected) if isinstance(expected, pydicom.multival.MultiValue) else [expected]
        shown = "\\".join(str(part if part is not None else "").strip(" \0") for part in parts)
        assert walked.values[attribute.keyword].rstrip("=") == shown, attribute.keyword
    if walked.pixel_element_offset is not None:
        flat = inflate(data) if transfer_syntax(uid).deflated else data
        header = dataset_of(flat[: walked.pixel_element_offset], uid)
        assert not any(tag.group == 0x7FE0 and tag.element >= 8 for tag in header.keys())  # noqa: SIM118
        order = ">" if uid == BIG_ENDIAN else "<"
        assert struct.unpack_from(f"{order}H", flat, walked.pixel_element_offset) == (0x7FE0,)


def dataset_of(data: bytes, uid: str) -> pydicom.Dataset:
    syntax = transfer_syntax(uid)
    return pydicom.filereader.read_dataset(io.BytesIO(data), syntax.implicit, not syntax.big_endian)


def top_level_ends(data: bytes, uid: str) -> tuple[set[int], set[int], list[int]]:
    """Where a cut leaves whole top-level elements; where only a fragment delimiter is cut; every boundary."""
    ends, delimiters, boundaries = {0}, set(), []
    depth = 0
    for kind, _, _, start, value, length in scan(data, transfer_syntax(uid)):
        boundaries += [start, value]
        if kind == SEQUENCE:
            depth += 1
        elif kind == SEQUENCE_END:
            depth -= 1
        if depth == 0 and kind in (ELEMENT, SEQUENCE_END, FRAGMENTS_END):
            ends.add(value + length)
        if depth == 0 and kind == FRAGMENTS_END:
            delimiters.add(start)
        if kind == NULLS:
            ends |= set(range(start, len(data)))
    return ends, delimiters, boundaries


def test_no_cut_file_is_accepted_unless_the_cut_leaves_whole_elements(test_data: Path) -> None:
    """Every prefix of the smallest files; of others every boundary between elements and its neighbours, and some."""
    assert test_data.is_dir()
    chance = random.Random(20261123)
    files = sorted((f for f in accepted_files() if f.size < 200_000), key=lambda f: f.size)
    sample = {file.kind: file for file in files} | {file.name: file for file in chance.sample(files, 180)}
    wrongly_accepted: list[tuple[str, int]] = []
    tried = 0
    for number, file in enumerate(sorted(set(sample.values()), key=lambda f: f.size)):
        uid, data = split_file(file.path.read_bytes())
        if transfer_syntax(uid).deflated:
            whole, delimiters = set[int](), set[int]()
            cuts = set(range(0, len(data), 97))
        else:
            whole, delimiters, boundaries = top_level_ends(data, uid)
            cuts = set(range(len(data))) if number < 12 else {b + d for b in boundaries for d in (-1, 0, 1)}
            cuts |= {chance.randrange(len(data)) for _ in range(30)}
            if len(cuts) > 250 and number >= 12:
                cuts = set(chance.sample(sorted(cuts), 250))
        for cut in sorted(cut for cut in cuts if 0 <= cut < len(data) and cut not in whole):
            tried += 1
            try:
                walked = walk(memoryview(data)[:cut], uid)
            except ArrivalRefused:
                continue
            # nothing but the delimiter is gone, and every frame was seen to end
            if cut not in delimiters or "missing_sequence_delimiter" not in walked.oddities:
                wrongly_accepted.append((file.name, cut))
    assert not wrongly_accepted
    assert tried > 20_000


# ---- completeness


def test_an_image_without_pixel_data_is_odd_or_refused_by_choice() -> None:
    data = identified(described(4, 4))
    walked = walk(data, EXPLICIT)
    assert "pixel_data_missing" in walked.oddities
    assert walked.frames is None
    with pytest.raises(IncompleteDataSet, match="no pixel data"):
        walk(data, EXPLICIT, pixel_data_required=True)


@pytest.mark.parametrize(
    "data",
    [
        identified(element(0x00100020, "LO", "ID")),
        identified(described(4, 4), element(0x00287FE0, "UR", "http://x/y ")),
    ],
    ids=["report", "pixel-data-behind-a-url"],
)
def test_an_object_that_needs_no_pixel_data_is_whole_without(data: bytes) -> None:
    walked = walk(data, EXPLICIT, pixel_data_required=True)
    assert (walked.frames, walked.pixel_element_offset, walked.oddities) == (None, None, ())


@pytest.mark.parametrize(
    ("rows", "columns", "bits", "frames", "needed"),
    [(4, 4, 16, "", 32), (4, 4, 8, "3", 48), (5, 5, 8, "", 26), (3, 5, 1, "3", 6), (2, 2, 12, "3 ", 18)],
)
def test_native_pixel_data_must_be_as_long_as_their_description(
    rows: int, columns: int, bits: int, frames: str, needed: int
) -> None:
    walked = walk(image(rows, columns, bytes(needed), bits=bits, frames=frames), EXPLICIT)
    assert walked.frames is not None
    assert walked.oddities == ()
    with pytest.raises(IncompleteDataSet, match="pixel data have"):
        walk(image(rows, columns, bytes(needed - 2), bits=bits, frames=frames), EXPLICIT)
    assert walk(image(rows, columns, bytes(needed + 2), bits=bits, frames=frames), EXPLICIT).oddities == (
        "pixel_data_too_long",
    )


@pytest.mark.parametrize(("tag", "vr", "size"), [(0x7FE00008, "OF", 4), (0x7FE00009, "OD", 8)])
def test_float_pixel_data(tag: int, vr: str, size: int) -> None:
    data = identified(described(2, 2, bits=size * 8), element(tag, vr, bytes(4 * size)))
    walked = walk(data, EXPLICIT)
    assert walked.frames is not None
    assert walked.frames.ranges(1) == [(len(data) - 4 * size, 4 * size)]
    assert walked.pixel_element_offset == len(data) - 4 * size - 12
    with pytest.raises(IncompleteDataSet):
        walk(identified(described(2, 2, bits=size * 8), element(tag, vr, bytes(3 * size))), EXPLICIT)


def test_pixel_data_without_a_description_are_stored_but_not_readable() -> None:
    walked = walk(identified(element(0x7FE00010, "OW", bytes(32))), EXPLICIT)
    assert walked.oddities == ("pixel_description_missing",)


IMAGE_END = b"\xff\xd9"


@pytest.mark.parametrize(
    ("uid", "frames", "fragments"),
    [
        (JPEG, "", [b"\xff\xd8aa" + IMAGE_END]),
        (JPEG, "", [b"\xff\xd8aa", b"aa" + IMAGE_END + b"\0\0"]),
        (JPEG, "2", [b"\xff\xd8aa" + IMAGE_END, b"\xff\xd8bb" + IMAGE_END]),
        (RLE, "2", [bytes(64), bytes(66)]),
    ],
)
def test_a_missing_delimiter_is_forgiven_where_every_frame_is_seen_to_end(
    uid: str, frames: str, fragments: list[bytes]
) -> None:
    data = identified(described(4, 4, bits=8, frames=frames), encapsulated(*fragments, delimiter=b""))
    assert "missing_sequence_delimiter" in walk(data, uid).oddities


@pytest.mark.parametrize(
    ("uid", "frames", "fragments"),
    [
        (JPEG, "", [b"\xff\xd8aaaa"]),
        (JPEG, "2", [b"\xff\xd8aa" + IMAGE_END]),
        (JPEG, "2", [b"\xff\xd8aa" + IMAGE_END, b"\xff\xd8bbbb"]),
        (JPEG, "", [b"\xff\xd8aa" + IMAGE_END, b"\xff\xd8bbbb"]),
        (RLE, "2", [bytes(64)]),
        (H264, "", [b"aaaa" + IMAGE_END]),
        (JPEG, "", []),
    ],
)
def test_a_missing_delimiter_is_not_forgiven_where_frames_may_be_gone(
    uid: str, frames: str, fragments: list[bytes]
) -> None:
    data = identified(described(4, 4, bits=8, frames=frames), encapsulated(*fragments, delimiter=b""))
    with pytest.raises(IncompleteDataSet):
        walk(data, uid)


def test_another_element_of_fragments_without_delimiter_is_incomplete() -> None:
    data = identified(element(0x00420011, "OB", item() + item(b"ab"), length=UNDEFINED))
    with pytest.raises(IncompleteDataSet):
        walk(data, EXPLICIT)


# ---- the end of the data set


def test_trailing_padding_is_not_part_of_the_data_set() -> None:
    data = image(2, 2, bytes(8))
    for padding in (element(0xFFFCFFFC, "OB", bytes(10)), element(0xFFFCFFFC, "OB", b"") * 2, bytes(64)):
        walked = walk(data + padding, EXPLICIT)
        assert walked.dataset_end == len(data)
    assert walk(data, EXPLICIT).dataset_end == len(data)


def test_a_payload_behind_the_padding_is_refused() -> None:
    data = image(2, 2, bytes(8)) + element(0xFFFCFFFC, "OB", bytes(10))
    for payload in (element(0xFFFDFFFD, "OB", b"MZ"), b"PK\3\4" + bytes(20)):
        with pytest.raises(ArrivalRefused):
            walk(data + payload, EXPLICIT)


# ---- values


def test_values_are_stripped_decoded_and_joined() -> None:
    data = b"".join(
        (
            element(0x00080005, "CS", "ISO_IR 192"),
            element(0x00080008, "CS", "ORIGINAL \\PRIMARY"),
            element(0x00080016, "UI", CT_IMAGE_STORAGE),
            element(0x00080050, "SH", " A1 "),
            element(0x00080070, "LO", ""),
            element(0x00100010, "PN", "Сейітқали^Әсел".encode() + b" "),
            element(0x00100020, "LO", b"12\0\x0034\0\0"),
            us(0x00280010, 512),
        )
    )
    walked = walk(data, EXPLICIT)
    assert dict(walked.values) == {
        "ImageType": "ORIGINAL\\PRIMARY",
        "SOPClassUID": CT_IMAGE_STORAGE,
        "AccessionNumber": "A1",
        "Manufacturer": "",
        "PatientName": "Сейітқали^Әсел",
        "PatientID": "1234",
        "Rows": "512",
    }


def test_text_is_composed() -> None:
    data = element(0x00080005, "CS", "ISO_IR 192") + element(0x00100010, "PN", "Е\u0306лкин1".encode())
    assert walk(data, EXPLICIT).values["PatientName"] == "Ӗлкин1"


def test_a_source_charset_is_used_where_the_declaration_is_wrong() -> None:
    data = element(0x00100010, "PN", "Євген^Ґалаґан ".encode("cp1251"))
    assert walk(data, EXPLICIT, source_charset="cp1251").values["PatientName"] == "Євген^Ґалаґан"


@pytest.mark.parametrize(
    ("raw", "uid", "text"),
    [
        (us(0x00280010, 512), EXPLICIT, "512"),
        (element(0x00280010, "US", b"\x02\x00", order=">"), BIG_ENDIAN, "512"),
        (implicit(0x00280010, b"\x00\x02"), IMPLICIT, "512"),
        (element(0x00280010, "UL", struct.pack("<I", 70000)), EXPLICIT, "70000"),
        (element(0x00280010, "SS", struct.pack("<h", -5)), EXPLICIT, "-5"),
        (element(0x00280010, "US", struct.pack("<2H", 1, 2)), EXPLICIT, "1\\2"),
        (element(0x00280010, "IS", "512 "), EXPLICIT, "512"),
        (element(0x00280010, "US", b"\x01"), EXPLICIT, ""),
    ],
)
def test_numbers_are_decimal_text_whatever_the_vr(raw: bytes, uid: str, text: str) -> None:
    assert walk(raw, uid).values["Rows"] == text


def test_a_sequence_is_its_json() -> None:
    code = element(0x00080100, "SH", "T-A0100") + element(0x00080104, "LO", "Ми".encode("iso8859-5"))
    data = element(0x00080005, "CS", "ISO_IR 144") + element(0x00400275, "SQ", item(code)) + element(0x0040A043, "SQ")
    values = walk(data, EXPLICIT).values
    assert values["RequestAttributesSequence"] == (
        '[{"00080100":{"vr":"SH","Value":["T-A0100"]},"00080104":{"vr":"LO","Value":["Ми"]}}]'
    )
    assert values["ConceptNameCodeSequence"] == ""


def test_only_the_top_level_is_extracted() -> None:
    data = open_sequence(0x00081115, item(element(0x0020000E, "UI", "9.9"))) + element(0x0020000E, "UI", "1.1")
    assert walk(data, EXPLICIT).values["SeriesInstanceUID"] == "1.1"


def test_an_endless_value_is_cut_for_the_index() -> None:
    walked = walk(element(0x00100020, "LO", "x" * 60_000), EXPLICIT)
    assert walked.values["PatientID"] == "x" * 1024
    assert walked.oddities == ("value_too_long",)
    long_sequence = element(0x00400275, "SQ", item(element(0x00081030, "LO", "y" * 60_000)) * 2)
    walked = walk(long_sequence, EXPLICIT)
    assert walked.values["RequestAttributesSequence"] == ""
    assert walked.oddities == ("value_too_long",)


@pytest.mark.parametrize(
    ("frames", "oddities"),
    [("1", ()), (" 1 ", ()), ("0", ("number_of_frames_invalid",)), ("x", ("number_of_frames_invalid",)),
     ("-3", ("number_of_frames_invalid",)), ("99999999999", ("number_of_frames_invalid",))],
)  # fmt: skip
def test_a_number_of_frames_that_is_none_means_one(frames: str, oddities: tuple[str, ...]) -> None:
    walked = walk(image(2, 2, bytes(8), frames=frames), EXPLICIT)
    assert walked.frames is not None
    assert walked.frames.number_of_frames == 1
    assert walked.oddities == oddities


def test_a_map_of_the_file_is_walked_in_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(100) + image(2, 2, bytes(8)))
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        whole = memoryview(mapped)
        part = whole[100:]
        walked = walk(part, EXPLICIT)
        part.release()
        whole.release()
    assert walked == walk(image(2, 2, bytes(8)), EXPLICIT)


# ---- wrong transfer syntax, pixel data in the wrong form


def test_fragments_in_a_native_syntax_are_found() -> None:
    data = identified(described(2, 2, bits=8), encapsulated(b"\xff\xd8aa"))
    walked = walk(data, EXPLICIT)
    assert walked.oddities == ("fragments_in_native_syntax",)
    assert walked.frames is not None
    assert walked.frames.ranges(1) == [(len(data) - 12, 4)]


def test_plain_pixel_data_in_an_encapsulated_syntax_are_found() -> None:
    stream = b"\xff\xd8" + bytes(20) + b"\xff\xd9"
    data = identified(described(2, 2, bits=8), element(0x7FE00010, "OB", stream))
    walked = walk(data, JPEG)
    assert walked.oddities == ("native_in_encapsulated_syntax",)
    assert walked.frames is not None
    assert walked.frames.ranges(1) == [(len(data) - 24, 24)]
    unknown_syntax = walk(image(2, 2, bytes(16), frames="2"), "1.2.3.4")
    assert unknown_syntax.frames is not None
    assert unknown_syntax.frames.frame_bits == 64


# ---- bombs


def nested(depth: int, syntax: str) -> bytes:
    if syntax == IMPLICIT:
        opening = implicit(0x00081140, b"", length=UNDEFINED) + item(b"", length=UNDEFINED)
    else:
        opening = element(0x00081140, "SQ", b"", length=UNDEFINED) + item(b"", length=UNDEFINED)
    return opening * depth


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_depth_bomb_is_refused(depth: int, syntax: str) -> None:
    with pytest.raises(NotUnderstood, match="64 levels"):
        walk(nested(depth, syntax), syntax)


def test_the_allowed_depth_is_allowed() -> None:
    closing = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + SEQUENCE_DELIMITER
    assert walk(nested(64, EXPLICIT) + closing * 64, EXPLICIT).oddities == ()
    with pytest.raises(NotUnderstood):
        walk(nested(65, EXPLICIT) + closing * 65, EXPLICIT)


def test_too_many_items_elements_or_fragments_are_refused() -> None:
    with pytest.raises(NotUnderstood, match="100000 items"):
        walk(element(0x00081140, "SQ", item() * 1_000_000), EXPLICIT)
    with pytest.raises(NotUnderstood, match="200000 elements"):
        walk(us(0x00280010, 1) * 200_001, EXPLICIT)
    with pytest.raises(NotUnderstood, match="10 fragments"):
        walk(identified(encapsulated(*[b"ab"] * 10)), JPEG, limits=Limits(fragments=10))


def test_a_lying_length_allocates_nothing() -> None:
    for lie in (0x7FFFFFFF, 0xFFFFFFFE):
        with pytest.raises(IncompleteDataSet):
            walk(identified(element(0x7FE00010, "OW", bytes(16), length=lie)), EXPLICIT)


# ---- deflate


def test_a_deflated_data_set_is_walked_inflated() -> None:
    data = image(64, 64, bytes(range(256)) * 32)
    for tail in (b"", b"\0", struct.pack("<II", zlib.crc32(data), len(data))):
        assert walk(deflate(data) + tail, DEFLATED) == walk(data, EXPLICIT)
    assert inflate(memoryview(deflate(data))) == data


@pytest.mark.parametrize("cut", [1, 2, 10, 100])
def test_a_cut_deflated_data_set_is_incomplete(cut: int) -> None:
    whole = deflate(image(64, 64, random.Random(1).randbytes(8192)))
    with pytest.raises(IncompleteDataSet, match="ends early"):
        walk(whole[:-cut], DEFLATED)


def test_what_does_not_inflate_or_goes_on_is_not_understood() -> None:
    whole = deflate(image(2, 2, bytes(8)))
    for bad in (b"\xff" * 40, whole + b"PK\3\4", whole + struct.pack("<II", 1, 2)):
        with pytest.raises(NotUnderstood):
            walk(bad, DEFLATED)


def test_a_deflate_bomb_is_refused_before_it_grows() -> None:
    bomb = deflate(image(1, 1, bytes(64 * 1024 * 1024)))
    with pytest.raises(NotUnderstood, match="grows"):
        walk(bomb, DEFLATED)
    with pytest.raises(NotUnderstood, match="more than 100000 bytes"):
        inflate(deflate(random.Random(2).randbytes(100_001)), Limits(inflated_bytes=100_000))


def test_a_blank_image_is_no_bomb() -> None:
    data = image(512, 512, bytes(512 * 512 * 2))
    assert inflate(deflate(data)) == data


# What follows takes a moment in linear time and hours in quadratic time: the time-out of a test is the judge.


def test_zero_bytes_in_front_of_something_are_not_looked_at_again_and_again() -> None:
    for uid in (EXPLICIT, IMPLICIT, BIG_ENDIAN):
        with pytest.raises(NotUnderstood, match="zero bytes"):
            walk(bytes(1_600_000) + b"\x01\0", uid)
