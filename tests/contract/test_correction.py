"""Corrections, merges and moves on both pairs of back ends: shown at once, sent out, undone, never in the way."""

from __future__ import annotations

import gzip
import io
import json
from datetime import timedelta
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from sqlalchemy import select

from pacs.access.principals import OPERATOR, Principal, PrincipalKind, Role
from pacs.archive.archive import Archive
from pacs.archive.correction import Corrections
from pacs.archive.deletion import Deletions
from pacs.archive.meant import PatientKey
from pacs.archive.recovery import rebuild, recover
from pacs.archive.transcode import Transcoder
from pacs.archive.verify import verify
from pacs.attributes import BY_KEYWORD, Level
from pacs.errors import AlreadyThere, AttributesRefused, Gone, NotFound, NotPermitted, QueryRefused
from pacs.index.criteria import Criterion, OneOf, Query
from pacs.index.schema import audit, metadata, patient, series, study
from pacs.model import EventKind, Outcome
from tests.contract.conftest import UNDO, Time
from tests.support.archives import send
from tests.support.factories import Patient, cr_image, ct_slice, mr_slice, part10

ANNA = Patient("A-1", "Anna^Muster", "19700101", "F")
BORIS = Patient("B-2", "Boris^Muster", "19600202", "M")
SHOWN = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "OtherPatientIDs", "StudyDescription")


@pytest.fixture
def corrections(archive: Archive, time: Time) -> Corrections:
    return Corrections(archive)


def _shown(archive: Archive, *keys: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    """What a search tells of every study, by its UID."""
    criteria = tuple(Criterion(BY_KEYWORD[keyword], OneOf((text,))) for keyword, text in keys)
    returns = tuple(BY_KEYWORD[keyword] for keyword in SHOWN)
    rows = archive.find(Query(Level.STUDY, criteria, returns))
    return {row["StudyInstanceUID"]: tuple(row[keyword] for keyword in SHOWN) for row in rows}


def _rows(archive: Archive) -> list[Any]:
    """Everything the index says of patients, studies and series, but when it last changed."""
    with archive.index.read() as connection:
        found = []
        for table in (patient, study, series):
            columns = [
                column for column in table.c if column.name not in ("row", "changed_at", "patient_row", "study_row")
            ]
            found.append(sorted(map(tuple, connection.execute(select(*columns)))))
        return found


def _out(archive: Archive, dataset: Dataset) -> Dataset:
    """The object as a peer gets it."""
    [stored] = archive.instances(str(dataset.StudyInstanceUID), None, str(dataset.SOPInstanceUID))
    pieces = Transcoder(archive, lambda job: pytest.fail("nothing is decoded")).dataset(
        stored, stored.transfer_syntax_uid
    )
    read = pydicom.dcmread(io.BytesIO(b"".join(map(bytes, pieces))), force=True)
    read.decode()
    return read


def _metadata(archive: Archive, dataset: Dataset) -> tuple[str, dict[str, Any]]:
    found = archive.series_metadata(str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID))
    return found.etag, json.loads(gzip.decompress(found.gzip_json))[0]


def _sound(archive: Archive) -> bool:
    return not list(verify(archive.index, archive.store, now=archive.clock() + timedelta(days=1), grace=timedelta()))


def _correct(corrections: Corrections, dataset: Dataset, series: bool = False, **values: str) -> str:
    uid = str(dataset.SeriesInstanceUID) if series else ""
    study = str(dataset.StudyInstanceUID)
    return corrections.correct(
        values, by=OPERATOR, reason="a test", study_instance_uid=study, series_instance_uid=uid
    ).id


def test_a_correction_shows_everywhere_and_is_undone(archive: Archive, corrections: Corrections) -> None:
    one, other = ct_slice(patient=ANNA), ct_slice(patient=ANNA, study="second")
    for dataset in (one, other):
        send(archive, dataset)
    uid, before = str(one.StudyInstanceUID), _rows(archive)
    tag, plain = _metadata(archive, one)
    made = [
        _correct(corrections, one, PatientName="Анна^Образец", PatientSex="O"),
        _correct(corrections, one, StudyDescription="Thorax", AccessionNumber="ACC-9"),
        _correct(corrections, one, series=True, SeriesDescription="arteriell", BodyPartExamined="ABDOMEN"),
    ]
    shown = _shown(archive)
    assert {row[1:4] for row in shown.values()} == {("Анна^Образец", "19700101", "O")}  # every study of hers
    assert [shown[str(dataset.StudyInstanceUID)][-1] for dataset in (one, other)] == ["Thorax", other.StudyDescription]
    assert [*_shown(archive, ("AccessionNumber", "ACC-9"))] == [uid]
    assert _shown(archive, ("PatientName", "Anna^Muster")) == {}
    out = _out(archive, one)
    assert (str(out.PatientName), out.StudyDescription, out.BodyPartExamined) == ("Анна^Образец", "Thorax", "ABDOMEN")
    told = [item.ModifiedAttributesSequence[0] for item in out.OriginalAttributesSequence]
    assert (str(told[0].PatientName), told[1].AccessionNumber, told[2].BodyPartExamined) == (
        "Anna^Muster",
        str(one.get("AccessionNumber", "")),
        "CHEST",
    )
    assert out.PixelData == one.PixelData
    fresh, seen = _metadata(archive, one)
    assert fresh != tag
    assert seen["0008103E"]["Value"] == ["arteriell"]
    assert len(seen["04000561"]["Value"]) == 3
    [stored] = archive.instances(uid)
    with archive.open(stored) as stream:
        assert part10(one).endswith(stream.read()[stored.dataset_offset :])  # what is stored stays
    assert stored.shown_as != stored.dataset_sha256
    assert b"arteriell" in archive.header(stored)
    assert _sound(archive)
    assert [one.id for one in corrections.listing(by=OPERATOR, study_instance_uid=uid)] == made[::-1]
    for identifier in made:
        assert corrections.undo(identifier, by=OPERATOR).undone_at is not None
    assert _rows(archive) == before
    assert _metadata(archive, one)[1] == plain
    assert corrections.listing(by=OPERATOR) == []
    with pytest.raises(AlreadyThere):
        corrections.undo(made[0], by=OPERATOR)
    kinds = [event.kind for event in archive.events.after(0) if event.kind is not EventKind.INSTANCE_STORED]
    assert kinds == [EventKind.ATTRIBUTES_CORRECTED] * 4 + [EventKind.CORRECTION_UNDONE] * 4
    with archive.index.read() as connection:
        actions = connection.execute(select(audit.c.code, audit.c.action).where(audit.c.code != "110104")).all()
    assert [code for code, _ in actions] == ["110110", "110110", "110103", "110103"] * 2


def test_the_side_of_one_image_is_corrected(archive: Archive, corrections: Corrections) -> None:
    breasts = [cr_image(number=number, Modality="MG", ImageLaterality="R", ViewPosition="CC") for number in (1, 2)]
    wrong, right = breasts
    plain = ct_slice(study="plain")
    for dataset in (*breasts, plain):
        send(archive, dataset)
    before, (tag, _) = _rows(archive), _metadata(archive, wrong)
    where = {name: str(wrong[name].value) for name in ("StudyInstanceUID", "SOPInstanceUID")}
    named = {"study_instance_uid": where["StudyInstanceUID"], "sop_instance_uid": where["SOPInstanceUID"]}
    made = corrections.correct({"ImageLaterality": "L"}, by=OPERATOR, reason="marker seen", **named)
    assert (made.level, made.old, made.new) == ("instance", {"ImageLaterality": "R"}, {"ImageLaterality": "L"})
    assert (made.series_instance_uid, made.sop_instance_uid) == (wrong.SeriesInstanceUID, wrong.SOPInstanceUID)
    _correct(corrections, wrong, series=True, SeriesDescription="Mammography")
    for step in (lambda: None, lambda: rebuild(archive)):
        step()
        out, other = _out(archive, wrong), _out(archive, right)
        assert [one.ImageLaterality for one in (out, other)] == ["L", "R"]
        assert [one.SeriesDescription for one in (out, other)] == ["Mammography"] * 2
        told = [item.ModifiedAttributesSequence[0] for item in out.OriginalAttributesSequence]
        assert told[0].ImageLaterality == "R"
        assert [len(told), len(other.OriginalAttributesSequence)] == [2, 1]
    [later] = [one.id for one in corrections.listing(by=OPERATOR) if one.id != made.id]
    corrections.undo(later, by=OPERATOR)
    fresh, seen = _metadata(archive, wrong)
    assert fresh != tag
    assert seen["00200062"]["Value"] == ["L"]
    [untouched] = archive.instances(str(right.StudyInstanceUID), None, str(right.SOPInstanceUID))
    assert untouched.shown_as == untouched.dataset_sha256  # what is of another image leaves it as it came
    events = [one for one in archive.events.after(0) if one.kind is EventKind.ATTRIBUTES_CORRECTED]
    assert [one.sop_instance_uid for one in events] == [wrong.SOPInstanceUID, ""]
    for values, error in (({"ImageLaterality": "X"}, AttributesRefused), ({"ImageLaterality": "L"}, AlreadyThere)):
        with pytest.raises(error):
            corrections.correct(values, by=OPERATOR, reason="x", **named)
    for others in ({}, {"sop_instance_uid": str(plain.SOPInstanceUID)}):
        with pytest.raises(QueryRefused):
            corrections.correct(
                {"ImageLaterality": "L"},
                by=OPERATOR,
                reason="x",
                study_instance_uid=str(plain.StudyInstanceUID),
                **others,
            )
    corrections.undo(made.id, by=OPERATOR)
    assert _rows(archive)[2] == before[2]
    assert _out(archive, wrong).ImageLaterality == "R"
    with archive.index.read() as connection:
        acts = connection.execute(select(audit.c.detail).where(audit.c.detail.contains(made.id))).scalars().all()
    assert acts == [f"{made.id} {wrong.SOPInstanceUID} ImageLaterality"] * 2


def test_what_comes_later_follows_and_does_not_fight(archive: Archive, corrections: Corrections) -> None:
    first = ct_slice(patient=ANNA, StudyDescription="wrong", AccessionNumber="")
    send(archive, first)
    _correct(corrections, first, PatientName="Anna^Richtig")
    _correct(corrections, first, StudyDescription="right")
    later = [
        ct_slice(patient=ANNA, number=2, StudyDescription="wrong", AccessionNumber="A-7"),  # tells what was not known
        mr_slice(patient=ANNA, StudyDescription="wrong"),
        ct_slice(patient=Patient("A-1", "Anna^Richtig", "19700101", "F"), number=3, StudyDescription="right"),
        ct_slice(patient=ANNA, study="another"),
    ]
    for dataset in later:
        assert send(archive, dataset).outcome is Outcome.STORED
        assert send(archive, dataset).outcome is Outcome.DUPLICATE  # as it came, not as it goes out
    shown = _shown(archive)
    assert {row[1] for row in shown.values()} == {"Anna^Richtig"}
    assert shown[str(first.StudyInstanceUID)][-1] == "right"
    assert [*_shown(archive, ("AccessionNumber", "A-7"))] == [str(first.StudyInstanceUID)]
    assert [str(_out(archive, dataset).PatientName) for dataset in later] == ["Anna^Richtig"] * 4
    assert "OriginalAttributesSequence" not in _out(archive, later[2])  # it says so already
    assert len(_out(archive, later[1]).OriginalAttributesSequence) == 2
    assert not any(row for row in _rows(archive)[0] if "patient_differs" in str(row))
    for one in corrections.listing(by=OPERATOR):
        corrections.undo(one.id, by=OPERATOR)
    assert {row[1] for row in _shown(archive).values()} == {"Anna^Muster"}
    assert [*_shown(archive, ("AccessionNumber", "A-7"))] == [str(first.StudyInstanceUID)]
    assert _sound(archive)


def test_a_patient_is_merged_and_split(archive: Archive, corrections: Corrections) -> None:
    anna, boris = ct_slice(patient=ANNA, study="a"), ct_slice(patient=BORIS, study="b")
    for dataset in (anna, boris):
        send(archive, dataset)
    before = _rows(archive)
    made = corrections.merge(PatientKey("A-1"), PatientKey("B-2"), by=OPERATOR, reason="one person")
    assert (made.studies, made.old["PatientName"], made.new["PatientID"]) == (1, "Anna^Muster", "B-2")
    send(archive, ct_slice(patient=ANNA, study="later"))
    shown = _shown(archive)
    assert {row[:5] for row in shown.values()} == {("B-2", "Boris^Muster", "19600202", "M", "A-1")}
    assert len(shown) == 3
    assert _shown(archive, ("PatientID", "A-1")) == {}
    assert len(_shown(archive, ("OtherPatientIDs", "A-1"))) == 3
    out = _out(archive, anna)
    assert (out.PatientID, out.OtherPatientIDs, out.PatientSex) == ("B-2", "A-1", "M")
    [told] = out.OriginalAttributesSequence
    assert (told.ReasonForTheAttributeModification, told.ModifiedAttributesSequence[0].PatientID) == ("COERCE", "A-1")
    assert "OriginalAttributesSequence" not in _out(archive, boris)
    assert _sound(archive)
    corrections.undo(made.id, by=OPERATOR)
    assert {row[0] for row in _shown(archive).values()} == {"A-1", "B-2"}
    Deletions(archive).delete(str(ct_slice(patient=ANNA, study="later").StudyInstanceUID), by=OPERATOR)
    assert _rows(archive) == before


def test_merges_rest_on_each_other_in_their_order(archive: Archive, corrections: Corrections) -> None:
    people = [Patient(f"P-{number}", f"Name^{number}", "19700101", "F") for number in (1, 2, 3)]
    sent = [ct_slice(patient=who, study=who.id) for who in people]
    for dataset in sent:
        send(archive, dataset)
    before = _rows(archive)
    renamed = _correct(corrections, sent[1], PatientName="Zwei^Neu")
    first = corrections.merge(PatientKey("P-1"), PatientKey("P-2"), by=OPERATOR, reason="x")
    second = corrections.merge(PatientKey("P-2"), PatientKey("P-3"), by=OPERATOR, reason="x")
    assert {row[0] for row in _shown(archive).values()} == {"P-3"}
    [others] = {row[4] for row in _shown(archive).values()}
    assert sorted(others.split("\\")) == ["P-1", "P-2"]
    assert len(_out(archive, sent[0]).OriginalAttributesSequence) == 2
    for identifier in (renamed, first.id):
        with pytest.raises(AlreadyThere, match="rests on it"):
            corrections.undo(identifier, by=OPERATOR)
    corrections.undo(second.id, by=OPERATOR)
    assert sorted(row[:2] for row in _shown(archive).values()) == [
        ("P-2", "Zwei^Neu"),
        ("P-2", "Zwei^Neu"),
        ("P-3", "Name^3"),
    ]
    back = corrections.merge(PatientKey("P-2"), PatientKey("P-3"), by=OPERATOR, reason="x")
    for identifier in (back.id, first.id, renamed):
        corrections.undo(identifier, by=OPERATOR)
    assert _rows(archive) == before


def test_a_study_is_moved_to_whom_it_belongs(archive: Archive, corrections: Corrections) -> None:
    wrong, right, rest = (
        ct_slice(patient=ANNA, study="wrong"),
        ct_slice(patient=BORIS, study="right"),
        ct_slice(patient=ANNA, study="rest"),
    )
    for dataset in (wrong, right, rest):
        send(archive, dataset)
    before = _rows(archive)
    uid = str(wrong.StudyInstanceUID)
    moved = corrections.move(uid, PatientKey("B-2"), by=OPERATOR, reason="wrong worklist entry")
    send(archive, mr_slice(patient=ANNA, study="wrong"))
    shown = _shown(archive)
    assert shown[uid][:5] == ("B-2", "Boris^Muster", "19600202", "M", "")
    assert shown[str(rest.StudyInstanceUID)][0] == "A-1"
    assert str(_out(archive, mr_slice(patient=ANNA, study="wrong")).PatientName) == "Boris^Muster"
    corrections.undo(moved.id, by=OPERATOR)
    with pytest.raises(NotFound, match="PatientName"):
        corrections.move(uid, PatientKey("N-9"), by=OPERATOR, reason="x")
    made = corrections.move(
        uid, PatientKey("N-9", "CLINIC"), by=OPERATOR, reason="x", attributes={"PatientName": "Neu^Nora"}
    )
    assert _shown(archive)[uid][:3] == ("N-9", "Neu^Nora", "")
    corrections.undo(made.id, by=OPERATOR)
    Deletions(archive).delete(uid, str(mr_slice(patient=ANNA, study="wrong").SeriesInstanceUID), by=OPERATOR)
    assert _rows(archive) == before


def test_a_patient_gets_another_id_also_one_who_had_none(archive: Archive, corrections: Corrections) -> None:
    nobody, anna = ct_slice(patient=Patient("", "Unknown^"), study="n"), ct_slice(patient=ANNA, study="a")
    for dataset in (nobody, anna):
        send(archive, dataset)
    before = _rows(archive)
    with pytest.raises(AlreadyThere, match="another patient"):
        _correct(corrections, nobody, PatientID="A-1")
    found = [_correct(corrections, nobody, PatientID="C-3", PatientName="Clara^C")]
    assert _shown(archive, ("PatientID", "C-3"))[str(nobody.StudyInstanceUID)][1] == "Clara^C"
    found.append(_correct(corrections, anna, PatientID="A-2"))
    found.append(_correct(corrections, anna, PatientName="Anna^Zwei"))
    send(archive, ct_slice(patient=ANNA, study="later"))
    assert sorted(row[:2] for row in _shown(archive, ("PatientID", "A-2")).values()) == [("A-2", "Anna^Zwei")] * 2
    rebuild(archive)
    assert len(_shown(archive, ("PatientID", "A-2"))) == 2
    for identifier in found[::-1]:
        corrections.undo(identifier, by=OPERATOR)
    Deletions(archive).delete(str(ct_slice(patient=ANNA, study="later").StudyInstanceUID), by=OPERATOR)
    assert list(_rows(archive)[0]) == before[0]


def test_a_rebuild_and_a_restart_say_the_same(archive: Archive, corrections: Corrections) -> None:
    anna, boris, moved = (
        ct_slice(patient=ANNA, study="a"),
        ct_slice(patient=BORIS, study="b"),
        ct_slice(patient=BORIS, study="m"),
    )
    for dataset in (anna, boris, moved):
        send(archive, dataset)
    made = [
        _correct(corrections, boris, PatientName="Boris^Neu"),
        corrections.move(
            str(moved.StudyInstanceUID), PatientKey("N-1"), by=OPERATOR, reason="x", attributes={"PatientName": "N"}
        ).id,
        corrections.merge(PatientKey("A-1"), PatientKey("B-2"), by=OPERATOR, reason="x").id,
        _correct(corrections, anna, StudyDescription="new"),
        _correct(corrections, anna, series=True, Laterality="L"),
    ]
    before, out = _shown(archive), _out(archive, anna)
    for again in (lambda: recover(archive, adopt_hours=24), lambda: rebuild(archive)):
        again()
        assert _shown(archive) == before
        assert _out(archive, anna) == out
        assert _sound(archive)
    for identifier in made[::-1]:
        corrections.undo(identifier, by=OPERATOR)
    assert {row[:2] for row in _shown(archive).values()} == {("A-1", "Anna^Muster"), ("B-2", "Boris^Muster")}


def test_what_was_deleted_comes_back_as_it_is_by_then(archive: Archive, corrections: Corrections, time: Time) -> None:
    anna, other, boris = (
        ct_slice(patient=ANNA, study="a"),
        ct_slice(patient=ANNA, study="a2"),
        ct_slice(patient=BORIS, study="b"),
    )
    for dataset in (anna, other, boris):
        send(archive, dataset)
    before = _rows(archive)
    deletions = Deletions(archive)
    early = deletions.delete(str(anna.StudyInstanceUID), by=OPERATOR)
    made = corrections.merge(PatientKey("A-1"), PatientKey("B-2"), by=OPERATOR, reason="x")
    deletions.restore(early.id, by=OPERATOR)
    assert {row[0] for row in _shown(archive).values()} == {"B-2"}
    late = deletions.delete(str(anna.StudyInstanceUID), by=OPERATOR)
    corrections.undo(made.id, by=OPERATOR)
    deletions.restore(late.id, by=OPERATOR)
    assert _rows(archive) == before
    assert _sound(archive)


def test_no_name_is_left_of_what_is_erased(archive: Archive, corrections: Corrections, time: Time) -> None:
    gone, kept = ct_slice(patient=ANNA, study="gone"), ct_slice(patient=BORIS, study="kept")
    for dataset in (gone, kept):
        send(archive, dataset)
    _correct(corrections, gone, PatientName="Geheim^Anna")
    _correct(corrections, gone, ReferringPhysicianName="Geheim^Doktor")
    _correct(corrections, kept, PatientName="Boris^Neu")
    deletions = Deletions(archive)
    deletions.erase(deletions.delete(str(gone.StudyInstanceUID), by=OPERATOR).id, by=OPERATOR)
    with archive.index.read() as connection:
        content = str([tuple(row) for table in metadata.tables.values() for row in connection.execute(select(table))])
    assert "Boris^Neu" in content
    assert "Geheim" not in content
    assert "Anna" not in content


def test_who_may_and_until_when(archive: Archive, corrections: Corrections, time: Time) -> None:
    sent = ct_slice(patient=ANNA)
    send(archive, sent)
    uid = str(sent.StudyInstanceUID)
    made = _correct(corrections, sent, StudyDescription="x")
    one_study = Principal(PrincipalKind.USER, "guest", frozenset({Role.ADMIN}), study_instance_uids=frozenset({uid}))
    corrections.correct({"StudyID": "7"}, by=one_study, reason="x", study_instance_uid=uid)
    clinician = Principal(PrincipalKind.USER, "doctor", frozenset({Role.CLINICIAN}))
    technologist = Principal(PrincipalKind.USER, "tech", frozenset({Role.TECHNOLOGIST}))
    with pytest.raises(NotPermitted):
        corrections.correct({"PatientSex": "M"}, by=one_study, reason="x", study_instance_uid=uid)
    with pytest.raises(NotPermitted):
        corrections.correct({"StudyID": "8"}, by=clinician, reason="x", study_instance_uid=uid)
    corrections.correct({"StudyID": "8"}, by=technologist, reason="x", study_instance_uid=uid)
    with pytest.raises(NotPermitted):
        corrections.merge(PatientKey("A-1"), PatientKey("B-2"), by=technologist, reason="x")
    time.now += UNDO
    with pytest.raises(Gone, match="over"):
        corrections.undo(made, by=OPERATOR)


REFUSED: tuple[tuple[dict[str, str], type[Exception]], ...] = (
    ({"SOPInstanceUID": "1.2"}, QueryRefused),
    ({"StudyInstanceUID": "1.2"}, QueryRefused),
    ({"PatientName": "A", "StudyDate": "20260101"}, QueryRefused),
    ({"Laterality": "L"}, QueryRefused),
    ({}, QueryRefused),
    ({"StudyDate": "yesterday"}, AttributesRefused),
    ({"StudyDate": "20260101-20260202"}, AttributesRefused),
    ({"StudyDescription": "x" * 65}, AttributesRefused),
    ({"PatientName": "a\nb"}, AttributesRefused),
    ({"PatientSex": "female"}, AttributesRefused),
    ({"PatientID": ""}, QueryRefused),
    ({"StudyDescription": "CT Thorax"}, AlreadyThere),
)


def test_what_is_refused(archive: Archive, corrections: Corrections) -> None:
    sent = ct_slice(patient=ANNA, StudyDescription="CT Thorax")
    send(archive, sent)
    uid = str(sent.StudyInstanceUID)
    for values, error in REFUSED:
        with pytest.raises(error):
            corrections.correct(values, by=OPERATOR, reason="x", study_instance_uid=uid)
    with pytest.raises(QueryRefused, match="reason"):
        corrections.correct({"StudyID": "1"}, by=OPERATOR, reason=" ", study_instance_uid=uid)
    with pytest.raises(NotFound):
        corrections.correct({"StudyID": "1"}, by=OPERATOR, reason="x", study_instance_uid="1.2.3")
    assert corrections.listing(by=OPERATOR) == []
