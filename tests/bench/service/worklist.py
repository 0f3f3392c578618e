"""The parts `worklist` and `worklist-postgresql`: pages of the reading list among 100,000 and 1,000,000 studies.

    python -m tests.bench.service.worklist URL ROUNDS     of a database that is there

Each question is asked of the index in this process, as the node's threads do, without HTTP: the page, and how many
studies there are on all pages, which the node tells with the first page. Times are the processor's, of the thread that
asks and of the server's process that answers: everything is in memory, and what else the machine does counts little.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy import text as sql

from pacs.index.engine import Index
from pacs.index.reading import Reading, page, total
from tests.bench.ingest.growth import DATABASES
from tests.bench.million import LAST, SURNAMES, Shape
from tests.bench.report import Spread, spread
from tests.bench.session import Outcome, Part, Session

SIZES: Final = (100_000, 1_000_000)
SIZES_QUICK: Final = (1_000, 10_000)
LIMIT: Final = 50
FAR: Final = 100
"""So many pages are passed over before the one that is looked at last."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, in words, and the page of it."""

    what: str
    reading: Reading
    offset: int = 0


def questions() -> tuple[Question, ...]:
    """Orders, ranges of dates, a modality and words, and what of them is asked together."""

    def day(years: float) -> str:
        return f"{LAST - timedelta(days=365 * years):%Y%m%d}"

    everything, arrival = Reading(), Reading(sort="arrival")
    month = Reading(low=day(2), high=f"{LAST - timedelta(days=700):%Y%m%d}")
    years = Reading(low=day(4), high=day(2))
    modality = Reading(modalities=("MR",))
    word = Reading(words=(SURNAMES[1][:5],))
    return (
        Question("everything, first page", everything),
        Question(f"everything, page {FAR + 1}", everything, FAR * LIMIT),
        Question("everything by arrival, first page", arrival),
        Question(f"everything by arrival, page {FAR + 1}", arrival, FAR * LIMIT),
        Question("everything by patient", replace(everything, sort="patient")),
        Question("a month", month),
        Question("a month by arrival", replace(month, sort="arrival")),
        Question("two years", years),
        Question("two years by arrival", replace(years, sort="arrival")),
        Question("a modality", modality),
        Question("a modality by arrival", replace(modality, sort="arrival")),
        Question("a modality by patient", replace(modality, sort="patient")),
        Question("a modality by description", replace(modality, sort="study")),
        Question("a modality by images", replace(modality, sort="images", descending=True)),
        Question("a month of a modality", replace(modality, low=month.low, high=month.high)),
        Question("two years of a modality", replace(modality, low=years.low, high=years.high)),
        Question("a word", word),
    )


def measured(url: str, numbers: Iterator[int]) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of the page and of the number on all pages, of each question, a round for each of `numbers`."""
    asked = questions()
    found: dict[str, list[tuple[float, float]]] = {question.what: [] for question in asked}
    with closing(Index(url, read_only=True)) as index:
        for question in asked:  # the first time compiles it, and brings pages to memory
            _once(index, question)
        for _ in numbers:
            for question in asked:
                found[question.what].append(_once(index, question))
    return found


def _once(index: Index, question: Question) -> tuple[float, float]:
    with index.read() as connection:
        used_ms = _processor(index, connection)
        began = used_ms()
        page(connection, question.reading, LIMIT, question.offset)
        listed = used_ms()
        total(connection, replace(question.reading, sort="", descending=False))
        return listed - began, used_ms() - listed


def _processor(index: Index, connection: Connection) -> Callable[[], float]:
    """What tells how long this thread and its server's process had a processor, in milliseconds."""
    if index.is_sqlite:
        return lambda: time.thread_time() * 1000
    server = Path(f"/proc/{connection.execute(sql('SELECT pg_backend_pid()')).scalar_one()}/schedstat")
    return lambda: time.thread_time() * 1000 + int(server.read_text().split()[0]) / 1_000_000


def text(found: dict[str, list[tuple[float, float]]]) -> str:
    """Least, median and most of all rounds."""

    def of(times: list[tuple[float, float]], place: int) -> Spread:
        return spread(time[place] for time in times)

    return "\n".join(f"  {what:36} {of(times, 0)!s:>24}   {of(times, 1)!s:>24}" for what, times in found.items())


def run(session: Session, database: str) -> Outcome:
    """One archive after the other. Raises Failed."""
    figures: dict[str, Any] = {}
    lines = [f"Milliseconds of the processor: a page of {LIMIT}; the number of all; {database} (least – median – most)"]
    with DATABASES[database](session.folder) as place:
        for studies in SIZES_QUICK if session.quick else SIZES:
            folder = session.folder / f"{studies}"
            told = place(folder, Shape(studies))
            url = told.get("PACS_DATABASE", f"sqlite:///{folder / 'data' / 'index.db'}")
            figures[f"{studies}"] = measured(url.replace("postgresql:", "postgresql+psycopg:"), session.numbers())
            lines += [f"among {studies:,} studies", text(figures[f"{studies}"])]
    return Outcome({"milliseconds": figures}, "\n".join(lines))


def _part(database: str) -> Callable[[Session], Outcome]:
    return lambda session: run(session, database)


PARTS: Final = {
    "worklist": Part("pages of the reading list among 100,000 and 1,000,000 studies, SQLite", _part("SQLite")),
    "worklist-postgresql": Part("the same, PostgreSQL", _part("PostgreSQL")),
}

if __name__ == "__main__":
    print(text(measured(sys.argv[1], iter(range(int(sys.argv[2]))))))
