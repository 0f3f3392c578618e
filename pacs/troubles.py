"""What can be wrong beneath an arrival, and what its sender hears then: one table for disks, SQLite and PostgreSQL.

Each of them passes: nothing is promised, the same again is safe, and the object is not to blame. An error that is in no
row is a mistake of ours, and is answered as one.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pacs.errors import ArrivalRefused, OutOfResources, StoreFailed
from storage.errors import StorageError, StorageFull

WORDS_CHARACTERS_MAX: Final = 64  # an Error Comment (0000,0902)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One of them: `words` are for the sender, in `WORDS_CHARACTERS_MAX` characters, `remedy` for the administrator.

    It is known by the system's error numbers, by how SQLite's name of an error begins, or by how a SQLSTATE does.
    """

    code: str
    words: str
    remedy: str
    refusal: type[ArrivalRefused] = StoreFailed
    numbers: frozenset[int] = frozenset()
    sqlite: tuple[str, ...] = ()
    sqlstates: tuple[str, ...] = ()

    def refused(self, message: str = "") -> ArrivalRefused:
        """The refusal of an arrival; `message` says more than the words where more is known."""
        return self.refusal(message or self.words, self.remedy, self.code)


NO_ROOM: Final = Trouble(
    "no_room",
    "no room left on the node's disk; send again later",
    "free space or enlarge the disk: `pacs doctor` names the one that is full",
    OutOfResources,
    frozenset({errno.ENOSPC, errno.EDQUOT}),
    ("SQLITE_FULL",),
    ("53100",),
)
READ_ONLY: Final = Trouble(
    "read_only",
    "the node may not write to its disk; send again later",
    "a disk becomes read-only after errors of its medium (see `dmesg`); else the folder has another owner: set that "
    "right, then restart the node",
    numbers=frozenset({errno.EROFS, errno.EACCES, errno.EPERM}),
    sqlite=("SQLITE_READONLY", "SQLITE_PERM"),
    sqlstates=("25006",),
)
DISK_FAILED: Final = Trouble(
    "disk_failed",
    "a disk of the node fails; send again, or to another node",
    "see `dmesg` and `smartctl -a` for the disk that fails, and docs/operations.md on a damaged index; replace it",
    numbers=frozenset(
        {errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.EREMOTEIO, errno.EUCLEAN, errno.ENOTCONN}
    ),
    sqlite=("SQLITE_IOERR",),
    sqlstates=("58",),
)
TOO_MANY_FILES: Final = Trouble(
    "too_many_files",
    "the node has too many files open; send again later",
    "raise LimitNOFILE of its service (65536), or lower PACS_DIMSE__ASSOCIATIONS_MAX; then restart the node",
    numbers=frozenset({errno.EMFILE, errno.ENFILE}),
)
NO_MEMORY: Final = Trouble(
    "no_memory",
    "the node has no memory left; send again later",
    "see what uses the memory of the machine, raise MemoryMax and TasksMax of the service, or lower "
    "PACS_DIMSE__ASSOCIATIONS_MAX",
    numbers=frozenset({errno.ENOMEM}),
    sqlite=("SQLITE_NOMEM",),
    sqlstates=("53200",),
)
INDEX_NOT_OPENED: Final = Trouble(
    "index_not_opened",
    "the node cannot open its index; send again later",
    "see that index.db and its folder are there, belong to the node, and that it may open more files (LimitNOFILE)",
    sqlite=("SQLITE_CANTOPEN",),
)
INDEX_HELD: Final = Trouble(
    "index_held",
    "another program holds the node's index; send again",
    "end what else has index.db open (`fuser -v index.db`); `pacs backup` copies it without holding it. On PostgreSQL, "
    "see pg_locks",
    sqlite=("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"),
    sqlstates=("55P03", "40", "57014"),
)
INDEX_UNREADABLE: Final = Trouble(
    "index_unreadable",
    "the node's index cannot be read; send again later",
    "its disk fails, which SQLite does not tell from a damaged file, or it is damaged: see `dmesg`, then "
    "docs/operations.md, “A damaged index”",
    sqlite=("SQLITE_CORRUPT", "SQLITE_NOTADB"),
    sqlstates=("XX",),
)
DATABASE_AWAY: Final = Trouble(
    "database_away",
    "the node's database is away; send again later",
    "see whether PostgreSQL runs and takes connections (max_connections), and PACS_DATABASE",
    sqlstates=("08", "57P", "53"),
)
STORE_FAILED: Final = Trouble(
    "store_failed",
    "the node's object store failed; send again later",
    "see the node's log for what it said, and `pacs doctor`",
)
COMMIT_UNKNOWN: Final = Trouble(
    "commit_unknown",
    "the index failed while committing; send again later",
    "what was kept is known when the index answers again (SQLite: after the node's restart), and the same sent again "
    "is taken for what it is; see the node's log for what failed",
)
INDEX_STOPPED: Final = Trouble(
    "index_stopped",
    "the node takes nothing in until its restart; send again then",
    "stable storage failed under the index: see `dmesg`, then restart the node",
)

TROUBLES: Final[Mapping[str, Trouble]] = MappingProxyType(
    {
        trouble.code: trouble
        for trouble in (
            NO_ROOM,
            READ_ONLY,
            DISK_FAILED,
            TOO_MANY_FILES,
            NO_MEMORY,
            INDEX_NOT_OPENED,
            INDEX_HELD,
            INDEX_UNREADABLE,
            DATABASE_AWAY,
            STORE_FAILED,
            COMMIT_UNKNOWN,
            INDEX_STOPPED,
        )
    }
)

_NO_THREAD: Final = "can't start new thread"  # what Python says of EAGAIN


def trouble_of(error: BaseException) -> Trouble | None:
    """Which trouble an error tells of, by itself or by what caused it; None for one that tells of none."""
    for cause in _causes(error):
        known = _told_by(cause)
        if known is not None:
            return known
    return STORE_FAILED if any(isinstance(cause, StorageError) for cause in _causes(error)) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, the driver's that SQLAlchemy wraps, and those that it was raised from."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        wrapped = getattr(at, "orig", None)
        at = wrapped if isinstance(wrapped, BaseException) else at.__cause__


def _told_by(error: BaseException) -> Trouble | None:
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and str(error) == _NO_THREAD):
        return NO_MEMORY
    if name := getattr(error, "sqlite_errorname", ""):
        return next((one for one in TROUBLES.values() if one.sqlite and name.startswith(one.sqlite)), None)
    if hasattr(error, "sqlstate"):
        return _by_sqlstate(error.sqlstate, type(error).__name__)
    if isinstance(error, OSError):
        return next((one for one in TROUBLES.values() if error.errno in one.numbers), None)
    if isinstance(error, StorageFull):
        return NO_ROOM
    return TROUBLES.get(getattr(error, "code", ""))


def _by_sqlstate(state: str | None, kind: str) -> Trouble | None:
    """The row with the longest beginning of `state`; without one, the connection is what failed."""
    if not state:
        return DATABASE_AWAY if kind in ("OperationalError", "InterfaceError") else None
    met = [(len(begin), one) for one in TROUBLES.values() for begin in one.sqlstates if state.startswith(begin)]
    return max(met, key=lambda pair: pair[0])[1] if met else None
