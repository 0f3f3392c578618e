"""R1: kill -9 at random moments while modalities send, restart, and look whether the promise was kept.

    python -m tests.faults --rig kill --seed 7

A modality writes down what was acknowledged; after every restart each of those has to be there as sent, once, with
its row, its event and its audit record, and nothing may be half there. Every random choice comes from the seed.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from sqlalchemy import select

from pacs.archive.verify import verify
from pacs.index.engine import Index
from pacs.index.schema import event, instance
from pacs.model import EventKind, InstanceState
from storage.filesystem import FolderStore
from tests.faults.rig import Outcome, Rig
from tests.support.factories import ct_slice, part10
from tests.support.modality import AssociationLost, Modality, Prepared, prepare, split_part10
from tests.support.process import NodeProcess

UID_ROOT = "1.2.826.0.1.3680043.9.7433.9."
SENDERS = 4
SLICE_KILLS = 20
RESEND = 0.3  # share of sends that repeat an earlier instance
COLLIDE = 0.02  # share that send other content under a known UID


@dataclass(slots=True)
class Acknowledged:
    """What the modalities were told: SOP Instance UID to the SHA-256 of every data set answered with success."""

    digests: dict[str, set[str]] = field(default_factory=dict)
    sent: int = 0
    answers: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, prepared: Prepared, status: int) -> None:
        """Write down one answer."""
        with self.lock:
            self.answers += 1
            if status == 0:
                digest = hashlib.sha256(prepared.dataset).hexdigest()
                self.digests.setdefault(prepared.sop_instance_uid, set()).add(digest)
            else:
                self.refused[status] = self.refused.get(status, 0) + 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did and found."""

    kills: int
    sent: int
    acknowledged: int
    instances: int
    violations: tuple[str, ...]
    refused: dict[int, int]


def _uid(number: int) -> str:
    return f"{UID_ROOT}{10**11 + number}"  # always as long, and no component begins with 0


class Template:
    """Makes instances by putting a UID of the same length into one encoded data set."""

    def __init__(self) -> None:
        self._uid = _uid(0)
        dataset = ct_slice(rows=96, columns=96)
        dataset.SOPInstanceUID = self._uid
        dataset.file_meta.MediaStorageSOPInstanceUID = self._uid
        self._dataset = split_part10(part10(dataset))[1]

    def make(self, number: int, *, variant: int = 0) -> Prepared:
        """Instance `number`; another `variant` has the same UID and other pixels."""
        uid = _uid(number)
        content = bytearray(self._dataset.replace(self._uid.encode(), uid.encode()))
        content[-1] = variant
        return prepare(CTImageStorage, uid, ExplicitVRLittleEndian, bytes(content))


def run(folder: Path, kills: int, seed: int, say: Callable[[str], None] = lambda line: None) -> Tally:
    """`kills` rounds of start, send, kill; the oracle after each. Stops at the first violation."""
    choose = random.Random(seed)
    template, acknowledged = Template(), Acknowledged()
    node = NodeProcess(folder, {"ARCHIVE__FREE_BYTES_MIN": "0", "ARCHIVE__STUDY_QUIET_S": "0.5"})
    violations: list[str] = []
    counter = iter(range(1, 1 << 40))
    for kill in range(1, kills + 1):
        node.start()
        _send_until_killed(node, template, acknowledged, choose, counter)
        if choose.random() < 0.1:  # a second crash while the node recovers from the first
            node.spawn()
            time.sleep(choose.uniform(0.2, 1.5))
            node.kill()
        if kill % 5 == 0 or kill == kills:
            node.start()
            node.stop()
            violations = oracle(node.data, acknowledged)
            say(f"kill {kill}: {len(acknowledged.digests)} acknowledged, {len(violations)} violations")
            if violations:
                break
    with acknowledged.lock:
        held = sum(map(len, acknowledged.digests.values()))
        return Tally(kill, acknowledged.sent, acknowledged.answers, held, tuple(violations), acknowledged.refused)


def _send_until_killed(
    node: NodeProcess, template: Template, acknowledged: Acknowledged, choose: random.Random, counter: object
) -> None:
    numbers: list[list[tuple[int, int]]] = []
    for _ in range(SENDERS):
        plan = []
        for _ in range(2000):
            roll = choose.random()
            known = acknowledged.answers
            if roll < RESEND and known:
                plan.append((choose.randrange(1, known + 1), 0))
            elif roll < RESEND + COLLIDE and known:
                plan.append((choose.randrange(1, known + 1), choose.randrange(1, 255)))
            else:
                plan.append((next(counter), 0))  # type: ignore[call-overload]  # an iterator of int
        numbers.append(plan)
    killed_after = choose.uniform(0.05, 0.8)
    senders = [threading.Thread(target=_send, args=(node.dimse_port, template, plan, acknowledged)) for plan in numbers]
    for sender in senders:
        sender.start()
    time.sleep(killed_after)
    node.kill()
    for sender in senders:
        sender.join(60)


def _send(port: int, template: Template, plan: list[tuple[int, int]], acknowledged: Acknowledged) -> None:
    try:
        with Modality("127.0.0.1", port, CTImageStorage, ExplicitVRLittleEndian) as modality:
            for number, variant in plan:
                prepared = template.make(number, variant=variant)
                acknowledged.sent += 1
                acknowledged.note(prepared, modality.store(prepared))
    except (AssociationLost, OSError):
        return


def oracle(data: Path, acknowledged: Acknowledged) -> list[str]:
    """Everything that contradicts the promise, in words; the node is stopped."""
    index = Index(f"sqlite:///{data / 'index.db'}", read_only=True)
    store = FolderStore(data / "store")
    try:
        now = datetime.now(UTC) + timedelta(seconds=1)
        found = [str(violation) for violation in verify(index, store, now=now, grace=timedelta())]
        with index.read() as connection:
            rows = connection.execute(
                select(instance.c.sop_instance_uid, instance.c.dataset_sha256, instance.c.state)
            ).all()
            told = set(
                connection.execute(
                    select(event.c.sop_instance_uid).where(event.c.kind == EventKind.INSTANCE_STORED)
                ).scalars()
            )
        kept: dict[str, set[str]] = {}
        for uid, digest, _ in rows:
            kept.setdefault(uid, set()).add(digest)
        for uid, digests in acknowledged.digests.items():
            found += [f"acknowledged and lost: {uid} {digest}" for digest in digests - kept.get(uid, set())]
        live = [uid for uid, _, state in rows if state == InstanceState.LIVE]
        found += [f"live without an event: {uid}" for uid in set(live) - told]
        if len(live) != len(set(live)):
            found.append("a SOP Instance UID is live twice")
        return found
    finally:
        index.close()


def _slice(seed: int, folder: Path) -> Outcome:
    tally = run(folder, SLICE_KILLS, seed)
    violations = tuple(f"seed {seed}: {violation}" for violation in tally.violations)
    return Outcome(
        tally.kills,
        violations,
        {"sent": tally.sent, "answered": tally.acknowledged, "refused": sum(tally.refused.values())},
    )


RIG = Rig(name="kill", noun="kills", goal=10_000, slice=_slice)
