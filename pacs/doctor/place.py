"""Where the data are: their folder, its file system, and the room in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from pacs.archive.room import Level, Room
from pacs.doctor.finding import Finding, unseen, well, wrong
from pacs.doctor.look import Look
from storage.errors import StorageError
from storage.mounts import NETWORK_FILE_SYSTEMS, VOLATILE_FILE_SYSTEMS, file_system_of

_OF_THE_NODE = (
    "lock", "control", "index.db", "index.db-wal", "index.db-shm", "store", "store/incoming", "store/ready", "derived",
)  # fmt: skip


def data_folder(look: Look) -> Iterator[Finding]:
    """May this user read and write PACS_DATA, and nobody else?"""
    data = look.settings.data.resolve()
    try:
        status = data.stat()
    except OSError:
        yield wrong(f"there is no folder {data}", "check PACS_DATA, or start a node there: `pacs serve` makes it")
        return
    if not stat.S_ISDIR(status.st_mode):
        yield wrong(f"{data} is no folder", "correct PACS_DATA")
        return
    if status.st_uid != os.geteuid():
        yield wrong(
            f"{data} belongs to user id {status.st_uid}, and you are {os.geteuid()}",
            f"work as that user: sudo -u '#{status.st_uid}' pacs …",
        )
    elif not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        yield wrong(f"{data} may not be written by its owner", f"chmod 700 {data}")
    elif status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield wrong(f"other users of this machine may look into {data}", f"chmod 700 {data}")
    elif foreign := _foreign(data, status.st_uid):
        yield wrong(
            f"{foreign} does not belong to the owner of {data}; the node cannot write it",
            f"chown -R --no-dereference {status.st_uid}:{status.st_gid} {data}",
        )
    else:
        yield well(f"{data} is its owner's alone")


def _foreign(data: Path, owner: int) -> Path | None:
    """A file of the node itself that a command run as another user left behind."""
    for name in _OF_THE_NODE:
        file = data / name
        if os.path.lexists(file) and file.lstat().st_uid != owner:
            return file
    return None


def file_systems(look: Look) -> Iterator[Finding]:
    """Do the disks keep what is written to them?"""
    places = {"the index": _existing(_index_file(look) or look.settings.data)}
    if not look.settings.storage_location.startswith("s3://"):
        places["the objects"] = _existing(Path(look.settings.storage_location))
    bad = False
    for what, path in places.items():
        kind = file_system_of(path.resolve())
        if kind in NETWORK_FILE_SYSTEMS and what == "the index" and _index_file(look) is not None:
            bad = True
            yield wrong(
                f"the index is on {kind}, where SQLite may lose data",
                "put PACS_DATA on a local disk, or give PACS_DATABASE as postgresql://…",
            )
        elif hint := NETWORK_FILE_SYSTEMS.get(kind) or VOLATILE_FILE_SYSTEMS.get(kind):
            bad = True
            yield wrong(f"{what} at {path} are on {kind}: {hint}", "mount a disk of your own there")
    if not bad:
        yield well("the disks keep what is written to them")


def room(look: Look) -> Iterator[Finding]:
    """Is there room?"""
    if look.index is None or look.store is None:
        yield unseen("the room cannot be told without index and store")
        return
    places = Room(look.store, look.index, look.settings.data.resolve(), look.limits)
    try:
        found = list(places.shortages())
    except StorageError as error:
        yield unseen(f"the room cannot be told: {error}")
        return
    for shortage in found:
        remedy = "free space or enlarge the disk; nothing is ever deleted to make room"
        if shortage.level is Level.FULL:
            remedy += ". Until then images are refused and senders keep them; reading goes on"
        yield wrong(shortage.message, remedy)
    if not found:
        yield well("there is room on every disk")
    if (log := _index_file(look)) is not None:
        yield from _log(log.with_name(f"{log.name}-wal"))


LOG_BYTES_MAX = 1 << 30


def _log(file: Path) -> Iterator[Finding]:
    if file.exists() and file.stat().st_size > LOG_BYTES_MAX:
        yield wrong(
            f"the log of the index has grown to {file.stat().st_size >> 20} MiB",
            "something reads the index for hours and holds it back; end that, or restart the node",
        )


def _index_file(look: Look) -> Path | None:
    url = look.settings.database_url
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
