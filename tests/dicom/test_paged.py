"""Bytes that are read in pages are those of the file, whoever reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.convert import explicit_little_endian
from pacs.dicom.json import dataset_json
from pacs.dicom.paged import PagedBytes, bytes_at, pieces
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import Walk, walk
from pacs.errors import SuretError
from tests.support.corpus import CorpusFile, corpus
from tests.support.datasets import by_file, split_file

CONTENT = bytes(range(256)) * 1000
PLACES = st.integers(0, len(CONTENT) + 10)


def paged(data: bytes) -> PagedBytes:
    def read_at(offset: int, length: int) -> bytes:
        assert offset >= 0
        assert 0 < length <= len(data) - offset, "never past the end"
        return data[offset : offset + length]

    return PagedBytes(read_at, len(data))


def walked(data: bytes | PagedBytes, uid: str) -> Walk | str:
    try:
        return walk(data, uid)
    except SuretError as error:
        return f"{type(error)} {error}"


@given(st.lists(st.tuples(PLACES, PLACES), max_size=20))
def test_slices_are_those_of_the_bytes(slices: list[tuple[int, int]]) -> None:
    data = paged(CONTENT)
    for start, end in slices:
        assert data[start:end] == CONTENT[start:end]
        assert b"".join(pieces(data, start, min(end, len(CONTENT)))) == CONTENT[start:end]
    assert (data[:5], data[-3:], len(data)) == (CONTENT[:5], CONTENT[-3:], len(CONTENT))


def test_only_what_is_large_is_paged() -> None:
    assert bytes_at(lambda offset, length: CONTENT[offset : offset + length], 100, 100) == CONTENT[:100]
    assert isinstance(bytes_at(lambda offset, length: b"", 101, 100), PagedBytes)
    assert len(bytes_at(lambda offset, length: b"", 0)) == 0
    with pytest.raises(ValueError, match="one after the other"):
        paged(CONTENT)[::2]


def test_what_cannot_be_read_is_the_readers_own_error() -> None:
    def read_at(offset: int, length: int) -> bytes:
        raise SuretError("a bad sector")

    with pytest.raises(SuretError, match="a bad sector"):
        walk(PagedBytes(read_at, 1000), "1.2.840.10008.1.2.1")


@by_file(file for file in corpus() if "DICOMDIR" not in file.path.name and file.size < 4 << 20)
def test_a_data_set_says_the_same_in_pages(file: CorpusFile) -> None:
    try:
        uid, data = split_file(file.path.read_bytes())
    except (SuretError, AssertionError):
        uid, data = "1.2.840.10008.1.2", file.path.read_bytes()
    assert walked(paged(data), uid) == walked(data, uid)
    if isinstance(walked(data, uid), str):
        return
    assert b"".join(explicit_little_endian(paged(data), uid)) == b"".join(explicit_little_endian(data, uid))
    if not transfer_syntax(uid).deflated:
        in_pages = dataset_json(paged(data), uid, bulk_data_uri=str)
        assert in_pages == dataset_json(data, uid, bulk_data_uri=str)
