"""R1: kill -9 at random moments while modalities send, restart, and look whether the promise was kept.

    python -m tests.faults --rig kill --seed 7

Three modalities send by C-STORE and one client by STOW-RS; each writes down what was acknowledged. After every restart
each of those has to be there as sent, once, with its row, its event and its audit record, nothing may be half there,
and what is asked for over the web comes as it was sent. In some rounds one or two modalities alone send large images,
which the node's hasher hashes, and in half of those it is killed first. Every random choice comes from the seed.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.faults.acknowledged import SUCCESS, Acknowledged
from tests.faults.beside import await_digest, kill_hasher
from tests.faults.doors import SERIES, STUDY
from tests.faults.instances import Mix, digest_of, uid_of
from tests.faults.launcher import LaunchedNode, Launcher
from tests.faults.memory_folder import in_memory
from tests.faults.oracle import oracle, uncommitted
from tests.faults.rig import Outcome, Rig
from tests.support.modality import AssociationLost, Modality, split_part10
from tests.support.web import ANY_OBJECTS, STOW_HEADERS, multipart

LARGE_ROUNDS = 0.2  # share of rounds
LARGE_SENDERS = (1, 1, 2)
LARGE_FROM = 10**9  # numbers of large images
LARGE_KILLED_WITHIN_S = 0.3  # after the hasher's first digest
SENDERS = 4  # the last of them by STOW-RS
SLICE_KILLS = 20
ON_DISK_EVERY = 4
MEMORY_BYTES = 1 << 30
STOW_PARTS = 3
RESEND = 0.3  # share of sends that repeat an earlier instance
COLLIDE = 0.02  # share that send other content under a known UID
TOGETHER = 0.1  # share that all send at about the same moment
FETCHED = 5  # after a restart
PLAN = 2000
PATIENCE_S = 60

Plan = list[tuple[int, int]]
"""(number, variant) after another."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run did and found."""

    kills: int
    sent: int
    acknowledged: int
    instances: int
    violations: tuple[str, ...]
    refused: dict[int, int]
    hashed: int  # by the hasher
    hashers_killed: int


def run(
    folder: Path, kills: int, seed: int, say: Callable[[str], None] = lambda line: None, *, mutant: str = ""
) -> Tally:
    """`kills` rounds of start, send, kill; the oracle after every fifth. Stops at the first violation."""
    choose = random.Random(seed)
    template, acknowledged = Mix(96, lambda number: number >= LARGE_FROM), Acknowledged()
    hashed, hashers_killed = 0, 0
    settings = {"ARCHIVE__FREE_BYTES_MIN": "0", "ARCHIVE__STUDY_QUIET_S": "0.5"}
    violations: list[str] = []
    counter, large = iter(range(1, LARGE_FROM)), iter(range(LARGE_FROM, 1 << 40))
    with Launcher(folder) as launcher:
        node = LaunchedNode(folder / "node", launcher, settings, mutant=mutant)
        for kill in range(1, kills + 1):
            node.start()
            node.token()
            if choose.random() < LARGE_ROUNDS:
                more, killed = _send_large_until_killed(node, template, acknowledged, choose, large)
                hashed, hashers_killed = hashed + more, hashers_killed + killed
            else:
                _send_until_killed(node, template, acknowledged, choose, counter)
            violations = uncommitted(node.data, acknowledged)
            if choose.random() < 0.1:  # a second crash while the node recovers from the first
                node.spawn()
                time.sleep(choose.uniform(0.02, 0.7))
                node.kill()
            if not violations and (kill % 5 == 0 or kill == kills):
                node.start()
                violations = _fetch_some(node, acknowledged, choose)
                node.stop()
                violations += oracle(node.data, acknowledged)
                say(f"kill {kill}: {len(acknowledged.digests)} acknowledged, {len(violations)} violations")
            if violations:
                break
    with acknowledged.lock:
        held = sum(map(len, acknowledged.digests.values()))
        return Tally(
            kill,
            acknowledged.sent,
            acknowledged.answers,
            held,
            tuple(violations),
            acknowledged.refused,
            hashed,
            hashers_killed,
        )


def _send_until_killed(
    node: LaunchedNode, template: Mix, acknowledged: Acknowledged, choose: random.Random, counter: Iterator[int]
) -> None:
    killed_after = choose.uniform(0.05, 0.8)
    plans = _plans(acknowledged.answers, choose, counter)
    senders = [threading.Thread(target=_send, args=(node.dimse_port, template, plan, acknowledged)) for plan in plans]
    senders[-1] = threading.Thread(target=_post, args=(node, template, plans[-1], acknowledged))
    for sender in senders:
        sender.start()
    time.sleep(killed_after)
    node.kill()
    for sender in senders:
        sender.join(PATIENCE_S)


def _send_large_until_killed(
    node: LaunchedNode, template: Mix, acknowledged: Acknowledged, choose: random.Random, counter: Iterator[int]
) -> tuple[int, bool]:
    """How many the hasher has hashed, at least, and whether it was killed before the node."""
    count = choose.choice(LARGE_SENDERS)
    plans: list[Plan] = [[] for _ in range(count)]
    for place in range(PLAN):
        number = choose.choice(plans[0])[0] if plans[0] and choose.random() < RESEND else next(counter)
        plans[place % count].append((number, choose.randrange(1, 255) if choose.random() < COLLIDE else 0))
    kills_hasher, killed_after = choose.random() < 0.5, choose.uniform(0, LARGE_KILLED_WITHIN_S)
    senders = [threading.Thread(target=_send, args=(node.dimse_port, template, plan, acknowledged)) for plan in plans]
    for sender in senders:
        sender.start()
    hashed = await_digest(node)
    killed = kills_hasher and kill_hasher(node, choose)
    time.sleep(killed_after)
    node.kill()
    for sender in senders:
        sender.join(PATIENCE_S)
    return hashed, killed


def _plans(known: int, choose: random.Random, counter: Iterator[int]) -> list[Plan]:
    together = [(next(counter), 0) if choose.random() < TOGETHER else None for _ in range(PLAN)]

    def one(place: int) -> tuple[int, int]:
        roll, shared = choose.random(), together[place]
        if shared:
            return shared
        if roll < RESEND and known:
            return choose.randrange(1, known + 1), 0
        if roll < RESEND + COLLIDE and known:
            return choose.randrange(1, known + 1), choose.randrange(1, 255)
        return next(counter), 0

    return [[one(place) for place in range(PLAN)] for _ in range(SENDERS)]


def _send(port: int, template: Mix, plan: Plan, acknowledged: Acknowledged) -> None:
    try:
        with Modality("127.0.0.1", port, CTImageStorage, ExplicitVRLittleEndian) as modality:
            for number, variant in plan:
                prepared = template.make(number, variant=variant)
                acknowledged.sent += 1
                acknowledged.note_sent(prepared, modality.store(prepared))
    except (AssociationLost, OSError):
        return


def _post(node: LaunchedNode, template: Mix, plan: Plan, acknowledged: Acknowledged) -> None:
    """A few in a request: what its answer names as stored is acknowledged (PS3.18 10.5.3)."""
    with closing(http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=PATIENCE_S)) as connection:
        headers = STOW_HEADERS | node.authorization() | {"Accept": "application/dicom+json"}
        try:
            for first in range(0, len(plan), STOW_PARTS):
                parts = list(dict(plan[first : first + STOW_PARTS]).items())  # each UID once in a request
                acknowledged.sent += len(parts)
                files = [template.file(number, variant=variant) for number, variant in parts]
                connection.request("POST", "/dicom-web/studies", multipart(files), headers)
                with connection.getresponse() as answer:
                    _note_answer(acknowledged, parts, template, json.loads(answer.read()))
        except (OSError, http.client.HTTPException):
            return


def _note_answer(acknowledged: Acknowledged, parts: Plan, template: Mix, answer: dict[str, Any]) -> None:
    stored, failed = _named(answer, "00081199"), _named(answer, "00081198")
    for number, variant in parts:
        uid, digest = uid_of(number), digest_of(template.dataset(number, variant=variant))
        if uid in stored:
            acknowledged.note(uid, digest, SUCCESS)
        for reason in failed.get(uid, ()):
            acknowledged.note(uid, digest, reason)


def _named(answer: dict[str, Any], tag: str) -> dict[str, list[int]]:
    """SOP Instance UID to the failure reasons (none: it is stored) of an answer's sequence."""
    named: dict[str, list[int]] = {}
    for item in answer.get(tag, {}).get("Value", ()):
        named.setdefault(item["00081155"]["Value"][0], []).extend(item.get("00081197", {}).get("Value", ()))
    return named


def _fetch_some(node: LaunchedNode, acknowledged: Acknowledged, choose: random.Random) -> list[str]:
    """WADO-RS of some that were acknowledged once: the data set has to come as it was sent."""
    once = sorted(uid for uid, digests in acknowledged.digests.items() if len(digests) == 1)
    wrong = []
    with closing(http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=PATIENCE_S)) as connection:
        for uid in choose.sample(once, min(FETCHED, len(once))):
            path = f"studies/{STUDY}/series/{SERIES}/instances/{uid}"
            connection.request("GET", f"/dicom-web/{path}", headers={"Accept": ANY_OBJECTS, **node.authorization()})
            with connection.getresponse() as answer:
                body = answer.read()
            start = body.find(b"\r\n\r\n") + 4
            end = body.rfind(b"\r\n--")
            digest = digest_of(split_part10(body[start:end])[1]) if answer.status == 200 else ""
            if {digest} != acknowledged.digests[uid]:
                wrong.append(f"WADO-RS answers {answer.status} with other bytes than were acknowledged: {uid}")
    return wrong


def slice_of(seed: int, folder: Path, *, mutant: str = "") -> Outcome:
    """One slice of the long form, of a spoiled node with `mutant`.

    Every fourth is on the disk, whose syncs are long: most kills fall into one. The others are in memory, where they
    fall between. What a process wrote is there after its death either way.
    """
    with nullcontext(folder) if seed % ON_DISK_EVERY == 0 else in_memory(folder, MEMORY_BYTES) as where:
        tally = run(where, SLICE_KILLS, seed, mutant=mutant)
    violations = [f"seed {seed}: {violation}" for violation in tally.violations]
    violations += [f"seed {seed}: {count} refused with {status:04X}" for status, count in tally.refused.items()]
    return Outcome(
        tally.kills,
        tuple(violations),
        {
            "sent": tally.sent,
            "answered": tally.acknowledged,
            "refused": sum(tally.refused.values()),
            "hashed elsewhere": tally.hashed,
            "hashers killed": tally.hashers_killed,
        },
    )


MUTANTS = (
    "success-before-commit",
    "publish-before-commit",
    "event-in-a-second-transaction",
    "counters-in-a-second-transaction",
    "key-reuse",
    "hash-before-the-last-bytes",
    "digest-of-a-dead-hasher",
)
RIG = Rig(
    name="kill",
    noun="kills",
    goal=10_000,
    slice=slice_of,
    mutants={mutant: partial(slice_of, mutant=mutant) for mutant in MUTANTS},
)
