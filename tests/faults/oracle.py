"""The oracle of every rig: does what is on the disk contradict what senders were told?"""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select

from pacs.archive.verify import verify
from pacs.index.engine import Index
from pacs.index.schema import event, instance
from pacs.model import EventKind, InstanceState
from storage.filesystem import FolderStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.memory_folder import in_memory


def uncommitted(data: Path, acknowledged: Acknowledged) -> list[str]:
    """Before any restart: what was acknowledged and has no row, on a copy of the index.

    A start would adopt such objects and hide that the answer came before the commit, or that the commit was lost.
    """
    with tempfile.TemporaryDirectory(prefix="suret-index-") as scratch, in_memory(Path(scratch)) as folder:
        for name in ("index.db", "index.db-wal"):
            if (data / name).exists():
                shutil.copyfile(data / name, folder / name)
        index = Index(f"sqlite:///{folder}/index.db")
        try:
            with index.read() as connection:
                return _lost(_kept(connection), acknowledged, "acknowledged before its row was committed")
        finally:
            index.close()


def oracle(data: Path, acknowledged: Acknowledged) -> list[str]:
    """Everything that contradicts the promise, in words; nothing runs on `data`, and a restart has recovered it."""
    index = Index(f"sqlite:///{data / 'index.db'}", read_only=True)
    store = FolderStore(data / "store")
    try:
        now = datetime.now(UTC) + timedelta(days=3650)  # the clocks of some rigs run ahead
        found = [
            str(violation)
            for violation in verify(index, store, now=now, grace=timedelta())
            if violation.invariant != "I5"  # about followers, which only a whole node has
        ]
        with index.read() as connection:
            kept = _kept(connection)
            live = list(
                connection.execute(
                    select(instance.c.sop_instance_uid).where(instance.c.state == InstanceState.LIVE)
                ).scalars()
            )
            told = set(
                connection.execute(
                    select(event.c.sop_instance_uid).where(event.c.kind == EventKind.INSTANCE_STORED)
                ).scalars()
            )
        found += _lost(kept, acknowledged, "acknowledged and lost")
        found += [f"live without an event: {uid}" for uid in set(live) - told]
        if len(live) != len(set(live)):
            found.append("a SOP Instance UID is live twice")
        return found
    finally:
        index.close()


def _kept(connection: Connection) -> set[tuple[str, str]]:
    rows = connection.execute(select(instance.c.sop_instance_uid, instance.c.dataset_sha256)).all()
    return {(uid, digest) for uid, digest in rows}


def _lost(kept: set[tuple[str, str]], acknowledged: Acknowledged, how: str) -> list[str]:
    with acknowledged.lock:
        promised = {(uid, digest) for uid, digests in acknowledged.digests.items() for digest in digests}
    return [f"{how}: {uid} {digest}" for uid, digest in sorted(promised - kept)]
