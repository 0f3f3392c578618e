"""What the fuzzers start from: real messages, real data sets in every syntax, real questions; made, not kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from pacs.dicom.part10 import read_file_meta
from tests.fuzz.targets import SYNTAXES
from tests.support.corpus import corpus
from tests.support.datasets import open_item, open_sequence
from tests.support.dimse import ABORT, CT, ECHO, EXPLICIT, RELEASE, STUDY_ROOT_FIND, associate_request, pdata, request
from tests.support.factories import ct_slice, encapsulated_pdf, part10, structured_report
from tests.support.modality import LAST, prepare, split_part10
from tests.support.retrieve import STUDY_ROOT_GET, STUDY_ROOT_MOVE
from tests.support.web import multipart

CORPUS_BYTES_MAX = 6 * 1024


def _pdu() -> Iterator[bytes]:
    asked = associate_request(((CT, (EXPLICIT,)), (STUDY_ROOT_FIND, (EXPLICIT,))))
    dataset = ct_slice(rows=4, columns=4)
    stored = prepare(CT, str(dataset.SOPInstanceUID), EXPLICIT, split_part10(part10(dataset))[1]).pdus
    find = pdata(request(0x0020, STUDY_ROOT_FIND, data_set=True), context_id=3)
    keys = b"\x08\0\x52\0CS\x06\0STUDY \x10\0\x10\0PN\x02\0A*\x20\0\x0d\0UI\0\0"
    yield asked
    yield b"R" + asked[6:]
    yield asked + stored + stored + RELEASE
    yield asked + find + pdata(keys, LAST, 3) + ABORT
    sought = associate_request(((STUDY_ROOT_GET, (EXPLICIT,)), (STUDY_ROOT_MOVE, (EXPLICIT,)), (CT, (EXPLICIT,))))
    unique = pdata(b"\x08\0\x52\0CS\x06\0STUDY \x20\0\x0d\0UI\4\x001.2\0", LAST)
    yield sought + pdata(request(0x0010, STUDY_ROOT_GET, data_set=True)) + unique + RELEASE
    move = pdata(request(0x0021, STUDY_ROOT_MOVE, data_set=True, x0600=b"DEST"), context_id=3)
    yield sought + move + unique.replace(b"\1\2\x08", b"\3\2\x08", 1) + ABORT
    yield b"A" + ECHO + RELEASE
    yield b"A" + stored.replace(b"\x02\x01\0\0", b"\x02\x03\0\0", 1)
    yield b"C" + request(0x0001, CT, data_set=True, x1000=b"1.2.3\0")
    yield b"I\1" + keys
    yield b"I\0" + open_sequence(0x00081140, open_item())


def _walker() -> Iterator[bytes]:
    for syntax in (
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        JPEGBaseline8Bit,
        RLELossless,
    ):
        dataset = ct_slice(rows=8, columns=8, transfer_syntax=syntax)
        yield bytes((SYNTAXES.index(syntax),)) + split_part10(part10(dataset))[1]
    for dataset in (structured_report(), encapsulated_pdf()):
        yield b"\1" + split_part10(part10(dataset))[1][:CORPUS_BYTES_MAX]
    for file in corpus():
        if file.size <= CORPUS_BYTES_MAX and file.transfer_syntax_uid in SYNTAXES:
            content = file.path.read_bytes()
            meta = read_file_meta(content) if content[128:132] == b"DICM" else None
            offset = meta.dataset_offset if meta else 0
            yield bytes((SYNTAXES.index(file.transfer_syntax_uid),)) + content[offset:]


def _multipart() -> Iterator[bytes]:
    yield b"\0" + multipart([b"abc", b"", b"\r\n--B\x01\r\n"], "B")
    yield b"\7preamble\r\n" + multipart([b"x" * 40], "B", 'application/dicom; transfer-syntax="1.2"') + b"\r\nepilogue"
    yield b"\2--B \t \r\nX: y\r\n folded\r\n\r\n\r\n--B--"
    yield b'\xffmultipart/related; type="application/octet-stream"; transfer-syntax=*;q=0.5, image/jpeg, */*'


def _query() -> Iterator[bytes]:
    for number, text in enumerate(
        (
            "PatientName=A*&StudyDate=20200101-20201231&StudyTime=-12&limit=10&offset=3",
            "00100010=%D0%98&ModalitiesInStudy=CT%5CMR&includefield=all&fuzzymatching=true",
            "StudyInstanceUID=1.2.3,1.2.4&NumberOfStudyRelatedInstances=3&AccessionNumber=?1*",
            "RequestAttributesSequence.ScheduledProcedureStepID=A%2A&includefield=00081030,PatientID",
            "NumberOfFrames=12&Rows=512&InstanceNumber=1&SOPClassUID=1.2&emptyvaluematching=true",
            "SeriesDate=2020.01.01-&SeriesTime=10:11:12.5-11&PatientBirthDate=19800101&multiplevaluematching=false",
        )
    ):
        yield bytes((number,)) + text.encode()


_SEEDS: Mapping[str, Callable[[], Iterator[bytes]]] = {
    "pdu": _pdu,
    "walker": _walker,
    "multipart": _multipart,
    "query": _query,
}


def seeds(target: str) -> Iterator[bytes]:
    """The inputs that `target` is started with."""
    return _SEEDS[target]()
