"""Objects of different people under one Patient ID, on both pairs of back ends: each study says its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.correction import Corrections
from pacs.archive.deletion import Deletions
from pacs.archive.meant import PatientKey
from pacs.archive.patients import Doubt, doubts, mixed, shared_identities
from pacs.archive.recovery import rebuild
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.likeness import Told
from pacs.index.criteria import Criterion, Like, Query
from pacs.index.reading import Reading, page
from pacs.index.schema import patient, study
from tests.support.archives import send
from tests.support.factories import Patient, cr_image, ct_slice

ONE = Patient("SAME", "Anonymous", "20060101", "M")
SPELT = Patient("SAME", "ANONYMOUS^^^", "20060101", "")
DOG = Patient("SAME", "Dog^AVeryGood", "20140422", "F")
SHOWN = ("PatientName", "PatientBirthDate", "PatientSex")


def _find(archive: Archive, level: Level, name: str = "") -> list[dict[str, str]]:
    criteria = (Criterion(BY_KEYWORD["PatientName"], Like(name)),) if name else ()
    returns = tuple(BY_KEYWORD[one] for one in (*SHOWN, "NumberOfPatientRelatedStudies"))
    return list(archive.find(Query(level, criteria, returns)))


def _named(archive: Archive, name: str = "") -> dict[str, str]:
    return {row["StudyInstanceUID"]: row["PatientName"] for row in _find(archive, Level.STUDY, name)}


def _worklist(archive: Archive, **asked: Any) -> set[str]:
    with archive.index.read() as connection:
        rows = page(connection, Reading(**asked), 50, 0)
        return set(connection.execute(select(study.c.study_instance_uid).where(study.c.row.in_(rows))).scalars())


def _doubts(archive: Archive, *studies: str, allowed: frozenset[str] | None = None) -> dict[str, Doubt]:
    with archive.index.read() as connection:
        return doubts(connection, studies, allowed)


def _three(archive: Archive) -> tuple[str, str, str]:
    """Studies of one person, of the same in another spelling, and of somebody else, all under one Patient ID."""
    sent = [
        send(archive, dataset).study_instance_uid
        for dataset in (
            ct_slice(patient=ONE, study="one"),
            ct_slice(patient=SPELT, study="spelt"),
            cr_image(patient=DOG, study="dog"),
        )
    ]
    return sent[0], sent[1], sent[2]


def test_every_study_says_its_own_and_is_found_by_it(archive: Archive) -> None:
    one, spelt, dog = _three(archive)
    assert _named(archive) == {one: "Anonymous", spelt: "ANONYMOUS^^^", dog: "Dog^AVeryGood"}
    assert _named(archive, "dog*") == {dog: "Dog^AVeryGood"}
    for level in (Level.SERIES, Level.IMAGE):
        [row] = _find(archive, level, "Dog*")
        assert [row[keyword] for keyword in SHOWN] == ["Dog^AVeryGood", "20140422", "F"]
    assert _worklist(archive, words=("Dog",)) == _worklist(archive, words=("avery",)) == {dog}
    assert _worklist(archive, words=("anonymous",)) == {one, spelt}
    assert _worklist(archive, patient_of=dog) == {one, spelt, dog}
    people = _find(archive, Level.PATIENT)
    assert [(row["PatientName"], row["NumberOfPatientRelatedStudies"]) for row in people] == [
        ("Anonymous", "2"),
        ("Dog^AVeryGood", "1"),
    ]
    assert archive.count(Query(Level.PATIENT)) == 2
    assert [row["PatientName"] for row in _find(archive, Level.PATIENT, "A*")] == ["Anonymous"]

    other = Doubt((Told("Dog^AVeryGood", "20140422", "F"),))
    told = (Told("ANONYMOUS^^^", "20060101", ""), Told("Anonymous", "20060101", "M"))
    assert _doubts(archive, one, spelt, dog) == {one: other, spelt: other, dog: Doubt(told)}
    assert _doubts(archive, one, dog, allowed=frozenset({one})).keys() == {dog}
    rebuild(archive)
    assert _named(archive) == {one: "Anonymous", spelt: "ANONYMOUS^^^", dog: "Dog^AVeryGood"}
    assert _doubts(archive, one, spelt, dog) == {one: other, spelt: other, dog: Doubt(told)}


def test_what_a_later_object_tells_is_its_own_study_s_alone(archive: Archive) -> None:
    bare = Patient("SAME", "Anonymous", "", "")
    first = send(archive, ct_slice(patient=bare, study="first", number=1)).study_instance_uid
    second = send(archive, ct_slice(patient=bare, study="second", number=1)).study_instance_uid
    assert send(archive, ct_slice(patient=ONE, study="first", number=2)).oddities == ()
    rows = {row["StudyInstanceUID"]: [row[keyword] for keyword in SHOWN] for row in _find(archive, Level.STUDY)}
    assert rows == {first: ["Anonymous", "20060101", "M"], second: ["Anonymous", "", ""]}
    send(archive, ct_slice(patient=ONE, study="second", number=2))
    with archive.index.read() as connection:
        assert len(connection.execute(select(patient)).all()) == 1
    assert _doubts(archive, first, second) == {}


def test_a_study_with_objects_of_two_people_is_marked_until_it_is_corrected(archive: Archive) -> None:
    uid = send(archive, ct_slice(patient=ONE, study="mixed", number=1)).study_instance_uid
    stray = send(archive, ct_slice(patient=DOG, study="mixed", number=2))
    assert stray.study_instance_uid == uid
    assert stray.oddities == ("patient_differs_in_study",)
    assert send(archive, ct_slice(patient=SPELT, study="mixed", number=3)).oddities == ()
    assert _named(archive) == {uid: "Anonymous"}
    assert _doubts(archive, uid) == {uid: Doubt(objects=1)}
    corrections = Corrections(archive)
    made = corrections.correct(
        {"PatientName": "Anonymous^All"}, by=OPERATOR, reason="one person", study_instance_uid=uid
    )
    assert _doubts(archive, uid) == {}
    corrections.undo(made.id, by=OPERATOR)
    assert _doubts(archive, uid) == {uid: Doubt(objects=1)}
    assert _named(archive) == {uid: "Anonymous"}


def test_corrections_make_one_of_two_and_are_undone(archive: Archive) -> None:
    one, spelt, dog = _three(archive)
    corrections = Corrections(archive)
    own = _named(archive)
    whole = {"PatientName": "Anonymous", "PatientBirthDate": "20060101", "PatientSex": "M"}
    made = corrections.correct(whole, by=OPERATOR, reason="one dog", patient_id="SAME")
    assert made.studies == 3
    assert set(_named(archive).values()) == {"Anonymous"}
    assert _doubts(archive, one, spelt, dog) == {}
    assert len(_find(archive, Level.PATIENT)) == 1
    late = send(archive, ct_slice(patient=DOG, study="late")).study_instance_uid
    assert _named(archive)[late] == "Anonymous"
    corrections.undo(made.id, by=OPERATOR)
    assert _named(archive) == own | {late: "Dog^AVeryGood"}
    assert _doubts(archive, dog).keys() == {dog}

    into = PatientKey("DOG-1")
    moved = [
        corrections.move(uid, into, by=OPERATOR, reason="the dog's", attributes={"PatientName": "Dog^AVeryGood"})
        for uid in (dog, late)
    ]
    assert _doubts(archive, one, spelt, dog, late) == {}
    with archive.index.read() as connection:
        assert shared_identities(connection) == 0
    for correction in reversed(moved):
        corrections.undo(correction.id, by=OPERATOR)
    assert _named(archive) == own | {late: "Dog^AVeryGood"}
    with archive.index.read() as connection:
        assert (shared_identities(connection), mixed(connection)) == (1, {})

    merged = corrections.merge(PatientKey("SAME"), _named_b(archive), by=OPERATOR, reason="one")
    assert set(_named(archive).values()) == {"B"}
    corrections.undo(merged.id, by=OPERATOR)
    assert {uid: name for uid, name in _named(archive).items() if name != "B"} == own | {late: "Dog^AVeryGood"}


def _named_b(archive: Archive) -> PatientKey:
    send(archive, ct_slice(patient=Patient("B", "B", "", ""), study="b"))
    return PatientKey("B")


def test_deleted_and_restored_a_study_says_its_own_again(archive: Archive) -> None:
    one, _, dog = _three(archive)
    deletions = Deletions(archive)
    deleted = deletions.delete(dog, by=OPERATOR, reason="test")
    assert _doubts(archive, one) == {}
    deletions.restore(deleted.id, by=OPERATOR)
    assert _named(archive)[dog] == "Dog^AVeryGood"
    assert _doubts(archive, one, dog).keys() == {one, dog}
