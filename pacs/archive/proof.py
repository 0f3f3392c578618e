"""Is an object still what the index recorded of it? Storage is asked, in the caller's own thread."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from pacs.archive.digests import Digests, Pace, at_once, digests_of
from pacs.model import StorageState
from storage.errors import KeyMissing, StorageError
from storage.protocol import ObjectStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the index recorded of an object when it came; offset and length in bytes, of the data set less padding."""

    object_key: str
    dataset_offset: int
    content_length: int
    digests: Digests


def proven(
    store: ObjectStore, recorded: Recorded, *, afresh: bool = False, pace: Pace = at_once
) -> StorageState | None:
    """What the whole of the object shows when it is read now; None where storage does not give it back to tell.

    `afresh`: the medium is asked, not this machine's memory of it, and nothing of it stays there afterwards.
    """
    try:
        if afresh:
            store.forget(recorded.object_key)
        found = digests_of(store, recorded.object_key, recorded.dataset_offset, recorded.content_length, pace)
        if afresh:
            store.forget(recorded.object_key)
    except KeyMissing:
        state, cause = StorageState.DAMAGED, "missing"
    except (StorageError, OSError) as error:
        log.error("object_unreadable", object_key=recorded.object_key, cause=str(error))
        return None
    else:
        if found == recorded.digests:
            return StorageState.STORED
        state, cause = StorageState.DAMAGED, "size or SHA-256 differ"
    log.error("object_damaged", object_key=recorded.object_key, cause=cause)
    return state
