"""One history: a few lives of one node, what senders and time do to it, and the end that has to be good."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import insert, literal, select, update
from sqlalchemy.exc import SQLAlchemyError

from pacs.access.principals import OPERATOR
from pacs.archive import housekeeping, recovery
from pacs.archive.stability import settle_studies
from pacs.archive.verify import verify
from pacs.errors import ArrivalRefused, IncompleteDataSet, NotFound, StoreFailed, SuretError, Unreadable
from pacs.index.schema import garbage, instance
from pacs.model import GarbageReason, InstanceState, StorageState
from storage.errors import StorageError
from tests.faults.simulated.curator import ITEM, curate
from tests.faults.simulated.instances import Instance
from tests.faults.simulated.instances import instance as made
from tests.faults.simulated.life import Node, World
from tests.faults.simulated.oracle import LATER, Model, judge, judge_rows
from tests.faults.simulated.scheduler import WRITER, Faults, Stuck, Trace

LIVES_MAX = 3
SENDERS_MAX = 4
SENDS_MAX = 4
DEATH_AT_MAX = 200  # port calls; a life with several senders has some hundred
SOON_MAX = 90  # recovery alone takes some fifty
DEADLY_CALLS = (
    "place",
    "fsync moved",
    "fsync moved",
    "fsync directory",
    "fsync file",
    "mkdir",
    "unlink",
    "rename",
    "BEGIN",
    "COMMIT",
    "COMMIT written",
)
FAULT_RATES = (0.0, 0.0, 0.003, 0.02)
GRACE = timedelta(hours=24)
CLOCK_HOURS = (-26.0, -1.0, -0.001, 1.0, 26.0, 24.0 * 10)
AFTER_NIGHTFALL = 25.0  # hours: garbage is due


@dataclass(frozen=True, slots=True)
class Result:
    """What one history did."""

    seed: int
    violations: tuple[str, ...]
    answers: int
    refusals: int
    port_calls: int
    crashes: int


class History:
    """Runs the lives that a seed asks for."""

    def __init__(self, seed: int, folder: Path, template: Path, trace: Trace) -> None:
        self.seed = seed
        self.world = World(seed, folder, template, trace)
        self.choose = self.world.choose
        self.model = Model()
        self.crashes = self.port_calls = 0
        self.instances = self.choose.randint(1, 3)
        # A garbage entry that names a live object is no state of this release; it is what the remover must be safe in.
        self.condemns = self.choose.random() < 0.15
        self.purged = False

    def run(self) -> Result:
        """All of it."""
        self._begin()
        for _ in range(self.choose.randint(1, LIVES_MAX)):
            self._live()
            if self.choose.random() < 0.2:
                self.world.jump(self.choose.choice(CLOCK_HOURS))
        self._end()
        return Result(
            self.seed,
            tuple(self.model.violations),
            self.model.answers,
            self.model.refusals,
            self.port_calls,
            self.crashes,
        )

    # Lives -------------------------------------------------------------------------------------------------------

    def _faults(self) -> Faults:
        choose = self.choose
        fails = choose.choice(FAULT_RATES)
        manner = choose.random()
        if manner < 0.4:  # at a step that matters
            return Faults(choose, dies_at=choose.randrange(8), dies_in=choose.choice(DEADLY_CALLS), fails=fails)
        if manner < 0.65:  # soon: while it recovers, or just after
            return Faults(choose, dies_at=choose.randrange(SOON_MAX), fails=fails)
        return Faults(choose, dies_at=choose.randrange(DEATH_AT_MAX) if manner < 0.9 else -1, fails=fails)

    def _live(self) -> None:
        node = Node(self.world, self._faults())
        work = self._rebuild if self.choose.random() < 0.05 else self._serve
        with node.process():
            survived = False
            try:
                survived = node.run(lambda: work(node))
                for problem in node.scheduler.unexpected():
                    self.model.blame(problem)
                if survived and self.choose.random() < 0.3:
                    node.stop()
                    return
            except Stuck as stuck:
                self.model.blame(f"the node hangs: {stuck}")
            except (SuretError, StorageError, SQLAlchemyError, OSError) as error:
                if not node.faults.injected:
                    self.model.blame(f"the start failed: {error!r}")
            finally:
                self.port_calls += node.faults.calls
            self.crashes += 1
            node.crash(power=self.choose.random() < 0.6)

    def _begin(self) -> None:
        """An index that is not empty: recovery looks back from the last thing it knows."""
        node = Node(self.world, Faults(self.choose))
        with node.process():
            node.run(lambda: self._first(node))
            node.stop()

    def _judge(self, node: Node) -> None:
        self.model.curated.clock_went_back = self.world.clock_went_back
        judge(node.archive, self.model)

    def _first(self, node: Node) -> None:
        node.open()
        node.recover()
        self._send_whole(node, made(0, 0), "CT1")

    def _end(self) -> None:
        node = Node(self.world, Faults(self.choose))
        with node.process():
            try:
                node.run(lambda: self._settle(node))
                self._judge(node)
                node.stop()
            except Exception as error:
                self.model.blame(f"the last start failed: {error!r}")
                node.crash(power=False)

    def _settle(self, node: Node) -> None:
        self._open(node)
        node.recover()
        if self.choose.random() < 0.5:
            self.world.jump(AFTER_NIGHTFALL)
            housekeeping.remove_garbage(node.archive, GRACE)

    def _open(self, node: Node) -> None:
        node.open()
        with node.scheduler.aside():
            judge_rows(node.archive, self.model)

    def _rebuild(self, node: Node) -> None:
        node.open()
        self.model.rebuilt = True
        if node.faults.fails:  # what cannot be read just then gets its row at a later start, behind who came meanwhile
            self.model.first.clear()
        recovery.rebuild(node.archive)

    def _serve(self, node: Node) -> None:
        self._open(node)
        node.recover()
        if not node.faults.fails and self.choose.random() < 0.2:
            with node.scheduler.aside():
                self._judge(node)
        spawn = node.scheduler.spawn
        for number in range(self.choose.randint(1, SENDERS_MAX)):
            plan = [self._send(node) for _ in range(self.choose.randint(1, SENDS_MAX))]
            spawn(f"sender{number}", _all(plan))
        for name, likely, duty in (
            ("housekeeper", 0.5, self._keep_house),
            ("reader", 0.5, self._read),
            ("scrub", 0.3, self._damage),
            ("verifier", 0.05, self._verify),
            ("clock", 0.1, self._set_clock),
            ("curator", 0.0 if self.condemns else 0.5, self._curate),
            ("condemner", 0.5 if self.condemns else 0.0, self._condemn),
        ):
            if self.choose.random() < likely:
                spawn(name, lambda duty=duty: duty(node))  # type: ignore[misc]  # bound now

    # Senders -----------------------------------------------------------------------------------------------------

    def _send(self, node: Node) -> Callable[[], None]:
        choose = self.choose
        variant = choose.choice((0, 0, 0, 1, 2))
        item = made(choose.randrange(self.instances), variant)
        manner = choose.random()
        if manner < 0.1:
            return lambda: self._send_cut(node, item, choose.randrange(1, 8))
        if manner < 0.15:
            return lambda: self._send_aborted(node, item)
        calling = choose.choice(("CT1", "CT1", "ROUTER"))
        return lambda: self._send_whole(node, item, calling)

    def _send_whole(self, node: Node, item: Instance, calling: str) -> None:
        task = node.scheduler.current
        assert task is not None
        excused_before, task.excused = task.excused, False
        try:
            with _receive(node, item, calling, self.choose) as reception:
                half = self.choose.randrange(1, len(item.dataset))
                for part in _parts(item, half, announced=not reception._is_file):
                    reception.write(part)
                self.model.sending(item)
                stored = reception.commit()
        except (ArrivalRefused, OSError) as error:
            self.model.refusals += 1
            if not task.excused and not self._index_failed(node):
                self.model.blame(f"P6 {item.sop_instance_uid} was refused without a cause: {error!r}")
        else:
            self.world.trace.note(f"{task.name} {item.sop_instance_uid} {item.variant} {stored.outcome}")
            self.model.answer(item, stored.outcome)
        task.excused |= excused_before

    def _index_failed(self, node: Node) -> bool:
        return any(task.excused for task in node.scheduler.all if task.name == WRITER)

    def _send_cut(self, node: Node, item: Instance, missing: int) -> None:
        try:
            with _receive(node, item, "CT1", self.choose) as reception:
                whole = item.file if reception._is_file else item.dataset
                reception.write(whole[:-missing])
                reception.commit()
        except (ArrivalRefused, OSError) as error:
            if not isinstance(error, IncompleteDataSet) and not node.faults.injected:
                self.model.blame(f"P6 a cut transfer was refused for another reason: {error!r}")
        else:
            self.model.blame(f"P2 {item.sop_instance_uid} was acknowledged and {missing} bytes were missing")

    def _send_aborted(self, node: Node, item: Instance) -> None:
        try:
            with _receive(node, item, "CT1", self.choose) as reception:
                reception.write(item.dataset if not reception._is_file else item.file)
        except (ArrivalRefused, OSError) as error:
            if not node.faults.injected:
                self.model.blame(f"P6 an aborted transfer was refused: {error!r}")

    # What else goes on -------------------------------------------------------------------------------------------

    def _keep_house(self, node: Node) -> None:
        for _ in range(self.choose.randint(1, 3)):
            if self.choose.random() < 0.6:
                self.world.jump(AFTER_NIGHTFALL)
            try:
                housekeeping.remove_garbage(node.archive, GRACE)
                settle_studies(node.archive, timedelta(seconds=1))
            except (SuretError, SQLAlchemyError) as error:
                if not node.faults.injected:
                    self.model.blame(f"a duty failed: {error!r}")

    def _read(self, node: Node) -> None:
        for _ in range(self.choose.randint(1, 4)):
            if not self.model.acknowledged:
                node.scheduler.pause()
                continue
            uid = self.choose.choice(list(self.model.acknowledged))
            if uid != ITEM.sop_instance_uid:  # which may be out of sight
                self._read_one(node, uid)

    def _read_one(self, node: Node, uid: str) -> None:
        study = next(iter(self.model.sent[uid].values())).study_instance_uid
        error: Exception | None = None
        for _ in range(5):  # its object may be healed and the old one removed between look and reading
            try:
                [stored] = node.archive.instances(study, None, uid)
                with node.archive.open(stored) as stream:
                    content = stream.read()[stored.dataset_offset :]
            except Unreadable:
                return  # marked damaged, and it says so
            except (NotFound, StoreFailed, SQLAlchemyError, OSError) as failure:
                error = failure
                continue
            item = self.model.sent[uid].get(stored.dataset_sha256)
            if item is None or content != item.dataset:
                self.model.blame(f"P2 {uid} is served and is not what was sent")
            return
        if not node.faults.injected:
            self.model.blame(f"P1 {uid} is acknowledged and cannot be read: {error!r}")

    def _damage(self, node: Node) -> None:
        """A scrub takes an object for damaged (here falsely, so that everything still has to be there)."""
        item = made(self.choose.randrange(self.instances), 0)
        if not self.condemns:
            self._write(
                node,
                update(instance)
                .where(instance.c.sop_instance_uid == item.sop_instance_uid, instance.c.state == InstanceState.LIVE)
                .values(storage=StorageState.DAMAGED),
            )
            self._send_whole(node, item, "CT1")  # which heals it, where this is the content that is live

    def _curate(self, node: Node) -> None:
        if not self.model.curated.is_sent:
            self._send_whole(node, ITEM, "CT1")
            self.model.curated.is_sent = ITEM.sop_instance_uid in self.model.acknowledged
        if self.model.curated.is_sent:
            curate(node, self.model.curated, self.choose)

    def _condemn(self, node: Node) -> None:
        self.model.condemned = True
        named = select(instance.c.object_key, literal(GarbageReason.DUPLICATE.value), literal(0)).where(
            instance.c.object_key.not_in(select(garbage.c.object_key))
        )
        self._write(node, insert(garbage).from_select(["object_key", "reason", "since"], named.limit(1)))

    def _write(self, node: Node, statement: object) -> None:
        try:
            node.archive.index.write(lambda connection: connection.execute(statement).close())  # type: ignore[call-overload]
        except SuretError as error:
            if not node.faults.injected:
                self.model.blame(f"a write failed: {error!r}")

    def _verify(self, node: Node) -> None:
        try:
            found = list(verify(node.archive.index, node.archive.store, now=LATER, grace=timedelta()))
        except (SQLAlchemyError, StorageError, OSError):
            if not node.faults.injected:
                raise
            return
        for violation in found:
            # Objects come and go while it looks; what one transaction says must be right at every moment.
            if violation.invariant in ("I3", "I4", "I7"):
                self.model.blame(f"{violation.invariant} {violation.subject}: {violation.detail} (while serving)")

    def _set_clock(self, node: Node) -> None:
        for _ in range(self.choose.randint(1, 30)):
            node.scheduler.pause()
        self.world.jump(self.choose.choice(CLOCK_HOURS))


def _all(plan: list[Callable[[], None]]) -> Callable[[], None]:
    def work() -> None:
        for step in plan:
            step()

    return work


def _receive(node: Node, item: Instance, calling: str, choose: random.Random):  # type: ignore[no-untyped-def]
    if choose.random() < 0.5:
        return node.archive.receive(item.announced, OPERATOR, protocol="DIMSE", calling_ae_title=calling)
    return node.archive.receive_part10(OPERATOR, protocol="DICOMweb", calling_ae_title=calling)


def _parts(item: Instance, half: int, *, announced: bool) -> tuple[bytes, bytes]:
    whole = item.dataset if announced else item.file
    return whole[:half], whole[half:]
