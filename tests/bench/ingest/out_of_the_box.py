"""The part `storescu`: DCMTK's sender as Debian ships it, Nagle on, at an Ethernet's MTU and at loopback's (G8)."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pacs.dicom.part10 import file_meta
from tests.bench.ingest import workload
from tests.bench.ingest.load import Timed
from tests.bench.ingest.rates import NODE as OURS
from tests.bench.ingest.rates import Goal, Measured, measured, per_second, rates_text, ratios
from tests.bench.machine import MTU, mtu
from tests.bench.peers import DCMTK, NODE, ORTHANC_OUT_OF_THE_BOX, Server, present, rotated
from tests.bench.report import Verdict
from tests.bench.session import Failed, Outcome, Part, Session
from tests.support.peers import SYSTEM_PATH

MTUS: Final = (MTU, 65536)
COUNT: Final = 120
TIMEOUT_S: Final = 120
GOAL: Final = Goal("G8", "storescu out of the box over Orthanc out of the box", 1, ORTHANC_OUT_OF_THE_BOX.name, 10, 25)


def run(session: Session) -> Outcome:
    """Both nodes in turns, at both MTUs. Raises Failed."""
    encoded = workload.datasets(workload.CT, COUNT)
    names = workload.runs()
    found: dict[int, list[Measured]] = {size: [] for size in MTUS}
    with ExitStack() as running:
        servers = [
            running.enter_context(Server(candidate, session.folder / candidate.name))
            for candidate in present((NODE, ORTHANC_OUT_OF_THE_BOX))
        ]
        for number in session.numbers():
            for size in MTUS:
                for server in rotated(servers, number):
                    folder = session.folder / "files" / f"{number}-{size}-{server.candidate.name}"
                    _write(folder, encoded, next(names))
                    with mtu(size) as changed:
                        if size == MTU or changed:
                            since = time.time()
                            timed = _send(server, folder)
                            found[size].append(measured(server.candidate.name, 1, number, timed))
                            server.settle(since)
    texts, verdicts = [], []
    for size, runs in found.items():
        texts.append(rates_text(f"CT slices by storescu, Nagle on, MTU {size}, its start included", runs, 1))
        ratio = ratios(runs, OURS, GOAL.against, 1, per_second)
        if ratio is not None:
            verdicts.append(Verdict(GOAL.id, f"{GOAL.what}, MTU {size}", ratio, GOAL.floor, GOAL.goal))
    figures = {"runs": {size: [asdict(one) for one in runs] for size, runs in found.items()}}
    return Outcome(figures, "\n\n".join(texts), tuple(verdicts))


def _write(folder: Path, encoded: list[bytes], names: workload.Run) -> None:
    """The slices of one run as files, on the disk before anybody's clock starts."""
    folder.mkdir(parents=True)
    for number, dataset in enumerate(encoded):
        head = file_meta(workload.CT.sop_class_uid, names.instance(number), workload.TRANSFER_SYNTAX_UID)
        path = folder / f"{number:04d}.dcm"
        path.write_bytes(head + workload.renamed(dataset, number, len(encoded), names))
    os.sync()


def _send(server: Server, folder: Path) -> Timed:
    """Send the folder over one association. Raises Failed."""
    cpu_before, began = server.cpu_s(), time.perf_counter()
    done = subprocess.run(
        ["storescu", "-aec", server.candidate.ae_title, "+sd", "127.0.0.1", str(server.port), str(folder)],
        env={name: value for name, value in os.environ.items() if name != "TCP_NODELAY"} | {"PATH": SYSTEM_PATH},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise Failed(f"storescu into {server.candidate.name}: {done.stdout}{done.stderr}")
    return Timed(seconds, (seconds / COUNT,) * COUNT, server.cpu_s() - cpu_before)


PARTS = {"storescu": Part(f"{DCMTK[1]}'s storescu as Debian ships it into this node and Orthanc", run)}
