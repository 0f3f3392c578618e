"""Searches by name on both databases: whatever way is taken, the answer and its order are the same."""

from __future__ import annotations

import itertools
import re
from fnmatch import fnmatchcase

import pytest
from sqlalchemy import Connection, insert, select, update

from pacs.archive.rows import columns
from pacs.archive.totals import Totals
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.names import folded
from pacs.index import query, ways
from pacs.index.criteria import Between, Criterion, Equals, Like, OneOf, Query
from pacs.index.engine import Index
from pacs.index.schema import patient, study

NAMES = (
    "Kabekov^Anna", "Kabekova^Bota", "KABE", "Kab^Igor", "Kalina^Olga", "Ka", "Qaz^Aset=卡贝^阿=Kabe^Ase",
    "Yamada^Tarou=山田^太郎=Kabekov^Anna", "Kabe_ov^Percent%", "Әбдірахманова^Айсұлу", "Zhukov^Kabekov", "",
)  # fmt: skip
STUDIES = 60


@pytest.fixture
def named(index: Index) -> Index:
    """Studies of patients with NAMES, several of one moment."""

    def work(connection: Connection) -> None:
        for number, name in enumerate(NAMES, 1):
            row = columns(Level.PATIENT, {"PatientName": name, "PatientID": f"P{number}"})
            connection.execute(insert(patient).values(row=number, identity=f"P{number}", **row))
        for number in range(STUDIES):
            values = {
                "StudyInstanceUID": f"1.2.{number * 7 % STUDIES}",
                "StudyDate": f"202601{1 + number % 5:02d}",
                "StudyTime": "10" if number % 2 else "",
            }
            connection.execute(
                insert(study).values(
                    row=number + 1, patient_row=1 + number % len(NAMES), received_at=0, changed_at=0,
                    **columns(Level.STUDY, values),
                )
            )  # fmt: skip

    index.write(work)
    return index


def _met(pattern: str, name: str) -> bool:
    """PS3.4 C.2.2.2.1 and .4 on a whole name, on a group, on the first components of the whole."""
    key = folded(pattern).replace("[", "[[]")
    stored = folded(name)
    if not stored:
        return False
    candidates = [stored, *(rest for _, rest in _tails(stored))]
    if not {"*", "?"} & set(key):
        return any(one == key or (one is stored and re.match(re.escape(key) + "[=^]", one)) for one in candidates) or (
            stored.split("=")[0] == key
        )
    return any(fnmatchcase(one, key) for one in candidates) or fnmatchcase(stored.split("=")[0], key)


def _tails(stored: str) -> list[tuple[int, str]]:
    return [(place, stored[place + 1 :]) for place, character in enumerate(stored) if character == "="]


def _asked(pattern: str, **more: object) -> Query:
    test = Like(pattern) if {"*", "?"} & set(pattern) else Equals(pattern)
    name = Criterion(BY_KEYWORD["PatientName"], test)
    return Query(Level.STUDY, (name,), (BY_KEYWORD["PatientName"],), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("few", [0, 1000], ids=["many", "few"])
@pytest.mark.parametrize(
    "pattern", ["Kabe*", "kab*", "Ka*", "K*", "Kabekov^Anna", "Kabekov", "Kabe?ov*", "Kabe_*", "Ә*", "Zz*", "KABE"]
)
def test_a_name_is_found_by_its_beginning(
    named: Index, pattern: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "FEW_PATIENTS", few)
    monkeypatch.setattr(ways, "SOME_PATIENTS", few)
    with named.read() as connection:
        everything = connection.execute(
            select(patient.c.patient_name, study.c.study_instance_uid)
            .join(study, study.c.patient_row == patient.c.row)
            .order_by(study.c.study_date.desc(), study.c.study_time.desc(), study.c.study_instance_uid.desc())
        ).all()
        expected = [uid for name, uid in everything if _met(pattern, name)]
        whole = [row["StudyInstanceUID"] for row in query.find(connection, _asked(pattern, limit=STUDIES))]
        assert whole == expected
        assert query.count(connection, _asked(pattern)) == len(expected)
        paged = [
            row["StudyInstanceUID"]
            for offset in range(0, STUDIES, 4)
            for row in query.find(connection, _asked(pattern, limit=4, offset=offset))
        ]
        assert paged == expected
        assert sorted(row["StudyInstanceUID"] for row in query.find(connection, _asked(pattern))) == sorted(expected)
        place, followed = None, []
        for _ in itertools.count():
            page = query.page(connection, _asked(pattern), place, 4)
            followed += [row["StudyInstanceUID"] for row in page.rows]
            place = page.last
            if place is None:
                break
        assert followed == expected


def test_a_name_beside_another_key(named: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "FEW_PATIENTS", 0)
    first = _asked("Kabe*").criteria[0]
    day = Criterion(BY_KEYWORD["StudyDate"], Between("20260102", "20260103"))
    one = Criterion(BY_KEYWORD["PatientID"], OneOf(("P1",)))
    with named.read() as connection:
        for criteria in ((first, day, one), (one, day, first)):
            asked = Query(Level.STUDY, criteria, (BY_KEYWORD["StudyDate"], BY_KEYWORD["PatientID"]), limit=100)
            rows = list(query.find(connection, asked))
            assert {row["PatientID"] for row in rows} == {"P1"}
            assert [row["StudyDate"] for row in rows] == ["20260103", "20260102"]
            assert query.count(connection, asked) == len(rows)


def test_a_study_follows_its_patients_name(named: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ways, "FEW_PATIENTS", 0)

    def found(pattern: str) -> set[str]:
        with named.read() as connection:
            return {row["PatientID"] for row in query.find(connection, _asked(pattern, limit=100))}

    assert (found("Kalina*"), found("Renamed*")) == ({"P5"}, set())
    renamed = {name: text for name, text in columns(Level.PATIENT, {"PatientName": "Renamed^Olga"}).items() if text}
    named.write(lambda c: c.execute(update(patient).where(patient.c.row == 5).values(**renamed)).close())
    assert (found("Kalina*"), found("Renamed*")) == (set(), {"P5"})
    named.write(lambda c: c.execute(update(study).where(study.c.patient_row == 5).values(patient_row=11)).close())
    assert (found("Renamed*"), found("Zhukov*")) == (set(), {"P11"})


def test_a_total_is_that_of_now(named: Index) -> None:
    totals = Totals(named)
    asked = _asked("Kabe*", limit=3)
    before = totals.of(asked)
    with named.read() as connection:
        assert before == query.count(connection, asked) > 3
    assert totals.of(asked) == before
    named.write(lambda c: c.execute(update(patient).values(patient_name_folded="x")).close())
    with named.read() as connection:
        assert query.count(connection, asked) == 0
