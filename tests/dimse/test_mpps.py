from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydicom import Dataset
from sqlalchemy import select

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.performed import AWAITED_FOR, PerformedSteps, awaited_duty
from pacs.archive.scheduled import ScheduledSteps
from pacs.dicom.keys import first
from pacs.index.schema import audit, study
from pacs.index.worklists import performed_step
from pacs.model import EventKind, utc_now
from tests.support.archives import open_archive, send
from tests.support.dimse import EXPLICIT, IMPLICIT, RawPeer, listening, pdata, request, status_of
from tests.support.factories import ct_slice
from tests.support.modality import LAST
from tests.support.steps import (
    KAZAKH_NAME,
    MODALITY_WORKLIST,
    PERFORMED_STEP,
    PERFORMED_STEP_RETRIEVE,
    associated,
    begun,
    dataset,
    ended,
    entry,
    offending,
)

UID = "1.2.3.4.5"


@pytest.fixture
def port(archive: Archive) -> Iterator[int]:
    with listening(archive) as listener:
        yield listener.port


@pytest.fixture
def modality(port: int) -> Iterator[Any]:
    with associated(port, PERFORMED_STEP) as association:
        yield association


def _create(modality: Any, attributes: Dataset, uid: str | None = UID) -> Dataset:
    status, _ = modality.send_n_create(attributes, PERFORMED_STEP, uid)
    return status


def _set(modality: Any, attributes: Dataset, uid: str = UID) -> Dataset:
    status, _ = modality.send_n_set(attributes, PERFORMED_STEP, uid)
    return status


def _get(modality: Any, *tags: int, uid: str = UID) -> tuple[int, Dataset]:
    status, kept = modality.send_n_get(list(tags), PERFORMED_STEP, uid, meta_uid=PERFORMED_STEP_RETRIEVE)
    return status.Status, kept


def _status(archive: Archive, step: str = "STEP1", study_instance_uid: str = "1.2.3") -> str:
    return first(ScheduledSteps(archive).get(study_instance_uid, step), "00400100", "00400020")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_the_life_of_a_step_and_what_it_makes_of_the_worklist(archive: Archive, port: int, syntax: str):
    ScheduledSteps(archive).add(entry(), by=OPERATOR)
    with associated(port, PERFORMED_STEP, PERFORMED_STEP_RETRIEVE, MODALITY_WORKLIST, syntax=syntax) as modality:

        def offered() -> int:
            responses = list(modality.send_c_find(dataset(PatientID="P1"), MODALITY_WORKLIST))
            return len(responses) - 1

        assert offered() == 1
        assert _create(modality, begun(PatientName=KAZAKH_NAME, SpecificCharacterSet="ISO_IR 192")).Status == 0
        assert (_status(archive), offered()) == ("STARTED", 1)
        assert _set(modality, dataset(PerformedProcedureStepDescription="CT head")).Status == 0
        assert _set(modality, ended()).Status == 0
        assert (_status(archive), offered()) == ("COMPLETED", 0)
        status, kept = _get(modality, 0x00100010, 0x00400252, 0x00400254)
        assert status == 0
        assert (str(kept.PatientName), kept.PerformedProcedureStepStatus) == (KAZAKH_NAME, "COMPLETED")
        assert (kept.PerformedProcedureStepDescription, kept.SpecificCharacterSet) == ("CT head", "ISO_IR 192")
        assert _get(modality)[1].PerformedSeriesSequence[0].ProtocolName == "HEAD"
        assert _get(modality, 0x00404041)[0] == 0x0001
        assert _get(modality, uid="1.2.9")[0] == 0x0112
    told = [event for event in archive.events.after(0) if event.kind is EventKind.PERFORMED_STEP]
    assert [event.payload["status"] for event in told] == ["IN PROGRESS", "IN PROGRESS", "COMPLETED"]
    with archive.index.read() as connection:
        audited = connection.execute(select(audit.c.detail).where(audit.c.action == "performed_step")).scalars().all()
    assert audited[-1] == f"{UID} COMPLETED"


@pytest.mark.parametrize(
    ("changes", "status", "tags"),
    [
        ({"PerformedProcedureStepStatus": "COMPLETED"}, 0x0106, {"00400252"}),
        ({"PerformedProcedureStepStatus": None}, 0x0120, {"00400252"}),
        ({"PerformedProcedureStepStatus": ""}, 0x0121, {"00400252"}),
        ({"PerformedProcedureStepID": None, "Modality": None}, 0x0120, {"00400253", "00080060"}),
        ({"PerformedStationAETitle": ""}, 0x0121, {"00400241"}),
        ({"ScheduledStepAttributesSequence": []}, 0x0121, {"00400270"}),
        ({"ScheduledStepAttributesSequence": None}, 0x0120, {"00400270"}),
        ({"ScheduledStepAttributesSequence": {"AccessionNumber": "A1"}}, 0x0120, {"0020000D"}),
        ({"ScheduledStepAttributesSequence": {"StudyInstanceUID": ""}}, 0x0121, {"0020000D"}),
        ({"PerformedSeriesSequence": {"ProtocolName": "HEAD"}}, 0x0120, {"0020000E"}),
        ({"PerformedSeriesSequence": {"ProtocolName": "", "SeriesInstanceUID": "1.2"}}, 0x0121, {"00181030"}),
    ],
)
def test_what_n_create_refuses(archive: Archive, modality: Any, changes: dict[str, Any], status: int, tags: set[str]):
    refused = _create(modality, begun(**changes))
    assert (refused.Status, offending(modality)) == (status, tags)
    assert refused.ErrorComment
    with archive.index.read() as connection:
        assert connection.execute(select(performed_step)).all() == []
    assert _create(modality, begun()).Status == 0, "the association goes on"


def test_a_second_n_create_of_one_uid_is_a_duplicate(modality: Any):
    assert _create(modality, begun()).Status == 0
    assert _create(modality, begun()).Status == 0x0111


def test_a_uid_is_made_and_told_where_the_modality_gives_none(archive: Archive, modality: Any):
    status = _create(modality, begun(), uid=None)
    assert status.Status == 0
    uid = modality.answered.AffectedSOPInstanceUID
    assert uid.startswith("2.25.")
    assert PerformedSteps(archive).get(uid)


@pytest.mark.parametrize(
    ("attributes", "status", "tags"),
    [
        (dataset(CommentsOnThePerformedProcedureStep="late"), 0x0105, {"00400280"}),  # N-CREATE did not make it
        (dataset(PatientID="OTHER"), 0x0106, {"00100020"}),
        (dataset(PerformedProcedureStepStatus="PAUSED"), 0x0106, {"00400252"}),
        (ended(PerformedSeriesSequence=[]), 0x0121, {"00400340"}),
        (ended("DISCONTINUED", PerformedSeriesSequence=[]), 0x0121, {"00400340"}),
        (dataset(PerformedProcedureStepStatus="COMPLETED"), 0x0121, {"00400250", "00400251", "00400340"}),
        (ended(PerformedSeriesSequence={"SeriesInstanceUID": "1.2"}), 0x0120, {"00181030"}),
    ],
)
def test_what_n_set_refuses(archive: Archive, modality: Any, attributes: Dataset, status: int, tags: set[str]):
    assert _create(modality, begun()).Status == 0
    before = PerformedSteps(archive).get(UID)
    refused = _set(modality, attributes)
    assert (refused.Status, offending(modality)) == (status, tags)
    assert PerformedSteps(archive).get(UID) == before
    assert _set(modality, dataset(PatientID="P1", Modality="CT")).Status == 0, "the same value again is no change"


@pytest.mark.parametrize("final", ["COMPLETED", "DISCONTINUED"])
def test_what_has_ended_is_never_changed(modality: Any, final: str):
    assert _create(modality, begun()).Status == 0
    assert _set(modality, ended(final)).Status == 0  # a series without objects is one
    refused = _set(modality, dataset(PerformedProcedureStepDescription="late"))
    assert (refused.Status, refused.ErrorID) == (0x0110, 0xA710)
    assert refused.ErrorComment == "Performed Procedure Step Object may no longer be updated"
    assert _set(modality, dataset(StudyID=""), uid="1.2.9").Status == 0x0112


def test_a_later_character_set_does_not_spoil_an_earlier_one(archive: Archive, modality: Any):
    assert _create(modality, begun(SpecificCharacterSet="ISO_IR 144", PatientName="Иванов^Иван")).Status == 0
    description = dataset("ISO_IR 100", PerformedProcedureStepDescription="Schädel")
    assert _set(modality, description).Status == 0
    kept = PerformedSteps(archive).get(UID)
    assert first(kept, "00100010") == "Иванов^Иван"
    assert first(kept, "00400254") == "Schädel"


def test_text_that_its_set_does_not_have_is_refused(archive: Archive, modality: Any):
    broken = begun(SpecificCharacterSet="ISO_IR 192", PatientName=b"\xff\xfe")
    refused = _create(modality, broken)
    assert (refused.Status, offending(modality)) == (0x0106, {"00100010"})


def test_a_step_taken_by_mistake_goes_back_to_the_worklist(archive: Archive, modality: Any):
    ScheduledSteps(archive).add(entry(), by=OPERATOR)
    assert _create(modality, begun()).Status == 0
    reason = {
        "CodeValue": "110514",
        "CodingSchemeDesignator": "DCM",
        "CodeMeaning": "Incorrect worklist entry selected",
    }
    wrong = ended("DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=reason)
    assert _set(modality, wrong).Status == 0
    assert _status(archive) == "SCHEDULED"
    assert _create(modality, begun(), "1.2.3.4.6").Status == 0
    assert _set(modality, ended("DISCONTINUED"), "1.2.3.4.6").Status == 0
    assert _status(archive) == "DISCONTINUED"


def test_of_several_performed_steps_the_one_in_progress_counts(archive: Archive, modality: Any):
    ScheduledSteps(archive).add(entry(), by=OPERATOR)
    for uid in ("1.2.1", "1.2.2"):
        assert _create(modality, begun(), uid).Status == 0
    assert _set(modality, ended(), "1.2.1").Status == 0
    assert _status(archive) == "STARTED"
    assert _set(modality, ended("DISCONTINUED"), "1.2.2").Status == 0
    assert _status(archive) == "COMPLETED"


@pytest.mark.parametrize(
    "named",
    [
        {"StudyInstanceUID": "9.9", "AccessionNumber": "A1", "ScheduledProcedureStepID": "STEP1"},  # a study of its own
        {"StudyInstanceUID": "1.2.3", "AccessionNumber": "", "ScheduledProcedureStepID": ""},
    ],
)
def test_entries_are_found_by_what_is_left_to_know_them(archive: Archive, modality: Any, named: dict[str, str]):
    ScheduledSteps(archive).add(entry(), by=OPERATOR)
    ScheduledSteps(archive).add(entry("OTHER", "1.2.77", AccessionNumber="A2"), by=OPERATOR)
    assert _create(modality, begun(ScheduledStepAttributesSequence=named)).Status == 0
    assert (_status(archive), _status(archive, "OTHER", "1.2.77")) == ("STARTED", "SCHEDULED")


def test_an_entry_that_comes_after_its_step_knows_of_it(archive: Archive, modality: Any):
    assert _create(modality, begun()).Status == 0
    ScheduledSteps(archive).add(entry(), by=OPERATOR)
    assert _status(archive) == "STARTED"


# Study completeness ----------------------------------------------------------------------------------------------


def _stable(archive: Archive) -> list[int]:
    with archive.index.read() as connection:
        return list(connection.execute(select(study.c.stable)).scalars())


def test_a_study_is_stable_at_once_when_everything_that_was_listed_is_here(archive: Archive, modality: Any):
    images = [ct_slice(number=number, count=2) for number in (1, 2)]
    uids = tuple(str(image.SOPInstanceUID) for image in images)
    steps = {"StudyInstanceUID": str(images[0].StudyInstanceUID), "ScheduledProcedureStepID": "STEP1"}
    assert _create(modality, begun(ScheduledStepAttributesSequence=steps)).Status == 0
    send(archive, images[0])
    assert _set(modality, ended(images=uids)).Status == 0
    duty = awaited_duty(archive)
    assert (duty(), _stable(archive)) == (0, [0]), "one is still to come"
    send(archive, images[1])
    assert (duty(), _stable(archive)) == (1, [1])
    (told,) = [event for event in archive.events.after(0) if event.kind is EventKind.STUDY_STABLE]
    assert told.payload == {"revision": 1, "instances": 2}
    assert duty() == 0


def test_everything_here_already(archive: Archive, modality: Any):
    image = ct_slice()
    send(archive, image)
    assert _create(modality, begun()).Status == 0
    assert _set(modality, ended(images=(str(image.SOPInstanceUID),))).Status == 0
    assert _stable(archive) == [1]


@pytest.mark.parametrize("other", ["performed", "scheduled"])
def test_a_study_with_another_step_is_not_complete(archive: Archive, modality: Any, other: str):
    image = ct_slice()
    send(archive, image)
    study_instance_uid = str(image.StudyInstanceUID)
    steps = {"StudyInstanceUID": study_instance_uid, "ScheduledProcedureStepID": "STEP1"}
    if other == "performed":
        assert _create(modality, begun(ScheduledStepAttributesSequence=steps), "1.2.2").Status == 0
    else:
        ScheduledSteps(archive).add(entry("STEP2", study_instance_uid), by=OPERATOR)
    assert _create(modality, begun(ScheduledStepAttributesSequence=steps)).Status == 0
    assert _set(modality, ended(images=(str(image.SOPInstanceUID),))).Status == 0
    assert _stable(archive) == [0]


def test_nothing_is_waited_for_for_ever(tmp_path: Any):
    now = [utc_now()]
    with open_archive(tmp_path / "aged", clock=lambda: now[0]) as archive, listening(archive) as listener:
        with associated(listener.port, PERFORMED_STEP) as modality:
            assert _create(modality, begun()).Status == 0
            assert _set(modality, ended(images=("1.2.99",))).Status == 0
        assert PerformedSteps(archive).settle_awaited() == 0
        now[0] += AWAITED_FOR + timedelta(seconds=1)
        assert PerformedSteps(archive).settle_awaited() == 1
        assert PerformedSteps(archive).settle_awaited() == 0


# Hostile and clumsy peers ----------------------------------------------------------------------------------------


def _raw(peer: RawPeer, field: int, data: bytes | None, **more: bytes) -> int:
    """One N request as bytes; the status of its answer."""
    peer.send(pdata(request(field, PERFORMED_STEP, data_set=data is not None, **more)))
    if data is not None:
        peer.send(pdata(data, LAST))
    return status_of(peer.read())


def test_broken_requests_are_answered_and_leave_the_association(archive: Archive):
    class_uid = PERFORMED_STEP.encode() + b"\0"
    with listening(archive, identifier_bytes_max=4096) as listener, RawPeer(listener.port) as peer:
        peer.associate(((PERFORMED_STEP, (IMPLICIT,)),))
        assert _raw(peer, 0x0140, None) == 0x0120, "N-CREATE without attributes"
        assert _raw(peer, 0x0140, struct.pack("<HHL", 0x0010, 0x0010, 500) + b"IVANOV") == 0x0110, "cut off"
        assert _raw(peer, 0x0140, b"\xff" * 16) == 0x0110, "no data set at all"
        assert _raw(peer, 0x0140, b"\0" * 8192) == 0x0213, "too large"
        assert _raw(peer, 0x0120, None, x0003=class_uid, x1001=b"1.2.9\0") == 0x0112
        assert _raw(peer, 0x0140, None, x0002=b"1.2.840.10008.5.1.4.34.6.1") == 0x0119, "another class"
        assert _raw(peer, 0x0150, None, x0003=class_uid, x1001=b"1.2.9\0") == 0x0211, "N-DELETE"
        assert _raw(peer, 0x0140, None, x1000=b"not a UID ") == 0x0117
    with archive.index.read() as connection:
        assert connection.execute(select(performed_step)).all() == []
