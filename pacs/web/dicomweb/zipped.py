"""A study, series or instance as one ZIP file with a DICOMDIR in it (PS3.10 8 and 9): for people and for media.

Files stand under names that every medium takes (PS3.10 8.2). It is written while it is sent and never held; what is
compressed already is not compressed again.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import structlog

from pacs.archive.archive import Archive
from pacs.archive.retrieve import identity
from pacs.dicom.dicomdir import DicomDir
from pacs.dicom.uids import transfer_syntax
from pacs.errors import SuretError
from pacs.model import StoredInstance
from pacs.web.dicomweb.bodies import Piece
from pacs.web.dicomweb.instances import InstanceForm, Instances, Outgoing

log = structlog.get_logger()

DICOMDIR = "DICOMDIR"
PIECE_BYTES = 256 << 10
_ZIP64_FROM = 1 << 30
_COMPRESSION_LEVEL = 1  # on a thin line even this halves the time of uncompressed pixels


class _Sink:
    """What ZipFile writes to and `take` empties; it cannot be searched in, so sizes follow the content."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self, bytes_min: int = 0) -> Iterator[bytes]:
        if self._size > bytes_min:
            pieces, self._pieces, self._size = self._pieces, [], 0
            yield b"".join(pieces)


class Zipped:
    """Makes ZIP files. Blocks."""

    def __init__(self, archive: Archive, instances: Instances) -> None:
        self._archive = archive
        self._instances = instances

    def pieces(
        self, stored: Sequence[StoredInstance], form: InstanceForm, first: Outgoing, at: datetime
    ) -> Iterator[Piece]:
        """The file of `stored`, whose `first` is ready to be sent already; `at` is what its entries are dated."""
        sink = _Sink()
        directory = DicomDir()
        names = _Names()
        moment = at.timetuple()[:6]
        with zipfile.ZipFile(sink, "w", allowZip64=True) as file:  # type: ignore[call-overload]
            for position, one in enumerate(stored):
                outgoing = first if position == 0 else self._instances.outgoing(one, form, strict=False)
                file_id = names.of(one)
                entry = zipfile.ZipInfo("/".join(file_id), moment)
                native = transfer_syntax(outgoing.transfer_syntax_uid).native
                entry.compress_type = zipfile.ZIP_DEFLATED if native else zipfile.ZIP_STORED
                entry.external_attr = 0o644 << 16
                entry._compresslevel = _COMPRESSION_LEVEL  # type: ignore[attr-defined]
                long = outgoing.length is None or outgoing.length > _ZIP64_FROM
                with file.open(entry, "w", force_zip64=long) as content:
                    for piece in outgoing.pieces:
                        content.write(piece)
                        yield from sink.take(PIECE_BYTES)
                directory.add(self._metadata(one), file_id, outgoing.transfer_syntax_uid)
            entry = zipfile.ZipInfo(DICOMDIR, moment)
            entry.external_attr = 0o644 << 16
            file.writestr(entry, directory.file(_uid_of(stored, form)))
        yield from sink.take()

    def _metadata(self, stored: StoredInstance) -> dict[str, Any]:
        try:
            return self._archive.instance_metadata(stored)
        except SuretError as error:  # its bytes went out all the same
            log.warning("metadata_unreadable", sop_instance_uid=stored.sop_instance_uid, cause=error.message)
            return identity(stored)


class _Names:
    """File IDs in the order of asking: ``DICOM/ST000001/SE000001/IM000001`` (PS3.10 8.2: up to 8 of A-Z, 0-9, _)."""

    def __init__(self) -> None:
        self._studies: dict[str, int] = {}
        self._series: dict[tuple[str, str], int] = {}
        self._instances: dict[tuple[str, str], int] = {}

    def of(self, stored: StoredInstance) -> tuple[str, ...]:
        study = self._studies.setdefault(stored.study_instance_uid, len(self._studies) + 1)
        key = (stored.study_instance_uid, stored.series_instance_uid)
        series = self._series.setdefault(key, len(self._series) + 1)
        number = self._instances[key] = self._instances.get(key, 0) + 1
        return "DICOM", f"ST{study:06d}", f"SE{series:06d}", f"IM{number:06d}"


def _uid_of(stored: Sequence[StoredInstance], form: InstanceForm) -> str:
    """The same for the same files."""
    described = " ".join((form.wanted, *(one.shown_as for one in stored)))
    return f"2.25.{int.from_bytes(hashlib.sha256(described.encode()).digest()[:15])}"
