"""The header inside the worker: parsing, and a frame's own values before shared and top-level ones."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from pacs.errors import Unreadable
from pacs.render.header import FrameHeader, item, number, read_header

IMPLICIT, LITTLE, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def group(macro: str, **values: object) -> Dataset:
    inner, outer = Dataset(), Dataset()
    for keyword, value in values.items():
        setattr(inner, keyword, value)
    setattr(outer, macro, Sequence([inner]))
    return outer


def written(dataset: Dataset, uid: str) -> bytes:
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = uid == IMPLICIT, uid != BIG
    write_dataset(stream, dataset)
    return stream.getvalue()


@pytest.mark.parametrize("uid", [IMPLICIT, LITTLE, BIG])
def test_every_encoding_and_words_of_an_ambiguous_vr(uid: str) -> None:
    dataset = Dataset()
    dataset.PixelRepresentation = 0
    dataset.add_new(0x00281101, "US", [256, 0, 16])
    dataset.add_new(0x00281201, "OW", np.array([1, 2, 65535], ">u2" if uid == BIG else "<u2").tobytes())
    read = read_header(written(dataset, uid), uid)
    header = FrameHeader(read, 1, little_endian=uid != BIG)
    assert header.words(read, "RedPaletteColorLookupTableDescriptor").tolist() == [256, 0, 16]
    assert header.words(read, "RedPaletteColorLookupTableData").tolist() == [1, 2, 65535]
    assert header.words(read, "GreenPaletteColorLookupTableData").tolist() == []


def test_a_frames_own_group_then_the_shared_one_then_the_top() -> None:
    dataset = Dataset()
    dataset.RescaleIntercept = "-3"
    macro = "PixelValueTransformationSequence"
    dataset.PerFrameFunctionalGroupsSequence = Sequence([Dataset(), group(macro, RescaleSlope="2")])
    dataset.SharedFunctionalGroupsSequence = Sequence([group(macro, RescaleSlope="5")])
    first, second, beyond = (FrameHeader(dataset, n, little_endian=True) for n in (1, 2, 3))
    assert [header.number("RescaleSlope", macro) for header in (first, second, beyond)] == [5, 2, 5]
    assert first.number("RescaleIntercept", macro) == -3
    assert first.number("RescaleType", macro) is None


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "many", ""])
def test_a_number_is_finite_or_none(value: str) -> None:
    dataset = read_header(b"\x28\x00\x50\x10DS" + len(value).to_bytes(2, "little") + value.encode(), LITTLE)
    assert number(dataset, "WindowCenter") is None


def test_a_sequence_that_is_none_has_no_item() -> None:
    dataset = Dataset()
    dataset.add_new(0x00283010, "LO", "text")
    assert item(dataset, "VOILUTSequence") is None
    assert item(dataset, "ModalityLUTSequence") is None


def test_a_header_that_cannot_be_parsed_is_unreadable() -> None:
    depth = 3000
    bomb = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth
    with pytest.raises(Unreadable, match="header cannot be read"):
        read_header(bomb, LITTLE)
