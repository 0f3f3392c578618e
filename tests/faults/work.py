"""What the driver's children do with the archive's core: short scenarios, an endless flood, the restart and its oracle.

Keys and clocks of the scenarios come from the seed, so that two runs make the same system calls on the same paths.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from sqlalchemy import Connection, select

from pacs.access.principals import OPERATOR
from pacs.archive import commitments, jobs, keys, ready_files, recovery
from pacs.archive.archive import Archive
from pacs.archive.commitments import COMMITTED, CommitmentState, Direction, Reference
from pacs.archive.hasher import Hasher
from pacs.archive.housekeeping import remove_garbage
from pacs.archive.jobs import JobState, NewJob
from pacs.archive.spool import Buffers
from pacs.errors import ArrivalRefused
from pacs.index.schema import instance
from pacs.model import Announced
from storage import filesystem
from tests.faults.acknowledged import SUCCESS, AcknowledgementLog, Attempt, acknowledged, attempts
from tests.faults.instances import LARGE_MATRIX, Mix, Template, digest_of, uid_of
from tests.faults.oracle import oracle, uncommitted
from tests.support.archives import open_archive
from tests.support.dimse import wait_until

BEGINNING = datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC)
EVER_H = 24 * 365 * 20
RESEND, COLLIDE = 0.25, 0.02
HOUR_EVERY = 40  # instances of the flood, so that cuts meet fresh directories
PATIENCE_S = 30.0
DIGESTS = "digests"
UNEXPECTED = 0xFFFF  # an error which is no refusal: the wire answers "processing failure"
CHUNK = 1 << 12
READY_COUNT = 2


@dataclass(frozen=True, slots=True)
class Task:
    """One order to a child: where, what was promised so far, and by which seed."""

    folder: Path
    log: Path
    seed: int
    options: dict[str, Any] = field(default_factory=dict)


Work = Callable[[Task], dict[str, Any]]


class TickingClock:
    """A clock that goes on by a step at every look."""

    def __init__(self, begin: datetime, step: timedelta) -> None:
        self._now, self._step = begin, step
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self._now += self._step
            return self._now


def store_instances(archive: Archive, log: AcknowledgementLog, sends: list[tuple[int, int]], template: Any) -> None:
    """Send (number, variant) after another through the door of C-STORE and note every answer."""
    for number, variant in sends:
        store_instance(archive, log, uid_of(number), template.dataset(number, variant=variant))


def store_instance(archive: Archive, log: AcknowledgementLog, uid: str, dataset: bytes) -> int:
    """One C-STORE without the wire."""
    began, status, why = time.time(), SUCCESS, ""
    announced = Announced(CTImageStorage, uid, ExplicitVRLittleEndian)
    try:
        with archive.receive(announced, OPERATOR, protocol="dimse", calling_ae_title="MODALITY") as reception:
            for offset in range(0, len(dataset), CHUNK):
                reception.write(dataset[offset : offset + CHUNK])
            reception.commit()
    except ArrivalRefused as refused:
        status, why = refused.status, refused.code
    except Exception as error:
        print(f"unexpected: {error!r}", flush=True)
        status = UNEXPECTED
    log.note(Attempt(uid, digest_of(dataset), status, began, time.time(), why))
    return status


@contextmanager
def _archive(task: Task, step: timedelta = timedelta(milliseconds=1), *, prepared: bool = False) -> Iterator[Archive]:
    draw = random.Random(task.seed)
    keys.secrets = SimpleNamespace(randbits=draw.getrandbits)  # type: ignore[attr-defined, assignment]
    begin = BEGINNING + timedelta(hours=int(task.options.get("hour", 0)))
    with open_archive(task.folder, clock=TickingClock(begin, step), prepared=prepared) as archive:
        yield archive


# Scenarios: short, single sender, alike at every run --------------------------------------------------------------


def prepare(task: Task) -> dict[str, Any]:
    """What the scenarios start from: an archive with three instances, and the leftovers of a crash."""
    template = Template(SMALL_MATRIX)
    with _archive(task) as archive:
        store_instances(archive, AcknowledgementLog(task.log), [(1, 0), (2, 0), (3, 0)], template)
        archive.buffers = Buffers(0)  # so that there is a file to leave
        with archive.receive(Announced(CTImageStorage, uid_of(9), ExplicitVRLittleEndian), OPERATOR, protocol="x") as r:
            r.write(template.dataset(9))
            key = keys.object_key(archive.arrivals.next())
            archive.store.put(key, next(iter(archive.store.incoming.glob("*.part"))), {})
        (archive.store.incoming / "01JDCD5W8Z6Y3V4X5A7B9C1D2E.part").write_bytes(b"half of some")
    return {}


SENDS: dict[str, list[tuple[int, int]]] = {
    "store": [(11, 0), (12, 0)],
    "duplicate": [(1, 0), (1, 0), (11, 0), (11, 0)],
    "collision": [(1, 7), (1, 7), (1, 0)],
    "series": [(number, 0) for number in range(11, 19)],
    "link": [(11, 0), (12, 0)],
    "recover": [(11, 0)],
    "clean": [(2, 0), (12, 0)],
    "commitment": [(11, 0)],
    "hashed": [(11, 0), (12, 0), (13, 0)],
}
"""What each scenario sends: (number, variant); 1 to 3 are there from the start."""
MATRIX = {"hashed": LARGE_MATRIX}
"""The size of what it sends; else SMALL_MATRIX."""
SMALL_MATRIX = 64


def _sending(scenario: str) -> Work:
    def work(task: Task) -> dict[str, Any]:
        with _archive(task) as archive:
            store_instances(archive, AcknowledgementLog(task.log), SENDS[scenario], Template(SMALL_MATRIX))
        return {}

    return work


def hashed(task: Task) -> dict[str, Any]:
    """Three large instances: one that the hasher hashes, one while which it dies, one without it; files made ready."""
    names = itertools.count(1)
    ready_files.secrets = SimpleNamespace(token_hex=lambda _: f"{next(names)}")  # type: ignore[attr-defined, assignment]
    ready_files.COUNT, ready_files.LOW, ready_files.STREAM_S = READY_COUNT, 0, float("inf")  # type: ignore[misc]
    log, template = AcknowledgementLog(task.log), Template(LARGE_MATRIX)
    with _archive(task, prepared=True) as archive:
        hasher, ready = archive.buffers.hasher, archive.ready
        assert hasher is not None, "of one processor alone there is nothing to be hashed elsewhere"
        assert ready is not None, "its objects are files"
        assert wait_until(lambda: hasher.begin(0, 1), PATIENCE_S)
        hasher.end()
        ready.take()
        ready.take()
        assert wait_until(lambda: ready.statistics()["files_ready"] == READY_COUNT, PATIENCE_S)
        first, second, third = SENDS["hashed"]
        store_instances(archive, log, [first], template)
        pid, begin = hasher.pid, hasher.begin
        assert pid is not None, "it has just answered"

        def begin_and_die(place: int, length: int) -> bool:
            os.kill(pid, signal.SIGSTOP)
            asked = begin(place, length)
            os.kill(pid, signal.SIGKILL)
            return asked

        hasher.begin = begin_and_die  # type: ignore[method-assign]
        store_instances(archive, log, [second], template)
        hasher.begin = begin  # type: ignore[method-assign]
        store_instances(archive, log, [third], template)
        told = archive.prepared()
    return {"digests": told["hasher_digests"] - 1, "deaths": told["hasher_deaths"], "files": told["files_taken"]}


def link(task: Task) -> dict[str, Any]:
    """Two new instances on a file system that does not offer to rename without replacement, in their files at once."""
    filesystem.move_without_replacement = filesystem.link_without_replacement
    with _archive(task) as archive:
        archive.buffers = Buffers(0)
        store_instances(archive, AcknowledgementLog(task.log), SENDS["link"], Template(SMALL_MATRIX))
    return {}


def recover(task: Task) -> dict[str, Any]:
    """A start after a crash, and an instance after it."""
    with _archive(task) as archive:
        recovery.recover(archive, adopt_hours=EVER_H)
        store_instances(archive, AcknowledgementLog(task.log), SENDS["recover"], Template(SMALL_MATRIX))
    return {}


def clean(task: Task) -> dict[str, Any]:
    """A duplicate, and its object removed as garbage."""
    with _archive(task) as archive:
        store_instances(archive, AcknowledgementLog(task.log), [(2, 0)], Template(SMALL_MATRIX))
        remove_garbage(archive, timedelta())
        store_instances(archive, AcknowledgementLog(task.log), [(12, 0)], Template(SMALL_MATRIX))
    return {}


def commitment(task: Task) -> dict[str, Any]:
    """A peer asks for a promise of old instances and a new one, and is told."""
    transaction = f"{uid_of(0)}.1"
    with _archive(task) as archive:
        store_instances(archive, AcknowledgementLog(task.log), SENDS["commitment"], Template(SMALL_MATRIX))
        asked = [Reference(CTImageStorage, uid_of(number)) for number in (1, 2, 11)]
        now = archive.clock()
        archive.index.write(lambda c: commitments.begin(c, now, transaction, Direction.RECEIVED, "MODALITY", asked))
        judged = commitments.judge(archive, asked, is_stored_class=lambda _: True, patient=False)
        archive.index.write(lambda c: commitments.record(c, now, transaction, judged, CommitmentState.KNOWN))
        archive.index.write(lambda c: commitments.move(c, now, transaction, CommitmentState.SETTLED))
        assert all(reference.failure_reason == COMMITTED for reference in judged), judged
    return {}


SCENARIOS: dict[str, Work] = {
    **{scenario: _sending(scenario) for scenario in ("store", "duplicate", "collision", "series")},
    "link": link,
    "hashed": hashed,
    "recover": recover,
    "clean": clean,
    "commitment": commitment,
}


# The flood: until it is killed ------------------------------------------------------------------------------------


def flood(task: Task) -> dict[str, Any]:
    """`senders` threads, a seeded mix of new, repeated and colliding instances from number `first` on, for ever.

    With `instances` it ends after so many of each sender, without closing anything. With `prepared` the archive is a
    node's, with a hasher, which leaves a byte in a file beside the log for each digest, and files made ready.
    """
    options, mix, log = task.options, Mix(), AcknowledgementLog(task.log)
    begin = BEGINNING + timedelta(hours=int(options["first"]))
    clock = TickingClock(begin, timedelta(hours=1) / HOUR_EVERY / 2)  # it is looked at twice an instance
    senders = int(options["senders"])
    prepared = bool(options.get("prepared"))
    context = open_archive(task.folder, clock=clock, prepared=prepared)
    archive = context.__enter__()  # never left: nothing is closed before the fault
    if archive.buffers.hasher is not None:
        _count_digests(archive.buffers.hasher, task.log.with_name(DIGESTS))
    else:
        archive.buffers = Buffers(senders // 2)  # some arrivals in memory, some in their files

    def send(sender: int) -> None:
        draw = random.Random(task.seed * 100 + sender)
        number, left = int(options["first"]) + sender, int(options.get("instances", 1 << 40))
        while left:
            left -= 1
            roll = draw.random()
            if roll < RESEND:
                chosen, variant = draw.randrange(1, number + 1), 0
            elif roll < RESEND + COLLIDE:
                chosen, variant = draw.randrange(1, number + 1), draw.randrange(1, 255)
            else:
                chosen, variant, number = number, 0, number + senders
            store_instance(archive, log, uid_of(chosen), mix.dataset(chosen, variant=variant))

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {}


def _count_digests(hasher: Hasher, file: Path) -> None:
    descriptor, end = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), hasher.end

    def counted() -> str | None:
        if (digest := end()) is not None:
            os.write(descriptor, b".")
        return digest

    hasher.end = counted  # type: ignore[method-assign]


def orders(task: Task) -> dict[str, Any]:
    """`senders` threads that order sends and ask for promises for ever; an answer is a job and a transaction."""
    log, begin = AcknowledgementLog(task.log), BEGINNING + timedelta(hours=int(task.options["first"]))
    context = open_archive(task.folder, clock=TickingClock(begin, timedelta(milliseconds=1)))
    archive = context.__enter__()  # never left: nothing is closed before the fault

    def order(sender: int) -> None:
        for number in itertools.count():
            now, transaction = archive.clock(), f"{uid_of(task.seed)}.{sender}.{number}"

            def work(connection: Connection, now: datetime = now, transaction: str = transaction) -> str:
                job = jobs.add(connection, now, NewJob("send", "THERE", {}, study_instance_uid=uid_of(0)))
                asked = [Reference(CTImageStorage, uid_of(1))]
                commitments.begin(connection, now, transaction, Direction.RECEIVED, "THERE", asked, job)
                return job

            log.note(Attempt(archive.index.write(work), transaction, SUCCESS))

    threads = [threading.Thread(target=order, args=(sender,)) for sender in range(int(task.options["senders"]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {}


# After the fault --------------------------------------------------------------------------------------------------


def restart(task: Task) -> dict[str, Any]:
    """Start as the node does, ask the oracle, send `again` what was under way, and ask it once more."""
    promised = acknowledged(task.log)
    never_rows = list(task.options.get("never_rows", ()))
    found = uncommitted(task.folder, promised)
    with open_archive(task.folder, clock=TickingClock(_later(task), timedelta(milliseconds=1))) as archive:
        recovery.recover(archive, adopt_hours=EVER_H)
        found += _refused_but_registered(archive, never_rows)
    found += oracle(task.folder, promised)
    again = [tuple(send) for send in task.options.get("again", ())]
    if again and not found:
        with open_archive(task.folder, clock=TickingClock(_later(task), timedelta(milliseconds=1))) as archive:
            log, template = AcknowledgementLog(task.log), Template(int(task.options.get("matrix", SMALL_MATRIX)))
            for number, variant in again:
                uid, dataset = uid_of(number), template.dataset(number, variant=variant)
                status = store_instance(archive, log, uid, dataset)
                if status != SUCCESS:
                    found.append(f"sent again and refused with {status:04X}: {uid}")
        found += oracle(task.folder, acknowledged(task.log))
    return {"violations": found, "acknowledged": promised.answers - sum(promised.refused.values())}


def orders_kept(task: Task) -> dict[str, Any]:
    """Whether every order that was answered is there after a start, whole."""
    found = []
    with open_archive(task.folder) as archive, archive.index.read() as connection:
        for told in attempts(task.log):
            job = jobs.find(connection, told.sop_instance_uid)
            kept = commitments.find(connection, told.digest)
            if job is None or job.state is not JobState.QUEUED:
                found.append(f"the order {told.sop_instance_uid} is lost")
            if kept is None or len(commitments.references_of(connection, told.digest)) != 1:
                found.append(f"the request {told.digest} is lost")
    return {"violations": found}


def _later(task: Task) -> datetime:
    return BEGINNING + timedelta(hours=int(task.options.get("hour", 0)) + 1)


def _refused_but_registered(archive: Archive, ulids: list[str]) -> list[str]:
    if not ulids:
        return []
    with archive.index.read() as connection:
        rows = list(connection.execute(select(instance.c.object_key)).scalars())
    return [f"a sync of {ulid} failed and a row names it" for ulid in ulids for key in rows if ulid in key]


WORKS: dict[str, Work] = {**SCENARIOS, "prepare": prepare, "flood": flood, "restart": restart}
WORKS |= {"orders": orders, "orders_kept": orders_kept}
