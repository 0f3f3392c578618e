"""R13: giants in and out, four at a time, and bombs, in a node that may have little memory.

    python -m tests.faults --rig memory --seed 1          4 GiB each in 512 MiB, some minutes and 20 GB of disk
    python -m tests.faults --rig memory --mutant buffer-whole-dataset

The node runs in a memory cgroup without swap: what it keeps, it pays for. Its file cache is in there with it.
"""

from __future__ import annotations

import http.client
import random
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from pacs.access.principals import OPERATOR
from pacs.dimse.command import C_GET_RQ, SUCCESS, Command
from pacs.dimse.identifier import Element, write_identifier
from pacs.dimse.outbound import Outbound, Proposal
from pacs.dimse.pdu import Roles
from pacs.dimse.service import Context, Exchange
from pacs.settings import DimseSettings
from tests.faults.rig import Outcome, Rig
from tests.support.factories import ct_slice, part10
from tests.support.giants import FRAME_BYTES, MULTI_FRAME, SYNTAX, Giant, GiantModality, giant
from tests.support.memory_cgroup import MemoryCgroup, missing
from tests.support.modality import AssociationLost, Modality, prepare, split_part10
from tests.support.process import NodeProcess
from tests.support.retrieve import STUDY_ROOT_GET

AT_ONCE = 4
READ_BYTES = 1 << 20
PAGE_BYTES = 8192
HUGE_BYTES = 1 << 30
STEPS = ("in", "out", "got", "frame", "bomb", "huge bomb")
DEFLATED = "1.2.840.10008.1.2.1.99"
CT = "1.2.840.10008.5.1.4.1.1.2"
PATIENCE_S = 600
SETTINGS = {"DIMSE__INSTANCE_BYTES_MAX": str(5 << 30), "ARCHIVE__FREE_BYTES_MIN": "0"}


@dataclass(frozen=True, slots=True)
class Form:
    """How large: bytes of an instance and of the cgroup, and of those how many the node itself may hold."""

    instance_bytes: int
    memory_bytes: int
    anonymous_bytes_max: int
    bomb_bytes: int


LONG = Form(4 << 30, 512 << 20, 400 << 20, 240 << 20)
SHORT = Form(128 << 20, 320 << 20, 300 << 20, 120 << 20)


@dataclass(slots=True)
class Watch:
    """The most memory that the node and its workers held at one time: their own, without mapped files."""

    pid: int
    anonymous_bytes: int = 0
    resident_bytes: int = 0

    def look(self) -> None:
        """Sum up what they hold now."""
        anonymous = resident = 0
        try:
            node = psutil.Process(self.pid)
            for process in (node, *node.children(recursive=True)):
                memory = process.memory_info()
                anonymous, resident = anonymous + memory.rss - memory.shared, resident + memory.rss
        except psutil.Error:
            return
        self.anonymous_bytes = max(self.anonymous_bytes, anonymous)
        self.resident_bytes = max(self.resident_bytes, resident)


def run(
    seed: int, folder: Path, form: Form, program: Sequence[str] = ("-m", "pacs.cli"), steps: Sequence[str] = STEPS
) -> Outcome:
    """Giants in, giants out, a frame of each, bombs; the memory looked at all the while."""
    giants = [giant(number, form.instance_bytes, seed) for number in range(1, AT_ONCE + 1)]
    node = NodeProcess(folder / "node", SETTINGS, program=program)
    works: dict[str, Callable[[], list[Callable[[], str]]]] = {
        "in": lambda: [partial(_bring, node, sent) for sent in giants],
        "out": lambda: [partial(_fetch, node, sent) for sent in giants],
        "got": lambda: [partial(_retrieve, node, sent) for sent in giants],
        "frame": lambda: [partial(_frame, node, sent) for sent in giants],
        "bomb": lambda: [partial(_bomb, node, deflated_bomb(form.bomb_bytes, seed, 100))] * AT_ONCE,
        "huge bomb": lambda: [partial(_bomb, node, deflated_bomb(HUGE_BYTES, seed, 0))] * AT_ONCE,
    }
    violations: list[str] = []
    with MemoryCgroup(form.memory_bytes) as group:
        try:
            node.spawn()
            group.add(node.pid)
            node.wait_ready()
            watch, over = Watch(node.pid), threading.Event()
            watching = threading.Thread(target=_watch, args=(watch, over))
            watching.start()
            try:
                for step in steps:
                    violations += _together(step, works[step]())
                    if violations:
                        break
                if not node.running:
                    violations.append("the node has ended")
            finally:
                over.set()
                watching.join()
            if group.kills:
                violations.append(f"the kernel ended {group.kills} processes for want of memory")
            if watch.anonymous_bytes > form.anonymous_bytes_max:
                violations.append(f"the node held {watch.anonymous_bytes >> 20} MiB")
            peak = group.peak_bytes
        finally:
            node.kill()
            shutil.rmtree(folder / "node", ignore_errors=True)
    return Outcome(
        3 * AT_ONCE,
        tuple(f"{violation} (seed {seed})" for violation in violations),
        {
            "MiB each": form.instance_bytes >> 20,
            "MiB allowed": form.memory_bytes >> 20,
            "MiB held at most": watch.anonymous_bytes >> 20,
            "MiB resident at most": watch.resident_bytes >> 20,
            "MiB in the cgroup at most": peak >> 20,
        },
    )


def _watch(watch: Watch, over: threading.Event) -> None:
    while not over.wait(0.2):
        watch.look()


def _together(what: str, works: Sequence[Callable[[], str]]) -> list[str]:
    """Run all at once; what each found wrong."""
    found: list[str] = []

    def one(work: Callable[[], str]) -> None:
        try:
            wrong = work()
        except (AssociationLost, OSError, http.client.HTTPException, AssertionError, ValueError) as error:
            wrong = f"{type(error).__name__} {error}"
        if wrong:
            found.append(f"{what}: {wrong}")

    threads = [threading.Thread(target=one, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _bring(node: NodeProcess, sent: Giant) -> str:
    with GiantModality(node.dimse_port) as modality:
        status = modality.store_giant(sent)
    return f"answered {status:04X}" if status else ""


@contextmanager
def _get(node: NodeProcess, path: str, accept: str) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", f"/dicom-web/{path}", headers={"Accept": accept, **node.authorization()})
        with connection.getresponse() as answer:
            yield answer


def _path(sent: Giant) -> str:
    return f"studies/{sent.study_instance_uid}/series/{sent.series_instance_uid}/instances/{sent.sop_instance_uid}"


def _fetch(node: NodeProcess, sent: Giant) -> str:
    """Read the instance as it comes and compare every octet of its data set."""
    with _get(node, _path(sent), 'multipart/related; type="application/dicom"; transfer-syntax=*') as answer:
        if answer.status != 200:
            return f"answered {answer.status}"
        buffer = memoryview(bytearray(READ_BYTES))
        head = bytes(buffer[: answer.readinto(buffer)])
        while len(head) < 4096:
            head += answer.read(4096)
        start = head.index(b"\r\n\r\n", 2) + 4
        rest = memoryview(head)[start + split_part10(head[start:])[0] :]
        offset = 0
        while rest:
            piece = rest[: max(0, sent.length - offset)]  # behind it stands the last delimiter
            if sent.differs(offset, piece):
                return f"other octets than were sent, from byte {offset} of the data set"
            offset += len(piece)
            rest = buffer[: answer.readinto(buffer)]
    return "" if offset == sent.length else f"{offset} of {sent.length} bytes"


def _retrieve(node: NodeProcess, sent: Giant) -> str:
    """Have it sent by C-GET and compare every octet as it comes."""
    offset, wrong = 0, ""

    def take(exchange: Exchange, context: Context, command: Command) -> None:
        def compare(piece: memoryview) -> None:
            nonlocal offset, wrong
            if not wrong and sent.differs(offset, piece):
                wrong = f"other octets than were sent, from byte {offset} of the data set"
            offset += len(piece)

        exchange.receive_data_set(context, compare)
        exchange.respond(context, command, SUCCESS)

    keys = {0x00080052: ("CS", "IMAGE"), 0x0020000D: ("UI", sent.study_instance_uid)}
    keys |= {0x0020000E: ("UI", sent.series_instance_uid), 0x00080018: ("UI", sent.sop_instance_uid)}
    elements = [Element(tag, vr, value) for tag, (vr, value) in sorted(keys.items())]
    outbound = Outbound(DimseSettings(ae_title="GIANT", response_timeout_s=PATIENCE_S))
    outbound.start()
    try:
        with outbound.associate(
            *("127.0.0.1", node.dimse_port, node.ae_title),
            [Proposal(STUDY_ROOT_GET, (SYNTAX,)), Proposal(MULTI_FRAME, (SYNTAX,))],
            roles={MULTI_FRAME: Roles(scu=False, scp=True)},
            principal=OPERATOR,
            serve=take,
        ) as association:
            context = association.context_for(STUDY_ROOT_GET)
            assert context is not None
            asked = write_identifier(elements, context.transfer_syntax, "")
            *_, last = association.ask(context, C_GET_RQ, data_set=asked)
    finally:
        outbound.stop()
    if wrong or last.status:
        return wrong or f"answered {last.status:04X} {last.command.comment}"
    return "" if offset == sent.length else f"{offset} of {sent.length} bytes"


def _frame(node: NodeProcess, sent: Giant) -> str:
    number = sent.frames - 1
    accept = 'multipart/related; type="application/octet-stream"'
    with _get(node, f"{_path(sent)}/frames/{number}", accept) as answer:
        body = answer.read()
    frame = body[body.index(b"\r\n\r\n", 2) + 4 :][:FRAME_BYTES]
    right = not sent.differs(len(sent.head) + (number - 1) * FRAME_BYTES, memoryview(frame))
    return (
        "" if answer.status == 200 and len(frame) == FRAME_BYTES and right else f"answered {answer.status}, {len(body)}"
    )


def deflated_bomb(length: int, seed: int, octets_a_page: int) -> bytes:
    """A data set that inflates to `length` bytes; `octets_a_page` of each 8 KiB cannot be packed."""
    choose = random.Random(seed)
    page = choose.randbytes(octets_a_page).ljust(PAGE_BYTES, b"\0")
    head = split_part10(part10(ct_slice(rows=2, columns=2)))[1]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = [packer.compress(head + struct.pack("<HH2sHI", 0x7FE1, 0x1010, b"OB", 0, length))]
    pages = (choose.randbytes(octets_a_page) + page[octets_a_page:] for _ in range(length // PAGE_BYTES))
    packed += map(packer.compress, pages)
    return b"".join([*packed, packer.flush()])


def _bomb(node: NodeProcess, bomb: bytes) -> str:
    """It is refused or taken; the node lives on either way."""
    with Modality("127.0.0.1", node.dimse_port, CT, DEFLATED, timeout_s=PATIENCE_S) as modality:
        modality.store(prepare(CT, "1.2.826.0.1.3680043.9.7433.13", DEFLATED, bomb))
    return ""


def long_form(seed: int, folder: Path) -> Outcome:
    """Four of 4 GiB in 512 MiB."""
    return run(seed, folder, LONG)


def short_form(seed: int, folder: Path) -> Outcome:
    """Four of 256 MiB in less than one of them and the node."""
    return run(seed, folder, SHORT)


def _spoiled(name: str, *steps: str) -> Callable[[int, Path], Outcome]:
    return lambda seed, folder: run(seed, folder, SHORT, ("-m", "tests.faults.open_doors", name), steps)


MUTANTS = {
    "buffer-whole-dataset": _spoiled("buffer-whole-dataset", "in"),
    "buffer-whole-answer": _spoiled("buffer-whole-answer", "in", "out"),
    "no-inflate-cap": _spoiled("no-inflate-cap", "huge bomb"),
}
RIG = Rig("memory", "instances in and out", 80, long_form, MUTANTS, missing)
