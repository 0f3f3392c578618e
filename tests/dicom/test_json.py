"""DICOM JSON: the rules of PS3.18 Annex F, tolerance, and agreement with pydicom on real files."""

from __future__ import annotations

import base64
import io
import json
import math
import struct
from typing import Any

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.json import bulk_data_range, dataset_json
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import inflate
from pacs.errors import NotFound, SuretError
from tests.support.corpus import CorpusFile
from tests.support.datasets import (
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
    open_item,
    open_sequence,
    split_file,
    us,
)

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def as_json(data: bytes, uid: str = EXPLICIT, **options: Any) -> dict[str, Any]:
    written = dataset_json(data, uid, bulk_data_uri=lambda path: f"bulk/{path}", **options)
    json.dumps(written, allow_nan=False)
    return written


def only(data: bytes, uid: str = EXPLICIT, **options: Any) -> dict[str, Any]:
    """The one element of the data set."""
    (written,) = as_json(data, uid, **options).values()
    assert isinstance(written, dict)
    return written


@pytest.mark.parametrize(
    ("vr", "raw", "expected"),
    [
        ("LO", b"one\\two ", ["one", "two"]),
        ("LO", b"\\two\\ ", [None, "two", None]),
        ("SH", b" padded ", ["padded"]),
        ("LT", b"  kept\\as it is  ", ["  kept\\as it is"]),
        ("UT", b"long \0", ["long"]),
        ("UI", b"1.2.3\0", ["1.2.3"]),
        ("PN", b"Yamada^Tarou=A=B", [{"Alphabetic": "Yamada^Tarou", "Ideographic": "A", "Phonetic": "B"}]),
        ("PN", b"A==B\\C", [{"Alphabetic": "A", "Phonetic": "B"}, {"Alphabetic": "C"}]),
        ("PN", b"=B", [{"Ideographic": "B"}]),
        ("IS", b"12\\-3 \\+4", [12, -3, 4]),
        ("IS", b"x\\1.0\\99999999999999999999", ["x", "1.0", "99999999999999999999"]),
        ("DS", b"1.50\\-2 \\1e3\\.5\\5.", [1.5, -2, 1000.0, 0.5, 5.0]),
        ("DS", b"nan\\1,5\\inf\\1_0\\1e999", ["nan", "1,5", "inf", "1_0", "1e999"]),
        ("DS", b"1.2345678901234567890", ["1.2345678901234567890"]),
        ("DS", b"0.10000000000000000", [0.1]),
        ("US", struct.pack("<2H", 1, 65535), [1, 65535]),
        ("SS", struct.pack("<h", -1), [-1]),
        ("UL", struct.pack("<I", 1 << 31), [1 << 31]),
        ("SL", struct.pack("<i", -7), [-7]),
        ("FL", struct.pack("<f", 0.5), [0.5]),
        ("FD", struct.pack("<d", 0.1), [0.1]),
        ("SV", struct.pack("<2q", -(2**53), -(2**53) - 1), [-(2**53), str(-(2**53) - 1)]),
        ("UV", struct.pack("<2Q", 2**53, 2**64 - 1), [2**53, str(2**64 - 1)]),
        ("AT", struct.pack("<4H", 0x0020, 0x000D, 0x7FE0, 0x0010), ["0020000D", "7FE00010"]),
        ("DA", b"20261123", ["20261123"]),
    ],
)
def test_values_by_vr(vr: str, raw: bytes, expected: list[object]) -> None:
    assert only(element(0x00091001, vr, raw)) == {"vr": vr, "Value": expected}


@pytest.mark.parametrize("vr", ["LO", "PN", "DS", "US", "OB", "UN", "SQ", "UT", "AT", "FD"])
def test_an_empty_element_has_no_value(vr: str) -> None:
    assert only(element(0x00091001, vr, b"")) == {"vr": vr}


@pytest.mark.parametrize(
    ("vr", "raw"), [("LO", b"  "), ("LO", b"\\\\ "), ("PN", b"==\\"), ("UT", b"\0\0"), ("DS", b" \\")]
)
def test_a_value_of_padding_alone_is_empty(vr: str, raw: bytes) -> None:
    assert only(element(0x00091001, vr, raw)) == {"vr": vr}


def test_numbers_of_a_wrong_length_are_shown_as_unknown() -> None:
    assert only(element(0x00280010, "US", b"\1\2\3")) == {"vr": "UN", "InlineBinary": "AQID"}
    assert only(element(0x00091001, "AT", b"\1\2")) == {"vr": "UN", "InlineBinary": "AQI="}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_bulk_data(value: float) -> None:
    for vr, form in (("FD", "<2d"), ("FL", "<2f")):
        written = only(element(0x00189087, vr, struct.pack(form, 1.0, value)))
        assert written == {"vr": vr, "BulkDataURI": "bulk/00189087"}


def test_binary_values_are_inline_up_to_a_size() -> None:
    assert only(element(0x00420011, "OB", b"ab"), inline_bytes_max=2) == {"vr": "OB", "InlineBinary": "YWI="}
    assert only(element(0x00420011, "OB", b"abcd"), inline_bytes_max=2) == {"vr": "OB", "BulkDataURI": "bulk/00420011"}


def test_very_long_numbers_and_text_are_bulk_data() -> None:
    assert only(element(0x0040A160, "UT", b"x" * 65_536))["Value"] == ["x" * 65_536]
    for data, vr in (
        (element(0x0040A160, "UT", b"x" * 65_538), "UT"),
        (element(0x00091001, "UV", bytes(80_000)), "UV"),
    ):
        (tag,) = as_json(data)
        assert only(data) == {"vr": vr, "BulkDataURI": f"bulk/{tag}"}
        assert bulk_data_range(data, EXPLICIT, tag) == (12, len(data) - 12, 1)


def test_pixel_data_are_always_bulk_data() -> None:
    assert as_json(image(2, 2, bytes(8)))["7FE00010"] == {"vr": "OW", "BulkDataURI": "bulk/7FE00010"}
    data = identified(encapsulated(b"ab"))
    assert as_json(data, "1.2.840.10008.1.2.4.50")["7FE00010"] == {"vr": "OB", "BulkDataURI": "bulk/7FE00010"}


def test_groups_lengths_padding_and_meta_are_left_out_and_keys_ascend() -> None:
    data = b"".join(
        (
            element(0x00080000, "UL", bytes(4)),
            element(0x00100020, "LO", "ID"),
            element(0x00080060, "CS", "CT"),
            element(0x00020010, "UI", "1.2"),
            element(0x000910FF, "LO", "Z"),
            element(0xFFFCFFFC, "OB", bytes(4)),
        )
    )
    assert list(as_json(data)) == ["00080060", "000910FF", "00100020"]


def test_items_in_the_wrong_order_ascend_too() -> None:
    data = element(0x00081140, "SQ", item(element(0x00081155, "UI", "1") + element(0x00081150, "UI", "2")))
    assert list(only(data)["Value"][0]) == ["00081150", "00081155"]


@pytest.mark.parametrize("vr", ["SQ", "UN"])
def test_sequences_nest_and_empty_items_stay(vr: str) -> None:
    reference = element(0x00081155, "UI", "1.2") if vr == "SQ" else implicit(0x00081155, "1.2 ")
    data = open_sequence(0x00081140, open_item(reference), item(), vr=vr)
    assert only(data) == {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}, {}]}
    assert only(element(0x00081140, "SQ", b"")) == {"vr": "SQ"}


def test_a_sequence_that_came_as_unknown_is_shown_as_one() -> None:
    inner = implicit(0x00081140, item(implicit(0x00081155, "1.2 ") + implicit(0x00420011, bytes(2000))))[8:]
    shown = only(open_sequence(0x00081115, item(element(0x00081140, "UN", inner))))
    (nested,) = shown["Value"][0]["00081140"]["Value"]
    assert nested == {
        "00081155": {"vr": "UI", "Value": ["1.2"]},
        "00420011": {"vr": "OB", "BulkDataURI": "bulk/00081115/1/00081140/1/00420011"},
    }
    assert only(element(0x00081140, "UN", b"no items"))["vr"] == "UN"
    assert only(element(0x00081140, "UN", b"")) == {"vr": "SQ"}


def test_unknown_within_unknown_stays_unknown() -> None:
    """Reading it once more at every level would let a small file cost a deep recursion."""
    inner = implicit(0x00081155, "1.2 ")
    for _ in range(500):
        inner = element(0x00081140, "UN", item(inner)) if len(inner) < 60_000 else inner
    written = only(inner)
    depth = 0
    while written["vr"] == "SQ":
        written = written["Value"][0]["00081140"]
        depth += 1
    assert depth == 1


def test_a_value_that_came_as_unknown_is_shown_by_the_dictionary() -> None:
    assert only(element(0x00100020, "UN", b"ID")) == {"vr": "LO", "Value": ["ID"]}
    assert only(element(0x00100020, "UN", b"ID"), BIG_ENDIAN.replace(".2.2", ".2.1"))["vr"] == "LO"
    private = element(0x00090010, "LO", "GEMS_IDEN_01") + element(0x00091027, "UN", struct.pack("<i", -5))
    assert as_json(private)["00091027"] == {"vr": "SL", "Value": [-5]}
    assert as_json(element(0x00091027, "UN", b"ab"))["00091027"] == {"vr": "UN", "InlineBinary": "YWI="}


@pytest.mark.parametrize(("representation", "vr", "value"), [(0, "US", 65535), (1, "SS", -1)])
def test_ambiguous_elements_follow_pixel_representation(representation: int, vr: str, value: int) -> None:
    padding = implicit(0x00280120, b"\xff\xff")
    early = implicit(0x00189810, b"\xff\xff")
    inside = implicit(0x00289110, item(padding))
    written = as_json(early + implicit(0x00280103, struct.pack("<H", representation)) + padding + inside, IMPLICIT)
    expected = {"vr": vr, "Value": [value]}
    assert written["00189810"] == written["00280120"] == expected
    assert written["00289110"]["Value"] == [{"00280120": expected}]


def test_lookup_tables_of_one_entry_are_numbers() -> None:
    for entries, vr in ((1, "US"), (2, "OW")):
        lut = implicit(0x00283002, struct.pack("<3H", entries, 0, 16)) + implicit(0x00283006, bytes(2 * entries))
        written = as_json(implicit(0x00283000, item(lut)), IMPLICIT)
        assert written["00283000"]["Value"][0]["00283006"]["vr"] == vr


def test_big_endian_values_are_little_endian_in_json() -> None:
    data = b"".join(
        (
            element(0x00080016, "UI", "1.2", order=">"),
            element(0x00280010, "US", b"\x02\x00", order=">"),
            element(0x00281201, "OW", b"\1\2\3\4", order=">"),
            element(0x00420011, "OB", b"\1\2\3\4", order=">"),
            element(0x00091001, "AT", b"\x00\x20\x00\x0d", order=">"),
        )
    )
    written = as_json(data, BIG_ENDIAN)
    assert written["00280010"]["Value"] == [512]
    assert base64.b64decode(written["00281201"]["InlineBinary"]) == b"\2\1\4\3"
    assert base64.b64decode(written["00420011"]["InlineBinary"]) == b"\1\2\3\4"
    assert written["00091001"]["Value"] == ["0020000D"]


def test_an_item_may_bring_its_own_character_set() -> None:
    latin = element(0x00080005, "CS", "ISO_IR 100") + element(0x00081030, "LO", "é!".encode("latin-1"))
    cyrillic = element(0x00081030, "LO", "Ми".encode("iso8859-5"))
    data = (
        element(0x00080005, "CS", "ISO_IR 144")
        + open_sequence(0x00081140, item(latin), item(cyrillic))
        + element(0x00100010, "PN", "Ил".encode("iso8859-5"))
    )
    written = as_json(data)
    first, second = written["00081140"]["Value"]
    assert first["00081030"]["Value"] == ["é!"]
    assert second["00081030"]["Value"] == ["Ми"]
    assert written["00100010"]["Value"] == [{"Alphabetic": "Ил"}]
    assert written["00080005"] == first["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}


def test_bulk_data_are_found_again_by_their_path() -> None:
    document = element(0x00420011, "OB", b"%PDF" * 500)
    data = identified(
        element(0x00081140, "SQ", item(us(0x00280010, 1)) + item(document)),
        open_sequence(0x00091010, item(implicit(0x00420011, bytes(3000))), vr="UN"),
        encapsulated(b"abcd", b"ef"),
    )
    paths: list[str] = []

    def remember(path: str) -> str:
        paths.append(path)
        return path

    dataset_json(data, EXPLICIT, bulk_data_uri=remember)
    assert paths == ["00081140/2/00420011", "00091010/1/00420011", "7FE00010"]
    start, length, _ = bulk_data_range(data, EXPLICIT, paths[0])
    assert data[start : start + length] == b"%PDF" * 500
    start, length, _ = bulk_data_range(data, EXPLICIT, paths[1])
    assert (data[start : start + length], length) == (bytes(3000), 3000)
    start, length, _ = bulk_data_range(data, EXPLICIT, paths[2])
    assert data[start : start + length] == item() + item(b"abcd") + item(b"ef")


@pytest.mark.parametrize("path", ["00081140/1/00420011", "7FE00010", "", "../x", "00081140"])
def test_bulk_data_that_do_not_exist_are_not_found(path: str) -> None:
    data = identified(element(0x00081140, "SQ", item(us(0x00280010, 1))))
    with pytest.raises(NotFound):
        bulk_data_range(data, EXPLICIT, path)


@given(st.binary(max_size=64), st.sampled_from(["LO", "PN", "DS", "IS", "FD", "US", "AT", "SV", "UN", "UT", "OW"]))
def test_no_value_makes_it_fail(raw: bytes, vr: str) -> None:
    as_json(element(0x00091001, vr, raw))
    as_json(element(0x00100020, vr, raw))


# What pydicom shows otherwise, and why:
#   (0008,0005)  ours says what the JSON text is encoded in (PS3.18 F.2)
#   padding      pydicom keeps spaces before a backslash, and "" for an empty value among several (F.2.5 says null)
#   FFFC,FFFC    padding of the file, of no meaning
#   UI           pydicom leaves out values that break the rules of a UID
#   OW           pydicom leaves big endian words as they are (F.2.7 asks for little endian)
#   sequences    an empty one has no Value (F.2.5), pydicom gives []
#   fragments    encapsulated icons are bulk data here, pydicom puts the items themselves inline
def agree(ours: dict[str, Any], theirs: dict[str, Any], big_endian: bool, path: str = "") -> list[str]:
    differences = []
    for key in ours.keys() | theirs.keys():
        one, other = ours.get(key), theirs.get(key)
        if key in ("00080005", "FFFCFFFC") or one == other or (one is not None and other is None and "UI" in str(one)):
            continue
        if one is None or other is None or one["vr"] != other["vr"]:
            differences.append(f"{path}{key}: {one} {other}")
        elif one["vr"] == "SQ" and len(one.get("Value", [])) == len(other.get("Value", [])):
            pairs = zip(one.get("Value", []), other.get("Value", []), strict=True)
            for number, (our_item, their_item) in enumerate(pairs):
                differences += agree(our_item, their_item, big_endian, f"{path}{key}/{number}/")
        elif not (
            (one["vr"] == "OW" and big_endian)
            or (key == "7FE00010" and "BulkDataURI" in one)
            or stripped(one.get("Value")) == stripped(other.get("Value"))
        ):
            differences.append(f"{path}{key}: {one} {other}")
    return differences


def stripped(values: list[Any] | None) -> list[Any] | None:
    return [value.strip() or None if isinstance(value, str) else value for value in values] if values else values


@pytest.mark.filterwarnings("ignore:::pydicom")
@by_file(file for file in accepted_files() if file.kind not in ("4d-series", "ct-series", "mr-series"))
def test_it_agrees_with_pydicom_on_real_files(file: CorpusFile) -> None:
    raw = file.path.read_bytes()
    uid, data = split_file(raw)
    if transfer_syntax(uid).deflated:
        data = inflate(data)
    ours = as_json(data, uid, inline_bytes_max=1 << 30)
    dataset = pydicom.dcmread(io.BytesIO(raw), force=True)
    for group_length in [one.tag for one in dataset if one.tag.element == 0]:
        del dataset[group_length]
    theirs = dataset.to_json_dict(suppress_invalid_tags=True)
    for tag in ("7FE00008", "7FE00009", "7FE00010"):
        assert (tag in ours) == (tag in theirs)
        ours.pop(tag, None)
        theirs.pop(tag, None)
    assert agree(ours, theirs, uid == BIG_ENDIAN) == []


def test_a_cut_data_set_is_refused_as_the_walker_would() -> None:
    with pytest.raises(SuretError):
        as_json(element(0x00081140, "SQ", b"", length=UNDEFINED) + described(2, 2))


def test_an_endless_value_of_a_short_vr_is_bulk_data_of_unknown() -> None:
    data = implicit(0x00100020, "x" * 70_000)
    assert only(data, IMPLICIT) == {"vr": "UN", "BulkDataURI": "bulk/00100020"}
