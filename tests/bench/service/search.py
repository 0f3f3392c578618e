"""The part `search`: QIDO-RS against Orthanc at 10,000 studies, and searches and frames at 1,000,000 (G9, G11)."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from tests.bench.ingest import workload
from tests.bench.ingest.growth import KEPT
from tests.bench.ingest.load import send
from tests.bench.million import FIRST, LAST, SURNAMES, Shape, copied, sqlite_archive
from tests.bench.peers import NODE, Server, rotated, suret
from tests.bench.report import Verdict
from tests.bench.service.candidates import ORTHANC_WEB, orthanc_of, refuse_absent, web
from tests.bench.service.client import Web, ask
from tests.bench.service.rates import Measured, p50_ms, per_second, ratio, text
from tests.bench.service.retrieve import ANY_FRAMES, FRAME
from tests.bench.session import Failed, Outcome, Part, Session

SMALL, LARGE, LARGE_QUICK = Shape(10_000), Shape(1_000_000), Shape(20_000)
PATHS: Final = 200
LIMIT: Final = 50
MANY: Final = 8
SECONDS: Final = 1
SLICES: Final = 16
FLAT: Final = 1.2
JSON: Final = "application/dicom+json"
_SMALL, _LARGE, _THEIRS = "suret-small", "suret-large", ORTHANC_WEB.name


@dataclass(frozen=True, slots=True)
class Search:
    """One kind of search: its paths, which differ in their values."""

    what: str
    paths: tuple[str, ...]
    alone: bool = False  # Orthanc's plugin does not do it


def searches() -> tuple[Search, ...]:
    """By id, date range, name prefix, and the newest: the same values in every run."""
    chosen = random.Random(1)
    patients = [f"BENCH-{SMALL.patient_of(chosen.randrange(SMALL.studies)):07d}" for _ in range(PATHS)]
    starts = [FIRST + (LAST - FIRST - timedelta(days=40)) * chosen.random() for _ in range(PATHS)]
    months = [f"{start:%Y%m%d}-{start + timedelta(days=30):%Y%m%d}" for start in starts]
    names = [chosen.choice(SURNAMES)[:4] for _ in range(PATHS)]
    return (
        Search("QIDO by id", tuple(f"/studies?PatientID={one}" for one in patients)),
        Search("QIDO by date range", tuple(f"/studies?StudyDate={one}&limit={LIMIT}" for one in months)),
        Search("QIDO by name prefix", tuple(f"/studies?PatientName={one}*&limit={LIMIT}" for one in names)),
        Search("QIDO newest 50", (f"/studies?limit={LIMIT}",)),
        Search("QIDO fuzzy name", tuple(_fuzzy(chosen) for _ in range(PATHS)), alone=True),
    )


def _fuzzy(chosen: random.Random) -> str:
    """A given name, in Cyrillic or Latin letters, and the beginning of a surname."""
    surname, given = (
        chosen.choice(SURNAMES)[:5],
        chosen.choice((("Anna", "Анна"), ("Timur", "Тимур"), ("Olga", "Ольга"))),
    )
    return f"/studies?PatientName={quote(given[chosen.randrange(2)])}%20{surname}&fuzzymatching=true&limit={LIMIT}"


def run(session: Session) -> Outcome:
    """Everybody in turns; the two of this node differ in how much is stored. Raises Failed."""
    refuse_absent()
    KEPT.mkdir(parents=True, exist_ok=True)
    large = LARGE_QUICK if session.quick else LARGE
    asked = searches()
    found: list[Measured] = []
    with ExitStack() as running:
        webs, frames = [], {}
        for name, shape in ((_SMALL, SMALL), (_LARGE, large)):
            folder = session.folder / name
            folder.mkdir(parents=True)
            copied(sqlite_archive(KEPT, shape, objects=False), folder / "data")
            # their rows name no objects, which a scrub would look for all the time
            launch = suret("pacs.cli serve", PACS_ARCHIVE__SCRUB_DAYS="0")
            server = running.enter_context(Server(replace(NODE, name=name, launch=launch), folder))
            webs.append(web(server))
            frames[name] = _send(server)
        theirs = orthanc_of(SMALL, KEPT)
        webs.append(web(running.enter_context(Server(theirs, session.folder / theirs.name))))
        for search in asked:
            _compare(search, webs)
        for number in session.numbers():
            for candidate in rotated(webs, number):
                for search in asked:
                    if search.alone and candidate.name == _THEIRS:
                        continue
                    for clients in (1, MANY):
                        answered = ask(candidate, search.paths, JSON, clients, SECONDS)
                        found.append(Measured(candidate.name, search.what, clients, number, answered))
                if candidate.name in frames:
                    for clients in (1, MANY):
                        answered = ask(candidate, frames[candidate.name], ANY_FRAMES, clients, SECONDS)
                        found.append(Measured(candidate.name, FRAME, clients, number, answered))
    sizes = f"{_SMALL}, {_THEIRS}: {SMALL.studies:,} studies; {_LARGE}: {large.studies:,}"
    figures = {"runs": [asdict(run) for run in found]}
    return Outcome(figures, f"{sizes}\n{text(found)}", tuple(_verdicts(asked, found, large)))


def _send(server: Server) -> list[str]:
    """Store some slices; the paths of their frames."""
    messages = workload.messages(workload.CT, workload.datasets(workload.CT, SLICES), server.candidate.pdu_bytes)
    names = next(workload.runs())
    for message in messages:
        message.rename(names)
    send(server.peer, messages, 1)
    uids = [message.uids() for message in messages]
    return [f"/studies/{one['study']}/series/{one['series']}/instances/{one['instance']}/frames/1" for one in uids]


def _compare(search: Search, webs: Sequence[Web]) -> None:
    """Raise Failed unless those with the same studies answer with as many of them."""
    counts = {}
    for candidate in webs:
        if search.alone and candidate.name == _THEIRS:
            continue
        status, body, _ = candidate.get(search.paths[0], JSON)
        if status != 200:
            raise Failed(f"{candidate.name}: {search.what}: status {status}")
        counts[candidate.name] = len(json.loads(body))
    if counts[_SMALL] != counts.get(_THEIRS, counts[_SMALL]) or not counts[_LARGE]:
        raise Failed(f"{search.what}: {search.paths[0]}: different numbers of answers: {counts}")


def _verdicts(asked: Sequence[Search], runs: Sequence[Measured], large: Shape) -> list[Verdict]:
    def flat(name: str, what: str) -> Verdict:
        reached = ratio(runs, _LARGE, _SMALL, what, 1, p50_ms)
        return Verdict(
            name, f"{what}, time at {large.studies:,} studies over that at 10,000", reached, FLAT, FLAT, at_most=True
        )

    found = []
    for search in asked:
        for clients in () if search.alone else (1, MANY):
            reached = ratio(runs, _SMALL, _THEIRS, search.what, clients, per_second)
            found.append(Verdict("G11", f"{search.what} over Orthanc's plugin, {clients} clients", reached, 10, 50))
    return [*found, *(flat("G11", search.what) for search in asked), flat("G9", FRAME)]


PARTS = {"search": Part("QIDO-RS against Orthanc's DICOMweb plugin, and at 1,000,000 studies", run)}
