from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from sqlalchemy import select

from pacs.access.peer import Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.attributes import Level
from pacs.dimse.association import Association
from pacs.index.criteria import Query
from pacs.index.schema import audit
from tests.support.archives import send
from tests.support.dimse import (
    EXPLICIT,
    IMPLICIT,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    RawPeer,
    elements_of,
    listening,
    pdata,
    request,
    status_of,
)
from tests.support.factories import KAZAKH, RUSSIAN, Patient, cr_image, ct_slice, mr_slice, structured_report, uid

ANNA = Patient()
PATIENT_STUDY_ONLY = "1.2.840.10008.5.1.4.1.2.3.1"


@pytest.fixture(params=[ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=["explicit", "implicit"])
def syntax(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def filled(archive: Archive) -> Archive:
    """Anna: a study with CT (3 images) and MR, and a CR study; Зинаида: a CT; Ұлжан: an MR."""
    for number in range(1, 4):
        send(archive, ct_slice(number=number, count=3, InstitutionName="North Hospital"))
    send(archive, mr_slice(series="mr"))
    send(archive, cr_image(study="chest", StudyDate="20200229"))
    send(archive, ct_slice(patient=RUSSIAN, study="russian"))
    send(archive, mr_slice(patient=KAZAKH, study="kazakh"))
    return archive


@pytest.fixture
def port(filled: Archive) -> Iterator[int]:
    with listening(filled, find_results_max=100) as listener:
        yield listener.port


def _find(
    port: int, model: str = STUDY_ROOT_FIND, syntax: str = EXPLICIT, charset: str = "", **keys: Any
) -> tuple[Dataset, list[tuple[int, Dataset]]]:
    """The last response and the pending ones before it."""
    asked = Dataset()
    for keyword, value in keys.items():
        tag = Tag(keyword)
        asked.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE))
    if charset:
        asked.SpecificCharacterSet = charset
    entity = AE("FINDER")
    entity.add_requested_context(model, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="SURET")
    assert association.is_established
    responses = [(status, identifier) for status, identifier in association.send_c_find(asked, model)]
    association.release()
    *pending, (last, nothing) = responses
    assert nothing is None, "the last response has no identifier"
    return last, [(status.Status, identifier) for status, identifier in pending]


def test_a_study_is_found_with_what_was_asked_and_no_more(port: int, syntax: str):
    last, found = _find(
        port,
        syntax=syntax,
        QueryRetrieveLevel="STUDY",
        PatientID=ANNA.id,
        StudyDate="20261101-20261130",
        PatientName="",
        ModalitiesInStudy="",
        NumberOfStudyRelatedInstances="",
        StudyInstanceUID="",
    )
    assert last.Status == 0
    ((status, study),) = found
    assert status == 0xFF00
    assert study.PatientName == ANNA.name
    assert sorted(study.ModalitiesInStudy) == ["CT", "MR"]
    assert study.NumberOfStudyRelatedInstances == 4
    assert study.StudyInstanceUID == uid(ANNA.id, "study")
    assert (study.QueryRetrieveLevel, study.RetrieveAETitle) == ("STUDY", "SURET")
    assert study.InstanceAvailability == "ONLINE"
    assert "SpecificCharacterSet" not in study
    assert set(study.dir()) == {
        "PatientID",
        "PatientName",
        "StudyDate",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedInstances",
        "StudyInstanceUID",
        "QueryRetrieveLevel",
        "RetrieveAETitle",
        "InstanceAvailability",
    }


def test_the_levels_below_are_walked_down_by_unique_keys(port: int, syntax: str):
    study = str(uid(ANNA.id, "study"))
    _, series = _find(
        port, syntax=syntax, QueryRetrieveLevel="SERIES", StudyInstanceUID=study, SeriesInstanceUID="", Modality=""
    )
    assert sorted(found.Modality for _, found in series) == ["CT", "MR"]
    ct = next(found.SeriesInstanceUID for _, found in series if found.Modality == "CT")
    _, images = _find(
        port,
        syntax=syntax,
        QueryRetrieveLevel="IMAGE",
        StudyInstanceUID=study,
        SeriesInstanceUID=ct,
        SOPInstanceUID="",
        InstanceNumber="",
        Rows=None,
    )
    assert [found.InstanceNumber for _, found in images] == [1, 2, 3]
    assert {found.Rows for _, found in images} == {64}
    assert all(status == 0xFF00 for status, _ in images)


def test_the_patient_root_starts_at_the_patient(port: int):
    _, patients = _find(
        port, PATIENT_ROOT_FIND, QueryRetrieveLevel="PATIENT", PatientID="", NumberOfPatientRelatedStudies=""
    )
    studies_of = {found.PatientID: found.NumberOfPatientRelatedStudies for _, found in patients}
    assert studies_of == {ANNA.id: 2, RUSSIAN.id: 1, KAZAKH.id: 1}
    _, studies = _find(
        port, PATIENT_ROOT_FIND, QueryRetrieveLevel="STUDY", PatientID=ANNA.id, StudyInstanceUID="", StudyDate=""
    )
    assert sorted(found.StudyDate for _, found in studies) == ["20200229", "20261123"]
    _, retired = _find(port, PATIENT_STUDY_ONLY, QueryRetrieveLevel="PATIENT", PatientID=RUSSIAN.id)
    assert len(retired) == 1


@pytest.mark.parametrize(
    ("model", "keys", "offending"),
    [
        (STUDY_ROOT_FIND, {"StudyInstanceUID": ""}, 0x00080052),
        (STUDY_ROOT_FIND, {"QueryRetrieveLevel": "PATIENT"}, 0x00080052),
        (STUDY_ROOT_FIND, {"QueryRetrieveLevel": "NONSENSE"}, 0x00080052),
        (PATIENT_STUDY_ONLY, {"QueryRetrieveLevel": "SERIES"}, 0x00080052),
        (STUDY_ROOT_FIND, {"QueryRetrieveLevel": "SERIES"}, 0x0020000D),
        (STUDY_ROOT_FIND, {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": ""}, 0x0020000D),
        (STUDY_ROOT_FIND, {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": ["1.2", "1.3"]}, 0x0020000D),
        (STUDY_ROOT_FIND, {"QueryRetrieveLevel": "IMAGE", "StudyInstanceUID": "1.2"}, 0x0020000E),
        (PATIENT_ROOT_FIND, {"QueryRetrieveLevel": "STUDY", "PatientID": "SYN*"}, 0x00100020),
    ],
)
def test_an_identifier_that_breaks_the_hierarchy_is_refused(
    port: int, model: str, keys: dict[str, Any], offending: int
):
    last, found = _find(port, model, **keys)
    assert (last.Status, last.OffendingElement, found) == (0xA900, offending, [])
    assert last.ErrorComment


def test_a_malformed_key_is_refused_with_a_reason(port: int):
    last, _ = _find(port, QueryRetrieveLevel="STUDY", StudyInstanceUID="not-a-uid")
    assert last.Status == 0xA900
    assert "StudyInstanceUID" in last.ErrorComment


def test_nothing_found_is_a_success_without_matches(port: int):
    last, found = _find(port, QueryRetrieveLevel="STUDY", PatientID="NOBODY", StudyInstanceUID="")
    assert (last.Status, found) == (0, [])


def test_keys_that_cannot_be_answered_come_back_empty_and_are_announced(port: int, syntax: str):
    _, found = _find(
        port,
        syntax=syntax,
        QueryRetrieveLevel="STUDY",
        PatientID=ANNA.id,
        StudyDate="20261123",
        SeriesInstanceUID="",
        AdmittingDiagnosesDescription="Pneumonia",
        ProcedureCodeSequence=[],
    )
    ((status, study),) = found
    assert status == 0xFF01
    assert (study.SeriesInstanceUID, study.AdmittingDiagnosesDescription) == ("", "")
    assert list(study.ProcedureCodeSequence) == []


def test_a_value_for_what_is_only_returned_is_announced(port: int):
    _, found = _find(port, QueryRetrieveLevel="STUDY", PatientID=RUSSIAN.id, PatientAge="044Y")
    assert [status for status, _ in found] == [0xFF01]


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        ({"Modality": "MR"}, 2),
        ({"ModalitiesInStudy": "MR"}, 2),
        ({"ModalitiesInStudy": ["CT", "MR"]}, 1),
        ({"PatientName": "PHANTOM^*"}, 2),
        ({"PatientName": "phantom^anna"}, 2),
        ({"PatientID": "SYN-?U-1"}, 1),
        ({"StudyDate": "-20210101"}, 1),
        ({"StudyDate": "20200229"}, 1),
        ({"StudyTime": "10-11"}, 4),
        ({"InstitutionName": "North*"}, 1),
        ({"PatientName": "*"}, 4),
        ({"StudyInstanceUID": [str(uid(ANNA.id, "study")), str(uid(RUSSIAN.id, "russian"))]}, 2),
    ],
)
def test_keys_match_as_the_standard_says(port: int, keys: dict[str, Any], count: int):
    _, found = _find(port, QueryRetrieveLevel="STUDY", **keys)
    assert len(found) == count


def test_modality_asked_of_a_study_is_answered(port: int):
    _, found = _find(port, QueryRetrieveLevel="STUDY", PatientID=ANNA.id, StudyDate="20261123", Modality="")
    assert sorted(found[0][1].Modality) == ["CT", "MR"]


@pytest.mark.parametrize(
    ("charset", "key", "patient", "answered"),
    [
        ("ISO_IR 144", "Королёва*", RUSSIAN, "ISO_IR 144"),
        ("ISO_IR 192", "королева*", RUSSIAN, "ISO_IR 192"),
        ("ISO_IR 192", "Әбдірахманова*", KAZAKH, "ISO_IR 192"),
    ],
)
def test_names_are_asked_and_answered_in_the_peers_letters(
    port: int, charset: str, key: str, patient: Patient, answered: str
):
    _, found = _find(port, charset=charset, QueryRetrieveLevel="STUDY", PatientName=key, PatientID="")
    ((_, study),) = found
    assert (study.PatientName, study.SpecificCharacterSet) == (patient.name, answered)


def test_letters_the_peer_cannot_write_are_answered_in_utf8(port: int):
    _, found = _find(port, charset="ISO_IR 144", QueryRetrieveLevel="STUDY", PatientID=KAZAKH.id, PatientName="")
    ((_, study),) = found
    assert (study.PatientName, study.SpecificCharacterSet) == (KAZAKH.name, "ISO_IR 192")


def test_sequences_match_by_item_and_return_what_was_asked(archive: Archive):
    first, second = Dataset(), Dataset()
    first.ScheduledProcedureStepID, first.RequestedProcedureID = "STEP-1", "P1"
    second.ScheduledProcedureStepID, second.RequestedProcedureID = "STEP-2", "P2"
    report = structured_report()
    report.RequestAttributesSequence = [first, second]
    send(archive, report)
    key, unmatched = Dataset(), Dataset()
    key.ScheduledProcedureStepID = "STEP-2"
    unmatched.ScheduledProcedureStepID = "STEP-3"
    asked = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": str(report.StudyInstanceUID)}
    with listening(archive) as listener:
        _, found = _find(listener.port, **asked, RequestAttributesSequence=[key])
        _, nothing = _find(listener.port, **asked, RequestAttributesSequence=[unmatched])
        _, everything = _find(listener.port, **asked, RequestAttributesSequence=[])
    ((_, series),) = found
    (item,) = series.RequestAttributesSequence
    assert item.ScheduledProcedureStepID == "STEP-2"
    assert "RequestedProcedureID" not in item
    assert nothing == []
    assert [item.RequestedProcedureID for item in everything[0][1].RequestAttributesSequence] == ["P1", "P2"]


def test_numbers_in_items_match_as_they_are_written(archive: Archive):
    item, other = Dataset(), Dataset()
    item.ReferencedFrameNumber, other.ReferencedFrameNumber = 2, 3
    report = structured_report()
    report.RequestAttributesSequence = [item, other]
    send(archive, report)
    asked = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": str(report.StudyInstanceUID)}
    with listening(archive) as listener:
        _, found = _find(listener.port, **asked, RequestAttributesSequence=[item])
    ((_, series),) = found
    assert [item.ReferencedFrameNumber for item in series.RequestAttributesSequence] == [2]


def test_too_many_matches_are_not_cut_silently(filled: Archive):
    with listening(filled, find_results_max=2) as listener:
        last, found = _find(listener.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
        assert (last.Status, len(found)) == (0xA700, 2)
        assert "narrow" in last.ErrorComment
        last, found = _find(listener.port, QueryRetrieveLevel="STUDY", PatientID=ANNA.id)
        assert (last.Status, len(found)) == (0, 2)


def _identifier(level: str) -> bytes:
    raw = level.encode()
    return struct.pack("<HHL", 8, 0x52, len(raw)) + raw + struct.pack("<HHL", 0x20, 0xD, 0)


def _asked(message_id: int = 1) -> bytes:
    return pdata(request(0x20, STUDY_ROOT_FIND, message_id, data_set=True)) + pdata(_identifier("STUDY "), 2)


def _cancel(message_id: int) -> bytes:
    return pdata(request(0x0FFF, STUDY_ROOT_FIND, x0120=struct.pack("<H", message_id)))


def _statuses(peer: RawPeer) -> list[int]:
    """The statuses of the responses up to the last one."""
    statuses = [0xFF00]
    while statuses[-1] in (0xFF00, 0xFF01):
        pdu = peer.read()
        assert pdu is not None
        if pdu[1][5] & 1:  # commands; identifiers are passed over
            statuses.append(status_of(pdu))
    return statuses[1:]


def test_a_cancelled_query_ends_with_its_status(port: int):
    with RawPeer(port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(_asked(5) + _cancel(5))
        assert _statuses(peer) == [0xFE00]
        peer.send(_asked(6) + _cancel(5))  # of another message: nothing happens
        assert _statuses(peer) == [0xFF00] * 4 + [0]
        peer.send(_cancel(6))  # too late
        peer.send(_asked(7))
        assert _statuses(peer)[-1] == 0


def test_a_release_in_the_middle_of_a_query_ends_it(port: int):
    with RawPeer(port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(_asked() + struct.pack(">BxL4x", 5, 4))
        pdu = peer.read()
        while pdu is not None and pdu[0] == 4:
            pdu = peer.read()
        assert pdu == (6, bytes(4))
        assert peer.closed()


def test_a_second_request_during_a_query_is_a_violation(port: int):
    with RawPeer(port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(_asked(1) + _asked(2))
        pdu = peer.read()
        while pdu is not None and pdu[0] == 4:
            pdu = peer.read()
        assert pdu == (7, bytes((0, 0, 2, 2)))


@pytest.mark.parametrize("identifier", [b"\1\2\3", b"", _identifier("STUDY ")[:-3]], ids=["noise", "empty", "cut"])
def test_an_identifier_that_cannot_be_read_is_refused(port: int, identifier: bytes):
    with RawPeer(port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(pdata(request(0x20, STUDY_ROOT_FIND, data_set=True)), pdata(identifier, 2))
        assert status_of(peer.read()) in (0xC001, 0xA900)
        peer.send(_asked())
        assert _statuses(peer)[-1] == 0


def test_an_identifier_over_the_limit_is_refused_and_the_association_lives(filled: Archive):
    with listening(filled, identifier_bytes_max=4096) as listener, RawPeer(listener.port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(pdata(request(0x20, STUDY_ROOT_FIND, data_set=True)), pdata(bytes(6000), 2))
        answer = peer.read()
        assert status_of(answer) == 0xA900
        assert answer is not None
        assert b"4096" in elements_of(answer[1][6:])[0x0902]
        peer.send(_asked())
        assert _statuses(peer)[-1] == 0


def test_who_may_not_query_learns_nothing(filled: Archive, monkeypatch: pytest.MonkeyPatch):
    sender = Principal(PrincipalKind.PEER, "SENDER", verbs=frozenset({Verb.STORE}))
    monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_: sender)
    with listening(filled) as listener:
        last, found = _find(listener.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    assert (last.Status, found) == (0x0124, [])


def test_a_caller_of_one_study_finds_no_other(filled: Archive, monkeypatch: pytest.MonkeyPatch):
    mine = str(uid(RUSSIAN.id, "russian"))
    restricted = Principal(
        PrincipalKind.PEER, "GUEST", verbs=frozenset({Verb.FIND}), study_instance_uids=frozenset({mine})
    )
    monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_: restricted)
    with listening(filled) as listener:
        _, found = _find(listener.port, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
        _, other = _find(listener.port, QueryRetrieveLevel="STUDY", StudyInstanceUID=str(uid(ANNA.id, "study")))
    assert [study.StudyInstanceUID for _, study in found] == [mine]
    assert other == []


def test_a_failure_of_the_index_is_told_without_a_patients_words(
    port: int, filled: Archive, logged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object) -> None:
        raise RuntimeError("no such row for Phantom^Anna")

    monkeypatch.setattr(filled, "find_in_pages", fail)
    last, _ = _find(port, QueryRetrieveLevel="STUDY", PatientName="Phantom^Anna")
    assert last.Status == 0xC001
    (event,) = [event for event in logged if event["event"] == "find_failed"]
    assert "Anna" not in str(event)
    assert event["error"] == "RuntimeError"


def test_queries_are_in_the_audit_trail_without_their_values(port: int, filled: Archive):
    _find(port, QueryRetrieveLevel="STUDY", PatientName="Phantom^Anna")
    filled.index.write(lambda connection: None)
    with filled.index.read() as connection:
        rows = connection.execute(select(audit).where(audit.c.action == "query")).all()
    assert [(row.principal_name, row.detail) for row in rows] == [("FINDER", "C-FIND STUDY: PatientName")]


def test_a_query_that_is_not_audited_is_told(filled: Archive, logged: list[dict[str, Any]]):
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no room")

    with listening(filled) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setattr("pacs.access.audit.record", refuse)
        last, _ = _find(listener.port, QueryRetrieveLevel="STUDY", PatientName="Phantom^Anna")
        filled.index.write(lambda connection: None)
    assert last.Status == 0
    assert [event["error"] for event in logged if event["event"] == "query_not_audited"] == ["no room"]


def test_no_connection_to_the_index_is_held_while_a_peer_is_waited_for(
    port: int, filled: Archive, monkeypatch: pytest.MonkeyPatch
):
    held = []
    respond = Association.respond

    def watched(*arguments: Any, **more: Any) -> None:
        held.append(filled.index._reading.pool.checkedout())
        respond(*arguments, **more)

    monkeypatch.setattr(Association, "respond", watched)
    monkeypatch.setattr("pacs.archive.archive.PAGE_ROWS", 2)
    last, found = _find(port, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    assert last.Status == 0
    assert len({study.StudyInstanceUID for _, study in found}) == len(found) == 4
    assert held == [0] * 5


def test_a_study_that_comes_between_two_pages_is_no_reason_to_tell_another_twice(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pacs.archive.archive.PAGE_ROWS", 2)
    query = Query(Level.STUDY, (), (), limit=100)
    before = [row["StudyInstanceUID"] for row in filled.find(query)]
    rows = filled.find_in_pages(query)
    first = next(rows)["StudyInstanceUID"]
    send(filled, ct_slice(study="newest", StudyDate="20991231"))
    assert [first, *(row["StudyInstanceUID"] for row in rows)] == before
