"""The metadata of a series, stored as compressed DICOM JSON: built on first use, good until the series changes.

It is derived and can be made again at any time, so it is a file beside the archive and not part of the promise.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog
from sqlalchemy import select

from pacs.archive.retrieve import identity
from pacs.archive.tombstones import missing
from pacs.errors import SuretError
from pacs.index.schema import series, study

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

log = structlog.get_logger()

COMPRESSION_LEVEL = 5
FORMAT = 1  # raised when the JSON of an unchanged series would come out differently


@dataclass(frozen=True, slots=True)
class SeriesMetadata:
    """An array of DICOM JSON objects, one an instance, gzip-compressed; `etag` is quoted, as HTTP wants it.

    Of `unreadable` instances there is only what the index knows.
    """

    etag: str
    gzip_json: bytes
    unreadable: int = 0


class SeriesMetadataCache:
    """Files under `folder`, named by series and state; one build at a time for a series, many series at once."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        self._archive = archive
        self._folder = folder / "metadata"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._building: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, study_instance_uid: str, series_instance_uid: str) -> SeriesMetadata:
        """The stored metadata, built when it is missing or out of date. Raises NotFound, Unreadable, StoreFailed."""
        unreadable: tuple[str, ...] = ()
        stem, state = self._state(study_instance_uid, series_instance_uid)
        path = self._folder / stem[:2] / f"{stem}-{state}.json.gz"
        with self._one_at_a_time(stem):
            content = _kept(path)
            if content is None:
                content, unreadable = self._build(study_instance_uid, series_instance_uid)
                if unreadable:  # perhaps not for long, so it is neither kept nor taken for the whole
                    state = f"{state}-{hashlib.sha256(' '.join(unreadable).encode()).hexdigest()[:16]}"
                else:
                    self._keep(path, stem, content)
        return SeriesMetadata(f'"{stem[:16]}-{state}"', content, len(unreadable))

    def forget(self, study_instance_uid: str, series_instance_uid: str) -> None:
        """Remove what is kept of a series; what is left of it is built anew. Raises OSError."""
        stem = _stem(study_instance_uid, series_instance_uid)
        with self._one_at_a_time(stem):
            for path in (self._folder / stem[:2]).glob(f"{stem}-*.json.gz"):
                path.unlink(missing_ok=True)

    def _state(self, study_instance_uid: str, series_instance_uid: str) -> tuple[str, str]:
        statement = (
            select(series.c.number_of_instances, series.c.changed_at, series.c.changes)
            .select_from(series.join(study, series.c.study_row == study.c.row))
            .where(
                study.c.study_instance_uid == study_instance_uid, series.c.series_instance_uid == series_instance_uid
            )
        )
        with self._archive.index.read() as connection:
            row = connection.execute(statement).one_or_none()
            if row is None:
                raise missing(connection, study_instance_uid, series_instance_uid)
        state = f"{FORMAT}-{row.number_of_instances}-{row.changed_at}"
        if row.changes:
            state = f"{state}-{hashlib.sha256(row.changes.encode()).hexdigest()[:16]}"
        return _stem(study_instance_uid, series_instance_uid), state

    def _build(self, study_instance_uid: str, series_instance_uid: str) -> tuple[bytes, tuple[str, ...]]:
        """The content, and the instances that cannot be read. Raises the error of the last one where none can be."""
        instances = self._archive.instances(study_instance_uid, series_instance_uid)
        objects, unreadable = [], []
        for stored in instances:
            try:
                objects.append(self._archive.instance_metadata(stored))
            except SuretError as error:  # one object does not take the others away
                log.warning("metadata_unreadable", sop_instance_uid=stored.sop_instance_uid, cause=error.message)
                unreadable.append(stored.sop_instance_uid)
                if len(unreadable) == len(instances):
                    raise
                objects.append(identity(stored))
        return gzip.compress(msgspec.json.encode(objects), COMPRESSION_LEVEL, mtime=0), tuple(unreadable)

    def _keep(self, path: Path, stem: str, content: bytes) -> None:
        """Keep it for the next time, where there is room."""
        try:
            path.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                made = Path(folder, path.name)
                with made.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())  # or a power cut leaves an empty file under a name that is believed
                os.replace(made, path)
            for older in path.parent.glob(f"{stem}-*.json.gz"):
                if older != path:
                    older.unlink(missing_ok=True)
        except OSError as error:
            log.warning("metadata_not_kept", file=str(path), cause=str(error))

    @contextmanager
    def _one_at_a_time(self, stem: str) -> Iterator[None]:
        with self._guard:
            lock = self._building.setdefault(stem, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._guard:
                if not lock.locked():
                    self._building.pop(stem, None)


def _stem(study_instance_uid: str, series_instance_uid: str) -> str:
    return hashlib.sha256(f"{study_instance_uid}/{series_instance_uid}".encode()).hexdigest()[:40]


def _kept(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("metadata_file_unreadable", file=str(path), cause=str(error))
        return None
