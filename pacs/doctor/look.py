"""What the checks look at: the settings, the running node, the index and the store, each opened once and read only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pacs.archive.limits import IngestLimits
from pacs.control import NoNode, ask
from pacs.errors import SuretError
from pacs.index.engine import Index
from pacs.model import utc_now
from pacs.node import ingest_limits, open_objects
from pacs.settings import Settings
from storage.errors import StorageError
from storage.protocol import ObjectStore

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """One examination. `index` and `store` are None where they cannot be had: then `..._trouble` says why."""

    settings: Settings
    now: datetime
    status: dict[str, Any] | None
    """What the running node says of itself, None when none runs."""
    status_trouble: str
    index: Index | None
    index_trouble: str
    store: ObjectStore | None
    store_trouble: str

    @property
    def limits(self) -> IngestLimits:
        """The watermarks."""
        return ingest_limits(self.settings)

    @property
    def has_archive(self) -> bool:
        """Whether a node has ever been started over these settings, as far as PACS_DATA tells."""
        return (self.settings.data / "lock").exists()


@contextmanager
def look_at(settings: Settings) -> Iterator[Look]:
    """Open what can be opened; nothing is made, and nothing raised for what cannot."""
    with ExitStack() as stack:
        status, status_trouble = _status(settings.data)
        index, index_trouble = _index(settings)
        if index is not None:
            stack.callback(index.close)
        store, store_trouble = _store(settings)
        yield Look(settings, utc_now(), status, status_trouble, index, index_trouble, store, store_trouble)


def _status(data: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        return dict(ask(data, "status", {}, PATIENCE_S)), ""
    except NoNode:
        return None, ""
    except SuretError as error:
        return None, str(error)


def _index(settings: Settings) -> tuple[Index | None, str]:
    try:
        index = Index(settings.database_url, read_only=True)
    except SuretError as error:
        return None, error.message
    try:
        index.revision()
    except SuretError as error:
        index.close()
        return None, error.message
    return index, ""


def _store(settings: Settings) -> tuple[ObjectStore | None, str]:
    location = settings.storage_location
    made = settings.data / "incoming" if location.startswith("s3://") else Path(location) / "objects"
    if not made.is_dir():  # opening it would make it
        return None, f"the object store {location} has never been used from here"
    if made.stat().st_uid != os.geteuid():  # its probe would leave files of ours there
        return None, f"{made} belongs to user id {made.stat().st_uid}: only that user can try the object store"
    try:
        return open_objects(settings), ""
    except (SuretError, StorageError) as error:
        return None, str(error)
