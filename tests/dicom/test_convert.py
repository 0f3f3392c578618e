"""Conversion to Explicit VR Little Endian: every element equal to what pydicom reads of the original."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from pacs.dicom.convert import explicit_little_endian
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import walk
from tests.support.corpus import CorpusFile
from tests.support.datasets import (
    accepted_files,
    by_file,
    element,
    encapsulated,
    image,
    implicit,
    item,
    open_item,
    open_sequence,
    split_file,
)

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def converted(data: bytes, uid: str) -> bytes:
    return b"".join(explicit_little_endian(data, uid))


def differences(ours: Dataset, theirs: Dataset, big_endian: bool, path: str = "") -> Iterator[str]:
    """Elements that differ; group lengths and padding, which are left out on purpose, aside."""
    expected = {tag for tag in theirs.keys() if tag.element and tag != 0xFFFCFFFC}  # noqa: SIM118
    if set(ours.keys()) != expected:
        yield f"{path}: {set(ours.keys()) ^ expected}"
    for tag in sorted(expected & set(ours.keys())):
        one, other = ours[tag], theirs[tag]
        where = f"{path}{tag}"
        if one.VR == "SQ":
            if other.VR != "SQ" or len(one.value) != len(other.value):
                yield where
            for our_item, their_item in zip(one.value, other.value, strict=False):
                yield from differences(our_item, their_item, big_endian, where)
        elif one.VR != other.VR:
            yield f"{where} {one.VR} {other.VR}"
        elif tag == 0x7FE00010:
            if not np.array_equal(pixels(ours), pixels(theirs)):
                yield where
        elif not same(one.value, swapped(other.value, other.VR) if big_endian else other.value):
            yield f"{where} {str(one.value)[:80]} {str(other.value)[:80]}"


def pixels(dataset: Dataset) -> Any:
    if not hasattr(dataset, "file_meta"):
        return dataset.PixelData
    return dataset.pixel_array


def swapped(value: Any, vr: str) -> Any:
    size = WORDS.get(vr, 1)
    return np.frombuffer(value, f"V{size}").view(f">u{size}").astype(f"<u{size}").tobytes() if size > 1 else value


def same(one: Any, other: Any) -> bool:
    if isinstance(one, bytes) and isinstance(other, bytes):
        return one == other or one.rstrip(b"\0") == other.rstrip(b"\0")
    return bool(one == other) or (str(one) == str(other) and "nan" in str(one))


@pytest.mark.filterwarnings("ignore:::pydicom")
@by_file(file for file in accepted_files() if file.transfer_syntax_uid in (IMPLICIT, BIG_ENDIAN, DEFLATED, ""))
def test_every_element_of_a_real_file_is_equal(file: CorpusFile) -> None:
    uid, data = split_file(file.path.read_bytes())
    if uid not in (IMPLICIT, BIG_ENDIAN, DEFLATED):
        pytest.skip("this file is neither implicit nor big endian nor deflated")
    output = converted(data, uid)
    walked, before = walk(output, EXPLICIT), walk(data, uid)
    assert not set(walked.oddities) - set(before.oddities)
    assert walked.values == before.values
    theirs = pydicom.dcmread(file.path, force=True)
    ours = read_dataset(io.BytesIO(output), is_implicit_VR=False, is_little_endian=True)
    ours.file_meta = pydicom.dataset.FileMetaDataset()
    ours.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    if "TransferSyntaxUID" not in theirs.file_meta:
        theirs.file_meta.TransferSyntaxUID = UID(IMPLICIT)
    assert list(differences(ours, theirs, big_endian=uid == BIG_ENDIAN)) == []


def test_an_explicit_little_endian_data_set_is_unchanged() -> None:
    data = image(2, 2, bytes(8)) + element(0xFFFCFFFC, "OB", bytes(4))
    assert converted(data, EXPLICIT) == data


def test_pixel_data_go_through_in_pieces() -> None:
    pixels = np.arange(3 * 1024 * 1024, dtype=np.uint32).astype("<u2").tobytes()
    pieces = list(explicit_little_endian(implicit(0x00280100, b"\x10\0") + implicit(0x7FE00010, pixels), IMPLICIT))
    assert max(map(len, pieces)) <= 1024 * 1024
    assert b"".join(pieces) == element(0x00280100, "US", b"\x10\0") + element(0x7FE00010, "OW", pixels)


def test_sequences_become_explicit_with_delimiters() -> None:
    data = implicit(0x00081140, item(implicit(0x00081155, "1.2.3 ")) + item())
    expected = open_sequence(0x00081140, open_item(element(0x00081155, "UI", b"1.2.3 ")), open_item())
    assert converted(data, IMPLICIT) == expected


def test_unknown_private_elements_become_unknown() -> None:
    data = implicit(0x00090010, "NOBODY") + implicit(0x00091001, b"ab")
    assert converted(data, IMPLICIT) == element(0x00090010, "LO", "NOBODY") + element(0x00091001, "UN", b"ab")


def test_a_value_too_long_for_its_vr_becomes_unknown() -> None:
    long, longest = b"1\\" * 40_000, b"1\\" * 32_767
    assert converted(implicit(0x00283006, b"", length=0) + implicit(0x00186000, long), IMPLICIT).endswith(
        element(0x00186000, "UN", long)
    )
    assert converted(implicit(0x00081030, longest), IMPLICIT) == element(0x00081030, "LO", longest)


def test_odd_values_are_padded_by_their_vr() -> None:
    data = implicit(0x00080018, b"1.2.3") + implicit(0x00081030, b"odd") + implicit(0x00420011, b"abc")
    assert converted(data, IMPLICIT) == (
        element(0x00080018, "UI", b"1.2.3\0") + element(0x00081030, "LO", b"odd ") + element(0x00420011, "OB", b"abc\0")
    )


def test_what_says_nothing_is_left_out() -> None:
    data = implicit(0x00080000, bytes(4)) + implicit(0x00100020, "ID") + implicit(0xFFFCFFFC, bytes(10)) + bytes(16)
    assert converted(data, IMPLICIT) == element(0x00100020, "LO", "ID")


@pytest.mark.parametrize(
    ("vr", "form", "values"),
    [
        ("US", "2H", (1, 65535)), ("SS", "2h", (-1, 2)), ("UL", "I", (70000,)), ("SL", "i", (-70000,)),
        ("FL", "f", (0.5,)), ("FD", "2d", (0.1, -3.0)), ("AT", "2H", (0x20, 0xD)), ("OW", "3H", (1, 2, 3)),
        ("OF", "2f", (0.5, 2.0)), ("OD", "d", (0.1,)), ("OL", "2I", (1, 2)), ("OV", "Q", (2**40,)),
        ("SV", "q", (-(2**40),)), ("UV", "Q", (2**63,)), ("OB", "4B", (1, 2, 3, 4)), ("UN", "4B", (1, 2, 3, 4)),
    ],
)  # fmt: skip
def test_big_endian_words_are_turned(vr: str, form: str, values: tuple[float, ...]) -> None:
    data = element(0x00091001, vr, struct.pack(f">{form}", *values), order=">")
    assert converted(data, BIG_ENDIAN) == element(0x00091001, vr, struct.pack(f"<{form}", *values))


@pytest.mark.parametrize(("bits", "expected"), [(16, b"\2\1\4\3"), (8, b"\2\1\4\3"), (32, b"\4\3\2\1")])
def test_big_endian_pixel_cells_are_turned_as_a_whole(bits: int, expected: bytes) -> None:
    data = element(0x00280100, "US", struct.pack(">H", bits), order=">")
    output = converted(data + element(0x7FE00010, "OW", b"\1\2\3\4", order=">"), BIG_ENDIAN)
    assert output.endswith(element(0x7FE00010, "OW", expected))


def test_what_is_unknown_with_undefined_length_in_big_endian_is_little_endian_within() -> None:
    sequence = open_sequence(0x00091001, open_item(implicit(0x00280010, b"\x00\x02")), vr="UN")
    head = struct.pack(">HH2sHI", 0x0009, 0x1001, b"UN", 0, 0xFFFFFFFF)
    assert converted(head + sequence[12:], BIG_ENDIAN) == open_sequence(
        0x00091001, open_item(element(0x00280010, "US", b"\x00\x02"))
    )


def test_fragments_in_an_implicit_data_set_go_through() -> None:
    explicit = encapsulated(b"abcd", b"ef")
    data = struct.pack("<HHI", 0x7FE0, 0x0010, 0xFFFFFFFF) + explicit[12:]
    assert converted(data, IMPLICIT) == explicit


def test_the_table_of_transfer_syntaxes_says_what_needs_it() -> None:
    assert transfer_syntax(IMPLICIT).native
    assert transfer_syntax(BIG_ENDIAN).native
