"""The head of a file, written and read."""

from __future__ import annotations

import io
import struct

import pydicom
import pytest

from pacs.dicom.part10 import FILE_META_BYTES_MAX, FileMeta, file_meta, read_file_meta
from pacs.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pacs.errors import NotUnderstood
from tests.support.corpus import CorpusFile
from tests.support.datasets import accepted_files, by_file, element

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def test_what_we_write_is_what_pydicom_reads() -> None:
    head = file_meta(CT, "1.2.3.45", EXPLICIT, "MODALITY")
    assert head[:128] == bytes(128)
    dataset = pydicom.dcmread(io.BytesIO(head + element(0x00080018, "UI", "1.2.3.45")))
    meta = dataset.file_meta
    assert meta.FileMetaInformationGroupLength == len(head) - 144
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == CT
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.45"
    assert meta.TransferSyntaxUID == EXPLICIT
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME
    assert meta.SourceApplicationEntityTitle == "MODALITY"
    assert dataset.SOPInstanceUID == "1.2.3.45"


def test_without_a_source_there_is_no_source_element() -> None:
    head = file_meta(CT, "1.2.3", EXPLICIT)
    assert b"\x02\x00\x16\x00AE" not in head
    meta = read_file_meta(head + bytes(100))
    assert meta == FileMeta(CT, "1.2.3", EXPLICIT, "", len(head))


def test_it_reads_back_what_it_wrote() -> None:
    head = file_meta(CT, "1.2.3.45", EXPLICIT, "MODALITY")
    assert read_file_meta(head + b"\x08\x00") == FileMeta(CT, "1.2.3.45", EXPLICIT, "MODALITY", len(head))


def test_a_stream_is_asked_for_more_until_the_head_is_whole() -> None:
    head = file_meta(CT, "1.2.3.45", EXPLICIT, "MODALITY")
    for length in range(len(head)):
        assert read_file_meta(head[:length]) is None
    assert read_file_meta(memoryview(head)) is not None, "the group length tells the end without a look ahead"


def test_a_deflated_data_set_may_begin_like_group_0002() -> None:
    head = file_meta(CT, "1.2.3.45", "1.2.840.10008.1.2.1.99")
    meta = read_file_meta(head + b"\2\0" + b"\xab" * 20)
    assert meta is not None
    assert meta.dataset_offset == len(head)


def test_a_wrong_group_length_is_forgiven() -> None:
    head = bytearray(file_meta(CT, "1.2.3.45", EXPLICIT))
    head[140:144] = struct.pack("<I", 7)
    meta = read_file_meta(bytes(head) + element(0x00080018, "UI", "1.2.3.45"))
    assert meta is not None
    assert meta.dataset_offset == len(head)
    assert meta.sop_instance_uid == "1.2.3.45"


def test_a_file_without_preamble_is_read() -> None:
    group = file_meta(CT, "1.2.3.45", EXPLICIT)[132:]
    meta = read_file_meta(group + element(0x00080018, "UI", "1.2.3.45") * 3)
    assert meta is not None
    assert meta.dataset_offset == len(group)
    assert meta.sop_class_uid == CT


def test_group_0002_in_implicit_vr_is_read() -> None:
    group = b"".join(
        struct.pack("<HHI", 2, number, len(value)) + value
        for number, value in ((0x0002, CT.encode() + b"\0"), (0x0010, EXPLICIT.encode() + b"\0"))
    )
    meta = read_file_meta(bytes(128) + b"DICM" + group + element(0x00080018, "UI", "1.2.3.45"))
    assert meta is not None
    assert (meta.sop_class_uid, meta.transfer_syntax_uid) == (CT, EXPLICIT)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"%PDF-1.7" + bytes(300), "DIMSE"),
        (element(0x00080018, "UI", "1.2.3.45") * 20, "DIMSE"),
        (bytes(128) + b"DICM" + element(0x00020002, "UI", CT) + element(0x00080018, "UI", "1.2.3"), "again"),
        (bytes(128) + b"DICM" + element(0x00020001, "OB", b"", length=1 << 30) + bytes(50), "damaged"),
    ],
    ids=["pdf", "no-meta", "no-transfer-syntax", "lying-length"],
)
def test_what_is_no_dicom_file_is_refused_with_a_hint(content: bytes, hint: str) -> None:
    with pytest.raises(NotUnderstood) as refused:
        read_file_meta(content)
    assert hint in refused.value.hint


def test_endless_file_meta_is_refused() -> None:
    endless = element(0x00020102, "OB", bytes(60_000)) * (FILE_META_BYTES_MAX // 60_000 + 2)
    with pytest.raises(NotUnderstood, match="1 MiB"):
        read_file_meta(bytes(128) + b"DICM" + endless)


@pytest.mark.filterwarnings("ignore:::pydicom")  # what pydicom finds odd is not the question here
@by_file(accepted_files())
def test_it_reads_the_public_files_as_pydicom_does(file: CorpusFile) -> None:
    raw = file.path.read_bytes()
    theirs = pydicom.dcmread(file.path, force=True, stop_before_pixels=True, specific_tags=["SOPInstanceUID"]).file_meta
    if "TransferSyntaxUID" not in theirs:
        with pytest.raises(NotUnderstood):
            read_file_meta(raw)
        return
    ours = read_file_meta(raw)
    assert ours is not None
    assert ours.transfer_syntax_uid == theirs.TransferSyntaxUID
    assert ours.sop_class_uid == theirs.get("MediaStorageSOPClassUID", "")
    assert ours.sop_instance_uid == theirs.get("MediaStorageSOPInstanceUID", "")
