"""Searches by name on both databases: whatever way is taken, the answer and its order are the same."""

from __future__ import annotations

import gc
import itertools
import re
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from pacs.archive.rows import columns
from pacs.archive.totals import Totals
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.names import folded, skeleton
from pacs.index import query, reading, ways
from pacs.index.criteria import AnyOf, Between, Criterion, Equals, Like, OneOf, Query
from pacs.index.engine import Index
from pacs.index.reading import Reading
from pacs.index.schema import patient, patient_word, study

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
            connection.execute(
                insert(patient).values(row=number, identity=f"P{number}", demographics=f"P{number}", **row)
            )
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
    """PS3.4 C.2.2.2.1 and .4 on the name, from its beginning or that of a later group; to the end of it or of a group,
    and without wildcards to the end of a component."""
    key, stored = folded(pattern).replace("[", "[[]"), folded(name)
    if not stored:
        return False
    more = [] if {"*", "?"} & set(key) else ["^*"]
    later = stored.split("=")
    rests = ["=".join(later[place:]) for place in range(1, len(later))]
    return any(fnmatchcase(stored, key + end) for end in ("", "=*", *more)) or any(
        fnmatchcase(rest, key.lstrip("=") + end) for rest in rests for end in ("", "=*", *more)
    )


def _asked(pattern: str, **more: object) -> Query:
    test = Like(pattern) if {"*", "?"} & set(pattern) else Equals(pattern)
    name = Criterion(BY_KEYWORD["PatientName"], test)
    return Query(Level.STUDY, (name,), (BY_KEYWORD["PatientName"],), **more)  # type: ignore[arg-type]


def test_of_long_searches_nothing_is_kept(named: Index) -> None:
    def ask(connection: Connection, values: int) -> None:
        name = Criterion(BY_KEYWORD["PatientName"], AnyOf(tuple(Like(f"Q{number}*") for number in range(values))))
        for limit in (STUDIES, None):
            asked = Query(Level.STUDY, (name,), (BY_KEYWORD["PatientName"],), limit=limit)
            assert not list(query.find(connection, asked))
        assert not query.count(connection, asked)

    with named.read() as connection:
        ask(connection, 60)
        gc.collect()
        before = len(gc.get_objects())
        for values in range(61, 66):
            ask(connection, values)
        gc.collect()
        assert len(gc.get_objects()) - before < 1000, "one is compiled to some thousand objects"


@pytest.mark.parametrize("few", [0, 1000], ids=["many", "few"])
@pytest.mark.parametrize(
    "pattern",
    [
        *("Kabe*", "kab*", "Ka*", "K*", "Kabekov^Anna", "Kabekov", "Kabe?ov*", "Kabe_*", "Ә*", "Zz*", "KABE"),
        *("Kabe", "卡贝", "=卡贝^阿", "山田^太郎", "山?", "山田^?郎", "Yamada=山田"),
    ],
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


@pytest.mark.parametrize(
    "pattern", ["kabekov", "Anna Kabe", "Kab", "А*лу", "*ova", "igor^kab", "percent", "Zz", "Asse Kaz", "阿", "--"]
)
def test_a_fuzzy_name_is_found_whatever_way_is_taken(named: Index, pattern: str) -> None:
    def words(text: str) -> list[str]:
        return [word for word in re.split("[ ^=]", skeleton(text)) if word.strip("*?")]

    keys = words(pattern)
    with named.read() as connection, pytest.MonkeyPatch.context() as patched:
        everything = connection.execute(
            select(patient.c.patient_name, study.c.study_instance_uid)
            .join(study, study.c.patient_row == patient.c.row)
            .order_by(study.c.study_date.desc(), study.c.study_time.desc(), study.c.study_instance_uid.desc())
        ).all()
        expected = [
            uid
            for name, uid in everything
            if keys and all(any(fnmatchcase(word, f"{key}*") for word in words(name)) for key in keys)
        ]
        for few in (0, 1000):
            patched.setattr(ways, "SOME_PATIENTS", few)
            asked = _asked(pattern, limit=STUDIES, fuzzy=True)
            assert [row["StudyInstanceUID"] for row in query.find(connection, asked)] == expected
            assert query.count(connection, asked) == len(expected)
            assert len(list(query.find(connection, _asked(pattern, limit=3, fuzzy=True)))) == min(3, len(expected))


def test_the_words_of_a_name_follow_it(named: Index) -> None:
    def known(connection: Connection) -> list[str]:
        return list(
            connection.execute(
                select(patient_word.c.word).where(patient_word.c.patient_row == 1).order_by(patient_word.c.word)
            ).scalars()
        )

    def rename(connection: Connection) -> None:
        row = columns(Level.PATIENT, {"PatientName": 'Saken "S"^Aset=Ә\\Ө^Anna'})
        connection.execute(update(patient).where(patient.c.row == 1).values(row))

    with named.read() as connection:
        assert known(connection) == ["ana", "kabekov"]
    named.write(rename)
    with named.read() as connection:
        assert known(connection) == sorted(set(re.split("[ ^=]", skeleton('Saken "S"^Aset=Ә\\Ө^Anna'))))
    named.write(lambda connection: connection.execute(delete(study).where(study.c.patient_row == 1)))
    named.write(lambda connection: connection.execute(delete(patient).where(patient.c.row == 1)))
    with named.read() as connection:
        assert known(connection) == []


@pytest.mark.parametrize("sort", ["", "arrival"], ids=["by-date", "by-arrival"])
@pytest.mark.parametrize("some", [0, 1000], ids=["many", "few"])
def test_the_reading_list_beyond_its_newest(
    named: Index, some: int, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def arrived(connection: Connection) -> None:
        connection.execute(update(study).values(received_at=study.c.row, priority_band=study.c.row % 3 + 2))

    named.write(arrived)
    named.write(lambda c: c.execute(update(patient).where(patient.c.row == 4).values(other_patient_ids="X\\OLD-77")))
    monkeypatch.setattr(reading, "SOME", some)
    monkeypatch.setattr(reading, "NEWEST", 2)

    def place(row: int) -> tuple[int, ...]:
        date, time = (row - 1) % 5, (row - 1) % 2
        return (row % 3 + 2, -row) if sort == "arrival" else (row % 3 + 2, -date, -time, -row)

    order = sorted(range(1, STUDIES + 1), key=place)
    newest = {row for band in range(3) for row in [one for one in range(STUDIES, 0, -1) if one % 3 == band][:2]}

    def patients(*numbers: int) -> list[int]:
        return [row for row in order if (row - 1) % len(NAMES) + 1 in numbers]

    with named.read() as connection:
        for asked, expected in (
            (Reading(), order),
            (Reading(words=("kabekov",)), patients(1, 2, 8, 11)),  # the beginning of a word of the name
            (Reading(words=("P11",)), patients(11)),
            (Reading(words=("p12",)), patients(12)),
            (Reading(words=("P1",)), [row for row in patients(1, 10, 11, 12) if row in newest or row in patients(1)]),
            (Reading(words=("ekov",)), [row for row in patients(1, 2, 8, 11) if row in newest]),
            (Reading(words=("anna", "kabekov")), patients(1, 8)),
            (Reading(low="20260102", high="20260102"), [row for row in order if (row - 1) % 5 == 1]),
            (Reading(words=("olga",), low="20260103"), [row for row in patients(5) if (row - 1) % 5 >= 2]),
            (Reading(words=("old-7",)), patients(4)),  # who was merged
            (Reading(words=("x",)), patients(4)),
            (Reading(words=("OLD-77", "igor")), patients(4)),
            (Reading(modalities=("CT",)), []),
            (Reading(words=("P3",), studies=frozenset({"1.2.14"})), [3]),
        ):
            sorted_so = replace(asked, sort=sort)
            assert reading.page(connection, sorted_so, STUDIES, 0) == expected, asked
            assert reading.page(connection, sorted_so, 3, 2) == expected[2:5], asked
            assert reading.total(connection, asked) == len(expected), asked
        monkeypatch.setattr(reading, "TOTAL_MAX", 5)
        assert reading.total(connection, Reading(words=("kabekov",))) == 6
        assert reading.total(connection, Reading()) == STUDIES


def test_a_range_of_dates_is_planned_by_its_dates_however_often_it_is_asked(migrated_postgresql_url: str) -> None:
    index = Index(migrated_postgresql_url)
    try:
        with index.read() as connection:
            for day in range(1, 29):
                asked = Reading(low=f"202601{day:02}", high="20260228")
                assert reading.page(connection, asked, 50, 0) == []
                assert reading.total(connection, asked) == 0
            plans = "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements WHERE statement ~ '[$]1'"
            for_any, for_these = connection.execute(text(plans)).one()
        assert (for_any, for_these > 0) == (0, True)
    finally:
        index.close()
