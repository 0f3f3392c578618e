"""Open directories of a folder store: reached without following links, durable before they are used."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
_DIRECTORY_MODE = 0o750


class Directory:
    """One open directory; its descriptor closes when the last user lets go of it, not when the cache does."""

    __slots__ = ("descriptor", "identity")

    def __init__(self, descriptor: int, identity: tuple[int, int]) -> None:
        self.descriptor = descriptor
        self.identity = identity

    def __del__(self) -> None:
        os.close(self.descriptor)


class Directories:
    """The recently used directories beneath `root`, at most `capacity` of them kept open. Thread safe.

    With `anchor`, missing directories are made, and the way to each is synced from the root down when this
    process first uses it, whoever made it: a power cut may take a directory whose parent was never synced,
    and with it every object inside.
    """

    def __init__(self, root: Path, *, anchor: bool, capacity: int = 64) -> None:
        self._root = root
        self._anchor = anchor
        self._capacity = capacity
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Directory] = OrderedDict()

    def open(self, path: str) -> Directory:
        """The directory at `path`, segments below the root. Raises OSError."""
        return self._recall(path) or self._keep(path, self.open_anew(path))

    def open_anew(self, path: str) -> Directory:
        """The same with a descriptor of its own, as reading the names needs it: they share one position."""
        descriptor = os.open(self._root, _OPEN_DIRECTORY)
        try:
            for segment in path.split("/"):
                if self._anchor:
                    _make(descriptor, segment)
                inner = os.open(segment, _OPEN_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            return Directory(descriptor, _identity(os.fstat(descriptor)))
        except BaseException:
            os.close(descriptor)
            raise

    def _recall(self, path: str) -> Directory | None:
        with self._lock:
            directory = self._kept.get(path)
            if directory is None:
                return None
            self._kept.move_to_end(path)
        # Somebody may have moved the folder away or mounted something over it: then the descriptor is stale.
        try:
            status = os.stat(f"{self._root}/{path}")
        except OSError:
            return None
        return directory if _identity(status) == directory.identity else None

    def _keep(self, path: str, directory: Directory) -> Directory:
        with self._lock:
            self._kept[path] = directory
            self._kept.move_to_end(path)
            if len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return directory


def make_folder(path: Path) -> None:
    """`path` and its missing parents, each synced into the directory above it. Raises OSError."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    elif not os.access(path.parent, os.R_OK):
        return  # made for us by somebody else, as a mount point is
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """fsync a directory, so that the names in it survive a power cut. Raises OSError."""
    descriptor = os.open(path, _OPEN_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make(parent: int, name: str) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, _DIRECTORY_MODE, dir_fd=parent)
    # Also when it was there: another thread may have made it and not have synced it yet.
    os.fsync(parent)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
