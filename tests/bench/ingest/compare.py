"""The parts `ct`, `mr`, `dx` and `enhanced`: C-STORE into every candidate in turns, by number of associations."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from tests.bench.ingest import breakdown, workload
from tests.bench.ingest.candidates import APPEND_SINK, DURABLE_SINK, EVERYBODY, HASHED_SINK, SEGMENT_SINK, SINKS, TRACED
from tests.bench.ingest.disk import sync_costs, syncs_text
from tests.bench.ingest.load import Timed, send
from tests.bench.ingest.rates import (
    Goal,
    Measured,
    cpu_ms,
    measured,
    per_second,
    rates_text,
    ratios,
    verdicts,
)
from tests.bench.ingest.workload import CT, DX, ENHANCED, MR, Workload
from tests.bench.peers import ORTHANC_DEFAULT, STORESCP, Server, present, rotated
from tests.bench.session import Outcome, Part, Session

WARM: Final = 16
SYNCS_COUNT: Final = 40
TAKEN_APART: Final = (1, 4)
_ORTHANC, _STORESCP, _DURABLE = ORTHANC_DEFAULT.name, STORESCP.name, DURABLE_SINK.name
_AGAINST_ORTHANC = partial(Goal, against=_ORTHANC, limit=_DURABLE)

GOALS: Final[dict[str, tuple[Goal, ...]]] = {
    "ct": (
        _AGAINST_ORTHANC("G1", "durable CT over Orthanc default", 1, floor=3.0, goal=5.0),
        _AGAINST_ORTHANC("G2", "durable CT over Orthanc default", 4, floor=2.5, goal=5.0),
        Goal("G5", "durable and indexed over storescp (neither)", 1, _STORESCP, 0.4, 0.8, limit=_DURABLE),
        Goal("G5", "durable and indexed over storescp (neither)", 4, _STORESCP, 0.4, 0.8, limit=_DURABLE),
        Goal("G6", "share of one file with an fdatasync each", 1, APPEND_SINK.name, 0.45, 0.8, limit=_DURABLE),
        Goal(
            "G7",
            "Orthanc's CPU an instance over ours",
            1,
            _ORTHANC,
            4.0,
            8.0,
            cpu_ms,
            less_is_better=True,
            limit=HASHED_SINK.name,
        ),
    ),
    "mr": (
        _AGAINST_ORTHANC("G3", "durable small MR over Orthanc default", 1, floor=3.0, goal=6.0),
        _AGAINST_ORTHANC("G3", "durable small MR over Orthanc default", 4, floor=3.0, goal=6.0),
    ),
    "dx": (_AGAINST_ORTHANC("G4", "18 MB DX over Orthanc default", 1, floor=2.0, goal=4.0),),
    "enhanced": (_AGAINST_ORTHANC("G4", "105 MB enhanced CT over Orthanc default", 1, floor=2.0, goal=6.0),),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one workload is sent: `count` instances with so many `associations` at once, each at least one."""

    workload: Workload
    associations: tuple[int, ...]
    count: int
    count_quick: int
    apart: bool = False
    """Whether one instance is taken apart too."""

    def run(self, session: Session) -> Outcome:
        """Start everybody, warm up, run the rounds. Raises Failed."""
        count = self.count_quick if session.quick else self.count
        turns = Turns(self.workload, max(count, *self.associations))
        found: list[Measured] = []
        with ExitStack() as running:
            servers = [
                running.enter_context(Server(candidate, session.folder / candidate.name))
                for candidate in present(EVERYBODY)
            ]
            for server in servers:
                turns.once(server, 1, WARM)
            for number in session.numbers():
                for associations in self.associations:
                    for server in rotated([one for one in servers if _takes_part(one, associations)], number):
                        timed = turns.once(server, associations, max(count, associations))
                        found.append(measured(server.candidate.name, associations, number, timed))
        texts = [rates_text(self.workload.what, found, associations) for associations in self.associations]
        figures: dict[str, Any] = {"runs": [asdict(run) for run in found]}
        segments = [
            f"{associations}: {ratio}"
            for associations in self.associations
            if (ratio := ratios(found, SEGMENT_SINK.name, _DURABLE, associations, per_second))
        ]
        texts.append(
            "What segments with a shared sync would bring at most, segment-sink / durable-sink, by associations: "
            + ", ".join(segments)
        )
        if self.apart:
            costs = sync_costs(session.folder / "disk", SYNCS_COUNT)
            apart = _take_apart(turns, session, count)
            figures |= {
                "syncs_ms": costs,
                "breakdown": {n: [asdict(share) for share in shares] for n, shares in apart.items()},
            }
            texts += [syncs_text(costs), *(breakdown.breakdown_text(shares, n) for n, shares in apart.items())]
        return Outcome(figures, "\n\n".join(texts), tuple(verdicts(GOALS[self.workload.name], found)))


def _takes_part(server: Server, associations: int) -> bool:
    """Limits are needed where goals are set."""
    return associations in TAKEN_APART or server.candidate not in SINKS


class Turns:
    """Messages of one workload, sent again and again under new UIDs."""

    def __init__(self, what: Workload, count: int) -> None:
        self._encoded = workload.datasets(what, count)
        self._workload = what
        self._by_pdu: dict[int, list[workload.Message]] = {}
        self._names = workload.runs()

    def messages(self, pdu_bytes: int, count: int) -> Sequence[workload.Message]:
        """`count` of them in PDUs of at most `pdu_bytes`, under UIDs that nobody has seen."""
        if pdu_bytes not in self._by_pdu:
            self._by_pdu[pdu_bytes] = workload.messages(self._workload, self._encoded, pdu_bytes)
        run = next(self._names)
        messages = self._by_pdu[pdu_bytes][:count]
        for message in messages:
            message.rename(run)
        return messages

    def once(self, server: Server, associations: int, count: int, *, nodelay: bool = True) -> Timed:
        """Send `count` new instances and wait until the machine is as before. Raises Failed."""
        messages = self.messages(server.candidate.pdu_bytes, count)
        since = time.time()
        timed = send(server.peer, messages, associations, server.cpu_s, nodelay=nodelay)
        server.settle(since)
        return timed


def _take_apart(turns: Turns, session: Session, count: int) -> dict[int, list[breakdown.Share]]:
    """The shares of one instance by number of associations, from a node with clocks in it."""
    folder = session.folder / TRACED.name
    with Server(TRACED, folder) as server:
        turns.once(server, 1, WARM)
        for associations in TAKEN_APART:
            turns.once(server, associations, count)
    record = breakdown.read(folder)
    starts = [WARM + number * count for number in range(len(TAKEN_APART))]
    return {
        associations: breakdown.breakdown(record, start, start + count)
        for associations, start in zip(TAKEN_APART, starts, strict=True)
    }


COMPARISONS = (
    Comparison(CT, (1, 2, 4, 8), 120, 96, apart=True),
    Comparison(MR, (1, 2, 4, 8), 240, 96),
    Comparison(DX, (1, 2, 4, 8), 8, 4),
    Comparison(ENHANCED, (1, 2, 4), 2, 2),
)
PARTS = {
    comparison.workload.name: Part(f"C-STORE of {comparison.workload.what} into every candidate", comparison.run)
    for comparison in COMPARISONS
}
