"""What the senders of a rig were told, and whether the archive still keeps it.

The archive under test may be a node of its own or live in this process, on either pair of back ends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import select

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.ingest import Reception
from pacs.archive.verify import verify
from pacs.errors import ArrivalRefused
from pacs.index.engine import Index
from pacs.index.schema import event, garbage, instance
from pacs.model import Announced, EventKind, InstanceState, utc_now
from storage.protocol import ObjectStore
from tests.faults.acknowledged import Acknowledged
from tests.support.modality import Prepared

SUCCESS = 0x0000
PROCESSING_FAILURE = 0x0110
OUT_OF_RESOURCES = 0xA700


def deliver(archive: Archive, prepared: Prepared) -> int:
    """Bring one instance as C-STORE does, in this process; the status a modality would be answered with."""
    announced = Announced(prepared.sop_class_uid, prepared.sop_instance_uid, prepared.transfer_syntax_uid)
    try:
        with archive.receive(announced, OPERATOR, protocol="dimse", calling_ae_title="MODALITY") as reception:
            reception.write(prepared.dataset)
            reception.commit()
    except ArrivalRefused as refused:
        return refused.status
    except Exception:
        return PROCESSING_FAILURE
    return SUCCESS


def contradictions(index: Index, store: ObjectStore, acknowledged: Acknowledged, *, ahead_s: float = 1) -> list[str]:
    """Everything that contradicts the promise, in words. Nothing is on its way in while this looks."""
    now = utc_now() + timedelta(seconds=ahead_s)
    found = [str(violation) for violation in verify(index, store, now=now, grace=timedelta())]
    with index.read() as connection:
        rows = connection.execute(
            select(
                instance.c.sop_instance_uid, instance.c.dataset_sha256, instance.c.state, instance.c.object_key
            ).where(instance.c.state != InstanceState.DELETED)
        ).all()
        told = connection.execute(select(event.c.sop_instance_uid).where(event.c.kind == EventKind.INSTANCE_STORED))
        announced = set(told.scalars())
        thrown_away = set(connection.execute(select(garbage.c.object_key)).scalars())
    kept: dict[str, set[str]] = {}
    for uid, digest, _, object_key in rows:
        kept.setdefault(uid, set()).add(digest)
        if object_key in thrown_away:
            found.append(f"to be thrown away though a row names it: {object_key}")
    for uid, digests in acknowledged.digests.items():
        found += [f"acknowledged and lost: {uid} {digest}" for digest in sorted(digests - kept.get(uid, set()))]
    live = [uid for uid, _, state, _ in rows if state == InstanceState.LIVE]
    found += [f"live twice: {uid}" for uid in sorted({uid for uid in live if live.count(uid) > 1})]
    found += [f"live without an event: {uid}" for uid in sorted(set(live) - announced)]
    return found


def kept_as_sent(archive: Archive, prepared: Prepared) -> bool:
    """Whether the archive serves exactly the data set of `prepared` under its UID."""
    with archive.index.read() as connection:
        study = connection.execute(
            select(instance.c.study_instance_uid).where(
                instance.c.sop_instance_uid == prepared.sop_instance_uid, instance.c.state == InstanceState.LIVE
            )
        ).scalar_one_or_none()
    if study is None:
        return False
    [stored] = archive.instances(study, sop_instance_uid=prepared.sop_instance_uid)
    with archive.open(stored) as stream:
        return stream.read()[stored.dataset_offset :] == prepared.dataset


def digest_of(prepared: Prepared) -> str:
    """The SHA-256 of the data set, as the index keeps it."""
    return hashlib.sha256(prepared.dataset).hexdigest()


def seeded(seed: int, violations: list[str]) -> tuple[str, ...]:
    """The violations with the seed that brings them back."""
    return tuple(f"seed {seed}: {violation}" for violation in violations)


@contextmanager
def instead(place: object, name: str, replacement: Any) -> Iterator[None]:
    """A mutant: `replacement` stands where the product has `name`, for the time of the block."""
    with patch.object(place, name, replacement):
        yield


def on_commit_of_reception(replacement: Any) -> Any:
    """A mutant around `Reception.commit`; `replacement` gets the real one and the reception."""
    real = Reception.commit
    return instead(Reception, "commit", lambda reception: replacement(real, reception))
