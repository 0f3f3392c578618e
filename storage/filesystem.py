"""Objects as files of a folder: one fsync, one rename, one directory fsync an object (see storage/README.md).

Layout: ``root/objects/…`` the objects, named by their keys, mode 0440; ``root/incoming/`` what is on its way in.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import structlog

from storage.directories import Directories, Directory, make_folder
from storage.errors import KeyExists, KeyMissing, StorageError, StorageFailed, StorageFull, StorageUnfit
from storage.keys import KEY_ROOT, check_key, is_key, listing_prefix, split_key
from storage.mounts import NETWORK_FILE_SYSTEMS, VOLATILE_FILE_SYSTEMS, file_system_of
from storage.protocol import ByteRange, ObjectStat, Space
from storage.ranges import file_range

_log = structlog.get_logger()

_OBJECTS = KEY_ROOT.rstrip("/")
_OBJECT_MODE = 0o440
# O_NONBLOCK: a pipe somebody put among the objects must not hold up a reader for ever.
_OPEN_OBJECT = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
# What a file system without RENAME_NOREPLACE answers (NFS, some FUSE), and a kernel without the call.
_NOT_OFFERED = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_libc = ctypes.CDLL(None, use_errno=True)
_renameat2 = _libc.renameat2


class FolderStore:
    """An object store in a folder; safe from many threads, and from several processes on one machine."""

    def __init__(self, root: Path, *, make: bool = True) -> None:
        """Open the store, making its folders where they are missing. Raises StorageUnfit.

        With `make` False it has to be there, and is good for reading whoever owns it.
        """
        self._root = root.resolve()
        self._incoming = self._root / "incoming"
        if not make:
            if not (self._root / _OBJECTS).is_dir():
                raise StorageUnfit(f"there are no objects in {self._root}; it has no folder {_OBJECTS}")
            self._to_write = self._to_read = Directories(self._root, anchor=False)
            return
        try:
            for folder in (self._root / _OBJECTS, self._incoming):
                make_folder(folder)
        except OSError as error:
            raise StorageUnfit(
                f"cannot make the object store in {self._root}: {error.strerror}; "
                "give the node a folder which it may write to"
            ) from error
        self._to_write = Directories(self._root, anchor=True)
        self._to_read = Directories(self._root, anchor=False)

    @property
    def incoming(self) -> Path:
        """``root/incoming``."""
        return self._incoming

    def settle(self, descriptor: int) -> None:
        """Make the file's bytes and mode durable; see ObjectStore.settle."""
        with _refusals("the incoming file was not stored"):
            _sync(descriptor)

    def put(self, key: str, file: Path, metadata: Mapping[str, str], *, settled: bool = False) -> None:
        """Sync the file, rename it without replacement, sync the directory; see ObjectStore.put."""
        folder, name = split_key(key)
        with _refusals(f"object {key} was not stored"):
            directory = self._to_write.open(folder)
            if not settled:
                _settle(file)
            self._place(file, directory, name)

    def secure(self) -> None:
        """Sync the file system of the objects; see ObjectStore.secure."""
        with _refusals(f"{self._root} was not synced"):
            sync_file_system(self._root / _OBJECTS)

    def open(self, key: str, byte_range: ByteRange | None = None) -> BinaryIO:
        """A seekable stream of the object or of the range; see ObjectStore.open."""
        descriptor, status = self._open_object(key)
        return file_range(descriptor, status.st_size, byte_range)

    def forget(self, key: str) -> None:
        """Drop its clean pages from the page cache; see ObjectStore.forget."""
        descriptor, _ = self._open_object(key)
        with _refusals(f"object {key} cannot be dropped from memory"):
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)

    def versions(self, key: str) -> Iterator[BinaryIO]:
        """None; see ObjectStore.versions."""
        check_key(key)
        return iter(())

    def read_at_once(self, key: str, offset: int, buffer: memoryview) -> bool:
        """What the page cache has of the object; see ObjectStore.read_at_once."""
        try:
            descriptor, _ = self._open_object(key)
        except StorageError:
            return False
        try:
            return os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT) == len(buffer)
        except OSError:  # not in memory, or the file system cannot tell
            return False
        finally:
            os.close(descriptor)

    def stat(self, key: str) -> ObjectStat:
        """The size in bytes; a folder keeps no metadata. See ObjectStore.stat."""
        descriptor, status = self._open_object(key)
        os.close(descriptor)
        return ObjectStat(status.st_size, {})

    def delete(self, key: str) -> None:
        """Unlink and sync the directory; see ObjectStore.delete."""
        folder, name = split_key(key)
        with _refusals(f"object {key} was not deleted", missing=key):
            directory = self._existing(folder)
            os.unlink(name, dir_fd=directory.descriptor)
            os.fsync(directory.descriptor)

    def list(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """Keys in order, read folder by folder as they are asked for; see ObjectStore.list."""
        narrowed = listing_prefix(prefix)
        if narrowed is not None:
            yield from self._walk(_OBJECTS, narrowed, after)

    def local_path(self, key: str) -> Path | None:
        """The object's file; see ObjectStore.local_path."""
        folder, name = split_key(key)
        return self._root / folder / name

    def space(self) -> Space:
        """Room for this user on the objects' file system; inodes None where it does not count them (btrfs)."""
        return space_of(self._root / _OBJECTS)

    def check(self) -> None:
        """One device, and a real write, rename without replacement, read and delete. Raises StorageUnfit.

        A full disk is logged and passes.
        """
        try:
            if os.stat(self._incoming).st_dev != os.stat(self._root / _OBJECTS).st_dev:
                raise StorageUnfit(
                    f"{self._incoming} and {self._root / _OBJECTS} are on different devices, so no file can be "
                    "moved from one to the other in one step; mount the whole store, not one of its folders"
                )
            self._probe()
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise StorageUnfit(f"the folder {self._root} failed its write test: {error}") from error
            # What is stored can still be read: that is no reason to refuse the start.
            _log.error("object_store_full", folder=str(self._root), hint="make room; until then nothing is taken in")
        kind = file_system_of(self._root / _OBJECTS)
        hint = NETWORK_FILE_SYSTEMS.get(kind) or VOLATILE_FILE_SYSTEMS.get(kind)
        if hint:
            _log.warning("object_store_may_lose", folder=str(self._root), file_system=kind, hint=hint)

    def _probe(self) -> None:
        # A leading dot: never a key, so neither a listing nor a sweep takes the probe for an object.
        name = f".probe-{secrets.token_hex(8)}"
        directory = self._to_write.open(_OBJECTS)
        first, second = self._incoming / f"{name}.1", self._incoming / f"{name}.2"
        try:
            for file in (first, second):
                file.write_bytes(file.name.encode())
                _settle(file)
            self._place(first, directory, name)
            with contextlib.suppress(KeyExists):
                self._place(second, directory, name)
                raise StorageUnfit(f"the file system of {self._root} replaces files which it was told not to")
            if (self._root / _OBJECTS / name).read_bytes() != first.name.encode():
                raise StorageUnfit(f"the file system of {self._root} does not give back what was written")
        finally:
            for leftover in (first, second, self._root / _OBJECTS / name):
                leftover.unlink(missing_ok=True)
            os.fsync(directory.descriptor)

    def _place(self, file: Path, directory: Directory, name: str) -> None:
        try:
            move_without_replacement(file, directory.descriptor, name)
        except FileExistsError as error:
            raise KeyExists(f"{name} is taken: storage keys are used once") from error
        try:
            os.fsync(directory.descriptor)
        except OSError:
            # The name may or may not be on the disk; the promise of a failed put is that it is not.
            with contextlib.suppress(OSError):
                os.rename(name, file, src_dir_fd=directory.descriptor)
            raise

    def _open_object(self, key: str) -> tuple[int, os.stat_result]:
        folder, name = split_key(key)
        with _refusals(f"object {key} cannot be read", missing=key):
            directory = self._existing(folder)
            descriptor = os.open(name, _OPEN_OBJECT, dir_fd=directory.descriptor)
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                return descriptor, status
            os.close(descriptor)
            raise IsADirectoryError(errno.EISDIR, "not a file")

    def _existing(self, folder: str) -> Directory:
        try:
            return self._to_read.open(folder)
        except NotADirectoryError as error:
            # O_NOFOLLOW answers the same for a file and for a link; only a file means "no such object".
            way = [self._root / folder, *(self._root / folder).parents]
            if any(step.is_symlink() for step in way[: folder.count("/") + 1]):
                raise OSError(
                    errno.ELOOP, "a symbolic link is in the way; mount the other disk there instead"
                ) from error
            raise

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[str]:
        with _refusals(f"{folder} cannot be listed"):
            try:
                entries = _names(self._to_read.open_anew(folder))
            except FileNotFoundError:
                return
        for name in entries:
            key = f"{folder}/{name}"
            if not name.endswith("/"):
                if key > after and key.startswith(prefix) and is_key(key):
                    yield key
            elif (key.startswith(prefix) or prefix.startswith(key)) and (key > after or after.startswith(key)):
                yield from self._walk(key.rstrip("/"), prefix, after)


def move_without_replacement(file: Path, directory: int, name: str) -> None:
    """Give `file` the name `name` in the open `directory`. Raises FileExistsError when taken, OSError."""
    if _renameat2(_AT_FDCWD, os.fsencode(file), directory, os.fsencode(name), _RENAME_NOREPLACE) == 0:
        return
    number = ctypes.get_errno()
    if number not in _NOT_OFFERED:
        raise OSError(number, os.strerror(number), str(file))
    link_without_replacement(file, directory, name)


def link_without_replacement(file: Path, directory: int, name: str) -> None:
    """The same in two steps where RENAME_NOREPLACE is not offered; a crash between them leaves both names."""
    os.link(file, name, dst_dir_fd=directory, follow_symlinks=False)
    os.unlink(file)


def space_of(folder: Path) -> Space:
    """Room for this user on the file system of `folder`; inodes None where it does not count them (btrfs).

    Raises StorageFailed.
    """
    with _refusals(f"no answer about the room left in {folder}"):
        answer = os.statvfs(folder)
    counted = answer.f_files > 0
    return Space(
        free_bytes=answer.f_bavail * answer.f_frsize,
        total_bytes=answer.f_blocks * answer.f_frsize,
        free_inodes=answer.f_favail if counted else None,
        total_inodes=answer.f_files if counted else None,
    )


def sync_file_system(folder: Path) -> None:
    """syncfs(2): every file and name of the file system that `folder` is on. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if _libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _settle(file: Path) -> None:
    """Make the file's bytes and mode durable. Raises OSError; its descriptor is then never synced again."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    if stat.S_IMODE(os.fstat(descriptor).st_mode) != _OBJECT_MODE:
        os.fchmod(descriptor, _OBJECT_MODE)
    os.fsync(descriptor)


def _names(directory: Directory) -> list[str]:
    """Names in the directory, folders with a slash, sorted as the keys below them sort."""
    with os.scandir(directory.descriptor) as entries:
        return sorted(
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        )


@contextlib.contextmanager
def _refusals(what: str, missing: str = "") -> Iterator[None]:
    """Turn the system's errors into the store's; with `missing`, "no such file" means no such object."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        if missing:
            raise KeyMissing(f"there is no object {missing}") from error
        raise StorageFailed(f"{what}: {error}") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(f"{what}: {error.strerror}; make room on the disk of the object store") from error
        raise StorageFailed(f"{what}: {error}") from error
