"""What is fuzzed: each target takes any bytes and returns, or raises because the product did what it never may.

The product may refuse in its declared words (SuretError and the like); every other exception is a finding, and so are a
frame outside its data set, parts that depend on how a body was cut, and an answer that cannot be written.
"""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes
from zlib import crc32

import structlog
from starlette.datastructures import QueryParams

from pacs.access.principals import OPERATOR
from pacs.archive.arrived import identified
from pacs.archive.elements import element
from pacs.attributes import Level
from pacs.dicom.convert import explicit_little_endian
from pacs.dicom.frames import FrameTable
from pacs.dicom.json import dataset_json
from pacs.dicom.part10 import read_file_meta
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import Limits, inflate, walk
from pacs.dimse.command import CommandInvalid, read_command
from pacs.dimse.identifier import read_identifier
from pacs.dimse.pdu import ProtocolViolation, parse_associate_request
from pacs.errors import NotFound, SuretError
from pacs.index.criteria import Query
from pacs.index.engine import Index
from pacs.index.query import count, find
from pacs.web.dicomweb.media_types import accepted, parsed
from pacs.web.dicomweb.multipart import MultipartBroken, MultipartReader, PartBegins, PartData, PartEnds
from pacs.web.dicomweb.qido import RESOURCES, to_query, understand
from tests.fuzz.wire import associate, fail_loudly
from tests.support.dimse import CT, EXPLICIT, IMPLICIT, STUDY_ROOT_FIND, VERIFICATION, associate_request

SYNTAXES = (
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.102",
    "1.2.826.0.1.3680043.9.7433.99",  # unknown: the walker makes what sense of it there is
)
# a bomb has to be seen as one, not to take the fuzzer's memory
LIMITS = Limits(inflated_bytes=16 << 20)
FRAMES_LOOKED_AT = 16
MEDIA_TYPE = b"\xff"
ASKED_ONE_IN = 16
REQUEST = associate_request(
    ((VERIFICATION, (IMPLICIT,)), (CT, (EXPLICIT, IMPLICIT)), (STUDY_ROOT_FIND, (IMPLICIT,))), maximum_length=16384
)


@dataclass(frozen=True, slots=True)
class Target:
    """`bytes_max`: the longest input tried; `dictionary`: words that the format is made of."""

    run: Callable[[bytes], None]
    bytes_max: int
    dictionary: tuple[bytes, ...]


# The PDU reader --------------------------------------------------------------------------------------------------


def pdu(data: bytes) -> None:
    """A peer's bytes: from the first byte, after an accepted request, or as a request, command or identifier alone."""
    structlog.configure(processors=[fail_loudly])
    form, rest = data[:1], data[1:]
    match form:
        case b"A":
            associate(REQUEST + rest)
        case b"C":
            with contextlib.suppress(CommandInvalid):
                read_command(rest)
        case b"I":
            _identifier(rest)
        case b"R":
            with contextlib.suppress(ProtocolViolation):
                parse_associate_request(rest)
        case _:
            associate(data)


def _identifier(data: bytes) -> None:
    with contextlib.suppress(SuretError):
        for key in read_identifier(data[1:], SYNTAXES[data[0] & 1] if data else SYNTAXES[0]).values():
            key.text("ISO_IR 192")


# The walker ------------------------------------------------------------------------------------------------------


def walker(data: bytes) -> None:
    """The syntax, then a data set; what is accepted has to be servable: frames, JSON and another syntax."""
    if not data:
        return
    uid, dataset = SYNTAXES[data[0] % len(SYNTAXES)], data[1:]
    with contextlib.suppress(SuretError):
        read_file_meta(dataset)
    try:
        found = walk(dataset, uid, limits=LIMITS)
    except SuretError:
        return
    assert found.dataset_end >= 0
    identified(found, "1.2.3", "1.2.4")
    if transfer_syntax(uid).deflated:
        dataset, uid = bytes(inflate(dataset, LIMITS)[:]), SYNTAXES[1]
    assert found.dataset_end <= len(dataset)
    if found.frames is not None:
        _frames(found.frames, len(dataset))
    with contextlib.suppress(SuretError):
        json.dumps(dataset_json(dataset, uid, bulk_data_uri=str), allow_nan=False).encode("utf-8")
    with contextlib.suppress(SuretError):
        for piece in explicit_little_endian(dataset, uid):
            assert len(piece) <= len(dataset) + 64


def _frames(table: FrameTable, end: int) -> None:
    assert FrameTable.from_bytes(table.to_bytes()) == table
    for number in range(1, min(table.number_of_frames, FRAMES_LOOKED_AT) + 1):
        with contextlib.suppress(SuretError):
            for offset, length in table.ranges(number):
                assert 0 <= offset <= offset + length <= end, f"frame {number} lies outside the data set"


# The multipart reader --------------------------------------------------------------------------------------------


def multipart(data: bytes) -> None:
    """How to cut, then a body: however it is cut, the parts are the same, or it is refused every time.

    Where the first byte says so it is a media type instead.
    """
    if data[:1] == MEDIA_TYPE:
        _media_types(data[1:].decode("latin-1"))
        return
    step, body = 1 + (data[0] if data else 0), data[1:]
    whole = _parts([body])
    pieces = _parts([body[at : at + step] for at in range(0, len(body), step)])
    assert pieces == whole, f"cut into {step} the body is another"


def _media_types(text: str) -> None:
    parsed(text)
    accepted([text])


def _parts(chunks: Iterable[bytes]) -> list[tuple[Mapping[str, str], bytes]] | None:
    reader = MultipartReader("B")
    parts: list[tuple[Mapping[str, str], bytes]] = []
    headers: Mapping[str, str] = {}
    octets = bytearray()
    try:
        for chunk in chunks:
            for event in reader.feed(chunk):
                match event:
                    case PartBegins(found):
                        headers, octets = found, bytearray()
                    case PartData(piece):
                        assert len(piece), "an empty piece"
                        octets += piece
                    case PartEnds():
                        parts.append((headers, bytes(octets)))
        reader.close()
    except MultipartBroken:
        return None
    return parts


# The query parser ------------------------------------------------------------------------------------------------


@functools.cache
def _index() -> Index:
    folder = tempfile.TemporaryDirectory(prefix="suret-fuzz-")
    index = Index(f"sqlite:///{Path(folder.name) / 'index.db'}")
    index.migrate()
    index.fuzz_folder = folder  # type: ignore[attr-defined]  # it goes when the index goes
    return index


_asked: set[tuple[object, ...]] = set()


def _is_news(asked: Query, data: bytes) -> bool:
    """Whether the index should be asked: it was not asked this kind of question here, or the bytes' checksum says so.

    A question to the index takes ten times as long as to understand it.
    """
    kinds = sorted({(criterion.attribute.keyword, type(criterion.test).__name__) for criterion in asked.criteria})
    kind = (asked.level, asked.fuzzy, asked.combined_date_time, len(asked.returns), *kinds)
    if kind in _asked and crc32(data) % ASKED_ONE_IN:
        return False
    _asked.add(kind)
    return True


def query(data: bytes) -> None:
    """The resource, then a URL's query: it is refused in words, or the index answers it."""
    if not data:
        return
    resource = RESOURCES[data[0] % len(RESOURCES)]
    text = data[1:].decode("latin-1")
    path = {"study": "1.2.3"} if "{study}" in resource.path else {}
    if "{series}" in resource.path:
        path["series"] = "1.2.4"
    for fuzzy in ("", "&fuzzymatching=true"):
        with contextlib.suppress(SuretError):
            search = understand(QueryParams(text + fuzzy).multi_items())
            json.dumps(search.warnings).encode("utf-8")
            asked = to_query(search, resource, path, OPERATOR, 1000)
            if not _is_news(asked, data):
                continue
            with _index().read() as connection:
                list(find(connection, asked))
                count(connection, asked)
            for attribute in asked.returns:
                with contextlib.suppress(json.JSONDecodeError):  # of the index come texts that are JSON
                    json.dumps(element(attribute, unquote_to_bytes(text).decode("utf-8", "replace")))


TARGETS: Mapping[str, Target] = {
    "pdu": Target(
        pdu,
        16 * 1024,
        (
            *(b"ACIR"[at : at + 1] for at in range(4)),
            *(bytes((kind, 0, 0, 0, 0)) for kind in range(1, 8)),
            b"\x10\0\0",
            b"\x20\0\0",
            b"\x30\0\0",
            b"\x40\0\0",
            b"\x50\0\0",
            b"\x51\0\0\x04",
            b"\x54\0\0",
            b"\0\0\0\1\x02\0\0\0",
            b"\0\0\0\x08\x02\0\0\0\0\0",
            b"\0\0\0\x08\x02\0\0\0\1\1",
            b"\xfe\xff\x00\xe0",
            b"\xfe\xff\x0d\xe0",
            b"STUDY ",
        ),
    ),
    "walker": Target(
        walker,
        8 * 1024,
        (
            b"\xfe\xff\x00\xe0",
            b"\xfe\xff\x0d\xe0",
            b"\xfe\xff\xdd\xe0",
            b"\xff\xff\xff\xff",
            b"\xe0\x7f\x10\0",
            b"\xe0\x7f\x10\0OW\0\0",
            b"\x28\0\x08\0IS",
            b"\x28\0\x10\0US\x02\0",
            b"\x28\0\x11\0US\x02\0",
            b"\x28\0\0\1US\x02\0",
            b"\x08\0\x05\0CS",
            b"\x08\0\x40\x11SQ\0\0",
            b"\xfc\xff\xfc\xffOB\0\0",
            *(vr for vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"PN", b"AT", b"FD", b"SV", b"DS", b"DA")),
            b"ISO 2022 IR 87",
            b"GB18030",
            b"\x1b$B",
        ),
    ),
    "multipart": Target(
        multipart,
        1024,
        (b"\r\n--B", b"--B--", b"\r\n\r\n", b"Content-Type: application/dicom", b'; type="', b"\\", b" \t", b"\r\n "),
    ),
    "query": Target(
        query,
        1024,
        (
            b"PatientName=",
            b"StudyDate=",
            b"StudyTime=",
            b"00100010=",
            b"ModalitiesInStudy=",
            b"RequestAttributesSequence.",
            b"00400275.00400009=",
            b"NumberOfFrames=",
            b"StudyInstanceUID=",
            b"includefield=all",
            b"limit=",
            b"offset=",
            b"&",
            b"%00",
            b"%F0%9F",
            b"%5C",
            b"-",
            b"*",
            b"?",
            *(level.name.encode() for level in Level),
        ),
    ),
}

__all__ = ["TARGETS", "NotFound", "Target"]
