"""The parts `growth` and `growth-postgresql`: the same rate at 10 and at 1,000,000 instances (G15).

The rows are written in bulk through the schema. Ingest reads no object of another instance, so none is put there.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from tests.bench.ingest import workload
from tests.bench.ingest.compare import Turns
from tests.bench.ingest.load import send
from tests.bench.ingest.rates import Measured, measured, per_second, ratios
from tests.bench.million import Shape, copied, fill, sqlite_archive
from tests.bench.peers import NODE, Server, rotated, suret
from tests.bench.report import Verdict, spread
from tests.bench.session import Outcome, Part, Session
from tests.support import postgresql
from tests.support.process import ROOT

ASSOCIATIONS: Final = 4
COUNT: Final = 400
SIZES: Final = (10, 10_000, 100_000, 1_000_000)
SIZES_QUICK: Final = (10, 10_000)
KEPT: Final = ROOT / ".cache" / "bench-archives"
FLOOR, GOAL = 0.8, 0.95

Place = Callable[[Path, Shape], dict[str, str]]
"""Makes an archive of a shape in a folder; says which settings of the node name it."""


def run(session: Session, database: str) -> Outcome:
    """Nodes over archives of every size, in turns. Raises Failed."""
    sizes = SIZES_QUICK if session.quick else SIZES
    turns = Turns(workload.MR, COUNT)
    found: list[Measured] = []
    with ExitStack() as running:
        place = running.enter_context(DATABASES[database](session.folder))
        servers = []
        for size in sizes:
            folder = session.folder / f"{size}"
            # rows alone: the scrub would find that none of their objects is there
            variables = {**place(folder, _shape(size)), "PACS_ARCHIVE__SCRUB_DAYS": "0"}
            candidate = replace(NODE, name=_name(size), launch=suret("pacs.cli serve", **variables))
            servers.append(running.enter_context(Server(candidate, folder)))
        for server in servers:
            _once(turns, server)
        for number in session.numbers():
            found += [_once(turns, server, number) for server in rotated(servers, number)]
    lines = [f"Durable MR slices a second by instances in the index, {database}, {ASSOCIATIONS} associations"]
    least = _name(sizes[0])
    verdicts = []
    for size in sizes:
        name = _name(size)
        rate = spread(one.per_second for one in found if one.candidate == name)
        cpu = spread(one.cpu_ms for one in found if one.candidate == name)
        ratio = ratios(found, name, least, ASSOCIATIONS, per_second)
        assert ratio is not None, "every size was measured"
        lines.append(f"  {size:>9,} {rate!s:>24}   CPU ms {cpu.median:.2f}   over {sizes[0]}: {ratio}")
        if size == sizes[-1] and not session.quick:
            what = f"rate at {size:,} instances over that at {sizes[0]}, {database}"
            verdicts.append(Verdict("G15", what, ratio, FLOOR, GOAL))
    return Outcome({"runs": [asdict(one) for one in found]}, "\n".join(lines), tuple(verdicts))


def _once(turns: Turns, server: Server, number: int = 0) -> Measured:
    messages = turns.messages(server.candidate.pdu_bytes, COUNT)
    timed = send(server.peer, messages, ASSOCIATIONS, server.cpu_s)
    os.sync()
    time.sleep(0.5)
    return measured(server.candidate.name, ASSOCIATIONS, number, timed)


def _name(size: int) -> str:
    return f"at {size}"


def _shape(size: int) -> Shape:
    """A study of two series of five instances for every ten of them."""
    return Shape(max(1, size // 10), 2, 5)


@contextmanager
def _sqlite(_folder: Path) -> Iterator[Place]:
    def place(folder: Path, shape: Shape) -> dict[str, str]:
        KEPT.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True)
        copied(sqlite_archive(KEPT, shape, objects=False), folder / "data")
        return {}

    yield place


@contextmanager
def _postgresql(folder: Path) -> Iterator[Place]:
    home = folder / "cluster"
    for above in (*reversed(folder.relative_to(folder.anchor).parents), folder.relative_to(folder.anchor)):
        (Path(folder.anchor) / above).chmod((Path(folder.anchor) / above).stat().st_mode | 0o011)
    cluster = postgresql.start(home, os.getpid(), durable=True)

    def place(_folder: Path, shape: Shape) -> dict[str, str]:
        url = cluster.create_database()
        fill(url, shape, None)
        cluster.administer("CHECKPOINT")
        return {"PACS_DATABASE": url.replace("postgresql+psycopg:", "postgresql:")}  # as settings name it

    try:
        yield place
    finally:
        postgresql.stop(home)
        shutil.rmtree(home, ignore_errors=True)


DATABASES: Final = {"SQLite": _sqlite, "PostgreSQL": _postgresql}
PARTS = {
    "growth": Part("ingest at 10 to 1,000,000 instances, SQLite", lambda session: run(session, "SQLite")),
    "growth-postgresql": Part(
        "ingest at 10 to 1,000,000 instances, PostgreSQL", lambda session: run(session, "PostgreSQL")
    ),
}
