"""DICOM JSON to bytes: every VR, and what no attribute can hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from pacs.dicom import encode
from pacs.dicom.encode import Bulk, Fragments, encoded
from pacs.dicom.part10 import file_meta
from pacs.errors import NotUnderstood
from tests.support.factories import ct_slice, encapsulated_pdf, structured_report


def reread(document: dict[str, Any], bulk: dict[str, Bulk | Fragments] | None = None) -> Dataset:
    octets = b"".join(encoded(document, bulk or {}))
    return pydicom.dcmread(io.BytesIO(file_meta("1.2", "1.3", "1.2.840.10008.1.2.1") + octets))


@pytest.mark.parametrize("dataset", [ct_slice(), structured_report(), encapsulated_pdf()], ids=["ct", "sr", "pdf"])
def test_what_json_says_comes_back(dataset: Dataset) -> None:
    got = reread(dataset.to_json_dict(bulk_data_threshold=1 << 30))
    del dataset.SpecificCharacterSet
    assert got == dataset


def test_values_of_every_kind() -> None:
    document = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Ё^Ж", "Phonetic": "a"}, None]},
        "00180050": {"vr": "DS", "Value": [0.1, 1 / 3, -1e-20 / 3, 7]},
        "00200013": {"vr": "IS", "Value": [3.0]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
        "00189073": {"vr": "FD", "Value": [2, 0.5]},
        "00660040": {"vr": "OL", "InlineBinary": "AQAAAAIAAAA="},
        "00081160": {"vr": "IS"},
        "0008001A": {"vr": "UI", "Value": ["1.2.3"]},
        "0008041B": {"vr": "UV", "Value": ["18446744073709551615"]},
        "00020010": {"vr": "UI", "Value": ["1.2"]},
        "00080000": {"vr": "UL", "Value": [1]},
        "00081115": {"vr": "SQ", "Value": [{"PatientID": {"vr": "LO", "Value": ["ж"]}}, {}, None]},
    }
    got = reread(document)
    assert got.SpecificCharacterSet == "ISO_IR 192"
    assert list(got.PatientName) == ["Ё^Ж==a", ""]
    assert list(got.SliceThickness) == [0.1, 0.33333333333333, pytest.approx(-1e-20 / 3), 7]
    assert (got.InstanceNumber, got.FrameIncrementPointer, list(got[0x00189073].value)) == (3, 0x00181063, [2, 0.5])
    assert got[0x0008041B].value == 2**64 - 1
    assert [item.get("PatientID") for item in got.ReferencedSeriesSequence] == ["ж", None, None]
    assert 0x00080000 not in got


def test_frames_are_fragments_and_a_long_one_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "FRAGMENT_BYTES_MAX", 6)

    def pieces(data: bytes) -> Bulk:
        def read() -> Iterator[bytes]:
            yield from (data[start : start + 4] for start in range(0, len(data), 4))

        return Bulk(len(data), read)

    sent = [b"abcdefghijklm", b"", b"xyz"]
    pixels = {"7FE00010": {"vr": "OW", "BulkDataURI": "u"}}
    octets = b"".join(encoded(pixels, {"u": Fragments(tuple(map(pieces, sent)))}))
    value = octets[12:-8]
    assert value[:8] == b"\xfe\xff\x00\xe0\x0c\0\0\0"
    frames = list(generate_frames(value, number_of_frames=3))
    assert frames == [b"abcdefghijklm\0", b"", b"xyz\0"]


@pytest.mark.parametrize(
    "body",
    [
        {"vr": "XX"},
        {"vr": "US", "Value": [70000]},
        {"vr": "US", "Value": ["a"]},
        {"vr": "FD", "Value": [[]]},
        {"vr": "DS", "Value": [float("inf")]},
        {"vr": "LO", "Value": [{}]},
        {"vr": "LO", "Value": [True]},
        {"vr": "LO", "Value": "text"},
        {"vr": "LO", "Value": ["\ud800"]},
        {"vr": "OB", "Value": [1]},
        {"vr": "OB", "InlineBinary": "%"},
        {"vr": "OB", "InlineBinary": 5},
        {"vr": "OB", "BulkDataURI": "nowhere"},
        {"vr": "SQ", "Value": ["text"]},
        {"vr": "AT", "Value": ["zz"]},
        "text",
    ],
)
def test_what_no_attribute_can_hold(body: Any) -> None:
    with pytest.raises(NotUnderstood):
        list(encoded({"00100020": body}, {}))
    with pytest.raises(NotUnderstood):
        list(encoded({"not a tag": {"vr": "LO"}}, {}))


def test_sequences_without_end() -> None:
    document: dict[str, Any] = {}
    for _ in range(100):
        document = {"00081115": {"vr": "SQ", "Value": [document]}}
    with pytest.raises(NotUnderstood):
        list(encoded(document, {}))
