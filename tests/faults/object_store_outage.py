"""R6: the object store refuses, hangs, forgets, damages, contradicts itself or lies.

A passing fault is outlasted, a lasting one refuses the sender and leaves nothing half there, and what was answered
with success is in the bucket as sent. A service that says "stored" and stored nothing cannot be found out at the
time; `pacs verify` has to name every such object.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from pacs.archive.archive import Archive
from pacs.archive.recovery import orphans, recover
from pacs.errors import SuretError
from storage import s3
from storage.errors import KeyExists, StorageError, StorageFailed
from storage.open import S3Options
from storage.s3 import S3Store
from tests.faults.acknowledged import Acknowledged
from tests.faults.bad_days import DAYS, FOREIGN_SERVICE, READ_TIMEOUT_S, REFUSED, drop, lie
from tests.faults.doors import NodeDoor
from tests.faults.instances import Template
from tests.faults.rig import Outcome, Rig
from tests.faults.s3_stub import Stub
from tests.faults.witness import (
    SUCCESS,
    contradictions,
    deliver,
    instead,
    kept_as_sent,
    seeded,
)
from tests.support.archives import open_archive
from tests.support.modality import AssociationLost
from tests.support.process import NodeProcess
from tests.support.relay import Relay, cut_answer, refuse

PATIENCE_S = 60.0
BUCKET = "rig"
OPTIONS = S3Options(region="us-east-1", access_key_id="a", secret_access_key="b")


@dataclass(frozen=True, slots=True)
class Service:
    """An honest service for the relay to stand in front of."""

    url: str
    bucket: str = BUCKET
    options: S3Options = OPTIONS


@contextmanager
def _archive(folder: Path, url: str, service: Service, make: type[S3Store] = S3Store) -> Iterator[Archive]:
    """An archive over `url` whose patience with the service is short."""
    impatient = s3._CONFIG.merge(Config(read_timeout=READ_TIMEOUT_S))
    with instead(s3, "_CONFIG", impatient):
        store = make(
            service.bucket,
            incoming=folder / "incoming",
            endpoint_url=url,
            region=service.options.region,
            access_key_id=service.options.access_key_id,
            secret_access_key=service.options.secret_access_key,
        )
    with open_archive(folder, store=store) as archive:
        yield archive


# Uploads met by faults ---------------------------------------------------------------------------------------------


def bad_days(
    seed: int,
    folder: Path,
    *,
    days: tuple[str, ...] = (),
    service: Service | None = None,
    make: type[S3Store] = S3Store,
    multipart: bool = False,
) -> Outcome:
    """Every day of `days` (all, when empty) in an order of the seed; then three senders through a storm of them."""
    with ExitStack() as stack:
        if service is None:
            service = Service(stack.enter_context(Stub()).url)
        if multipart:
            stack.enter_context(instead(s3, "MULTIPART_FROM", 8 << 10))
            stack.enter_context(instead(s3, "_PART", 5 << 20))
        relay = stack.enter_context(Relay(service.url))
        archive = stack.enter_context(_archive(folder / "through", relay.url, service, make))
        return _bad_days(seed, archive, relay, days, service, multipart)


def _bad_days(
    seed: int, archive: Archive, relay: Relay, days: tuple[str, ...], service: Service, multipart: bool
) -> Outcome:
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    violations: list[str] = []
    names = list(days or (name for name in sorted(DAYS) if service.bucket == BUCKET or name not in FOREIGN_SERVICE))
    choose.shuffle(names)
    method = "POST" if multipart else "PUT"  # with parts, what counts is putting them together
    failed = 0
    for name in names:
        day, prepared = DAYS[name], template.make(acknowledged.sent + 1)
        acknowledged.sent += 1
        relay.on(method, day.fault, times=day.times, containing="uploadId=" if multipart else "objects/")
        status = deliver(archive, prepared)
        relay.clear()
        acknowledged.note_sent(prepared, status)
        failed += status != SUCCESS
        if status not in day.answers:
            violations.append(f"{name}: answered with {status:04X}")
        served = partial(kept_as_sent, archive, prepared)
        if status == SUCCESS and not _served(archive, served):  # before the re-send, which heals
            violations.append(f"{name}: acknowledged and not served as sent")
        again = deliver(archive, prepared)
        acknowledged.note_sent(prepared, again)
        if again != SUCCESS:
            violations.append(f"{name}: the re-send was answered with {again:04X}")
        if name in FOREIGN_SERVICE:
            for key in list(orphans(archive)):  # the other writer's, which is not ours to adopt
                archive.store.delete(key)
        if not _served(archive, served):
            violations.append(f"{name}: not served as sent")
    violations += _short_reads(archive, relay, template, acknowledged)
    if not days:
        failed += _storm(archive, relay, choose, template, acknowledged)
    left = len(list(orphans(archive)))
    if left > failed:
        violations.append(f"{left} objects without a row after {failed} failed sends")
    recover(archive, adopt_hours=24)
    violations += contradictions(archive.index, archive.store, acknowledged)
    details = {"sent": acknowledged.sent, "acknowledged": len(acknowledged.digests), "failed": failed}
    return Outcome(len(names), seeded(seed, violations), details)


def _served(archive: Archive, read: Callable[[], bool]) -> bool:
    try:
        return read()
    except (SuretError, StorageError):
        return False


def _short_reads(archive: Archive, relay: Relay, template: Template, acknowledged: Acknowledged) -> list[str]:
    """An answer that ends early is an error and never a shorter object; a stale listing harms nothing."""
    found = []
    prepared = template.make(acknowledged.sent + 1)
    acknowledged.sent += 1
    acknowledged.note_sent(prepared, deliver(archive, prepared))
    relay.on("GET", cut_answer, containing="objects/")
    try:
        if not kept_as_sent(archive, prepared):
            found.append("a cut answer was served as the object")
    except (SuretError, StorageError):
        pass  # said aloud: that is right
    relay.clear()
    empty = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    relay.on("GET", lambda exchange: exchange.say(200, empty), containing="list-type=2")
    recover(archive, adopt_hours=24)
    relay.clear()
    return found


def _storm(
    archive: Archive, relay: Relay, choose: random.Random, template: Template, acknowledged: Acknowledged
) -> int:
    """Three senders while faults come as they like; how many sends failed."""
    stormy = [DAYS[name].fault for name in sorted(DAYS) if name not in FOREIGN_SERVICE and "hang" not in name]
    for _ in range(12):
        relay.on("PUT", choose.choice(stormy), times=choose.randrange(1, 3), containing="objects/")
    first = acknowledged.sent + 1
    acknowledged.sent += 15
    statuses: list[int] = []

    def send(start: int) -> None:
        for number in range(start, first + 15, 3):
            prepared = template.make(number)
            statuses.append(deliver(archive, prepared))
            acknowledged.note_sent(prepared, statuses[-1])

    senders = [threading.Thread(target=send, args=(first + offset,)) for offset in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(PATIENCE_S)
    relay.clear()
    return sum(status != SUCCESS for status in statuses)


def lies(seed: int, folder: Path) -> Outcome:
    """A service that forgets what it says it stored: `pacs verify` names every such object and no other."""
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    lied = 0
    with Stub() as stub, Relay(stub.url) as relay, _archive(folder, relay.url, Service(stub.url)) as archive:
        for number in range(1, 21):
            lying = choose.random() < 0.4
            if lying:
                relay.on("PUT", lie, containing="objects/")
            acknowledged.sent += 1
            acknowledged.note_sent(prepared := template.make(number), deliver(archive, prepared))
            lied += lying
        found = contradictions(archive.index, archive.store, acknowledged)
    violations = [] if len(found) == lied else [f"{lied} objects forgotten, verify names {len(found)}: {found[:3]}"]
    return Outcome(1, seeded(seed, violations), {"sent": acknowledged.sent, "lies": lied, "lies_found": len(found)})


# A node whose service is away --------------------------------------------------------------------------------------


def service_is_away(seed: int, folder: Path) -> Outcome:
    """A sending node loses its object store for a while: it refuses, answers questions, and goes on by itself."""
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    violations: list[str] = []
    with Stub() as stub, Relay(stub.url) as relay:
        node = NodeProcess(
            folder / "node",
            {
                "STORAGE": f"s3://{BUCKET}",
                "S3__ENDPOINT_URL": relay.url,
                "S3__ACCESS_KEY_ID": OPTIONS.access_key_id,
                "S3__SECRET_ACCESS_KEY": OPTIONS.secret_access_key,
            },
        )
        try:
            node.start()
            first, door = node.pid, NodeDoor(node)
            sound = [_send(node, template, acknowledged) for _ in range(10)]
            away = choose.choice([drop, refuse(503, "SlowDown"), refuse(500, "InternalError")])
            for method in ("PUT", "GET", "HEAD", "DELETE"):
                relay.on(method, away, times=1 << 30)
            during = [_send(node, template, acknowledged) for _ in range(3)]
            if door.count() != sound.count(SUCCESS):
                violations.append("a query is not answered while the object store is away")
            relay.clear()
            deadline = time.monotonic() + PATIENCE_S
            while (after := _send(node, template, acknowledged)) != SUCCESS and time.monotonic() < deadline:
                time.sleep(0.1)
            violations += [f"answered with {status:04X} while away" for status in during if status not in REFUSED]
            if sound != [SUCCESS] * 10 or after != SUCCESS or node.pid != first:
                violations.append(f"did not go on by itself: {sound}, {after}")
            if not door.reads(template.make(1)):
                violations.append("not served afterwards")
            door.close()
            node.stop()
            node.start().stop()
        finally:
            node.kill()
        found = node.command("verify", "--grace-minutes", "0")
        if found.returncode != 0:
            violations.append(f"verify: {found.stdout[-500:]}{found.stderr[-500:]}")
    details = {"sent": acknowledged.sent, "acknowledged": len(acknowledged.digests), "failed": len(during)}
    return Outcome(1, seeded(seed, violations), details)


def _send(node: NodeProcess, template: Template, acknowledged: Acknowledged) -> int:
    acknowledged.sent += 1
    prepared = template.make(acknowledged.sent)
    try:
        with NodeDoor.modality(node) as modality:
            status = modality.store(prepared)
    except (AssociationLost, OSError):
        status = -1
    acknowledged.note_sent(prepared, status)
    return status


# Mutants: stores that get one thing wrong --------------------------------------------------------------------------


def _answered(error: BaseException | None) -> int:
    response = error.response if isinstance(error, ClientError) else {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


class TrustsStatus200(S3Store):
    """Takes status 200 for success, whatever the body says."""

    def put(self, key: str, file: Path, *arguments: Any, **options: Any) -> None:
        try:
            super().put(key, file, *arguments, **options)
        except StorageFailed as error:
            # botocore turns such an answer into a 500 of its own making, so that it is repeated
            if _answered(error.__cause__) not in (200, 500):
                raise
            file.unlink()


class NewKeyOnRetry(S3Store):
    """Sends once, and again under another key when there is no answer; the first attempt may have arrived."""

    def put(self, key: str, file: Path, *arguments: Any, **options: Any) -> None:
        content = file.read_bytes()
        super().put(key.replace(".dcm", "A.dcm"), file, *arguments, **options)
        file.write_bytes(content)
        super().put(key, file, *arguments, **options)


class TakenIsFailure(S3Store):
    """Takes 412 for a failure without looking whether it was its own earlier attempt."""

    def _ours_or_taken(self, name: str, size: int, headers: Mapping[str, str]) -> None:
        raise KeyExists(name)


class TakenIsSuccess(S3Store):
    """Takes 412 for its own earlier attempt without looking."""

    def _ours_or_taken(self, name: str, size: int, headers: Mapping[str, str]) -> None:
        """It must have been ours."""


class ChecksumIgnored(S3Store):
    """Sends no digest of the body, so that nobody sees it damaged on the way."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        with instead(s3, "_CONFIG", s3._CONFIG.merge(Config(s3={"payload_signing_enabled": False}))):
            super().__init__(*arguments, **options)

        def unsigned(request: Any, **_: Any) -> None:
            request.context["payload_signing_enabled"] = False
            request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"

        self._client.meta.events.register("before-sign.s3.PutObject", unsigned)


def run_slice(seed: int, folder: Path) -> Outcome:
    """Every bad day, whole and in parts, a lying service, and a node whose service is away."""
    parts = [
        bad_days(seed, folder / "days"),
        bad_days(seed, folder / "parts", days=("error-in-success-lasting", "answer-lost"), multipart=True),
        lies(seed, folder / "lies"),
        service_is_away(seed, folder / "away"),
    ]
    details: dict[str, int] = {}
    for part in parts:
        for name, count in part.details.items():
            details[name] = details.get(name, 0) + count
    return Outcome(
        sum(part.trials for part in parts), tuple(line for part in parts for line in part.violations), details
    )


def _mutant(make: type[S3Store], day: str, *, multipart: bool = False) -> Callable[[int, Path], Outcome]:
    return lambda seed, folder: bad_days(seed, folder, days=(day,), make=make, multipart=multipart)


RIG = Rig(
    name="object-store-outage",
    noun="bad days",
    goal=10_000,
    slice=run_slice,
    mutants={
        "trust-200": _mutant(TrustsStatus200, "error-in-success-lasting", multipart=True),
        "new-key-on-retry": _mutant(NewKeyOnRetry, "answer-lost"),
        "412-is-failure": _mutant(TakenIsFailure, "answer-lost"),
        "412-is-success": _mutant(TakenIsSuccess, "somebody-else"),
        "checksum-ignored": _mutant(ChecksumIgnored, "damaged-on-the-way"),
    },
)
