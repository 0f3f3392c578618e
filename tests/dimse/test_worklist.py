from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE
from sqlalchemy import select

from pacs.access.peer import PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR, Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.archive.scheduled import ScheduledSteps
from pacs.dicom.keys import Keys, first
from pacs.dimse.association import Association
from pacs.index.abandonment import Abandoned
from pacs.index.schema import audit
from pacs.model import utc_now
from tests.support.dimse import EXPLICIT, IMPLICIT, listening
from tests.support.steps import KAZAKH_NAME, MODALITY_WORKLIST, dataset, entry, find


@pytest.fixture
def port(archive: Archive) -> Iterator[int]:
    """Two steps of one order at CT1 and MR1, one of Сейітқали a day later, one that is completed."""
    steps = ScheduledSteps(archive)
    order = entry("S1", ScheduledStationAETitle=["CT1", "CT2"])
    order["ScheduledProcedureStepSequence"]["Value"].append(
        {
            "ScheduledProcedureStepID": "S2",
            "Modality": "MR",
            "ScheduledStationAETitle": "MR1",
            "ScheduledProcedureStepStartDate": "20261128",
            "ScheduledProcedureStepStartTime": "1500",
            "ScheduledProcedureStepDescription": "MR head",
        }
    )
    later = entry("S3", "1.2.4", PatientName=KAZAKH_NAME, PatientID="P3", ScheduledProcedureStepStartDate="20261129")
    over = entry("S4", "1.2.5", ScheduledProcedureStepStatus="COMPLETED")
    for document in (order, later, over):
        steps.add(document, by=OPERATOR)
    with listening(archive, find_results_max=50) as listener:
        yield listener.port


def _steps(port: int, asked: Dataset, **options: Any) -> list[str]:
    """The IDs of the steps that were answered, in their order."""
    step = asked.ScheduledProcedureStepSequence[0] if asked.get("ScheduledProcedureStepSequence") else None
    if step is None:
        asked.ScheduledProcedureStepSequence = [dataset(ScheduledProcedureStepID="")]
    else:
        step.ScheduledProcedureStepID = ""
    last, found = find(port, asked, **options)
    assert last.Status == 0
    return [str(one.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID) for _, one in found]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_a_modality_gets_what_it_asked_for_and_no_more(port: int, syntax: str):
    asked = dataset(
        PatientName="",
        PatientID="",
        StudyInstanceUID="",
        PatientWeight="",
        ReferencedStudySequence=None,
        ScheduledProcedureStepSequence={
            "ScheduledStationAETitle": "CT1",
            "ScheduledProcedureStepStartDate": "20261128",
            "Modality": "CT",
            "ScheduledProcedureStepDescription": "",
        },
    )
    last, found = find(port, asked, syntax=syntax)
    assert last.Status == 0
    ((status, answer),) = found
    assert status == 0xFF00
    (step,) = answer.ScheduledProcedureStepSequence
    assert (answer.PatientName, answer.PatientID, answer.StudyInstanceUID) == ("IVANOV^IVAN", "P1", "1.2.3")
    assert (answer.PatientWeight, list(answer.ReferencedStudySequence)) == (None, [])
    assert set(answer.dir()) == set(asked.dir())
    assert list(step.ScheduledStationAETitle) == ["CT1", "CT2"]
    assert step.ScheduledProcedureStepDescription == "CT head"
    assert set(step.dir()) == set(asked.ScheduledProcedureStepSequence[0].dir())


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, ["S1", "S2", "S3"]),  # one response a step, by start; what is over is not offered
        ({"ScheduledStationAETitle": "CT2"}, ["S1"]),
        ({"ScheduledStationAETitle": "CT?"}, ["S1", "S3"]),
        ({"Modality": "MR"}, ["S2"]),
        ({"Modality": "MR", "ScheduledStationAETitle": "CT1"}, []),  # of one item, not of two
        ({"ScheduledProcedureStepStartDate": "20261128"}, ["S1", "S2"]),
        ({"ScheduledProcedureStepStartDate": "20261129-"}, ["S3"]),
        # one interval from the 28th at noon to the 29th at 10
        (
            {
                "ScheduledProcedureStepStartDate": "20261128-20261129",
                "ScheduledProcedureStepStartTime": "120000-100000",
            },
            ["S2", "S3"],
        ),
        ({"ScheduledProcedureStepStartDate": "20261128", "ScheduledProcedureStepStartTime": "1200-1600"}, ["S2"]),
        ({"ScheduledProcedureStepStatus": "COMPLETED"}, ["S4"]),
        ({"ScheduledProcedureStepStatus": "?*"}, ["S1", "S4", "S2", "S3"]),
        ({"ScheduledPerformingPhysicianName": "HOUSE"}, []),  # an empty value meets no key
    ],
)
def test_keys_of_the_step(port: int, keys: dict[str, str], expected: list[str]):
    assert _steps(port, dataset(ScheduledProcedureStepSequence=keys)) == expected


@pytest.mark.parametrize(
    ("keys", "charset", "expected"),
    [
        ({"PatientName": "Ivanov*"}, "", ["S1", "S2"]),
        ({"PatientName": "ИВАНОВ*"}, "ISO_IR 144", ["S1", "S2"]),  # across scripts
        ({"PatientName": "Seitkali*"}, "", ["S3"]),
        ({"PatientName": "Сейиткали*"}, "ISO_IR 144", ["S3"]),  # a device without ұ, қ, і finds the name all the same
        ({"PatientName": "SEIITKALI*"}, "", ["S3"]),
        ({"PatientID": "P3", "StudyInstanceUID": "1.2.4"}, "", ["S3"]),
        ({"AccessionNumber": "A?"}, "", ["S1", "S2", "S3"]),
        ({"RequestedProcedureID": "rp1"}, "", []),
    ],
)
def test_keys_of_patient_and_order(port: int, keys: dict[str, str], charset: str, expected: list[str]):
    assert _steps(port, dataset(charset, **keys)) == expected


@pytest.mark.parametrize("sequence", [None, {}])
def test_the_whole_sequence_is_asked_for_without_item_or_with_an_empty_one(port: int, sequence: dict[str, str] | None):
    _, found = find(port, dataset(StudyInstanceUID="1.2.4", ScheduledProcedureStepSequence=sequence))
    ((_, answer),) = found
    assert {"Modality", "ScheduledProcedureStepID"} <= set(answer.ScheduledProcedureStepSequence[0].dir())


@pytest.mark.parametrize(
    ("charset", "declared", "name"),
    [
        ("", "ISO_IR 192", KAZAKH_NAME),
        ("ISO_IR 144", "ISO_IR 192", KAZAKH_NAME),  # it lacks five of the letters: never a "?"
        ("GB18030", "GB18030", KAZAKH_NAME),
    ],
)
def test_the_answer_is_in_the_set_of_the_request_where_it_fits(port: int, charset: str, declared: str, name: str):
    ((_, answer),) = find(port, dataset(charset, StudyInstanceUID="1.2.4", PatientName=""))[1]
    assert answer.SpecificCharacterSet == declared
    assert str(answer.PatientName) == name
    ((_, ascii_only), *_) = find(port, dataset(charset, StudyInstanceUID="1.2.3", PatientName=""))[1]
    assert "SpecificCharacterSet" not in ascii_only


@pytest.mark.parametrize(
    ("character_set", "declared", "name"),
    [
        ("ISO_IR 144", "ISO_IR 144", "Сейиткали^Асел^Галымкызы"),
        ("ISO_IR 6", None, "Seiitkali^Asel^Galymkyzy"),
        ("ISO_IR 192", "ISO_IR 192", KAZAKH_NAME),
    ],
)
def test_a_device_that_reads_one_set_only_gets_letters_it_has(
    archive: Archive, character_set: str, declared: str | None, name: str
):
    ScheduledSteps(archive).add(entry("S3", "1.2.4", PatientName=KAZAKH_NAME), by=OPERATOR)
    options = PeerOptions(character_set=character_set)
    Peers(archive.index, utc_now).add("OLD", "127.0.0.1", 104, [Verb.WORKLIST], by=OPERATOR, options=options)
    with listening(archive) as listener:
        asked = dataset("ISO_IR 192", StudyInstanceUID="1.2.4", PatientName="")
        ((_, answer),) = find(listener.port, asked, calling="OLD")[1]
        assert (answer.get("SpecificCharacterSet"), str(answer.PatientName)) == (declared, name)
        if character_set == "ISO_IR 144":  # and what it sends without a declaration is read in its own set
            asked = dataset(PatientName="Сейиткали*".encode("iso8859-5"))
            assert len(find(listener.port, asked, calling="OLD")[1]) == 1


def test_optional_keys_without_meaning_here_are_told(port: int):
    last, found = find(port, dataset(StudyInstanceUID="1.2.4", x00091001="secret"))
    assert (last.Status, [status for status, _ in found]) == (0, [0xFF01])


def test_a_level_is_not_asked_for_and_not_answered(port: int):
    _, found = find(port, dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2.4"))
    assert [(status, "QueryRetrieveLevel" in one) for status, one in found] == [(0xFF00, False)]


@pytest.mark.parametrize(
    "asked",
    [
        dataset(ScheduledProcedureStepSequence={"ScheduledProcedureStepStartDate": "tomorrow"}),
        dataset(ScheduledProcedureStepSequence=[dataset(Modality="CT"), dataset(Modality="MR")]),
    ],
)
def test_malformed_keys_are_refused_in_words(port: int, asked: Dataset):
    last, found = find(port, asked)
    assert (last.Status, found) == (0xA900, [])
    assert str(last.ErrorComment).startswith("ScheduledProcedureStep")


def test_more_matches_than_the_limit_are_never_passed_over_in_silence(archive: Archive, port: int):
    many = entry("M0", "1.9")
    (step,) = many["ScheduledProcedureStepSequence"]["Value"]
    many["ScheduledProcedureStepSequence"]["Value"] = [{**step, "ScheduledProcedureStepID": f"M{n}"} for n in range(60)]
    ScheduledSteps(archive).add(many, by=OPERATOR)
    last, found = find(port, dataset(StudyInstanceUID="1.9"))
    assert (last.Status, len(found)) == (0xA700, 50)
    entity = AE("CT1")
    entity.add_requested_context(MODALITY_WORKLIST)
    association = entity.associate("127.0.0.1", port, ae_title="SURET")
    responses = association.send_c_find(dataset(StudyInstanceUID="1.9"), MODALITY_WORKLIST, msg_id=7)
    next(responses)
    association.send_c_cancel(7, association.accepted_contexts[0].context_id)
    statuses = [status.Status for status, _ in responses]
    association.release()
    assert statuses[-1] in (0xFE00, 0xA700)  # a cancel that comes too late is ignored


def test_pages_are_joined_without_loss(archive: Archive):
    steps = ScheduledSteps(archive)
    many = entry("M0", "1.9")
    (step,) = many["ScheduledProcedureStepSequence"]["Value"]
    items = [{**step, "ScheduledProcedureStepID": f"M{n}", "ScheduledProcedureStepStartTime": ""} for n in range(1201)]
    for number, item in enumerate(items):
        item["ScheduledProcedureStepStartTime"] = f"{number % 24:02}00"
    for begin in range(0, len(items), 300):
        many["ScheduledProcedureStepSequence"]["Value"] = items[begin : begin + 300]
        steps.add(many, by=OPERATOR)
    found = [first(one, "00400100", "00400009") for one in steps.matching({}, Keys({}))]
    assert sorted(found) == sorted(f"M{n}" for n in range(1201))
    nobody = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "NOBODY"}]}}
    answers = iter([False, True])
    with pytest.raises(Abandoned):
        list(steps.matching(nobody, Keys(nobody), lambda: next(answers)))


def test_who_may_not_is_told_so(port: int, monkeypatch: pytest.MonkeyPatch, archive: Archive):
    storing = Principal(PrincipalKind.PEER, "CT1", verbs=frozenset({Verb.STORE, Verb.FIND}))
    monkeypatch.setattr(
        Association, "principal", property(lambda self: storing, lambda self, value: None), raising=False
    )
    last, found = find(port, dataset(PatientName=""))
    assert (last.Status, found) == (0x0124, [])


def test_a_query_is_audited_without_the_values_of_its_keys(port: int, archive: Archive):
    find(port, dataset(PatientName="IVANOV*"))
    archive.index.write(lambda connection: None)
    with archive.index.read() as connection:
        said = connection.execute(select(audit.c.detail).where(audit.c.action == "query")).scalars().all()
    assert said == ["C-FIND modality worklist: PatientName"]
