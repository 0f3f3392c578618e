"""R7: PostgreSQL goes away, in the middle of COMMIT too, so that nobody knows whether it happened.

After every cut the answer has to be what the server did: success exactly when the row is there. No success while
the database is away, and everything goes on by itself when it is back.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from pacs.archive.archive import Archive
from pacs.archive.ingest import Reception
from pacs.archive.recovery import recover
from pacs.errors import StoreFailed
from pacs.index import writer
from pacs.index.engine import Index
from pacs.index.schema import instance
from pacs.index.writer import CommitUnknown, Writer
from storage.filesystem import FolderStore
from tests.faults.acknowledged import Acknowledged
from tests.faults.commit_relay import CommitRelay, Cut
from tests.faults.doors import NodeDoor
from tests.faults.instances import Template
from tests.faults.rig import Outcome, Rig
from tests.faults.witness import (
    OUT_OF_RESOURCES,
    SUCCESS,
    contradictions,
    deliver,
    digest_of,
    instead,
    on_commit_of_reception,
    seeded,
)
from tests.support import postgresql
from tests.support.archives import open_archive
from tests.support.modality import AssociationLost, Prepared
from tests.support.process import NodeProcess

PATIENCE_S = 60.0
CUTS = 20
SENDERS = 3
OURS = "FROM pg_stat_activity WHERE application_name = 'suret'"
PLAIN = "?sslmode=disable&gssencmode=disable"  # the relay reads along


class Server:
    """A PostgreSQL of the rig's own that keeps what it commits."""

    def __init__(self) -> None:
        # Short and open to passing through: socket paths are short, and the server runs as its own user.
        self._above = Path(tempfile.mkdtemp(prefix="suret-r7-"))
        self._above.chmod(0o711)
        self._folder = self._above / "pg"
        self.cluster = postgresql.start(self._folder, os.getpid(), durable=True)
        self.url = self.cluster.create_database()

    def through(self, port: int) -> str:
        """The URL of the database by way of a relay on `port`."""
        return self.url.replace(f":{self.cluster.port}/", f":{port}/") + PLAIN

    def end_sessions(self) -> None:
        """An administrator ends the node's sessions."""
        self.cluster.administer(f"SELECT pg_terminate_backend(pid) {OURS}")

    def kill_a_session(self) -> None:
        """One of the node's server processes dies; PostgreSQL then starts all anew."""
        for (pid,) in self.cluster.administer(f"SELECT pid {OURS} LIMIT 1"):
            os.kill(int(str(pid)), signal.SIGKILL)

    def stop(self) -> None:
        """As at a power cut: nothing is written down."""
        postgresql.stop(self._folder)

    def resume(self) -> None:
        """Start it again."""
        postgresql.resume(self._folder, self.cluster, os.getpid(), durable=True)

    def close(self) -> None:
        """End it and remove its folder."""
        try:
            if (self._folder / "postmaster.pid").exists():
                self.stop()
        finally:
            shutil.rmtree(self._above, ignore_errors=True)


@contextmanager
def server() -> Iterator[Server]:
    """A server for the time of the block."""
    made = Server()
    try:
        yield made
    finally:
        made.close()


def kinds(server: Server, choose: random.Random) -> Mapping[str, Cut]:
    """The ways in which a COMMIT can be met."""
    return {
        "before": Cut(forwarded=False),
        "answer-lost": Cut(),
        "answer-torn": Cut(answer_bytes=choose.randrange(1, 20)),
        "late": Cut(late_s=choose.uniform(0.3, 1.2)),
        "session-ended": Cut(strike=server.end_sessions, cut=False),
        "session-killed": Cut(strike=server.kill_a_session, cut=False),
    }


# Cut commits, in this process, so that every answer can be compared with what the server did ---------------------


class RememberingStore(FolderStore):
    """Remembers the key of each thread's last put, for a mutant."""

    last = threading.local()

    def put(self, key: str, *arguments: Any, **options: Any) -> None:
        self.last.key = key
        super().put(key, *arguments, **options)


def cut_commits(seed: int, folder: Path, *, kind: str = "", cuts: int = CUTS) -> Outcome:
    """`cuts` commits met by a fault of `kind` (any, when empty), three senders waiting for each."""
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    violations: list[str] = []
    counts: dict[str, int] = {}
    with server() as database, CommitRelay(database.cluster.port) as relay:
        store = RememberingStore(folder / "store")
        with open_archive(folder, database=database.through(relay.port), store=store) as archive:
            _assert_durable(archive)
            plain = Index(database.url, read_only=True)
            try:
                for _ in range(cuts):
                    known = kinds(database, choose)
                    name = kind or choose.choice(sorted(known))
                    counts[name] = counts.get(name, 0) + 1
                    relay.arm(known[name])
                    violations += _met(archive, plain, choose, template, acknowledged)
                    if relay.armed:
                        violations.append("no COMMIT came to be cut")
                    if violations:
                        break
                recover(archive, adopt_hours=24)
                violations += contradictions(plain, store, acknowledged)
            finally:
                plain.close()
    details = {"sent": acknowledged.sent, "acknowledged": len(acknowledged.digests), **counts}
    return Outcome(sum(counts.values()), seeded(seed, violations), details)


LONG_S = 0.5


def away_for_long(seed: int, folder: Path) -> Outcome:
    """The server is out of reach for longer than a COMMIT without an answer is asked about: one that was lost, and one
    that was done all the same. Nobody is told of success, and everything goes on when it is back."""
    template, acknowledged, violations = Template(), Acknowledged(), []
    with server() as database, CommitRelay(database.cluster.port) as relay, ExitStack() as stack:

        def go_away() -> None:
            relay.away = True

        stack.enter_context(instead(writer, "UNKNOWN_COMMIT_WAIT_S", LONG_S))
        archive = stack.enter_context(open_archive(folder, database=database.through(relay.port)))
        _assert_durable(archive)
        acknowledged.note_sent(template.make(0), deliver(archive, template.make(0)))  # what is read once has been read
        for number, cut in enumerate((Cut(forwarded=False, strike=go_away), Cut(late_s=LONG_S / 2, strike=go_away)), 1):
            prepared = template.make(number)
            relay.arm(cut)
            told = [deliver(archive, prepared)]
            relay.away = False
            told += [deliver(archive, prepared), deliver(archive, template.make(number + 10))]
            for one, status in zip((prepared, prepared, template.make(number + 10)), told, strict=True):
                acknowledged.note_sent(one, status)
            if told != [OUT_OF_RESOURCES, SUCCESS, SUCCESS]:
                violations.append(f"answered with {told} around a long outage")
            if archive.index.commits is None:
                violations.append("nobody has asked what became of the COMMIT")
            if violations:
                return Outcome(number, seeded(seed, violations))
        recover(archive, adopt_hours=24)
        plain = Index(database.url, read_only=True)
        stack.callback(plain.close)
        violations += contradictions(plain, archive.store, acknowledged)
    return Outcome(2, seeded(seed, violations), {"away for long": 2})


def _met(
    archive: Archive, plain: Index, choose: random.Random, template: Template, acknowledged: Acknowledged
) -> list[str]:
    """Senders who meet an armed cut; what of their answers is not what the server did."""
    first = acknowledged.sent + 1
    prepared = [template.make(number) for number in range(first, first + choose.randrange(1, SENDERS + 1))]
    acknowledged.sent += len(prepared)
    answers: dict[str, int] = {}

    def send(one: Prepared) -> None:
        answers[one.sop_instance_uid] = deliver(archive, one)

    senders = [threading.Thread(target=send, args=(one,)) for one in prepared]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(PATIENCE_S)
    found = []
    if archive.index.broken:
        found.append("the writer gave up though the server is there")
    kept = _kept(plain, prepared)
    for one in prepared:
        status = answers.get(one.sop_instance_uid)
        acknowledged.note_sent(one, -1 if status is None else status)
        if status is None:
            found.append(f"no answer within {PATIENCE_S} s")
        elif (status == SUCCESS) != (digest_of(one) in kept):
            done = "committed" if digest_of(one) in kept else "not committed"
            found.append(f"answered with {status:04X} what was {done}: {one.sop_instance_uid}")
    return found


def _kept(plain: Index, prepared: list[Prepared]) -> set[str]:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with plain.read() as connection:
                uids = [one.sop_instance_uid for one in prepared]
                rows = select(instance.c.dataset_sha256).where(instance.c.sop_instance_uid.in_(uids))
                return set(connection.execute(rows).scalars())
        except SQLAlchemyError:  # the server starts anew after one of its processes was killed
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _assert_durable(archive: Archive) -> None:
    def ask(connection: Any) -> list[str]:
        names = ("fsync", "full_page_writes", "synchronous_commit")
        return [connection.execute(text(f"SHOW {name}")).scalar_one() for name in names]

    assert archive.index.write(ask) == ["on", "on", "on"], "a rig of durability needs a durable server"


# A node whose server restarts ------------------------------------------------------------------------------------


def server_restarts(seed: int, folder: Path) -> Outcome:
    """The server is stopped without notice under a sending node and comes back; the node goes on by itself."""
    choose, template, acknowledged = random.Random(seed), Template(), Acknowledged()
    violations: list[str] = []
    with server() as database:
        node = NodeProcess(folder / "node", {"DATABASE": database.url.replace("+psycopg", "")})
        try:
            node.start()
            first = node.pid
            away = threading.Timer(choose.uniform(0.1, 0.6), database.stop)
            away.start()
            _send_until(node, template, acknowledged, lambda status: status != SUCCESS)
            away.join(PATIENCE_S)
            answers = [_send(node, template, acknowledged) for _ in range(3)]
            violations += ["success while the database is away" for status in answers if status == SUCCESS]
            time.sleep(choose.uniform(0, 2))
            database.resume()
            if not _send_until(node, template, acknowledged, lambda status: status == SUCCESS):
                violations.append("takes nothing in though the database is back")
            if not node.running or node.pid != first:
                violations.append("the node ended")
            node.stop()
            node.start().stop()  # adopts the objects whose rows were not committed
        finally:
            node.kill()
        index = Index(database.url, read_only=True)
        try:
            violations += contradictions(index, FolderStore(node.data / "store"), acknowledged)
        finally:
            index.close()
    details = {"sent": acknowledged.sent, "acknowledged": len(acknowledged.digests)}
    return Outcome(1, seeded(seed, violations), details)


def _send_until(
    node: NodeProcess, template: Template, acknowledged: Acknowledged, wanted: Callable[[int], bool]
) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and node.running:
        if wanted(_send(node, template, acknowledged)):
            return True
    return False


def _send(node: NodeProcess, template: Template, acknowledged: Acknowledged) -> int:
    """One instance on an association of its own; -1 when it is not accepted or lost."""
    acknowledged.sent += 1
    prepared = template.make(acknowledged.sent)
    try:
        with NodeDoor.modality(node) as modality:
            status = modality.store(prepared)
    except (AssociationLost, OSError):
        status = -1
        time.sleep(0.05)
    acknowledged.note_sent(prepared, status)
    return status


# Mutants ---------------------------------------------------------------------------------------------------------


def unknown_is_success(seed: int, folder: Path) -> Outcome:
    """Takes a COMMIT without an answer for done."""
    with instead(Writer, "_did_commit", lambda *_: True):
        return cut_commits(seed, folder, kind="before")


def unknown_is_failure_and_deletes(seed: int, folder: Path) -> Outcome:
    """Takes it for not done and removes the object."""

    def commit(real: Callable[[Reception], Any], reception: Reception) -> Any:
        try:
            return real(reception)
        except StoreFailed:
            store = reception._archive.store
            store.delete(RememberingStore.last.key)
            raise

    with ExitStack() as stack:
        stack.enter_context(instead(Writer, "_did_commit", lambda *_: False))
        stack.enter_context(on_commit_of_reception(commit))
        return cut_commits(seed, folder, kind="answer-lost")


def blind_retry(seed: int, folder: Path) -> Outcome:
    """Runs the transaction again without looking whether it happened."""
    real = Writer._transaction

    def transaction(writer: Writer, batch: Any) -> Any:
        try:
            return real(writer, batch)
        except SQLAlchemyError:
            return real(writer, batch)

    with ExitStack() as stack:
        stack.enter_context(instead(Writer, "_did_commit", lambda *_: False))
        stack.enter_context(instead(Writer, "_transaction", transaction))
        return cut_commits(seed, folder, kind="answer-lost")


def asks_on_the_same_connection(seed: int, folder: Path) -> Outcome:
    """Asks on the connection that was lost, gets no answer, and takes that for no."""
    with instead(Writer, "_did_commit", lambda *_: False):
        return cut_commits(seed, folder, kind="answer-torn")


def gives_up(seed: int, folder: Path) -> Outcome:
    """A mutant: takes nothing more after a COMMIT of which nobody knows."""
    real = Writer._did_commit

    def did_commit(self: Writer, *arguments: Any) -> bool:
        try:
            return real(self, *arguments)
        except CommitUnknown:
            self.broken = True
            raise

    with instead(Writer, "_did_commit", did_commit):
        return away_for_long(seed, folder)


def run_slice(seed: int, folder: Path) -> Outcome:
    """Cut commits of every kind, a long outage, then a server that restarts under a node."""
    cut, restarted = cut_commits(seed, folder / "cuts"), server_restarts(seed, folder / "restart")
    away = away_for_long(seed, folder / "away")
    details = {**cut.details, "restarts": 1}
    for name, count in restarted.details.items():
        details[name] += count
    trials, violations = cut.trials + restarted.trials + away.trials, cut.violations + restarted.violations
    return Outcome(trials, violations + away.violations, details | dict(away.details))


def needs() -> str:
    """Why it cannot run here, "" when it can."""
    return "" if any(Path("/usr/lib/postgresql").glob("[0-9]*/bin/initdb")) else "PostgreSQL is not installed"


RIG = Rig(
    name="database-outage",
    noun="cut commits",
    goal=1000,
    slice=run_slice,
    mutants={
        "unknown-is-success": unknown_is_success,
        "unknown-is-failure-and-delete-object": unknown_is_failure_and_deletes,
        "blind-retry-insert": blind_retry,
        "check-on-same-connection": asks_on_the_same_connection,
        "gives-up": gives_up,
    },
    needs=needs,
)
