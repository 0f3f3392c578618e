"""C-GET: pynetdicom as the requestor, and raw bytes for what it does not send."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, RLELossless
from pynetdicom import build_role
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from sqlalchemy import select, update

from pacs.access.peer import Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.index.schema import audit, instance
from pacs.render.workers import DecodeWorkers
from tests.support.archives import send
from tests.support.dimse import (
    CT,
    EXPLICIT,
    IMPLICIT,
    RawPeer,
    command_set,
    elements_of,
    listening,
    pdata,
    request,
    settled,
    status_of,
)
from tests.support.factories import Patient, ct_series, ct_slice, mr_series, part10, uid
from tests.support.modality import split_part10
from tests.support.retrieve import (
    PATIENT_ROOT_GET,
    PATIENT_STUDY_ONLY_GET,
    STUDY_ROOT_GET,
    StorageScp,
    get,
    identifier,
)

ANNA = Patient()
MR = "1.2.840.10008.5.1.4.1.1.4"
STUDY = str(ct_slice().StudyInstanceUID)
CT_SERIES = str(ct_slice().SeriesInstanceUID)
FIRST = str(ct_slice().SOPInstanceUID)
SECOND = str(ct_series(2)[1].SOPInstanceUID)
BOTH: Sequence[tuple[str, Sequence[str]]] = ((CT, (EXPLICIT,)), (MR, (EXPLICIT,)))


@pytest.fixture(autouse=True)
def filled(archive: Archive) -> Archive:
    for dataset in [*ct_series(3), *mr_series(2), ct_slice(study="other")]:
        send(archive, dataset)
    return archive


def _counters(answer: Any) -> tuple[int | None, int, int, int]:
    return (
        answer.get("NumberOfRemainingSuboperations"),
        answer.NumberOfCompletedSuboperations,
        answer.NumberOfFailedSuboperations,
        answer.NumberOfWarningSuboperations,
    )


@pytest.mark.parametrize(
    ("model", "asked", "count"),
    [
        (STUDY_ROOT_GET, identifier("STUDY", StudyInstanceUID=STUDY), 5),
        (STUDY_ROOT_GET, identifier("STUDY", StudyInstanceUID=[STUDY, str(uid(ANNA.id, "other"))]), 6),
        (STUDY_ROOT_GET, identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=CT_SERIES), 3),
        (
            STUDY_ROOT_GET,
            identifier("IMAGE", StudyInstanceUID=STUDY, SeriesInstanceUID=CT_SERIES, SOPInstanceUID=[FIRST, SECOND]),
            2,
        ),
        (PATIENT_ROOT_GET, identifier("PATIENT", PatientID=ANNA.id), 6),
        (PATIENT_ROOT_GET, identifier("STUDY", PatientID=ANNA.id, StudyInstanceUID=STUDY), 5),
        (PATIENT_STUDY_ONLY_GET, identifier("STUDY", PatientID=ANNA.id, StudyInstanceUID=STUDY), 5),
    ],
)
def test_every_level_of_every_model_is_retrieved(listener: Listener, model: str, asked: Any, count: int):
    answers, receiver = get(listener.port, asked, BOTH, model=model)
    last, failed = answers[-1]
    assert (last.Status, failed) == (0, None)
    assert _counters(last) == (None, count, 0, 0)
    assert len(receiver.received) == count
    first, nothing = answers[0]
    assert (first.Status, nothing, _counters(first)) == (0xFF00, None, (count, 0, 0, 0))


@pytest.mark.parametrize(
    ("model", "asked", "offending"),
    [
        (STUDY_ROOT_GET, identifier("STUDY"), 0x0020000D),
        (STUDY_ROOT_GET, identifier("STUDY", StudyInstanceUID=""), 0x0020000D),
        (STUDY_ROOT_GET, identifier("PATIENT", PatientID="1"), 0x00080052),
        (STUDY_ROOT_GET, identifier("SERIES", SeriesInstanceUID=CT_SERIES), 0x0020000D),
        (
            STUDY_ROOT_GET,
            identifier("SERIES", StudyInstanceUID=[STUDY, "1.2"], SeriesInstanceUID=CT_SERIES),
            0x0020000D,
        ),
        (STUDY_ROOT_GET, identifier("IMAGE", StudyInstanceUID=STUDY, SOPInstanceUID=FIRST), 0x0020000E),
        (PATIENT_ROOT_GET, identifier("PATIENT", PatientID="SYN*"), 0x00100020),
        (PATIENT_ROOT_GET, identifier("PATIENT", PatientID=[ANNA.id, "2"]), 0x00100020),
        (PATIENT_ROOT_GET, identifier("STUDY", StudyInstanceUID=STUDY), 0x00100020),
        (PATIENT_STUDY_ONLY_GET, identifier("SERIES", StudyInstanceUID=STUDY), 0x00080052),
    ],
)
def test_an_identifier_that_breaks_the_hierarchy_is_refused(listener: Listener, model: str, asked: Any, offending: int):
    ((answer, nothing),), receiver = get(listener.port, asked, BOTH, model=model)
    assert (answer.Status, answer.OffendingElement) == (0xA900, offending)
    assert not nothing
    assert answer.ErrorComment
    assert receiver.received == []


def test_relational_retrieval_needs_no_upper_keys(listener: Listener):
    relational = SOPClassExtendedNegotiation()
    relational.sop_class_uid, relational.service_class_application_information = STUDY_ROOT_GET, b"\1\1"
    asked = identifier("IMAGE", SOPInstanceUID=FIRST)
    answers, receiver = get(listener.port, asked, BOTH, ext_neg=[relational])
    assert answers[-1][0].Status == 0
    assert [received.SOPInstanceUID for received in receiver.received] == [FIRST]


def test_nothing_found_is_a_success_with_counters_of_zero(listener: Listener):
    ((answer, nothing),), _ = get(listener.port, identifier("STUDY", StudyInstanceUID="1.2.3"), BOTH)
    assert (answer.Status, nothing, _counters(answer)) == (0, None, (None, 0, 0, 0))


def test_what_the_peer_refuses_is_counted_and_listed(listener: Listener):
    statuses = {0: 0xA700, 1: 0xB007}
    scp = StorageScp(lambda number: statuses.get(number, 0))
    answers, _ = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH, scp=scp)
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xB000, (None, 3, 1, 1))
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == scp.received[0].SOPInstanceUID
    assert "A700" in last.ErrorComment


def test_objects_without_a_context_fail_alone(listener: Listener):
    answers, receiver = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), [(CT, (EXPLICIT,))])
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xB000, (None, 3, 2, 0))
    assert failed is not None
    assert set(failed.FailedSOPInstanceUIDList) == {str(dataset.SOPInstanceUID) for dataset in mr_series(2)}
    assert len(receiver.received) == 3


def test_without_the_role_of_an_scp_nothing_is_sent(listener: Listener):
    answers, receiver = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH, roles=False)
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xA702, (None, 0, 5, 0))
    assert failed is not None
    assert len(failed.FailedSOPInstanceUIDList) == 5
    assert receiver.received == []
    assert "role" in last.ErrorComment


def test_the_stored_syntax_is_the_first_choice_and_others_are_made(archive: Archive, decode_workers: DecodeWorkers):
    compressed = ct_slice(study="compressed", transfer_syntax=JPEG2000Lossless)
    send(archive, compressed)
    asked = identifier("STUDY", StudyInstanceUID=str(compressed.StudyInstanceUID))
    with listening(archive, decode=decode_workers.decode) as listener:
        _, asis = get(listener.port, asked, [(CT, (EXPLICIT,)), (CT, (JPEG2000Lossless,))])
        _, plain = get(listener.port, asked, [(CT, (EXPLICIT,))])
        _, implicit = get(listener.port, asked, [(CT, (IMPLICIT,))])
        answers, _ = get(listener.port, asked, [(CT, (RLELossless,))])
        _, both = get(listener.port, asked, [(CT, (JPEG2000Lossless, EXPLICIT))])
    assert (asis.syntaxes, plain.syntaxes, implicit.syntaxes) == ([JPEG2000Lossless], [EXPLICIT], [IMPLICIT])
    assert both.syntaxes == [EXPLICIT]
    original = dcmread(BytesIO(part10(compressed))).pixel_array
    for receiver in (asis, plain, implicit):
        assert np.array_equal(receiver.received[0].pixel_array, original)
    assert answers[-1][0].Status == 0xA702


def test_a_damaged_object_fails_alone(listener: Listener, archive: Archive):
    archive.index.write(
        lambda connection: connection.execute(
            update(instance).where(instance.c.sop_instance_uid == FIRST).values(storage="damaged")
        )
    )
    answers, _ = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH)
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xB000, (None, 4, 1, 0))
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == FIRST
    assert "damaged" in last.ErrorComment


def test_an_object_that_vanished_in_storage_fails_alone(listener: Listener, archive: Archive):
    (stored,) = archive.instances(STUDY, CT_SERIES, FIRST)
    archive.store.delete(stored.object_key)
    answers, _ = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH)
    assert (answers[-1][0].Status, _counters(answers[-1][0])) == (0xB000, (None, 4, 1, 0))


def test_more_than_the_counters_can_tell_is_refused(listener: Listener, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pacs.dimse.retrieve.SUBOPERATIONS_MAX", 4)
    ((answer, nothing),), receiver = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH)
    assert (answer.Status, receiver.received) == (0xA701, [])
    assert not nothing
    assert "series by series" in answer.ErrorComment


@pytest.mark.parametrize("verb", [Verb.FIND, Verb.MOVE, Verb.STORE])
def test_who_may_not_get_is_refused(archive: Archive, monkeypatch: pytest.MonkeyPatch, verb: Verb):
    peer = Principal(PrincipalKind.PEER, "PEER", verbs=frozenset({verb}))
    monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_: peer)
    with listening(archive) as listener:
        ((answer, _),), receiver = get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH)
    assert (answer.Status, receiver.received) == (0x0124, [])


def test_a_caller_of_one_study_gets_no_other(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    guest = Principal(PrincipalKind.PEER, "GUEST", verbs=frozenset({Verb.GET}), study_instance_uids=frozenset({STUDY}))
    monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_: guest)
    with listening(archive) as listener:
        _, receiver = get(listener.port, identifier("PATIENT", PatientID=ANNA.id), BOTH, model=PATIENT_ROOT_GET)
    assert {received.StudyInstanceUID for received in receiver.received} == {STUDY}


def test_what_was_sent_is_in_the_audit_trail(listener: Listener, archive: Archive):
    get(listener.port, identifier("STUDY", StudyInstanceUID=STUDY), BOTH)
    archive.index.write(lambda connection: None)
    with archive.index.read() as connection:
        (row,) = connection.execute(select(audit).where(audit.c.action == "retrieve")).all()
    assert (row.principal_name, row.study_instance_uid, row.outcome) == ("WORKSTATION", STUDY, "success")
    assert row.detail == "C-GET: 5 instances, status 0000"


# What pynetdicom does not send -------------------------------------------------------------------------------------


def _asked() -> bytes:
    raw = STUDY.encode() + b"\0" * (len(STUDY) & 1)
    series = CT_SERIES.encode() + b"\0" * (len(CT_SERIES) & 1)
    return (
        struct.pack("<HHL", 8, 0x52, 6)
        + b"SERIES"
        + struct.pack("<HHL", 0x20, 0xD, len(raw))
        + raw
        + struct.pack("<HHL", 0x20, 0xE, len(series))
        + series
    )


def _associated(peer: RawPeer) -> None:
    kind, _ = peer.associate(
        ((STUDY_ROOT_GET, (IMPLICIT,)), (CT, (EXPLICIT,))), user_information=[build_role(CT, scp_role=True)]
    )
    assert kind == 2


def _ask(peer: RawPeer) -> None:
    peer.send(pdata(request(0x10, STUDY_ROOT_GET, 9, data_set=True)), pdata(_asked(), 2))
    assert status_of(peer.read()) == 0xFF00


def _read_store(peer: RawPeer) -> int:
    """Read a whole C-STORE request; its message ID."""
    pdu = peer.read()
    assert pdu is not None
    elements = elements_of(pdu[1][6:])
    assert elements[0x0100] == b"\1\0"
    while True:
        pdu = peer.read()
        assert pdu is not None
        if pdu[1][5] == 2:
            return int.from_bytes(elements[0x0110], "little")


def _stored(message_id: int, status: int = 0) -> bytes:
    return pdata(
        command_set(
            {
                0x0100: b"\1\x80",
                0x0120: struct.pack("<H", message_id),
                0x0800: b"\1\1",
                0x0900: struct.pack("<H", status),
            }
        ),
        context_id=3,
    )


def _cancel(message_id: int) -> bytes:
    return pdata(request(0x0FFF, STUDY_ROOT_GET, x0120=struct.pack("<H", message_id)))


@pytest.mark.parametrize("before_the_answer", [True, False])
def test_a_cancel_is_heard_between_and_during_sub_operations(listener: Listener, before_the_answer: bool):
    with RawPeer(listener.port) as peer:
        _associated(peer)
        _ask(peer)
        message_id = _read_store(peer)
        pieces = (_cancel(9), _stored(message_id)) if before_the_answer else (_stored(message_id) + _cancel(9),)
        peer.send(*pieces)
        pdu = peer.read()
        assert status_of(pdu) == 0xFE00
        assert pdu is not None
        elements = elements_of(pdu[1][6:])
        counters = [int.from_bytes(elements[number], "little") for number in (0x1020, 0x1021, 0x1022, 0x1023)]
        assert counters == [2, 1, 0, 0]
        assert elements[0x0800] == b"\1\1"
        _ask(peer)  # the association lives on
        _read_store(peer)


def test_a_cancel_of_something_else_changes_nothing(listener: Listener):
    with RawPeer(listener.port) as peer:
        _associated(peer)
        _ask(peer)
        for _ in range(3):
            message_id = _read_store(peer)
            assert message_id != 9
            peer.send(_cancel(8), _stored(message_id))
        assert status_of(peer.read()) == 0


@pytest.mark.parametrize(
    "answer",
    [
        lambda message_id: _stored(message_id + 1),
        lambda message_id: pdata(request(0x10, STUDY_ROOT_GET, 10, data_set=True)),
        lambda message_id: pdata(b"\0\0"),
        lambda message_id: pdata(_asked(), 2),
    ],
    ids=["another id", "a second request", "nonsense", "a data set"],
)
def test_what_is_no_answer_ends_the_association(listener: Listener, answer: Any):
    with RawPeer(listener.port) as peer:
        _associated(peer)
        _ask(peer)
        peer.send(answer(_read_store(peer)))
        pdu = peer.read()
        assert pdu is not None
        assert pdu[0] == 7
    assert settled(listener)


@pytest.mark.parametrize("last", [struct.pack(">BxL4x", 7, 4), struct.pack(">BxL4x", 5, 4), b""])
def test_a_peer_that_leaves_in_the_middle_harms_nobody(listener: Listener, archive: Archive, last: bytes):
    with RawPeer(listener.port) as peer:
        _associated(peer)
        _ask(peer)
        _read_store(peer)
        peer.send(last)
    assert settled(listener)
    archive.index.write(lambda connection: None)
    with archive.index.read() as connection:
        (row,) = connection.execute(select(audit).where(audit.c.action == "retrieve")).all()
    assert row.study_instance_uid == STUDY


def test_a_peer_that_never_answers_is_given_up(archive: Archive):
    with listening(archive, response_timeout_s=0.3, idle_timeout_s=2) as listener, RawPeer(listener.port) as peer:
        _associated(peer)
        _ask(peer)
        _read_store(peer)
        assert peer.closed()
        assert settled(listener)


def test_a_data_set_in_small_pdus_is_whole(listener: Listener):
    with RawPeer(listener.port) as peer:
        peer.associate(
            ((STUDY_ROOT_GET, (IMPLICIT,)), (CT, (EXPLICIT,))),
            maximum_length=4096,
            user_information=[build_role(CT, scp_role=True)],
        )
        _ask(peer)
        peer.read()
        body = b""
        while True:
            pdu = peer.read()
            assert pdu is not None
            assert len(pdu[1]) <= 4096
            body += pdu[1][6:]
            if pdu[1][5] == 2:
                break
    assert body == split_part10(part10(ct_series(3)[0]))[1]
