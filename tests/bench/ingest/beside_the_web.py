"""The part `web`: how long web answers take while ingest runs at full speed, against an idle node (G14)."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final

from tests.bench.ingest import workload
from tests.bench.ingest.compare import Turns
from tests.bench.ingest.load import send
from tests.bench.peers import NODE, Server
from tests.bench.report import Spread, Verdict, short, spread
from tests.bench.session import Failed, Outcome, Part, Session
from tests.support.process import ROOT, clean_environment

ASSOCIATIONS: Final = 4
SENT: Final = 200
SHOWN: Final = 16  # slices of the study that is looked at
SECONDS: Final = 4.0
CEILING, GOAL = 5.0, 2.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one visit."""

    p50_ms: float
    p95_ms: float
    answers: int


def run(session: Session) -> Outcome:
    """Idle and beside ingest in turns, what a viewer asks for each time. Raises Failed."""
    turns = Turns(workload.CT, SENT)
    idle: list[Latency] = []
    beside: list[Latency] = []
    rates: list[float] = []
    with Server(NODE, session.folder / NODE.name) as server:
        shown = turns.messages(server.candidate.pdu_bytes, SHOWN)
        send(server.peer, shown, 1)
        study, series, instance = (shown[0].uids()[name] for name in ("study", "series", "instance"))
        paths = [
            "/dicom-web/studies?limit=25",
            f"/dicom-web/studies/{study}/series/{series}/metadata",
            f"/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/1",
        ]
        token = server.token()
        for _ in session.numbers():
            with _Visit(server, token, paths) as visit:
                time.sleep(SECONDS)
            idle.append(visit.latency)
            until = time.monotonic() + SECONDS
            since = time.time()
            with _Visit(server, token, paths) as visit:
                while time.monotonic() < until:
                    messages = turns.messages(server.candidate.pdu_bytes, SENT)
                    rates.append(send(server.peer, messages, ASSOCIATIONS).per_second)
            beside.append(visit.latency)
            server.settle(since)
    ratio = spread(one.p95_ms / other.p95_ms for one, other in zip(beside, idle, strict=True))
    lines = [
        (
            f"Web answers (search, series metadata, frame) while {ASSOCIATIONS} associations send CT, "
            f"{short(statistics.median(rates))} instances/s"
        ),
        f"  {'':12} {'p50 ms':>24} {'p95 ms':>24}",
        *(
            f"  {name:12} {_spread(visits, 'p50_ms')!s:>24} {_spread(visits, 'p95_ms')!s:>24}"
            for name, visits in (("idle", idle), ("beside", beside))
        ),
    ]
    verdict = Verdict("G14", "web p95 beside ingest at full speed over idle p95", ratio, CEILING, GOAL, at_most=True)
    figures = {"idle": [asdict(one) for one in idle], "beside": [asdict(one) for one in beside], "rates": rates}
    return Outcome(figures, "\n".join(lines), (verdict,))


def _spread(visits: list[Latency], name: str) -> Spread:
    return spread(getattr(visit, name) for visit in visits)


class _Visit:
    """A visitor as long as the context; `latency` afterwards."""

    def __init__(self, server: Server, token: str, paths: list[str]) -> None:
        self.latency = Latency(0, 0, 0)
        self._answer = ""
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.bench.ingest.visitor",
                f"http://127.0.0.1:{server.web_port}", token, *paths,
            ],
            cwd=ROOT, env=clean_environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> _Visit:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        answer, errors = self._process.communicate("end\n", timeout=60)
        if kind is not None:
            return
        if self._process.returncode:
            raise Failed(f"the visitor was not served: {errors}")
        taken = json.loads(answer)[3:]  # the first of each kind builds what is kept afterwards
        self.latency = Latency(statistics.median(taken), statistics.quantiles(taken, n=20)[-1], len(taken))


PARTS = {"web": Part("web answers while ingest runs at full speed", run)}
