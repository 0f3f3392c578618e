"""The head of one element: which of its written forms it has."""

from __future__ import annotations

import struct

import pytest

from pacs.dicom.headers import BIG_ENDIAN, EXPLICIT, IMPLICIT, Coding, actual_coding, item_at, long_header, only_nulls
from pacs.errors import IncompleteDataSet
from tests.support.datasets import SEQUENCE_DELIMITER, element, implicit, item

LATER = element(0x00100020, "LO", "ID")


@pytest.mark.parametrize(
    ("data", "declared", "actual"),
    [
        (LATER, EXPLICIT, EXPLICIT),
        (implicit(0x00100020, "ID"), IMPLICIT, IMPLICIT),
        (implicit(0x00080018, "1.2 ") + implicit(0x00100020, "ID"), EXPLICIT, IMPLICIT),
        (element(0x00080018, "UI", "1.2") + LATER, IMPLICIT, EXPLICIT),
        (element(0x00091001, "UN", "ab") + LATER, IMPLICIT, EXPLICIT),
        (element(0x00080018, "ZZ", "1.2") + LATER, EXPLICIT, EXPLICIT),
        (element(0x00080018, "UI", "1.2", order=">"), BIG_ENDIAN, BIG_ENDIAN),
        (b"", EXPLICIT, EXPLICIT),
    ],
)
def test_how_a_data_set_is_really_written(data: bytes, declared: Coding, actual: Coding) -> None:
    odd: set[str] = set()
    assert actual_coding(data, declared, odd) is actual
    assert odd == (set() if declared is actual else {"transfer_syntax_wrong"})


def test_a_long_header_that_is_cut_is_incomplete() -> None:
    data = element(0x00420011, "OB", b"")[:10]
    with pytest.raises(IncompleteDataSet):
        long_header(data, 0, len(data), 0x00420011, b"OB", 0, EXPLICIT, set())


@pytest.mark.parametrize(
    ("data", "expected"),
    [(item(), True), (SEQUENCE_DELIMITER, True), (LATER, False), (item()[:7], False), (b"", False)],
)
def test_where_an_item_stands(data: bytes, expected: bool) -> None:
    assert item_at(data, 0, len(data), struct.Struct("<HHI")) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [(bytes(2), True), (bytes(200_000), True), (bytes(1), False), (bytes(199_998) + b"\0\1", False)],
)
def test_padding_of_zeros_has_an_even_length(data: bytes, expected: bool) -> None:
    assert only_nulls(data, 0, len(data)) is expected
