"""Races: fifty senders bring the same instances at once, some with other content under the same UID; two senders of
large images share the memory in which these are hashed.

One live row each, one patient, one study, every content that was acknowledged kept, and nothing deleted.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from pacs.archive import ingest, keys, rows
from pacs.archive.archive import Archive
from pacs.archive.arrived import Arrived
from pacs.archive.proof import Recorded
from pacs.archive.registration import register
from pacs.index.engine import Index
from pacs.index.schema import instance, patient, study
from pacs.index.writer import Statement
from pacs.model import InstanceState, Stored
from pacs.model import Outcome as Became
from storage.filesystem import FolderStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.beside import await_digest, digests
from tests.faults.database_outage import needs, server
from tests.faults.doors import NodeDoor
from tests.faults.instances import LARGE_MATRIX, Template
from tests.faults.rig import Outcome, Rig
from tests.faults.witness import SUCCESS, contradictions, deliver, instead, seeded
from tests.support.archives import open_archive
from tests.support.modality import AssociationLost, Prepared
from tests.support.process import NodeProcess

SENDERS = 50
INSTANCES = 20
COLLIDING = 3  # senders who bring other content under some of the UIDs
PATIENCE_S = 120.0
LARGE = 60  # of each of two senders
LARGE_PAUSE_S = 0.03  # at most, so that one is alone when its hash begins, and the other comes while it is taken

Send = Callable[[Prepared], int]


def race(seed: int, doors: Callable[[], Any], senders: int, instances: int) -> tuple[Acknowledged, list[str]]:
    """Let `senders` bring the same instances, each in an order of its own; what was answered, and what went wrong.

    `doors` gives each sender a context whose value sends one instance.
    """
    template, acknowledged, violations = Template(), Acknowledged(), []
    start = threading.Barrier(senders)

    def bring(sender: int) -> None:
        choose = random.Random(seed * 1000 + sender)
        numbers = choose.sample(range(1, instances + 1), instances)
        with doors() as send:
            start.wait(PATIENCE_S)
            for number in numbers:
                other = sender < COLLIDING and number % 5 == 0
                prepared = template.make(number, variant=sender + 1 if other else 0)
                status = send(prepared)
                acknowledged.note_sent(prepared, status)
                if status != SUCCESS:
                    violations.append(f"sender {sender} was answered with {status:04X}")

    def guarded(sender: int) -> None:
        try:
            bring(sender)
        except (AssociationLost, OSError, threading.BrokenBarrierError) as error:
            start.abort()
            violations.append(f"sender {sender} was cut off: {error!r}")

    threads = [threading.Thread(target=guarded, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return acknowledged, violations


def _looked_at(index: Index, store: FolderStore, acknowledged: Acknowledged, instances: int) -> list[str]:
    found = contradictions(index, store, acknowledged)
    live = select(func.count()).where(instance.c.state == InstanceState.LIVE)
    with index.read() as connection:
        for what, statement, wanted in (
            ("live rows", live, instances),
            ("patients", select(func.count()).select_from(patient), 1),
            ("studies", select(func.count()).select_from(study), 1),
        ):
            counted = connection.execute(statement).scalar_one()
            if counted != wanted:
                found.append(f"{counted} {what} where {wanted} were due")
    return found


def node_race(seed: int, folder: Path, senders: int = SENDERS, instances: int = INSTANCES) -> Outcome:
    """Fifty associations with one node."""
    node = NodeProcess(
        folder / "node",
        {"DIMSE__ASSOCIATIONS_MAX": "64", "DIMSE__ASSOCIATIONS_PER_ADDRESS_MAX": "64"}
        | {"DIMSE__CONNECTIONS_PER_ADDRESS_MAX": "100", "DIMSE__IDLE_TIMEOUT_S": str(PATIENCE_S)},
    )

    class Door:
        def __enter__(self) -> Send:
            self._modality = NodeDoor.modality(node)
            return self._modality.store

        def __exit__(self, *_: object) -> None:
            self._modality.close()

    try:
        node.start()
        acknowledged, violations = race(seed, Door, senders, instances)
        node.stop()
        index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
        try:
            violations += _looked_at(index, FolderStore(node.data / "store"), acknowledged, instances)
        finally:
            index.close()
    finally:
        node.kill()
    return Outcome(1, seeded(seed, violations), {"answers": acknowledged.answers})


def hashed_race(seed: int, folder: Path, mutant: str = "", instances: int = LARGE) -> Outcome:
    """Two senders of large images that now and then meet: one is hashed elsewhere while the other takes memory."""
    template, acknowledged, violations = Template(LARGE_MATRIX), Acknowledged(), []
    program = ("-m", "tests.faults.mutants", mutant) if mutant else ()
    node = NodeProcess(folder / "node", program=program)

    def bring(sender: int) -> None:
        choose = random.Random(seed * 1000 + sender)
        with NodeDoor.modality(node) as modality:
            for number in range(instances):
                # the same content is sent by nobody else: what of another got into it is seen
                prepared = template.make(1 + number * 2 + sender)
                acknowledged.note_sent(prepared, modality.store(prepared))
                time.sleep(choose.uniform(0, LARGE_PAUSE_S))

    def guarded(sender: int) -> None:
        try:
            bring(sender)
        except (AssociationLost, OSError) as error:
            violations.append(f"sender {sender} was cut off: {error!r}")

    try:
        node.start()
        with NodeDoor.modality(node) as modality:
            for number in range(3):
                prepared = template.make(1 + 2 * instances + number)
                acknowledged.note_sent(prepared, modality.store(prepared))
                await_digest(node)
        threads = [threading.Thread(target=guarded, args=(sender,)) for sender in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        hashed = digests(node)
        if hashed == 0:
            violations.append("no image was hashed elsewhere")
        violations += [f"{count} answered with {status:04X}" for status, count in acknowledged.refused.items()]
        node.stop()
        index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
        try:
            violations += contradictions(index, FolderStore(node.data / "store"), acknowledged)
        finally:
            index.close()
    finally:
        node.kill()
    return Outcome(1, seeded(seed, violations), {"answers": acknowledged.answers, "hashed elsewhere": hashed or 0})


def two_writers_race(
    seed: int,
    folder: Path,
    senders: int = 16,
    instances: int = INSTANCES,
    prepare: Callable[[Archive], None] = lambda archive: None,
) -> Outcome:
    """Two archives over one PostgreSQL and one folder: two writers, so that the database alone decides who is first."""
    with server() as database, ExitStack() as stack:
        pair = [stack.enter_context(open_archive(folder, database=database.url)) for _ in range(2)]
        prepare(pair[0])
        turns = cycle(pair)
        lock = threading.Lock()

        class Door:
            def __enter__(self) -> Send:
                with lock:
                    archive = next(turns)
                return lambda prepared: deliver(archive, prepared)

            def __exit__(self, *_: object) -> None:
                """Nothing is held."""

        acknowledged, violations = race(seed, Door, senders, instances)
        plain = Index(database.url, read_only=True)
        stack.callback(plain.close)
        violations += _looked_at(plain, FolderStore(folder / "store"), acknowledged, instances)
    return Outcome(1, seeded(seed, violations), {"answers": acknowledged.answers})


# Mutants -----------------------------------------------------------------------------------------------------------


class _SlowInsert(Statement):
    """An insert with time between the look and the deed."""

    def one(self, connection: Any, parameters: Any) -> Any:
        time.sleep(0.02)
        return super().one(connection, parameters)


def _drop(name: str, connection: Connection) -> None:
    connection.execute(text(f"DROP INDEX {name}"))


def select_then_insert(seed: int, folder: Path) -> Outcome:
    """Looks whether the UID is there, then inserts; no unique index decides."""

    def without_the_index(archive: Archive) -> None:
        named = (
            "SELECT indexname FROM pg_indexes WHERE tablename = 'instance' AND indexdef LIKE '%UNIQUE%sop_instance%'"
        )
        with archive.index.read() as connection:
            names = list(connection.execute(text(named)).scalars())
        assert names, "the unique index of live UIDs is there"
        for name in names:
            archive.index.write(partial(_drop, name))

    values = rows._bound(instance, "row")
    plain = _SlowInsert(insert(instance).values(values).returning(instance.c.row))
    for attempt in range(5):
        with instead(rows, "INSERT_LIVE", plain):
            outcome = two_writers_race(seed + attempt, folder / str(attempt), prepare=without_the_index)
        if outcome.violations:
            break
    return outcome


def collide_overwrites(seed: int, folder: Path) -> Outcome:
    """Other content under a known UID takes the place of the first."""

    def overwriting(connection: Any, arrived: Arrived, *asked: Any) -> Stored | Recorded:
        stored = register(connection, arrived, *asked)
        if isinstance(stored, Stored) and stored.outcome is Became.CONFLICT:
            held = instance.c.object_key == arrived.object_key
            if connection.execute(delete(instance).where(held)).rowcount:
                live = (instance.c.sop_instance_uid == stored.sop_instance_uid, instance.c.state == InstanceState.LIVE)
                connection.execute(
                    update(instance)
                    .where(*live)
                    .values(object_key=arrived.object_key, dataset_sha256=arrived.dataset_sha256)
                )
        return stored

    with instead(ingest, "register", overwriting):
        return two_writers_race(seed, folder)


def shared_key(seed: int, folder: Path) -> Outcome:
    """Arrivals within the same second share a key."""
    real = keys.object_key

    def coarse(ulid: Any) -> str:
        return real(type(ulid)(bytes(ulid)[:5] + bytes(11)))

    with instead(ingest, "object_key", coarse):
        return two_writers_race(seed, folder)


def run_slice(seed: int, folder: Path) -> Outcome:
    """A race at a node, one of large images, and one between two writers."""
    parts = [
        node_race(seed, folder / "node"),
        hashed_race(seed, folder / "hashed"),
        two_writers_race(seed, folder / "writers", senders=SENDERS),
    ]
    details = {name: sum(part.details.get(name, 0) for part in parts) for name in ("answers", "hashed elsewhere")}
    return Outcome(len(parts), tuple(line for part in parts for line in part.violations), details)


RIG = Rig(
    name="races",
    noun="races",
    goal=1000,
    slice=run_slice,
    mutants={
        "select-then-insert": select_then_insert,
        "collide-overwrites": collide_overwrites,
        "shared-key": shared_key,
        **{
            name: partial(hashed_race, mutant=name)
            for name in ("hash-of-what-was-lent-on", "hash-before-the-last-bytes")
        },
    },
    needs=needs,
)
