"""The copy of the index that is kept before an upgrade changes it, and the way back."""

from __future__ import annotations

from pathlib import Path

import structlog

from pacs.errors import NodeFailed, NotFound
from pacs.index.copies import copy, put_back_sqlite
from pacs.index.engine import Index
from storage.directories import make_folder, sync_directory
from storage.filesystem import space_of

log = structlog.get_logger()

FOLDER = "rollback"
MEBIBYTE = 1 << 20


def keep_copy(index: Index, data: Path) -> Path | None:
    """The copy of an index that this release is about to change, durable; None when there is nothing to upgrade.

    Taken anew each time: an upgrade is one transaction, so what is there is whole, and older than this release.
    Raises NodeFailed, also for an index of a newer release.
    """
    current, needed = index.revision()
    if current in ("", needed):
        return None
    folder = data / FOLDER
    make_folder(folder)
    kept = folder / f"{_stem(current)}{'.db' if index.is_sqlite else '.dump'}"
    if index.is_sqlite:
        _require_room(Path(index.url.database or ""), folder)
    try:
        copy(index, kept)
    except NodeFailed as error:
        raise NodeFailed(
            f"the index has to be upgraded and no copy could be kept: {error.message}",
            f"{error.hint}; with a copy of your own, run `pacs migrate --no-copy`",
        ) from error
    for older in folder.iterdir():
        if older != kept and older.is_file():
            older.unlink()
    sync_directory(folder)
    log.info("copy_kept", path=str(kept), revision=current, upgraded_to=needed)
    return kept


def put_back(index_url: str, data: Path) -> tuple[str, Path]:
    """Put the copy in the place of the index; its revision, and where the upgraded index is now.

    The caller holds the node lock. Raises NotFound when there is no copy, NodeFailed.
    """
    copies = [file for file in sorted((data / FOLDER).glob("index-*.*")) if file.suffix in (".db", ".dump")]
    if not copies:
        raise NotFound(f"no copy from before an upgrade is kept in {data / FOLDER}", "restore a backup")
    kept = copies[-1]
    if kept.suffix != ".db":
        raise NodeFailed(
            f"the copy {kept} is a dump of PostgreSQL, and this command replaces no database",
            f"make a new database, `pg_restore --no-owner --dbname=NEW {kept}`, and name it in PACS_DATABASE",
        )
    file = Path(index_url.removeprefix("sqlite:///"))
    aside = data / FOLDER / "upgraded"
    make_folder(aside)
    for suffix in ("", "-wal", "-shm"):
        old = file.with_name(file.name + suffix)
        if old.exists():
            old.replace(aside / old.name)
    put_back_sqlite(kept, file)
    return kept.stem.removeprefix("index-"), aside / file.name


def _stem(revision: str) -> str:
    return f"index-{revision}"


def _require_room(file: Path, folder: Path) -> None:
    needed = sum(part.stat().st_size for part in file.parent.glob(f"{file.name}*") if part.is_file())
    free = space_of(folder).free_bytes or 0
    if free < needed:
        raise NodeFailed(
            f"the index has to be upgraded, and there is no room for a copy of it: {needed // MEBIBYTE} MiB are needed",
            "free space, or with a copy of your own run `pacs migrate --no-copy`",
        )
