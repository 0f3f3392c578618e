"""Data sets written byte by byte, whole or wrong on purpose, and those of the public test files."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

import pytest

from pacs.dicom.part10 import read_file_meta
from pacs.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import NotUnderstood
from tests.support.corpus import CorpusFile, corpus, corpus_folder

LONG_VRS = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"])
UNDEFINED = 0xFFFFFFFF
REFUSABLE_KINDS = frozenset({"fuzz", "pydicom-wheel-malformed"})

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"


def element(tag: int, vr: str, value: bytes | str = b"", *, length: int | None = None, order: str = "<") -> bytes:
    """One explicit element; text is encoded and padded, `length` overrides the true one."""
    if isinstance(value, str):
        value = value.encode("ascii")
        value += (b"\0" if vr == "UI" else b" ") * (len(value) & 1)
    size = len(value) if length is None else length
    if vr in LONG_VRS:
        return struct.pack(f"{order}HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, size) + value
    return struct.pack(f"{order}HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), size) + value


def implicit(tag: int, value: bytes | str = b"", *, length: int | None = None) -> bytes:
    """One implicit element."""
    if isinstance(value, str):
        value = value.encode("ascii")
        value += b" " * (len(value) & 1)
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def us(tag: int, number: int) -> bytes:
    """One explicit element of one unsigned short."""
    return element(tag, "US", struct.pack("<H", number))


def item(content: bytes = b"", *, length: int | None = None) -> bytes:
    """An item of defined length, or of the `length` given."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if length is None else length) + content


def open_item(content: bytes = b"") -> bytes:
    """An item of undefined length with its delimiter."""
    return item(content, length=UNDEFINED) + ITEM_DELIMITER


ITEM_DELIMITER = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_DELIMITER = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def open_sequence(tag: int, *items: bytes, vr: str = "SQ") -> bytes:
    """A sequence of undefined length with its delimiter."""
    return element(tag, vr, b"".join(items) + SEQUENCE_DELIMITER, length=UNDEFINED)


def identified(*more: bytes) -> bytes:
    """A data set with the four UIDs and the elements of `more`, whose tags come after them."""
    return b"".join(
        (
            element(0x00080016, "UI", CT_IMAGE_STORAGE),
            element(0x00080018, "UI", "1.2.3.4"),
            *more,
        )
    )


def image(rows: int, columns: int, pixels: bytes, *, bits: int = 16, frames: str = "") -> bytes:
    """An image of one sample with native pixel data, whether they fit or not."""
    return identified(described(rows, columns, bits=bits, frames=frames), element(0x7FE00010, "OW", pixels))


def described(rows: int, columns: int, *, bits: int = 16, samples: int = 1, frames: str = "") -> bytes:
    """The attributes of group 0028 that size pixel data."""
    return b"".join(
        (
            us(0x00280002, samples),
            element(0x00280004, "CS", "MONOCHROME2" if samples == 1 else "RGB"),
            element(0x00280008, "IS", frames) if frames else b"",
            us(0x00280010, rows),
            us(0x00280011, columns),
            us(0x00280100, bits),
        )
    )


def encapsulated(*fragments: bytes, offset_table: bytes = b"", delimiter: bytes = SEQUENCE_DELIMITER) -> bytes:
    """The pixel data element with fragments."""
    items = b"".join((item(offset_table), *(item(fragment) for fragment in fragments)))
    return element(0x7FE00010, "OB", items + delimiter, length=UNDEFINED)


def split_file(raw: bytes) -> tuple[str, bytes]:
    """Transfer syntax UID and data set of a file; one without meta is an implicit data set, as it was negotiated."""
    try:
        meta = read_file_meta(raw)
    except NotUnderstood:
        return IMPLICIT_VR_LITTLE_ENDIAN, raw
    assert meta is not None
    return meta.transfer_syntax_uid, raw[meta.dataset_offset :]


def accepted_files() -> Iterator[CorpusFile]:
    """Every file that must be taken in: all but the fuzzed and malformed ones and media directories."""
    for file in corpus():
        if file.kind not in REFUSABLE_KINDS and "DICOMDIR" not in file.path.name:
            yield file


def by_file(files: Iterable[CorpusFile]) -> pytest.MarkDecorator:
    """Run a test once a file; where the files are absent it is skipped and says so."""
    found = [pytest.param(file, id=file.name) for file in files]
    if not found:
        reason = f"the folder of DICOM test files ({corpus_folder()}) is absent; name it in the variable PACS_TEST_DATA"
        found = [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return pytest.mark.parametrize("file", found)
