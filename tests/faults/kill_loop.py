"""R1: kill -9 at random moments while modalities send, restart, and look whether the promise was kept.

    python -m tests.faults --rig kill --seed 7

A modality writes down what was acknowledged; after every restart each of those has to be there as sent, once, with
its row, its event and its audit record, and nothing may be half there. Every random choice comes from the seed.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.acknowledged import Acknowledged
from tests.faults.instances import Template, digest_of
from tests.faults.oracle import oracle, uncommitted
from tests.faults.rig import Outcome, Rig
from tests.support.modality import AssociationLost, Modality
from tests.support.process import NodeProcess

SENDERS = 4
SLICE_KILLS = 20
RESEND = 0.3  # share of sends that repeat an earlier instance
COLLIDE = 0.02  # share that send other content under a known UID


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did and found."""

    kills: int
    sent: int
    acknowledged: int
    instances: int
    violations: tuple[str, ...]
    refused: dict[int, int]


def run(
    folder: Path, kills: int, seed: int, say: Callable[[str], None] = lambda line: None, *, mutant: str = ""
) -> Tally:
    """`kills` rounds of start, send, kill; the oracle after every fifth. Stops at the first violation."""
    choose = random.Random(seed)
    template, acknowledged = Template(), Acknowledged()
    settings = {"ARCHIVE__FREE_BYTES_MIN": "0", "ARCHIVE__STUDY_QUIET_S": "0.5"}
    program = ("-m", "tests.faults.mutants", mutant) if mutant else ("-m", "pacs.cli")
    node = NodeProcess(folder, settings, program=program)
    violations: list[str] = []
    counter = iter(range(1, 1 << 40))
    for kill in range(1, kills + 1):
        node.start()
        _send_until_killed(node, template, acknowledged, choose, counter)
        violations = uncommitted(node.data, acknowledged)
        if choose.random() < 0.1:  # a second crash while the node recovers from the first
            node.spawn()
            time.sleep(choose.uniform(0.2, 1.5))
            node.kill()
        if not violations and (kill % 5 == 0 or kill == kills):
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
                status = modality.store(prepared)
                acknowledged.note(prepared.sop_instance_uid, digest_of(prepared.dataset), status)
    except (AssociationLost, OSError):
        return


def slice_of(seed: int, folder: Path, *, mutant: str = "") -> Outcome:
    """One slice of the long form, of a spoiled node with `mutant`."""
    tally = run(folder, SLICE_KILLS, seed, mutant=mutant)
    violations = [f"seed {seed}: {violation}" for violation in tally.violations]
    violations += [f"seed {seed}: {count} refused with {status:04X}" for status, count in tally.refused.items()]
    return Outcome(
        tally.kills,
        tuple(violations),
        {"sent": tally.sent, "answered": tally.acknowledged, "refused": sum(tally.refused.values())},
    )


MUTANTS = ("success-before-commit", "publish-before-commit", "event-in-a-second-transaction", "key-reuse")
RIG = Rig(
    name="kill",
    noun="kills",
    goal=10_000,
    slice=slice_of,
    mutants={mutant: partial(slice_of, mutant=mutant) for mutant in MUTANTS},
)
