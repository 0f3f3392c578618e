"""Bodies that come in several requests: kept in `uploads/` of PACS_DATA until they are whole, then taken in.

An upload is two files: its bytes, and what is known of it, replaced whole. The offset that is told is that of the bytes
which are on stable storage; what lies behind it after a crash is cut off.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from pacs.access.principals import Principal
from pacs.archive.limits import UploadLimits
from pacs.archive.spool import refusal
from pacs.errors import (
    Busy,
    DoesNotMatch,
    InstanceTooLarge,
    NotFound,
    OutOfResources,
    StateConflict,
    TooManyOpen,
)
from pacs.model import from_microseconds, to_microseconds
from storage.directories import sync_directory
from storage.filesystem import space_of

if TYPE_CHECKING:
    from pacs.archive.archive import Archive

log = structlog.get_logger()

SETTLE_EVERY_BYTES: Final = 64 << 20
DIGESTS: Final = ("sha-256", "sha-512")
_READ_BYTES: Final = 4 << 20
_ID: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_DIGEST: Final = re.compile(r"(sha-256|sha-512)=:([A-Za-z0-9+/]{40,90}={0,2}):")


class Upload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One upload as it is on the disk.

    `offset` bytes are on stable storage; `length` is -1 until it is known. `digest` is the Repr-Digest of RFC 9530 that
    was told, "" for none. `is_complete`: nothing more comes. `answer` is what became of it (status and body), `files`
    what became of each file in it; then its bytes are gone.
    """

    id: str
    owner: str
    content_type: str
    created: int
    touched: int
    study_instance_uid: str = ""
    offset: int = 0
    length: int = -1
    digest: str = ""
    is_complete: bool = False
    status: int = 0
    answer: dict[str, Any] = {}
    files: list[dict[str, Any]] = []

    @property
    def state(self) -> str:
        """Where it is: uploading, complete (and not yet taken in), done."""
        return "done" if self.status else "complete" if self.is_complete else "uploading"


class Uploads:
    """The uploads of a node. Every method blocks and may be called from many threads."""

    def __init__(self, archive: Archive, folder: Path, limits: UploadLimits) -> None:
        self.limits = limits
        self._archive = archive
        self._folder = folder
        self._lock = threading.Lock()
        self._writers: dict[str, Appending] = {}
        self._taking: set[str] = set()

    # One upload --------------------------------------------------------------------------------------------------

    def create(
        self, principal: Principal, content_type: str, *, length: int = -1, digest: str = "", study: str = ""
    ) -> Upload:
        """A new upload. Raises InstanceTooLarge, OutOfResources, NotAuthorised, Busy, DoesNotMatch for a digest that
        cannot be checked."""
        self._archive.admit(principal, study)
        self._check_length(length)
        _check_digest(digest)
        now = to_microseconds(self._archive.clock())
        with self._lock:
            try:
                self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                sync_directory(self._folder.parent)
                if sum(upload.owner == principal.name for upload in self._all()) >= self.limits.count_max:
                    raise TooManyOpen(
                        f"this account has {self.limits.count_max} uploads already",
                        "finish or delete one of them",
                        "uploads_open",
                    )
                made = Upload(
                    str(self._archive.arrivals.next()),
                    principal.name,
                    content_type,
                    now,
                    now,
                    study_instance_uid=study,
                    length=length,
                    digest=digest,
                )
                descriptor = os.open(
                    self._bytes_of(made.id), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o640
                )
                os.close(descriptor)
                self._write(made)
            except OSError as error:
                raise refusal(error) from error
        return made

    def get(self, principal: Principal, upload_id: str) -> Upload:
        """What is known of an upload of this caller. Raises NotFound."""
        found = self._read(upload_id)
        if found is None or found.owner != principal.name:
            removed = "it may have been removed because nobody went on with it"
            raise NotFound("there is no such upload", removed, "upload_gone")
        return found

    def appending(
        self, principal: Principal, upload_id: str, offset: int, *, length: int = -1, digest: str = ""
    ) -> Appending:
        """Begin to append at `offset`; whoever appended before, on a connection that was lost, is stopped.

        Raises NotFound, OffsetWrong, OutOfResources, InstanceTooLarge, StateConflict for one that is complete.
        """
        upload = self.stopped(principal, upload_id)
        self._archive.admit(principal, upload.study_instance_uid)
        if upload.is_complete:
            raise StateConflict("this upload is complete", "create another one")
        if offset != upload.offset:
            raise OffsetWrong(upload.offset)
        if length >= 0 and upload.length not in (-1, length):
            raise StateConflict(f"the length was said to be {upload.length} bytes", "keep to it")
        self._check_length(length)
        _check_digest(digest)
        told = msgspec.structs.replace(upload, length=max(length, upload.length), digest=digest or upload.digest)
        with self._lock:
            if upload_id in self._writers:
                ask = "ask for its offset, then go on there"
                raise Busy("another request appends to this upload", ask, "upload_busy")
            try:
                writer = Appending(self, self._archive, told, self._bytes_of(upload_id))
            except OSError as error:
                raise refusal(error) from error
            self._writers[upload_id] = writer
        return writer

    def stopped(self, principal: Principal, upload_id: str) -> Upload:
        """The upload after whoever appends to it was stopped, so that its offset stands still. Raises NotFound."""
        self.get(principal, upload_id)
        with self._lock:
            writer = self._writers.get(upload_id)
        if writer is not None:
            writer.close()
        return self.get(principal, upload_id)

    def complete(self, principal: Principal, upload_id: str) -> Upload:
        """Nothing more comes: the length and the digest are compared. Raises DoesNotMatch, after which the upload is
        gone, StateConflict while bytes are missing, NotFound, StoreFailed."""
        upload = self.get(principal, upload_id)
        if upload.is_complete:
            return upload
        if upload.length not in (-1, upload.offset):
            raise StateConflict(
                f"{upload.offset} of {upload.length} bytes are here", "append the rest, then complete it"
            )
        try:
            os.truncate(self._bytes_of(upload_id), upload.offset)  # what a crash left behind it
        except OSError as error:
            raise refusal(error) from error
        if upload.digest:
            name, _, told = upload.digest.partition("=")
            found = f":{base64.b64encode(self._digest(upload, name)).decode('ascii')}:"
            if found != told:
                self.remove(principal, upload_id)
                raise DoesNotMatch(
                    f"the {name} of what came is {found} and {told} was told", "upload it again from the beginning"
                )
        whole = msgspec.structs.replace(upload, length=upload.offset, is_complete=True, touched=self._now())
        self._save(whole)
        return whole

    @contextmanager
    def taking(self, upload: Upload) -> Iterator[Path]:
        """The bytes of a complete upload, for the one who takes them in. Raises Busy while another does."""
        with self._lock:
            if upload.id in self._taking:
                raise Busy("this upload is being taken in", "ask for it again in a moment", "upload_busy")
            self._taking.add(upload.id)
        try:
            yield self._bytes_of(upload.id)
        finally:
            with self._lock:
                self._taking.discard(upload.id)

    def done(self, upload: Upload, status: int, answer: dict[str, Any], files: list[dict[str, Any]]) -> None:
        """Keep what became of it, and let its bytes go. Raises StoreFailed, OutOfResources."""
        self._save(msgspec.structs.replace(upload, status=status, answer=answer, files=files, touched=self._now()))
        self._bytes_of(upload.id).unlink(missing_ok=True)

    def remove(self, principal: Principal, upload_id: str) -> None:
        """Give it up. Raises NotFound, Busy while it is taken in."""
        upload = self.stopped(principal, upload_id)
        with self.taking(upload):
            self._forget(upload_id)

    def remove_stale(self) -> int:
        """Remove what nobody went on with for too long, and halves of uploads; gives how many."""
        before = to_microseconds(self._archive.clock() - self.limits.kept)
        removed = 0
        for path in sorted(self._folder.glob("*")) if self._folder.is_dir() else ():
            upload_id = path.name.partition(".")[0]
            with self._lock:
                if upload_id in self._writers or upload_id in self._taking:
                    continue
                upload = self._read(upload_id)
                try:
                    changed = int(path.stat().st_mtime * 1_000_000)
                except FileNotFoundError:
                    continue  # its other file, which has gone
                if (upload.touched if upload is not None else changed) >= before:
                    continue
                self._forget(upload_id)
                path.unlink(missing_ok=True)
            removed += 1
            log.info("upload_removed", state="half" if upload is None else upload.state)
        return removed

    # Files -------------------------------------------------------------------------------------------------------

    def settled(self, upload: Upload) -> Upload:
        """The offset of bytes that have just been synced, on stable storage too. Raises OSError."""
        kept = msgspec.structs.replace(upload, touched=self._now())
        with self._lock:
            self._write(kept)
        return kept

    def let_go(self, writer: Appending) -> None:
        """`writer` appends no more."""
        with self._lock:
            if self._writers.get(writer.upload.id) is writer:
                del self._writers[writer.upload.id]

    def _check_length(self, length: int) -> None:
        if length > self.limits.bytes_max:
            raise InstanceTooLarge(
                f"an upload is at most {self.limits.bytes_max} bytes",
                "raise PACS_ARCHIVE__UPLOAD_BYTES_MAX on the node",
            )
        if length > 0 and self._folder.is_dir():
            space = space_of(self._folder)
            if space.free_bytes is not None and space.free_bytes - length < self._archive.limits.floor(space):
                raise OutOfResources("there is no room for an upload of this length", "free space, then send again")

    def _digest(self, upload: Upload, name: str) -> bytes:
        digest = hashlib.new(name.replace("-", ""))
        try:
            with self._bytes_of(upload.id).open("rb") as file:
                while piece := file.read(_READ_BYTES):
                    digest.update(piece)
        except OSError as error:
            raise refusal(error) from error
        return digest.digest()

    def _now(self) -> int:
        return to_microseconds(self._archive.clock())

    def _all(self) -> Iterator[Upload]:
        for path in self._folder.glob("*.json"):
            found = self._read(path.stem)
            if found is not None:
                yield found

    def _bytes_of(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.bytes"

    def _read(self, upload_id: str) -> Upload | None:
        if _ID.fullmatch(upload_id) is None:
            return None
        try:
            return msgspec.json.decode((self._folder / f"{upload_id}.json").read_bytes(), type=Upload)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise refusal(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.error("upload_unreadable", upload=upload_id)
            return None

    def _save(self, upload: Upload) -> None:
        try:
            with self._lock:
                self._write(upload)
        except OSError as error:
            raise refusal(error) from error

    def _write(self, upload: Upload) -> None:
        """What is known, replaced whole and synced with its name. Raises OSError."""
        fresh = self._folder / f"{upload.id}.new"
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(upload))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._folder / f"{upload.id}.json")
        sync_directory(self._folder)

    def _forget(self, upload_id: str) -> None:
        for suffix in ("json", "bytes", "new"):
            (self._folder / f"{upload_id}.{suffix}").unlink(missing_ok=True)


class OffsetWrong(StateConflict):
    """Bytes are sent for another place than the one where they go on; `offset` is where."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the upload goes on at byte {offset}", "send what follows there")
        self.offset = offset


class Appending:
    """One request that appends. `close` settles what came, from whichever thread; nothing is taken afterwards."""

    def __init__(self, uploads: Uploads, archive: Archive, upload: Upload, path: Path) -> None:
        self.upload = upload
        self._uploads = uploads
        self._archive = archive
        self._lock = threading.Lock()
        self._written = upload.offset
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            os.ftruncate(self._descriptor, upload.offset)
            os.lseek(self._descriptor, upload.offset, os.SEEK_SET)
        except OSError:
            os.close(self._descriptor)
            raise

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises InstanceTooLarge, OutOfResources, StoreFailed, StateConflict where another
        request took over."""
        with self._lock:
            if self._descriptor < 0:
                raise StateConflict("another request goes on with this upload", "ask for its offset", "upload_busy")
            after = self._written + len(data)
            if after > self._uploads.limits.bytes_max:
                raise InstanceTooLarge(f"an upload is at most {self._uploads.limits.bytes_max} bytes")
            if 0 <= self.upload.length < after:
                raise InstanceTooLarge(f"this upload was said to be {self.upload.length} bytes", "send no more")
            self._archive.room.admit()
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._descriptor, view) :]
                self._written = after
                if after - self.upload.offset >= SETTLE_EVERY_BYTES:
                    self._settle()
            except OSError as error:
                raise refusal(error) from error

    def close(self) -> Upload:
        """Settle what came, and end. Harmless when repeated. Raises OutOfResources, StoreFailed."""
        with self._lock:
            if self._descriptor < 0:
                return self.upload
            try:
                self._settle()
            except OSError as error:
                raise refusal(error) from error
            finally:
                os.close(self._descriptor)
                self._descriptor = -1
                self._uploads.let_go(self)
            return self.upload

    def _settle(self) -> None:
        os.fsync(self._descriptor)
        self.upload = self._uploads.settled(msgspec.structs.replace(self.upload, offset=self._written))


def _check_digest(digest: str) -> None:
    if digest and _DIGEST.fullmatch(digest) is None:
        raise DoesNotMatch(
            f"the digest {digest[:100]!r} cannot be checked", "give sha-256=:…: or sha-512=:…: (RFC 9530)"
        )


def expires(upload: Upload, limits: UploadLimits) -> str:
    """When the upload is removed if nobody goes on with it, ISO 8601."""
    return (from_microseconds(upload.touched) + limits.kept).isoformat(timespec="seconds")
