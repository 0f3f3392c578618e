"""A ZIP file of DICOM files on its way into the archive: each file by itself, what is no DICOM left out by name.

A file that grows without measure is refused before it is unpacked, and again while it is: sizes in a ZIP are claims.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.dicom.dicomdir import MEDIA_STORAGE_DIRECTORY
from pacs.dicom.part10 import FILE_HEAD_BYTES_MAX, read_file_meta
from pacs.errors import IncompleteDataSet, NotUnderstood, SuretError
from pacs.model import Stored
from pacs.web.dicomweb.stow_answer import Failure, failure_of

log = structlog.get_logger()

FILES_MAX: Final = 200_000
DIRECTORY_BYTES_MAX: Final = 64 << 20
RATIO_MAX: Final = 100
FREE_BYTES: Final = 256 << 20
NAME_CHARACTERS_MAX: Final = 200
_PIECE_BYTES: Final = 1 << 20
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# all that `zipfile` raises of bytes that are not as they should be
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    IndexError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)
_END: Final = b"PK\5\6"
_END_BYTES: Final = 22
_COMMENT_BYTES_MAX: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file of a ZIP; `result` None: it is no DICOM object, and `words` say what it is."""

    name: str
    result: Stored | Failure | None
    words: str = ""


def store_zip(
    archive: Archive, principal: Principal, study_instance_uid: str, protocol: str, path: Path, unpacked_bytes_max: int
) -> Iterator[FileResult]:
    """Every file of the ZIP at `path`, one after the other; at most `unpacked_bytes_max` bytes are unpacked.

    Raises NotUnderstood, before anything is stored, for what is no ZIP or is a bomb.
    """
    with path.open("rb") as file:
        _check_directory(file)
        try:
            whole = zipfile.ZipFile(file)
        except _BROKEN as error:
            raise NotUnderstood(f"the ZIP cannot be read: {error}", "make it again, then upload it") from error
        with whole:
            entries = [entry for entry in whole.infolist() if not entry.filename.endswith("/")]
            _check_sizes(entries, os.fstat(file.fileno()).st_size, unpacked_bytes_max)
            for entry in entries:
                yield _stored(archive, principal, study_instance_uid, protocol, whole, entry)


def _check_directory(file: BinaryIO) -> None:
    """The directory is read whole: its size and count are looked at first (APPNOTE 4.3.14-16)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _END_BYTES - _COMMENT_BYTES_MAX))
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_BYTES:
        raise NotUnderstood("this is no whole ZIP file", "make it again, then upload it")
    count, directory = struct.unpack_from("<HI", tail, at + 10)
    locator = tail.rfind(b"PK\6\7", 0, at)
    if (count == 0xFFFF or directory == 0xFFFFFFFF) and locator >= 0:
        (position,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(position, size))
        record = file.read(56)
        if len(record) == 56 and record[:4] == b"PK\6\6":
            count, directory = struct.unpack_from("<QQ", record, 32)
    if count > FILES_MAX or directory > DIRECTORY_BYTES_MAX:
        raise NotUnderstood(f"the ZIP has more than {FILES_MAX} files", "upload it in parts")
    file.seek(0)


def _check_sizes(entries: list[zipfile.ZipInfo], size: int, unpacked_bytes_max: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if packed > size:
        raise NotUnderstood("files of the ZIP lie over each other: it is a bomb", "it is not unpacked")
    if unpacked > unpacked_bytes_max or unpacked > FREE_BYTES + RATIO_MAX * size:
        raise NotUnderstood(
            f"the ZIP grows from {size} to {unpacked} bytes, more than is unpacked here",
            "upload its files by themselves",
        )


def _stored(
    archive: Archive,
    principal: Principal,
    study_instance_uid: str,
    protocol: str,
    whole: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
) -> FileResult:
    name = entry.filename[:NAME_CHARACTERS_MAX]
    if entry.flag_bits & 1:
        return FileResult(name, _failure(name, NotUnderstood("it is encrypted", "make the ZIP without a password")))
    if entry.compress_type not in _METHODS:
        return FileResult(name, _failure(name, NotUnderstood("its compression is not read here", "use deflate")))
    identity = "", ""
    try:
        with closing(_pieces(whole, entry)) as pieces:
            head = next(pieces, b"")
            try:
                meta = read_file_meta(head)
            except NotUnderstood:
                return FileResult(name, None, "no DICOM file")
            if meta is None and head[128:132] != b"DICM":
                return FileResult(name, None, "no DICOM file")
            if meta is None:
                raise IncompleteDataSet("it ends inside its File Meta Information", "send the whole file")
            if meta.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
                return FileResult(name, None, "a DICOMDIR")
            identity = meta.sop_class_uid, meta.sop_instance_uid
            with archive.receive_part10(
                principal, protocol=protocol, study_instance_uid=study_instance_uid
            ) as reception:
                reception.write(head)
                for piece in pieces:  # to the very end, where its checksum is compared
                    reception.write(piece)
                return FileResult(name, reception.commit())
    except SuretError as error:
        return FileResult(name, _failure(name, error, *identity))
    except Exception as error:
        log.error("zip_file_failed", error=type(error).__name__)
        return FileResult(name, _failure(name, error, *identity))


def _pieces(whole: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Generator[bytes, None, None]:
    """The bytes of a file, the first piece as long as the head of a DICOM file may be. Raises NotUnderstood."""
    try:
        with whole.open(entry) as file:
            piece = file.read(FILE_HEAD_BYTES_MAX)
            while piece:
                yield piece
                piece = file.read(_PIECE_BYTES)
    except _BROKEN as error:
        raise NotUnderstood(f"it cannot be unpacked: {error}", "make the ZIP again") from error


def _failure(name: str, error: Exception, sop_class_uid: str = "", sop_instance_uid: str = "") -> Failure:
    """A failure whose words name the file too."""
    found = failure_of(error, sop_class_uid, sop_instance_uid)
    return Failure(found.reason, found.error, f"{name}: {found.words}", sop_class_uid, sop_instance_uid)
