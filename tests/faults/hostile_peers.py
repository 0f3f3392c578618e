"""R9: hostile sockets by the thousand while one good modality sends and another asks whether the node is there.

    python -m tests.faults --rig hostile-peers --seed 1      2,000 sockets and 1,000 idle associations, two minutes

The crew has addresses of its own, since limits are by address. Quiet and hostile stretches take turns, and their
medians are compared, so that what else the machine does weighs on both.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from pacs.archive.spool import BUFFER_BYTES
from pacs.dimse.pdu import PDV_HEADER
from tests.faults.crew import HEADER, STORE
from tests.faults.instances import Template
from tests.faults.rig import Outcome, Rig
from tests.support.dimse import CT, EXPLICIT, IMPLICIT, VERIFICATION, RawPeer, associate_request, pdata, wait_until
from tests.support.modality import DATASET, AssociationLost, Modality
from tests.support.process import ROOT, NodeProcess, clean_environment

PATIENCE_S = 60.0
ECHO_PAUSE_S = 0.05
SHARE_MIN = 0.8
ECHO_P99_MAX_S = 1.0
SPARE = 4  # descriptors and threads that come and go in any node
MEMORY_BYTES_MAX = 64 << 20
IDLE = 1000
IDLE_SHARE_MAX = 0.05
IDLE_BYTES_MAX = 50_000
IMPATIENT = {"DIMSE__REQUEST_TIMEOUT_S": "2", "DIMSE__IDLE_TIMEOUT_S": "4"}
ANY_DISK = {"ARCHIVE__FREE_BYTES_MIN": "0"}
ABORT = 7


@dataclass(slots=True)
class Good:
    """A modality that sends without a pause and one that echoes, each on 127.0.0.1."""

    node: NodeProcess
    template: Template = field(default_factory=Template)
    stored: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    echo_s: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def send(self) -> None:
        """On one association; a status other than success, and a lost association, are wrong."""
        try:
            with Modality("127.0.0.1", self.node.dimse_port, CT, EXPLICIT, calling="GOOD") as modality:
                while not self.over.is_set():
                    status = modality.store(self.template.make(self.stored + 1))
                    if status:
                        self.lost.append(f"the modality heard {status:04X}")
                    self.stored += 1
        except (AssociationLost, OSError) as error:
            self.lost.append(f"the modality lost its association: {error}")

    def echo(self) -> None:
        """On a new association each time."""
        while not self.over.wait(ECHO_PAUSE_S):
            began = time.monotonic()
            try:
                with RawPeer(self.node.dimse_port) as peer:
                    kind, _ = peer.associate(((VERIFICATION, (IMPLICIT,)),), calling="ECHO")
                    if kind != 2 or peer.echo():
                        self.wrong.append("an echo was refused")
            except (OSError, AssertionError) as error:
                self.wrong.append(f"an echo failed: {error}")
            self.echo_s.append(time.monotonic() - began)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Both, until the context is left."""
        threads = [threading.Thread(target=work) for work in (self.send, self.echo)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join(PATIENCE_S)

    def complaints(self) -> list[str]:
        """Whatever the modality lost; of the echoes one in fifty may have been the oldest stranger in a crowd."""
        return self.lost[:3] + (self.wrong[:3] if len(self.wrong) > len(self.echo_s) // 50 else [])

    def rate(self, seconds: float) -> float:
        """Instances a second from now on."""
        before, began = self.stored, time.monotonic()
        time.sleep(seconds)
        return (self.stored - before) / (time.monotonic() - began)


@contextmanager
def crew(node: NodeProcess, sockets: int, seed: int, met: dict[str, int]) -> Iterator[psutil.Process]:
    """The crew at its work; what it met is added to `met`."""
    command = [sys.executable, "-m", "tests.faults.crew", str(node.dimse_port), str(sockets), str(seed)]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield psutil.Process(process.pid)
            told, _ = process.communicate(timeout=PATIENCE_S)
            for name, count in json.loads(told).items():
                met[name] = met.get(name, 0) + count
        finally:
            process.kill()


@dataclass(frozen=True, slots=True)
class Census:
    """What a node holds."""

    descriptors: int
    threads: int
    memory: int
    parts: int

    @classmethod
    def of(cls, node: NodeProcess) -> Census:
        """Now."""
        process = psutil.Process(node.pid)
        parts = len(list((node.data / "store" / "incoming").iterdir()))
        return cls(_descriptors(node.pid), process.num_threads(), process.memory_info().rss, parts)

    def leaks(self, before: Census, threads: int = SPARE) -> list[str]:
        """What is more than it was, in words; `threads`: how many of a pool may have been started meanwhile."""
        found = []
        if self.descriptors > before.descriptors + SPARE:
            found.append(f"{self.descriptors - before.descriptors} descriptors leaked")
        if self.threads > before.threads + threads:
            found.append(f"{self.threads - before.threads} threads leaked")
        if self.memory > before.memory + MEMORY_BYTES_MAX:
            found.append(f"{(self.memory - before.memory) >> 20} MiB more memory")
        if self.parts:
            found.append(f"{self.parts} files left in incoming")
        return found


def _descriptors(pid: int) -> int:
    """Those that are open, without the index': its readers are kept, and as many as were ever asked at once; and
    without the folders of objects: two are kept for each hour in which something came, 128 at most."""
    held = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            name = os.readlink(descriptor)
            held += "/index.db" not in name and ("/store/objects/" not in name or name.endswith(".dcm"))
    return held


# Guards: one peer, one lie, one answer that has to come ------------------------------------------------------------


def _associated(node: NodeProcess, address: str) -> RawPeer:
    peer = RawPeer(node.dimse_port, source=address)
    kind, _ = peer.associate(((CT, (EXPLICIT,)),), calling="PROBE")
    assert kind == 2, "a probe was not let in"
    return peer


def _silence_keeps_nobody_out(node: NodeProcess) -> str:
    with ExitStack() as peers:
        for _ in range(10):
            peers.enter_context(RawPeer(node.dimse_port, source="127.0.2.1"))
        try:
            with RawPeer(node.dimse_port) as peer:
                return "" if peer.associate()[0] == 2 and peer.echo() == 0 else "is refused"
        except (OSError, AssertionError) as error:
            return f"a peer that comes after ten silent ones is not served: {error}"


def _a_length_over_the_limit_is_refused_at_once(node: NodeProcess) -> str:
    with _associated(node, "127.0.2.2") as peer:
        peer.send(STORE, HEADER.pack(4, 0xFFFFFFFF), PDV_HEADER.pack(0xFFFFFFFB, 1, DATASET))
        answer = peer.read()
    return "" if answer is not None and answer[0] == ABORT else "a P-DATA-TF of 4 GiB is awaited"


def _dripping_buys_no_time(node: NodeProcess) -> str:
    request = associate_request()
    slow = 40
    with RawPeer(node.dimse_port, source="127.0.2.3") as peer, contextlib.suppress(ConnectionError):
        peer.send(request[:-slow])
        for byte in request[-slow:]:
            time.sleep(0.15)  # all of them take three times as long as a request may
            peer.send(bytes((byte,)))
        answer = peer.read()
        return "" if answer is None or answer[0] != 2 else "a request may drip as long as it likes"
    return ""


def _breaking_off_leaves_nothing(node: NodeProcess) -> str:
    for _ in range(10):
        with _associated(node, "127.0.2.4") as peer:
            peer.send(STORE, *[pdata(bytes(100_000), 0)] * (2 * BUFFER_BYTES // 100_000))  # more than stays in memory
    incoming = node.data / "store" / "incoming"
    return "" if wait_until(lambda: not list(incoming.iterdir()), 20) else "files stay in incoming"


GUARDS: tuple[Callable[[NodeProcess], str], ...] = (
    _silence_keeps_nobody_out,
    _a_length_over_the_limit_is_refused_at_once,
    _dripping_buys_no_time,
    _breaking_off_leaves_nothing,
)


def short_form(seed: int, folder: Path, program: Sequence[str] = ("-m", "pacs.cli"), sockets: int = 200) -> Outcome:
    """Every guard, then a crew of 200 for some seconds; the node is impatient, so that all its limits are met."""
    violations: list[str] = []
    met: dict[str, int] = {}
    with NodeProcess(folder / "node", IMPATIENT | ANY_DISK, program=program) as node:
        before = Census.of(node)
        for guard in GUARDS:
            wrong = guard(node)
            if wrong:
                return Outcome(1, (f"{wrong} (seed {seed})",))
        good = Good(node)
        with good.at_work(), crew(node, sockets, seed, met):
            time.sleep(8)
        violations += good.complaints()
        violations += _after(node, before)
    details = {"stored": good.stored, "echoes": len(good.echo_s), "echoes refused": len(good.wrong), **met}
    return Outcome(met.get("not connected", 0) + sum(met.values()), tuple(violations), details)


def _after(node: NodeProcess, before: Census) -> list[str]:
    """What is left when everybody has gone and every time-out has passed."""
    wait_until(lambda: not Census.of(node).leaks(before), PATIENCE_S / 3)
    found = Census.of(node).leaks(before)
    if "Traceback" in node.log_tail(10_000_000) or "association_failed" in node.log_tail(10_000_000):
        found.append("the node failed over a peer; see its log")
    return found


def long_form(seed: int, folder: Path, sockets: int = 2000, stretches: int = 5, seconds: float = 5.0) -> Outcome:
    """2,000 sockets against the node's own settings, then 1,000 idle associations."""
    violations: list[str] = []
    met: dict[str, int] = {}
    quiet: list[float] = []
    hostile: list[float] = []
    with NodeProcess(folder / "node", ANY_DISK) as node:
        before = Census.of(node)
        good = Good(node)
        crew_s = 0.0
        with good.at_work():
            time.sleep(1)
            for stretch in range(stretches):
                quiet.append(good.rate(seconds))
                with crew(node, sockets, seed * 100 + stretch, met) as process:
                    time.sleep(5)
                    hostile.append(good.rate(seconds))
                    crew_s += sum(process.cpu_times()[:2])
                time.sleep(1)
        violations += good.complaints()
        violations += _after(node, before)
    share = statistics.median(hostile) / statistics.median(quiet)
    slow = statistics.quantiles(good.echo_s, n=100)[98]
    if share < SHARE_MIN:
        violations.append(f"the modality keeps {share:.0%} of its throughput")
    if slow > ECHO_P99_MAX_S:
        violations.append(f"one echo in a hundred takes {slow:.2f} s")
    idle = idle_associations(folder / "idle")
    details = {
        "instances/s when quiet": int(statistics.median(quiet)),
        "instances/s when hostile": int(statistics.median(hostile)),
        "percent kept": int(100 * share),
        "echo p99 ms": int(1000 * slow),
        "echoes": len(good.echo_s),
        "echoes refused": len(good.wrong),
        "crew's seconds of processor": int(crew_s),
        **idle.details,
        **met,
    }
    return Outcome(sum(met.values()), (*violations, *idle.violations), details)


def idle_associations(folder: Path, count: int = IDLE, seconds: float = 20.0) -> Outcome:
    """Associations that ask nothing: what they cost, by the node's own account of processor and memory."""
    limits = ("ASSOCIATIONS_MAX", "CONNECTIONS_MAX", "HALF_OPEN_MAX")
    settings = {f"DIMSE__{name}": str(2 * count) for name in limits} | ANY_DISK | {"DIMSE__IDLE_TIMEOUT_S": "600"}
    with NodeProcess(folder, settings) as node, ExitStack() as peers:
        process = psutil.Process(node.pid)
        alone = _share(process, seconds / 2)
        memory = process.memory_info().rss
        for number in range(count):
            peer = peers.enter_context(RawPeer(node.dimse_port, source=f"127.0.1.{1 + number % 250}"))
            kind, _ = peer.associate(calling="IDLE")
            assert kind == 2, f"association {number} was refused"
        each = (process.memory_info().rss - memory) // count
        share = _share(process, seconds)
    found = []
    if share > IDLE_SHARE_MAX:
        found.append(f"{count} idle associations take {share:.1%} of a core")
    if each > IDLE_BYTES_MAX:
        found.append(f"an idle association takes {each} bytes")
    details = {
        "idle associations": count,
        "permille of a core": int(1000 * share),
        "permille without": int(1000 * alone),
    }
    return Outcome(count, tuple(found), details | {"bytes each": each})


def _share(process: psutil.Process, seconds: float) -> float:
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


def _spoiled(name: str) -> Callable[[int, Path], Outcome]:
    return lambda seed, folder: short_form(seed, folder, ("-m", "tests.faults.open_doors", name), 50)


MUTANTS = {
    name: _spoiled(name)
    for name in ("stock-accept", "per-recv-timeout", "no-pdu-cap", "part-leak-on-abort", "thread-leak")
}
RIG = Rig("hostile-peers", "hostile connections", 100_000, long_form, MUTANTS)
