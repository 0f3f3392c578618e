"""STOW-RS of metadata and bulk data (PS3.18 10.5.1.4): parts are kept on disk until the body has ended, then joined.

Nothing is stored of a body that breaks off. Memory holds the metadata alone, and one picture that has to be unpacked.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO
from urllib.parse import urljoin

import msgspec
import structlog

from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.assembly import MadeUids, assembled, references
from pacs.archive.media import Media, Unpack, describe, is_known
from pacs.archive.spool import refusal
from pacs.dicom.documents import tag_of
from pacs.dicom.native_model import read_native_model
from pacs.errors import InstanceTooLarge, MediaTypeRefused, NotUnderstood, SuretError
from pacs.model import Stored
from pacs.web.dicomweb.media_types import DICOM_JSON, DICOM_XML, parsed
from pacs.web.dicomweb.multipart import MultipartBroken, MultipartReader, PartBegins, PartData, PartEnds
from pacs.web.dicomweb.stow_answer import Failure, failure_of

log = structlog.get_logger()

METADATA_BYTES_MAX = 32 << 20
PARTS_MAX = 200_000

_FRAME = re.compile(r"(.+)/frames/([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of bulk data: what it says it is, and where it lies in the file of the request; or why it is not taken."""

    location: str
    media_type: str
    transfer_syntax_uid: str
    start: int
    length: int
    refused: SuretError | None = None


@dataclass(slots=True)
class MetadataDelivery:
    """One request's metadata and bulk data on their way into the archive. Blocks.

    Used by one thread at a time, except that `close` may come from another one while the request is cut off.
    `reader` is None where the whole body is metadata of `metadata_type`. `base` is the address of the request.
    """

    archive: Archive
    unpack: Unpack
    principal: Principal
    study_instance_uid: str
    protocol: str
    base: str
    metadata_type: str
    reader: MultipartReader | None
    results: list[Stored | Failure] = field(default_factory=list)
    _documents: list[Any] = field(default_factory=list)
    _parts: list[Part] = field(default_factory=list)
    _metadata: bytearray | None = None
    _metadata_bytes: int = 0
    _part: Part | None = None
    _file: BinaryIO | None = None
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closed: bool = False

    def feed(self, data: bytes) -> None:
        """The next bytes of the body. Raises MultipartBroken also for metadata that cannot be read, NotUnderstood,
        NotAuthorised, InstanceTooLarge, OutOfResources, StoreFailed."""
        with self._lock:
            if self._closed:
                return
            self.archive.admit(self.principal, self.study_instance_uid)
            if self.reader is None:
                self._take_metadata(memoryview(data))
                return
            for event in self.reader.feed(data):
                match event:
                    case PartBegins(headers):
                        self._begin(headers)
                    case PartData(octets):
                        self._data(octets)
                    case PartEnds():
                        self._end()

    def finish(self) -> None:
        """The body has ended: every instance is made and stored. Raises what `feed` raises."""
        with self._lock:
            if self._closed:
                return
            if self.reader is None:
                self._end()
            else:
                self.reader.close()
            self._store_all()

    def close(self) -> None:
        """Give the disk back, and take nothing more."""
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()
                self._file = None

    # Parts -----------------------------------------------------------------------------------------------------

    def _begin(self, headers: Mapping[str, str]) -> None:
        content_type = headers.get("content-type", self.metadata_type)
        media_type, parameters = parsed(content_type) or ("", {})
        if media_type in (DICOM_JSON, DICOM_XML):
            self._metadata, self.metadata_type = bytearray(), media_type
            return
        if len(self._parts) >= PARTS_MAX:
            raise NotUnderstood(f"the body has more than {PARTS_MAX} parts of bulk data", "send it in several requests")
        location = headers.get("content-location", "")
        if not location and headers.get("content-id"):
            location = f"cid:{headers['content-id'].strip('<> ')}"
        refused: SuretError | None = None
        if not is_known(media_type):
            refused = MediaTypeRefused(
                f"bulk data of type {content_type[:100]!r} is not stored", "docs/conformance.md lists what is"
            )
        elif not location:
            refused = NotUnderstood("a part of bulk data has no Content-Location", "give it its BulkDataURI")
        syntax = parameters.get("transfer-syntax", "")
        self._part = Part(_address(self.base, location), media_type, syntax, self._size, 0, refused)

    def _data(self, octets: memoryview) -> None:
        if self._part is None:
            self._take_metadata(octets)
            return
        if self._part.refused is not None:
            return
        if self._size + len(octets) - self._part.start > self.archive.limits.instance_bytes_max:
            raise InstanceTooLarge(
                f"a part is larger than {self.archive.limits.instance_bytes_max} bytes",
                "raise dimse.instance_bytes_max on the node if such objects are wanted",
            )
        try:
            if self._file is None:
                # without a name: whatever ends the node leaves nothing of it
                self._file = tempfile.TemporaryFile(dir=self.archive.store.incoming)  # noqa: SIM115 - `close`
            self._file.write(octets)
        except OSError as error:
            raise refusal(error) from error
        self._size += len(octets)

    def _take_metadata(self, octets: memoryview) -> None:
        self._metadata_bytes += len(octets)
        if self._metadata_bytes > METADATA_BYTES_MAX:
            raise InstanceTooLarge(
                f"the metadata of a request are at most {METADATA_BYTES_MAX} bytes", "send it in several requests"
            )
        if self._metadata is None:
            self._metadata = bytearray()
        self._metadata += octets

    def _end(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            self._parts.append(replace(part, length=self._size - part.start))
            return
        content, self._metadata = bytes(self._metadata or b""), None
        self._documents += _documents(content, self.metadata_type)

    # Instances -------------------------------------------------------------------------------------------------

    def _store_all(self) -> None:
        by_location: dict[str, list[Part]] = {}
        for part in self._parts:
            by_location.setdefault(part.location, []).append(part)
        frames = _frames_of(self._parts)
        made = MadeUids()
        used: set[str] = set()
        for document in self._documents:
            identity = _identity(document)
            try:
                self.results.append(self._store(document, by_location, frames, made, used))
            except SuretError as error:
                self.results.append(failure_of(error, *identity))
            except Exception as error:
                log.error("stow_part_failed", error=type(error).__name__)
                self.results.append(failure_of(error, *identity))
        for part in self._parts:
            if part.location not in used:
                no_use = NotUnderstood(
                    f"no instance refers to the bulk data {part.location[:200]}", "name it as a BulkDataURI"
                )
                self.results.append(failure_of(part.refused or no_use))

    def _store(
        self,
        document: Any,
        by_location: Mapping[str, list[Part]],
        frames: Mapping[str, list[Part]],
        made: MadeUids,
        used: set[str],
    ) -> Stored:
        if not isinstance(document, Mapping):
            raise NotUnderstood("the metadata of an instance are no object", "send an array of DICOM JSON objects")
        bulk: dict[str, list[Media]] = {}
        for uri in references(document):
            location = _address(self.base, uri)
            found = by_location.get(location) or frames.get(location, [])
            used.update(part.location for part in found)
            if found:
                bulk[uri] = [self._described(part) for part in found]
        whole = assembled(document, bulk, made, self.study_instance_uid)
        with self.archive.receive_part10(
            self.principal, protocol=self.protocol, study_instance_uid=self.study_instance_uid
        ) as reception:
            for piece in whole.pieces:
                reception.write(piece)
            return reception.commit()

    def _described(self, part: Part) -> Media:
        if part.refused is not None:
            raise part.refused

        def read(offset: int, count: int) -> bytes:
            file = self._file
            if file is None:
                return b""
            try:
                file.seek(part.start + offset)
                return file.read(max(0, min(count, part.length - offset)))
            except OSError as error:
                raise refusal(error) from error

        return describe(part.media_type, part.transfer_syntax_uid, read, part.length, self.unpack)


def _address(base: str, uri: str) -> str:
    """`uri` below `base`: a relative address is the whole one; what is no address stays as it stands."""
    try:
        return urljoin(base, uri)
    except ValueError:
        return uri


def _documents(content: bytes, media_type: str) -> list[Any]:
    """The metadata of a part: of any number of instances in JSON, of one in XML. Raises MultipartBroken."""
    try:
        if media_type == DICOM_XML:
            return [read_native_model(content)]
        found = msgspec.json.decode(content)
    except NotUnderstood as error:
        raise MultipartBroken(f"the metadata cannot be read: {error.message}", error.hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MultipartBroken("the metadata are not JSON", "send an array of DICOM JSON objects (PS3.18 F.2)") from None
    return found if isinstance(found, list) else [found]


def _frames_of(parts: list[Part]) -> dict[str, list[Part]]:
    """Address to the parts that are its frames, in their order, where each has an address of its own below it."""
    numbered: dict[str, list[tuple[int, Part]]] = {}
    for part in parts:
        found = _FRAME.fullmatch(part.location)
        if found is not None:
            numbered.setdefault(found[1], []).append((int(found[2]), part))
    return {uri: [part for _, part in sorted(pairs, key=_number)] for uri, pairs in numbered.items()}


def _number(pair: tuple[int, Part]) -> int:
    return pair[0]


def _identity(document: Any) -> tuple[str, str]:
    """SOP Class and Instance UID as the metadata say, "" where they do not."""
    if not isinstance(document, Mapping):
        return "", ""
    found = {"00080016": "", "00080018": ""}
    for name, body in document.items():
        tag = tag_of(str(name)) or ""
        values = body.get("Value") if isinstance(body, Mapping) else None
        if tag in found and isinstance(values, list) and values and isinstance(values[0], str):
            found[tag] = values[0][:64]
    return found["00080016"], found["00080018"]
