"""A disk that forgets what was not synced: the node's own calls on real files, and what a power cut leaves of them.

The files are real, in a folder in memory, so every call of the product works. Beside them the disk keeps what is on
stable storage: a file's bytes as of its last fsync, a directory's names as of its own. A power cut makes a new folder
of that, and of those changes since that the seed lets through: none, all, the first few, or any of them; bytes that
were not synced are gone, torn or zeros. A rename is one change, as journalling file systems have it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storage import filesystem
from tests.faults.simulated.scheduler import Scheduler

_open, _write, _fsync, _unlink = os.open, os.write, os.fsync, os.unlink
_rename, _mkdir, _scandir, _fchmod = os.rename, os.mkdir, os.scandir, os.fchmod
_place, _sync_file_system = filesystem.move_without_replacement, filesystem.sync_file_system


class Inode:
    """A file or directory: what of it is on stable storage."""

    __slots__ = ("content", "dirty", "durable", "is_directory", "lost", "names")

    def __init__(self, *, is_directory: bool) -> None:
        self.is_directory = is_directory
        self.durable = b""  # a file's bytes
        self.dirty = False  # was written to since
        self.lost = False  # a failed fsync took the dirty pages for clean: another one does not bring them back
        self.content = b""  # of a file whose last name went: what it had
        self.names: dict[str, Inode] = {}  # a directory's, durable


class Change:
    """Names that come and go in one step."""

    __slots__ = ("names",)

    def __init__(self, *names: tuple[Inode, str, Inode | None]) -> None:
        self.names = list(names)


class Disk:
    """The file system under one node, over every crash of one history."""

    def __init__(self, choose: random.Random, folder: Path) -> None:
        self._choose = choose
        self._folder = str(folder)
        self._cuts = 0
        self._scheduler: Scheduler | None = None
        self._inodes: dict[int, Inode] = {}
        self._pending: list[Change] = []
        self._root = Inode(is_directory=True)
        self._mount()

    @property
    def path(self) -> Path:
        """Where it is mounted now."""
        return Path(self._mounted)

    def _mount(self) -> None:
        self._mounted = f"{self._folder}/disk{self._cuts}"
        self._under = f"{self._mounted}/"
        _mkdir(self._mounted)
        self._inodes = {os.stat(self._mounted).st_ino: self._root}
        self._pending = []

    # Crashes -----------------------------------------------------------------------------------------------------

    def cut_power(self, manner: str = "") -> str:
        """Forget what was not synced and mount what is left. Says how much of it was let through."""
        before = self._mounted
        now = {inode: path for path, inode in self._reached(before, self._root)}
        manner = manner or self._choose.choice(("none", "all", "first", "any"))
        first = self._choose.randrange(len(self._pending) + 1)
        for number, change in enumerate(self._pending):
            if (
                manner == "all"
                or (manner == "first" and number < first)
                or (manner == "any" and self._choose.random() < 0.5)
            ):
                _apply(change)
        self._cuts += 1
        self._mount()
        self._write_out(self._root, self._mounted, now)
        return manner

    def _reached(self, path: str, inode: Inode) -> Iterator[tuple[str, Inode]]:
        """Every file as it is now, whether synced or not."""
        with _scandir(path) as entries:
            for entry in entries:
                inner = self._inodes[entry.inode()]
                if inner.is_directory:
                    yield from self._reached(entry.path, inner)
                else:
                    yield entry.path, inner

    def _write_out(self, directory: Inode, path: str, now: dict[Inode, str]) -> None:
        for name in sorted(directory.names):
            inode = directory.names[name]
            inner = f"{path}/{name}"
            if inode.is_directory:
                _mkdir(inner)
                self._inodes[os.stat(inner).st_ino] = inode
                self._write_out(inode, inner, now)
                continue
            inode.durable = self._survives(inode, now.get(inode))
            inode.dirty = inode.lost = False
            descriptor = _open(inner, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            _write(descriptor, inode.durable)
            self._inodes[os.fstat(descriptor).st_ino] = inode
            os.close(descriptor)

    def _survives(self, inode: Inode, path: str | None) -> bytes:
        if not inode.dirty:
            return inode.durable
        content = inode.content if path is None else Path(path).read_bytes()
        manner = self._choose.random()
        torn = self._choose.randrange(len(content) + 1)
        if manner < 0.4:
            return inode.durable
        if manner < 0.6:
            return content[: max(torn, len(inode.durable))]
        if manner < 0.8:
            return content[:torn] + bytes(len(content) - torn)
        return content

    # What the node calls -------------------------------------------------------------------------------------------

    @contextmanager
    def under(self, scheduler: Scheduler) -> Iterator[None]:
        """The process' file calls on this disk go through here, as the port calls of `scheduler`'s tasks."""
        self._scheduler = scheduler
        calls = {
            "open": self.open,
            "write": self.write,
            "fsync": self.fsync,
            "unlink": self.unlink,
            "rename": self.rename,
            "mkdir": self.mkdir,
            "scandir": self.scandir,
            "fchmod": self.fchmod,
        }
        before = {name: getattr(os, name) for name in calls}
        try:
            for name, call in calls.items():
                setattr(os, name, call)
            filesystem.move_without_replacement = self.place
            filesystem.sync_file_system = self.sync
            yield
        finally:
            for name, call in before.items():
                setattr(os, name, call)
            filesystem.move_without_replacement = _place
            filesystem.sync_file_system = _sync_file_system

    def _port(self, call: str, subject: str) -> None:
        assert self._scheduler is not None
        failure = self._scheduler.port(f"{call} {subject}")
        if failure:
            raise OSError(failure, os.strerror(failure), subject)

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """os.open"""
        name = os.fspath(path)
        if flags & os.O_DIRECTORY or (dir_fd is None and not self._is_here(name)):
            return _open(path, flags, mode, dir_fd=dir_fd)
        short = name.rpartition("/")[2]
        self._port("create" if flags & os.O_CREAT else "open", short)
        descriptor = _open(path, flags, mode, dir_fd=dir_fd)
        if flags & os.O_CREAT:
            inode = self._new(os.fstat(descriptor).st_ino, is_directory=False)
            self._pending.append(Change((self._directory(name, dir_fd), short, inode)))
        return descriptor

    def write(self, descriptor: int, data: Any) -> int:
        """os.write, at times short."""
        inode = self.inode(descriptor)
        if inode is None:
            return _write(descriptor, data)
        assert self._scheduler is not None
        if len(data) > 1 and self._scheduler.faults.fails and self._choose.random() < 0.1:
            data = memoryview(data)[: self._choose.randrange(1, len(data))]
        self._port("write", str(len(data)))
        inode.dirty = True
        return _write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        """os.fsync"""
        inode = self.inode(descriptor)
        if inode is None:
            _fsync(descriptor)
            return
        try:
            self._port("fsync", self.kind(inode))
        except OSError:
            inode.lost = inode.dirty  # directories are in the journal, which is tried again or given up for good
            raise
        if inode.is_directory:
            self._sync_names(inode)
        elif not inode.lost:
            inode.durable = _content(descriptor)
            inode.dirty = False

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        """os.unlink"""
        name = os.fspath(path)
        if dir_fd is None and not self._is_here(name):
            _unlink(path, dir_fd=dir_fd)
            return
        short = name.rpartition("/")[2]
        self._port("unlink", short)
        inode = self._inodes[os.stat(name, dir_fd=dir_fd).st_ino]
        if inode.dirty:
            descriptor = _open(name, os.O_RDONLY, dir_fd=dir_fd)
            inode.content = _content(descriptor)
            os.close(descriptor)
        _unlink(path, dir_fd=dir_fd)
        self._pending.append(Change((self._directory(name, dir_fd), short, None)))

    def rename(self, old: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        """os.rename"""
        source, target = os.fspath(old), os.fspath(new)
        if src_dir_fd is None and not self._is_here(source):
            _rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
            return
        self._port("rename", target.rpartition("/")[2])
        number = os.stat(source, dir_fd=src_dir_fd).st_ino
        _rename(old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self._moved(number, source, src_dir_fd, target, dst_dir_fd)

    def place(self, file: Path, directory: int, name: str) -> None:
        """storage.filesystem.move_without_replacement"""
        source = str(file)
        self._port("place", name)
        number = os.stat(source).st_ino
        _place(file, directory, name)
        self._moved(number, source, None, name, directory)

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """os.mkdir"""
        name = os.fspath(path)
        if dir_fd is None and not self._is_here(name):
            _mkdir(path, mode, dir_fd=dir_fd)
            return
        short = name.rpartition("/")[2]
        if not _exists(name, dir_fd):  # else it fails, whatever a crash or a fault would do
            self._port("mkdir", short)
        _mkdir(path, mode, dir_fd=dir_fd)
        inode = self._new(os.stat(name, dir_fd=dir_fd).st_ino, is_directory=True)
        self._pending.append(Change((self._directory(name, dir_fd), short, inode)))

    def scandir(self, path: Any = ".") -> Any:
        """os.scandir, in the order of names, since the file system's is its own affair"""
        if not (self.inode(path) if isinstance(path, int) else self._is_here(os.fspath(path))):
            return _scandir(path)
        self._port("list", "")
        with _scandir(path) as entries:
            return _Entries(sorted(entries, key=lambda entry: entry.name))

    def fchmod(self, descriptor: int, mode: int) -> None:
        """os.fchmod"""
        if os.fstat(descriptor).st_ino in self._inodes:
            self._port("fchmod", "")
        _fchmod(descriptor, mode)

    def sync(self, folder: Path) -> None:
        """storage.filesystem.sync_file_system"""
        self._port("syncfs", "")
        for change in self._pending:
            _apply(change)
        self._pending = []
        for path, inode in self._reached(self._mounted, self._root):
            if inode.dirty and not inode.lost:
                inode.durable, inode.dirty = Path(path).read_bytes(), False

    # What is where -------------------------------------------------------------------------------------------------

    def inode(self, descriptor: int) -> Inode | None:
        """What an open file or directory of this disk is; None for those elsewhere."""
        return self._inodes.get(os.fstat(descriptor).st_ino)

    def _is_here(self, path: str) -> bool:
        return path.startswith(self._under) or path == self._mounted

    def _new(self, number: int, *, is_directory: bool) -> Inode:
        inode = self._inodes[number] = Inode(is_directory=is_directory)
        return inode

    def kind(self, inode: Inode) -> str:
        """A directory into which something was moved is worth a word of its own: there an object becomes durable."""
        if not inode.is_directory:
            return "file"
        moved = any(len(change.names) > 1 and change.names[1][0] is inode for change in self._pending)
        return "moved" if moved else "directory"

    def _directory(self, path: str, descriptor: int | None) -> Inode:
        if descriptor is not None:
            return self._inodes[os.fstat(descriptor).st_ino]
        return self._inodes[os.stat(path.rpartition("/")[0]).st_ino]

    def _moved(self, number: int, source: str, from_: int | None, target: str, to: int | None) -> None:
        self._pending.append(
            Change(
                (self._directory(source, from_), source.rpartition("/")[2], None),
                (self._directory(target, to), target.rpartition("/")[2], self._inodes[number]),
            )
        )

    def _sync_names(self, directory: Inode) -> None:
        """Every change that touches the directory is durable now; older ones of the same names are past."""
        left: list[Change] = []
        synced: set[tuple[int, str]] = set()
        for change in reversed(self._pending):
            if any(inode is directory for inode, _, _ in change.names):
                for inode, name, target in change.names:
                    if (id(inode), name) not in synced:
                        synced.add((id(inode), name))
                        _name(inode, name, target)
            else:
                change.names = [part for part in change.names if (id(part[0]), part[1]) not in synced]
                if change.names:
                    left.append(change)
        self._pending = left[::-1]


class _Entries:
    """What scandir gives."""

    def __init__(self, entries: list[os.DirEntry[str]]) -> None:
        self._entries = entries

    def __enter__(self) -> Iterator[os.DirEntry[str]]:
        return iter(self._entries)

    def __exit__(self, *error: object) -> None:
        return None

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return iter(self._entries)


def _apply(change: Change) -> None:
    for directory, name, inode in change.names:
        _name(directory, name, inode)


def _name(directory: Inode, name: str, inode: Inode | None) -> None:
    if inode is None:
        directory.names.pop(name, None)
    else:
        directory.names[name] = inode


def _exists(path: str, directory: int | None) -> bool:
    try:
        os.stat(path, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
