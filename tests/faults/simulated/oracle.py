"""What has to hold after every start, whatever happened before: the promise, by its properties P0 to P9."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from pacs.archive.archive import Archive
from pacs.archive.verify import verify
from pacs.index.schema import event, garbage, instance
from pacs.model import EventKind, InstanceState, Outcome
from storage.errors import StorageError
from tests.faults.simulated.curator import ERASED, ITEM, Curated, broken
from tests.faults.simulated.instances import Instance

MARKED = "marked as damaged"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Model:
    """What the senders know: everything they sent whole, and what of it was acknowledged."""

    sent: dict[str, dict[str, Instance]] = field(default_factory=dict)
    acknowledged: dict[str, set[str]] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)  # of a UID: the data set that became live
    answers: int = 0
    refusals: int = 0
    condemned: bool = False  # a garbage entry may name a live object
    rebuilt: bool = False
    violations: list[str] = field(default_factory=list)
    curated: Curated = field(default_factory=Curated)

    def may_be_gone(self, uid: str) -> bool:
        """Whether it was meant to be erased."""
        return uid == ITEM.sop_instance_uid and ERASED in self.curated.places

    def sending(self, item: Instance) -> None:
        """`item` goes out whole."""
        self.sent.setdefault(item.sop_instance_uid, {})[item.digest] = item

    def answer(self, item: Instance, outcome: Outcome) -> None:
        """The node said success."""
        self.answers += 1
        uid = item.sop_instance_uid
        self.acknowledged.setdefault(uid, set()).add(item.digest)
        if outcome is Outcome.STORED:
            self.live(uid, item.digest)
        elif outcome is Outcome.DUPLICATE and self.first.get(uid, item.digest) != item.digest:
            self.blame(f"P5 {uid} was called a duplicate and differs from the live one")

    def live(self, uid: str, digest: str) -> None:
        """`digest` is the live data set of `uid`, and stays it."""
        if self.first.setdefault(uid, digest) != digest:
            self.blame(f"P5 {uid} was replaced by other content")

    def blame(self, violation: str) -> None:
        """The promise is broken."""
        if violation not in self.violations:
            self.violations.append(violation)


def judge(archive: Archive, model: Model) -> None:
    """Compare the archive at rest, just recovered, with what the senders know."""
    for violation in _broken(archive, model):
        model.blame(violation)


def judge_rows(archive: Archive, model: Model) -> None:
    """Before recovery, which hides it by adopting the object: an answer is given after its row is durable."""
    with archive.index.read() as connection:
        kept = {
            (uid, digest)
            for uid, digest in connection.execute(select(instance.c.sop_instance_uid, instance.c.dataset_sha256))
        }
    if model.rebuilt:
        return  # an object that could not be read just then has no row until the next start, as its report said
    for uid, digests in model.acknowledged.items():
        for digest in sorted(digests):
            if (uid, digest) not in kept and not model.may_be_gone(uid):
                model.blame(f"P0 {uid}: acknowledged and its row was not on stable storage")


def _broken(archive: Archive, model: Model) -> Iterator[str]:
    for found in verify(archive.index, archive.store, now=LATER, grace=timedelta()):
        if not found.detail.startswith(MARKED):  # falsely: its bytes are looked at below
            yield f"{found.invariant} {found.subject}: {found.detail}"
    with archive.index.read() as connection:
        rows = connection.execute(
            select(
                instance.c.sop_instance_uid,
                instance.c.dataset_sha256,
                instance.c.state,
                instance.c.object_key,
                instance.c.dataset_offset,
            )
        ).all()
        condemned = set(connection.execute(select(garbage.c.object_key)).scalars())
        told = {(uid, kind) for uid, kind in connection.execute(select(event.c.sop_instance_uid, event.c.kind))}
    kept: dict[str, list[str]] = {}
    for uid, digest, state, object_key, dataset_offset in rows:
        kept.setdefault(uid, []).append(digest)
        item = model.sent.get(uid, {}).get(digest)
        if item is None:
            yield f"P2 {uid}: a row for a data set that nobody sent"
            continue
        if _dataset(archive, object_key, dataset_offset) != item.dataset:
            yield f"P2 {uid}: the object {object_key} is not what was sent"
        if object_key in condemned and not model.condemned:
            yield f"P1 {uid}: the object {object_key} is garbage and has a row"
        kind = EventKind.INSTANCE_CONFLICT
        if state in (InstanceState.LIVE, InstanceState.DELETED):
            kind = EventKind.INSTANCE_STORED
            if model.rebuilt:
                model.first[uid] = digest  # in the order of the keys now; both are kept
            model.live(uid, digest)
        if (uid, kind) not in told and not model.rebuilt:
            yield f"P7 {uid}: no event {kind}"
    for uid, digests in model.acknowledged.items():
        for digest in sorted(digests):
            if digest not in kept.get(uid, []) and not model.may_be_gone(uid):
                yield f"P1 {uid}: acknowledged and lost (variant {model.sent[uid][digest].variant})"
    yield from broken(archive, model.curated)
    for uid, digests_kept in kept.items():
        if len(digests_kept) != len(set(digests_kept)):
            yield f"P3 {uid}: the same data set has {len(digests_kept)} rows"


def _dataset(archive: Archive, object_key: str, dataset_offset: int) -> bytes:
    try:
        with archive.store.open(object_key) as stream:
            return stream.read()[dataset_offset:]
    except StorageError:
        return b""
