"""PS3.4 C.2.2.2, key by key, through the real index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.archive.archive import Archive
from pacs.archive.matching import criterion, item_of, sequence_criterion
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.keys import wildcard_matches
from pacs.errors import QueryRefused
from pacs.index.criteria import Query
from tests.support.archives import open_archive, send
from tests.support.factories import KAZAKH, RUSSIAN, Patient, ct_slice, us_cine

DATES = {"a": ("20240105", "080000"), "b": ("20240106", "120000.5"), "c": ("20240107", "235959"), "d": ("", "")}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    people = {
        "a": Patient("A-1", "Müller^Hans"),
        "b": KAZAKH,
        "c": RUSSIAN,
        "d": Patient("A_2", "Muller^Hans^Peter"),
    }
    with open_archive(Path(tmp_path_factory.mktemp("matching"))) as archive:
        for study, patient in people.items():
            date, time = DATES[study]
            common = {"patient": patient, "study": study, "StudyDate": date, "StudyTime": time, "StudyID": study}
            send(archive, ct_slice(**common, AccessionNumber=f"ACC{study.upper()}", BodyPartExamined="HEAD"))
            if study in "ab":
                send(archive, us_cine(**common, series="us", SeriesNumber="007"))
        yield archive


def _found(
    archive: Archive, level: Level = Level.STUDY, *, combined: bool = False, fuzzy: bool = False, **keys: str
) -> str:
    criteria = tuple(found for keyword, text in keys.items() if (found := criterion(BY_KEYWORD[keyword], text)))
    query = Query(level, criteria, (BY_KEYWORD["StudyID"],), fuzzy=fuzzy, combined_date_time=combined)
    rows = [row["StudyID"] for row in archive.find(query)]
    assert archive.count(query) == len(rows)
    return "".join(sorted(rows))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, "abcd"),
        ({"PatientID": "A-1"}, "a"),
        ({"PatientID": "a-1"}, ""),  # single value matching is case sensitive
        ({"PatientID": "A?2"}, "d"),
        ({"PatientID": "A_*"}, "d"),  # an underscore is itself
        ({"PatientID": "%"}, ""),
        ({"PatientID": "*"}, "abcd"),  # universal
        ({"PatientName": "muller*"}, "ad"),  # names without case and accents
        ({"PatientName": "Müller^Hans"}, "ad"),  # fewer components than are stored
        ({"PatientName": "MULLER^HANS^PETER"}, "d"),
        ({"PatientName": "Королева*"}, "c"),
        ({"PatientName": "?ороле*"}, "c"),
        ({"AccessionNumber": "ACC?"}, "abcd"),
        ({"AccessionNumber": "*B"}, "b"),
        ({"StudyDate": "20240106"}, "b"),
        ({"StudyDate": "2024.01.06"}, "b"),
        ({"StudyDate": "20240106-"}, "bc"),
        ({"StudyDate": "-20240106"}, "ab"),  # an empty date is in no range
        ({"StudyDate": "20240105-20240106"}, "ab"),
        ({"StudyTime": "12"}, "b"),  # a partial time is its whole hour
        ({"StudyTime": "12:00:00"}, "b"),
        ({"StudyTime": "080000-120000"}, "ab"),
        ({"ModalitiesInStudy": "US"}, "ab"),
        ({"ModalitiesInStudy": "U*"}, "ab"),
        ({"ModalitiesInStudy": "MR"}, ""),
        ({"BodyPartExamined": "HEAD"}, "abcd"),  # a series key at study level
        ({"SeriesNumber": "7"}, "ab"),  # sent as 007
    ],
)
def test_keys_at_study_level(archive: Archive, keys: dict[str, str], expected: str) -> None:
    assert _found(archive, **keys) == expected


def test_date_and_time_are_two_filters_or_one_interval(archive: Archive) -> None:
    keys = {"StudyDate": "20240105-20240107", "StudyTime": "100000-130000"}
    assert _found(archive, **keys) == "b"
    assert _found(archive, combined=True, **keys) == "b"
    keys = {"StudyDate": "20240105-20240106", "StudyTime": "100000-070000"}
    assert _found(archive, **keys) == ""
    assert _found(archive, combined=True, StudyDate="20240105-20240107", StudyTime="100000-070000") == "b"
    assert _found(archive, combined=True, StudyDate="20240106-20240108", StudyTime="130000-070000") == "c"


def test_fuzzy_names_cross_scripts_and_order(archive: Archive) -> None:
    assert _found(archive, fuzzy=True, PatientName="ABDIRAHMANOVA") == "b"
    assert _found(archive, fuzzy=True, PatientName="Zinaida Koroleva") == "c"
    assert _found(archive, fuzzy=True, PatientName="hans") == "ad"


def test_levels_below_see_their_study(archive: Archive) -> None:
    assert _found(archive, Level.SERIES, ModalitiesInStudy="US") == "aabb"
    assert _found(archive, Level.SERIES, Modality="CT", ModalitiesInStudy="US") == "ab"
    assert _found(archive, Level.IMAGE, ModalitiesInStudy="US", Modality="CT") == "ab"
    patients = Query(Level.PATIENT, (criterion(BY_KEYWORD["ModalitiesInStudy"], "US"),), ())  # type: ignore[arg-type]
    assert sorted(row["PatientID"] for row in archive.find(patients)) == ["A-1", "SYN-KK-1"]


def test_paging_is_a_cut_of_one_total_order(archive: Archive) -> None:
    everything = [row["StudyInstanceUID"] for row in archive.find(Query(Level.STUDY))]
    pages = [archive.find(Query(Level.STUDY, limit=3, offset=offset)) for offset in (0, 3, 6)]
    assert [row["StudyInstanceUID"] for page in pages for row in page] == everything


def test_a_caller_of_one_study_finds_no_other(archive: Archive) -> None:
    [row] = archive.find(Query(Level.STUDY, limit=1))
    only = frozenset({row["StudyInstanceUID"]})
    for level in Level:
        rows = list(archive.find(Query(level, study_instance_uids=only)))
        assert rows
        assert level is Level.PATIENT or {found["StudyInstanceUID"] for found in rows} == only


def test_a_sequence_matches_when_one_item_meets_every_key(tmp_path: Path) -> None:
    from pydicom import Dataset

    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = "SPS-1", "RP-1"
    other = Dataset()
    other.ScheduledProcedureStepID, other.RequestedProcedureID = "SPS-2", "RP-2"
    attribute = BY_KEYWORD["RequestAttributesSequence"]
    step, procedure = 0x00400009, 0x00401001
    with open_archive(tmp_path) as archive:
        send(archive, ct_slice(RequestAttributesSequence=[item, other]))
        send(archive, ct_slice(study="without"))
        for keys, found in (
            ({step: "SPS-1"}, 1),
            ({step: "SPS-?", procedure: "RP-2"}, 1),
            ({step: "SPS-1", procedure: "RP-2"}, 0),  # true of two items, of none alone
        ):
            asked = sequence_criterion(attribute, item_of({(tag,): text for tag, text in keys.items()}))
            assert asked is not None
            for limit, offset, expected in ((None, 0, found), (1, 0, found), (1, 1, 0)):
                query = Query(Level.SERIES, (asked,), (), limit, offset)
                assert len(list(archive.find(query))) == expected
            assert archive.count(Query(Level.SERIES, (asked,))) == found


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("StudyDate", "yesterday"),
        ("StudyDate", "-"),
        ("StudyDate", "20240101-x"),
        ("StudyTime", "1"),
        ("StudyInstanceUID", "1.2.*"),
        ("StudyInstanceUID", "1.2;drop"),
        ("SeriesNumber", "one"),
        ("PatientID", "x" * 2000),
    ],
)
def test_a_malformed_key_is_refused_by_name(keyword: str, text: str) -> None:
    with pytest.raises(QueryRefused, match=keyword):
        criterion(BY_KEYWORD[keyword], text)


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=8))
def test_wildcards_agree_with_their_definition(pattern: str, value: str) -> None:
    def matches(rest: str, text: str) -> bool:
        if not rest:
            return not text
        if rest[0] == "*":
            return any(matches(rest[1:], text[n:]) for n in range(len(text) + 1))
        return bool(text) and rest[0] in ("?", text[0]) and matches(rest[1:], text[1:])

    assert wildcard_matches(pattern, value) == matches(pattern, value)
