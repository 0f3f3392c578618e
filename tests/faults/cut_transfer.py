"""R11 on the wires: a transfer that is cut anywhere leaves nothing, also where the walker could not see the cut.

    python -m tests.faults --rig cut-transfer --seed 7

Over DIMSE a session of three instances is cut at every byte. Of the samples each is cut at some of its bytes and of the
places between its top-level elements, over DIMSE and over STOW-RS in every way a body can end too early; then it is
sent whole, and taken.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sqlalchemy import select

from pacs.dicom.walker import walk
from pacs.index.engine import Index
from pacs.index.schema import instance
from tests.faults.hostile_peers import ANY_DISK, Census
from tests.faults.prefixes import SAMPLES, Sample, samples
from tests.faults.rig import Outcome, Rig
from tests.support.corpus import corpus
from tests.support.dimse import ABORT, CT, EXPLICIT, RawPeer, associate_request, wait_until
from tests.support.factories import ct_slice, part10
from tests.support.modality import LAST, AssociationLost, Modality, Prepared, prepare, split_part10
from tests.support.process import NodeProcess
from tests.support.web import STOW_HEADERS, multipart

SAMPLES_A_SLICE = 40
CUTS_BETWEEN, CUTS_WITHIN = 2, 2
SAMPLE_BYTES_MAX = 300_000
PATIENCE_S = 20.0
TAKEN_IN_S = 0.1
WEB_THREADS = 40  # of the pool in which requests are worked on; they stay
SETTINGS = ANY_DISK | {"DIMSE__CONNECTIONS_PER_ADDRESS_MAX": "200"}


# DIMSE: every byte of a session --------------------------------------------------------------------------------------


def session() -> tuple[bytes, list[int], list[str]]:
    """Three instances on one association: its bytes, where each instance ends in them, and their UIDs."""
    stream, ends, uids = associate_request(((CT, (EXPLICIT,)),)), [], []
    for number in (1, 2, 3):
        dataset = ct_slice(number=number, rows=2, columns=2, study="cut")
        uid = str(dataset.SOPInstanceUID)
        stream += prepare(CT, uid, EXPLICIT, split_part10(part10(dataset))[1]).pdus
        ends.append(len(stream))
        uids.append(uid)
    return stream, ends, uids


def every_byte(node: NodeProcess, step: int, first: int) -> tuple[int, list[str]]:
    """Cut the session at every `step`th byte; what is there that should not be, and how often it was cut."""
    stream, ends, uids = session()
    wrong: list[str] = []
    cuts = 0
    for number, (start, end) in enumerate(zip((0, *ends), (*ends, len(stream) + 1), strict=True)):
        for at in range(start + first % step, end, step):
            _cut(node, stream[:at], at)
            cuts += 1
        if not wait_until(lambda: _connections(node) == 0, PATIENCE_S):
            wrong.append(f"connections stay after cuts up to byte {end}")
        there = _stored(node) & set(uids)
        if there - set(uids[:number]):
            wrong.append(f"an instance is there which was cut before byte {end}: {there - set(uids[:number])}")
    return cuts, wrong


def _cut(node: NodeProcess, sent: bytes, number: int) -> None:
    """Send and go: by closing, by a reset or with an A-ABORT, in turn. An A-ABORT inside a PDU would be taken for the
    rest of it, so there it is a close."""
    with RawPeer(node.dimse_port) as peer:
        if number % 3 == 1:
            peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.send(sent, ABORT if number % 3 == 2 and _last_pdu(sent)[1] == len(sent) else b"")


def _last_pdu(sent: bytes | bytearray) -> tuple[int, int]:
    """Where the last PDU begins, and where it says that it ends."""
    last = position = 0
    while position + 6 <= len(sent):
        last, position = position, position + 6 + struct.unpack_from(">L", sent, position + 2)[0]
    return last, position


def _connections(node: NodeProcess) -> int:
    """How many connections on the DICOM port the node has open, by the kernel's own table."""
    port = f":{node.dimse_port:04X}"
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(words[1].endswith(port) and words[3] in ("01", "08") for words in lines)


def _stored(node: NodeProcess) -> set[str]:
    index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
    try:
        with index.read() as connection:
            return set(connection.execute(select(instance.c.sop_instance_uid)).scalars())
    finally:
        index.close()


# The samples ---------------------------------------------------------------------------------------------------------


def _as_sent(sample: Sample) -> tuple[bytes, Prepared]:
    """The file, and its data set ready for the wire under the names that it gives itself."""
    [file] = [file for file in corpus() if file.name == sample.name]
    values = walk(sample.dataset, sample.syntax.uid).values
    prepared = prepare(values["SOPClassUID"], values["SOPInstanceUID"], sample.syntax.uid, sample.dataset)
    return file.path.read_bytes(), prepared


def _places(sample: Sample, choose: random.Random) -> list[int]:
    """Lengths of the data set at which to cut: between top-level elements, and anywhere."""
    length = len(sample.dataset)
    between = sorted(at for at in sample.boundaries if 0 < at < length)
    chosen = choose.sample(between, min(CUTS_BETWEEN, len(between)))
    return [*chosen, *(choose.randrange(1, length) for _ in range(CUTS_WITHIN))]


def cut_dimse(node: NodeProcess, prepared: Prepared, at: int, number: int) -> None:
    """The data set up to `at`, in PDUs of which none says that it is the last; then gone."""
    part = prepare(
        prepared.sop_class_uid, prepared.sop_instance_uid, prepared.transfer_syntax_uid, prepared.dataset[:at]
    )
    pdus = bytearray(part.pdus)
    pdus[_last_pdu(pdus)[0] + 11] &= ~LAST
    request = associate_request(((prepared.sop_class_uid, (prepared.transfer_syntax_uid,)),))
    _cut(node, request + pdus, number)


def stow_requests(content: bytes, at: int) -> Iterator[bytes]:
    """Requests whose body ends early after `at` bytes of the file: announced as longer, without its last chunk, and
    whole as HTTP goes but with an open part."""
    body = multipart([content], "frontier")
    early = body[: body.index(b"\r\n\r\n") + 4 + at]
    chunk = b"%x\r\n%b\r\n" % (len(early), early)
    whole = f"Content-Type: {STOW_HEADERS['Content-Type']}\r\n".encode()
    single = b"Content-Type: application/dicom\r\n"
    yield whole + b"Content-Length: %d\r\n\r\n" % len(body) + early
    yield whole + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
    yield whole + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n"
    yield whole + b"Content-Length: %d\r\n\r\n" % len(early) + early
    yield single + b"Content-Length: %d\r\n\r\n" % len(content) + content[:at]
    yield single + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%b\r\n" % (at, content[:at])


def _post(node: NodeProcess, request: bytes, *, hear: bool) -> int:
    """The status of the answer; 0 where none is waited for or none comes."""
    head = f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1:{node.web_port}\r\n"
    head += f"Authorization: {node.authorization()['Authorization']}\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", node.web_port), timeout=PATIENCE_S) as connection:
        connection.sendall(head.encode() + request)
        if not hear:
            time.sleep(TAKEN_IN_S)  # a peer that goes at once is gone before its bytes are looked at
            return 0
        answer = connection.makefile("rb").readline()
        return int(answer.split()[1]) if answer else 0


def sample_cuts(node: NodeProcess, sample: Sample, choose: random.Random) -> tuple[int, list[str]]:
    """Cut `sample` everywhere it is to be cut, then send it whole."""
    content, prepared = _as_sent(sample)
    offset = len(content) - len(sample.dataset)
    cuts = 0
    wrong: list[str] = []
    for at in _places(sample, choose):
        cut_dimse(node, prepared, at, cuts)
        cuts += 1
        for number, request in enumerate(stow_requests(content, offset + at)):
            status = _post(node, request, hear=number in (2, 3))
            cuts += 1
            if status and status < 400:
                wrong.append(f"{sample.name} cut at {at}: STOW answers {status}")
    wait_until(lambda: _connections(node) == 0 and not Census.of(node).parts, PATIENCE_S)
    if prepared.sop_instance_uid in _stored(node):
        wrong.append(f"{sample.name}: a cut transfer is there")
    with Modality("127.0.0.1", node.dimse_port, prepared.sop_class_uid, prepared.transfer_syntax_uid) as modality:
        status = modality.store(prepared)
    if status:
        wrong.append(f"{sample.name}: the whole is answered {status:04X}")
    return cuts, wrong


def run(
    seed: int, folder: Path, chosen: list[Sample], step: int, program: tuple[str, ...] = ("-m", "pacs.cli")
) -> Outcome:
    """The session cut at every `step`th byte, then the samples; nothing may stay."""
    choose = random.Random(seed)
    with NodeProcess(folder / "node", SETTINGS, program=program) as node:
        node.token()
        before = Census.of(node)
        cuts, wrong = every_byte(node, step, seed)
        for sample in chosen:
            if wrong:
                break
            try:
                more, found = sample_cuts(node, sample, choose)
            except (AssociationLost, OSError) as error:
                more, found = 0, [f"{sample.name}: {error}"]
            cuts, wrong = cuts + more, wrong + found
        if not wrong:
            wait_until(lambda: not Census.of(node).leaks(before, WEB_THREADS), PATIENCE_S)
            wrong += Census.of(node).leaks(before, WEB_THREADS)
        if "Traceback" in node.log_tail(10_000_000):
            wrong.append("the node failed over a cut; see its log")
    return Outcome(cuts, tuple(f"{line} (seed {seed})" for line in wrong), {"samples": len(chosen)})


def short_samples() -> list[Sample]:
    """Those of the samples that go over the wire in no time, each instance once."""
    found: dict[str, Sample] = {}
    for sample in samples(SAMPLES):
        if len(sample.dataset) <= SAMPLE_BYTES_MAX and sample.boundaries:
            values = walk(sample.dataset, sample.syntax.uid).values
            if values.get("SOPClassUID") and values.get("SOPInstanceUID"):
                found.setdefault(values["SOPInstanceUID"], sample)
    return list(found.values())


def one_slice(seed: int, folder: Path) -> Outcome:
    """Every byte of the session, and another stretch of the samples for each seed."""
    everything = short_samples()
    start = (seed - 1) * SAMPLES_A_SLICE % len(everything)
    return run(seed, folder, (everything * 2)[start : start + SAMPLES_A_SLICE], 1)


def _spoiled(name: str) -> Callable[[int, Path], Outcome]:
    program = ("-m", "tests.faults.open_doors", name)
    return lambda seed, folder: run(seed, folder, short_samples()[:3], 40, program)


def _missing() -> str:
    return "" if corpus() else "the folder of DICOM test files is absent: name it in the variable PACS_TEST_DATA"


MUTANTS: Mapping[str, Callable[[int, Path], Outcome]] = {
    name: _spoiled(name) for name in ("ignore-last-fragment", "ignore-last-delimiter", "ignore-content-length")
}
RIG = Rig("cut-transfer", "cut transfers", 100_000, one_slice, MUTANTS, _missing)
