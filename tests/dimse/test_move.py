"""C-MOVE: pynetdicom as requestor and destination, raw bytes for what it does not do."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, JPEG2000Lossless, JPEGBaseline8Bit
from pynetdicom import AE, evt
from sqlalchemy import select

from pacs.access.peer import Peer, PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR, Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.index.schema import audit
from pacs.model import utc_now
from pacs.render.workers import DecodeWorkers
from tests.support.archives import send
from tests.support.dimse import (
    CT,
    EXPLICIT,
    IMPLICIT,
    RawPeer,
    elements_of,
    listening,
    pdata,
    request,
    settled,
    status_of,
    wait_until,
)
from tests.support.factories import Patient, cr_image, ct_series, ct_slice, mr_series, part10, us_cine
from tests.support.retrieve import (
    PATIENT_ROOT_MOVE,
    PATIENT_STUDY_ONLY_MOVE,
    STUDY_ROOT_MOVE,
    StorageScp,
    identifier,
    move,
    register,
)

ANNA = Patient()
MR = "1.2.840.10008.5.1.4.1.1.4"
CR = "1.2.840.10008.5.1.4.1.1.1"
US = "1.2.840.10008.5.1.4.1.1.3.1"
STUDY = str(ct_slice().StudyInstanceUID)
CT_SERIES = str(ct_slice().SeriesInstanceUID)
WHOLE = identifier("STUDY", StudyInstanceUID=STUDY)


@pytest.fixture(autouse=True)
def filled(archive: Archive) -> Archive:
    for dataset in [*ct_series(3), *mr_series(2)]:
        send(archive, dataset)
    return archive


@pytest.fixture
def destination(archive: Archive) -> Iterator[StorageScp]:
    scp = StorageScp()
    with scp.listening([CT, MR]) as port:
        register(archive, "DEST", port)
        yield scp


def _counters(answer: Any) -> tuple[int | None, int, int, int]:
    return (
        answer.get("NumberOfRemainingSuboperations"),
        answer.NumberOfCompletedSuboperations,
        answer.NumberOfFailedSuboperations,
        answer.NumberOfWarningSuboperations,
    )


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])
@pytest.mark.parametrize(
    ("model", "asked", "count"),
    [
        (STUDY_ROOT_MOVE, WHOLE, 5),
        (STUDY_ROOT_MOVE, identifier("SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID=CT_SERIES), 3),
        (PATIENT_ROOT_MOVE, identifier("PATIENT", PatientID=ANNA.id), 5),
        (PATIENT_STUDY_ONLY_MOVE, identifier("PATIENT", PatientID=ANNA.id), 5),
    ],
)
def test_what_is_asked_for_goes_to_the_destination(
    listener: Listener, destination: StorageScp, syntax: str, model: str, asked: Any, count: int
):
    answers = move(listener.port, asked, model=model, syntax=syntax)
    first, last = answers[0][0], answers[-1][0]
    assert (first.Status, _counters(first)) == (0xFF00, (count, 0, 0, 0))
    assert (last.Status, _counters(last), answers[-1][1]) == (0, (None, count, 0, 0), None)
    assert len(destination.received) == count
    assert set(destination.originators) == {("WORKSTATION", 7)}
    assert destination.associations == 1
    assert set(destination.syntaxes) == {EXPLICIT}


def test_only_a_registered_destination_is_one(listener: Listener, destination: StorageScp):
    for title in ("NOBODY", "dest"):
        ((answer, nothing),) = move(listener.port, WHOLE, to=title)
        assert (answer.Status, _missing(nothing)) == (0xA801, True)
        assert "no registered destination" in answer.ErrorComment
    assert destination.received == []


def test_a_caller_may_be_held_to_some_destinations(
    archive: Archive, destination: StorageScp, monkeypatch: pytest.MonkeyPatch
):
    for allowed, status in ((("OTHER",), 0xA801), (("OTHER", "DEST"), 0)):
        options = PeerOptions(move_destinations=allowed)
        peer = Peer("WORKSTATION", "127.0.0.1", 104, frozenset({Verb.MOVE}), utc_now(), options)
        caller = Principal(PrincipalKind.PEER, "WORKSTATION", verbs=peer.verbs, peer=peer)
        monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_, caller=caller: caller)
        with listening(archive) as listener:
            last = move(listener.port, WHOLE)[-1][0]
        assert last.Status == status
    assert len(destination.received) == 5


def _missing(identifier: Any) -> bool:
    return not identifier


def test_who_may_not_move_is_refused(archive: Archive, destination: StorageScp, monkeypatch: pytest.MonkeyPatch):
    for verb in (Verb.FIND, Verb.GET, Verb.STORE):
        peer = Principal(PrincipalKind.PEER, "PEER", verbs=frozenset({verb}))
        monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_, peer=peer: peer)
        with listening(archive) as listener:
            ((answer, _),) = move(listener.port, WHOLE)
        assert answer.Status == 0x0124
    assert destination.received == []


def test_nothing_found_is_a_success_with_counters_of_zero(listener: Listener, destination: StorageScp):
    answers = move(listener.port, identifier("STUDY", StudyInstanceUID="1.2.3"))
    last, nothing = answers[-1]
    assert (last.Status, nothing, _counters(last)) == (0, None, (None, 0, 0, 0))
    assert destination.associations == 0


def test_more_than_the_counters_can_tell_is_refused(
    listener: Listener, destination: StorageScp, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pacs.dimse.retrieve.SUBOPERATIONS_MAX", 4)
    ((answer, _),) = move(listener.port, WHOLE)
    assert answer.Status == 0xA701
    assert destination.received == []


def test_what_the_destination_refuses_is_counted_and_listed(listener: Listener, archive: Archive):
    statuses = {0: 0xA700, 1: 0xB007, 4: 0xC123}
    scp = StorageScp(lambda number: statuses.get(number, 0))
    with scp.listening([CT, MR]) as port:
        register(archive, "DEST", port)
        answers = move(listener.port, WHOLE)
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xB000, (None, 2, 2, 1))
    assert failed is not None
    assert list(failed.FailedSOPInstanceUIDList) == [scp.received[number].SOPInstanceUID for number in (0, 4)]
    assert _audited(archive) == [("WORKSTATION", STUDY, "failure", "C-MOVE to DEST: 5 instances, status B000")]


def _audited(archive: Archive) -> list[tuple[str, str, str, str]]:
    archive.index.write(lambda connection: None)
    with archive.index.read() as connection:
        rows = connection.execute(select(audit).where(audit.c.action == "retrieve")).all()
    return [(row.principal_name, row.study_instance_uid, row.outcome, row.detail) for row in rows]


def test_a_class_that_the_destination_does_not_take_fails_alone(listener: Listener, archive: Archive):
    scp = StorageScp()
    with scp.listening([CT]) as port:
        register(archive, "DEST", port)
        answers = move(listener.port, WHOLE)
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xB000, (None, 3, 2, 0))
    assert failed is not None
    assert set(failed.FailedSOPInstanceUIDList) == {str(dataset.SOPInstanceUID) for dataset in mr_series(2)}


def test_a_destination_that_is_down_fails_everything_at_once(listener: Listener, archive: Archive):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    register(archive, "DEST", port)
    answers = move(listener.port, WHOLE)
    last, failed = answers[-1]
    assert (last.Status, _counters(last)) == (0xA702, (None, 0, 5, 0))
    assert failed is not None
    assert len(failed.FailedSOPInstanceUIDList) == 5
    assert "Connection refused" in last.ErrorComment


def test_a_destination_that_refuses_the_association_is_told_with_its_reason(listener: Listener, archive: Archive):
    entity = AE(ae_title="STRICT")
    entity.require_called_aet = True
    entity.add_supported_context(CT, [EXPLICIT])
    server = entity.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    register(archive, "DEST", server.server_address[1])
    try:
        answers = move(listener.port, WHOLE)
    finally:
        server.shutdown()
    assert answers[-1][0].Status == 0xA702
    assert answers[-1][0].ErrorComment == "DEST refuses: it is not AE title DEST"


# Transfer syntaxes -------------------------------------------------------------------------------------------------


def _study(*datasets: Any) -> Any:
    return identifier("STUDY", StudyInstanceUID=sorted({str(dataset.StudyInstanceUID) for dataset in datasets}))


@pytest.mark.parametrize("taken", [(EXPLICIT, IMPLICIT), (IMPLICIT,)])
def test_what_the_destination_cannot_take_is_made_uncompressed(
    archive: Archive, decode_workers: DecodeWorkers, taken: tuple[str, ...]
):
    datasets = [
        ct_slice(study="a", transfer_syntax=JPEG2000Lossless),
        cr_image(study="b", transfer_syntax=ExplicitVRBigEndian),
        cr_image(study="c", transfer_syntax=DeflatedExplicitVRLittleEndian),
        us_cine(study="d", transfer_syntax=JPEGBaseline8Bit),
        ct_slice(study="e"),
        ct_slice(study="f", transfer_syntax=IMPLICIT),
    ]
    for dataset in datasets:
        send(archive, dataset)
    scp = StorageScp()
    with scp.listening([CT, CR, US], taken) as port, listening(archive, decode=decode_workers.decode) as listener:
        register(archive, "DEST", port)
        answers = move(listener.port, _study(*datasets))
    assert (answers[-1][0].Status, _counters(answers[-1][0])) == (0, (None, 6, 0, 0))
    originals = {dataset.SOPInstanceUID: dcmread(BytesIO(part10(dataset))) for dataset in datasets}
    for received, syntax in zip(scp.received, scp.syntaxes, strict=True):
        original = originals[received.SOPInstanceUID]
        stored = str(original.file_meta.TransferSyntaxUID)
        assert syntax == (stored if stored in taken else taken[0])
        assert received.PatientName == original.PatientName
        if stored != JPEGBaseline8Bit:
            assert np.array_equal(received.pixel_array, original.pixel_array)
        else:
            assert received.pixel_array.shape == (original.NumberOfFrames, original.Rows, original.Columns, 3)
            assert received.PhotometricInterpretation in ("RGB", "YBR_FULL")


def test_the_stored_syntax_goes_first(archive: Archive):
    compressed = ct_slice(study="a", transfer_syntax=JPEG2000Lossless)
    send(archive, compressed)
    scp = StorageScp()
    with scp.listening([CT], [EXPLICIT, JPEG2000Lossless]) as port, listening(archive) as listener:
        register(archive, "DEST", port)
        answers = move(listener.port, _study(compressed, ct_slice()))
    assert _counters(answers[-1][0]) == (None, 4, 2, 0)  # the study's MR images are not taken
    assert sorted(scp.syntaxes) == sorted([JPEG2000Lossless, EXPLICIT, EXPLICIT, EXPLICIT])
    assert (CT, (JPEG2000Lossless,)) in scp.contexts
    assert (CT, (EXPLICIT,)) in scp.contexts


def test_a_destination_is_sent_only_what_is_registered_of_it(archive: Archive):
    scp = StorageScp()
    with scp.listening([CT, MR], [EXPLICIT, IMPLICIT]) as port, listening(archive) as listener:
        register(archive, "DEST", port, PeerOptions(transfer_syntaxes=(IMPLICIT,)))
        assert move(listener.port, WHOLE)[-1][0].Status == 0
        register(archive, "STRANGE", port, PeerOptions(transfer_syntaxes=(str(JPEG2000Lossless),)))
        answers = move(listener.port, WHOLE, to="STRANGE")
    assert set(scp.syntaxes) == {IMPLICIT}
    assert answers[-1][0].Status == 0xA702
    assert "registered to take none" in answers[-1][0].ErrorComment


def test_more_kinds_than_contexts_take_several_associations(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pacs.dimse.sending.CONTEXTS_MAX", 3)
    scp = StorageScp()
    with scp.listening([CT, MR]) as port, listening(archive) as listener:
        register(archive, "DEST", port)
        answers = move(listener.port, WHOLE)
    assert _counters(answers[-1][0]) == (None, 5, 0, 0)
    assert scp.associations == 2


# Cancelled, slow, broken -------------------------------------------------------------------------------------------


class _Gate:
    """Holds the destination until it is opened."""

    def __init__(self) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()

    def __call__(self, number: int) -> int:
        self.reached.set()
        assert self.opened.wait(20)
        return 0


@contextmanager
def _held(archive: Archive) -> Iterator[tuple[_Gate, StorageScp]]:
    gate = _Gate()
    scp = StorageScp(gate)
    with scp.listening([CT, MR]) as port:
        register(archive, "DEST", port)
        try:
            yield gate, scp
        finally:
            gate.opened.set()


def _asked() -> bytes:
    raw = STUDY.encode() + b"\0" * (len(STUDY) & 1)
    return struct.pack("<HHL", 8, 0x52, 6) + b"STUDY " + struct.pack("<HHL", 0x20, 0xD, len(raw)) + raw


def _ask(peer: RawPeer) -> None:
    peer.associate(((STUDY_ROOT_MOVE, (IMPLICIT,)),), calling="WORKSTATION")
    peer.send(pdata(request(0x21, STUDY_ROOT_MOVE, 7, data_set=True, x0600=b"DEST")), pdata(_asked(), 2))
    assert status_of(peer.read()) == 0xFF00


def _last(peer: RawPeer) -> dict[int, bytes]:
    while True:
        pdu = peer.read()
        assert pdu is not None
        assert pdu[0] == 4
        elements = elements_of(pdu[1][6:]) if pdu[1][5] & 1 else {}
        if elements and elements[0x0900] != b"\x00\xff":
            return elements


def test_a_cancel_stops_after_the_object_on_its_way(listener: Listener, archive: Archive):
    with _held(archive) as (gate, scp), RawPeer(listener.port) as peer:
        _ask(peer)
        assert gate.reached.wait(10)
        peer.send(pdata(request(0x0FFF, STUDY_ROOT_MOVE, x0120=b"\7\0")))
        threading.Timer(0.5, gate.opened.set).start()
        last = _last(peer)
        counters = [int.from_bytes(last[number], "little") for number in (0x1020, 0x1021, 0x1022, 0x1023)]
        assert (last[0x0900], counters) == (b"\x00\xfe", [4, 1, 0, 0])
        assert len(scp.received) == 1
        peer.send(pdata(request(0x0FFF, STUDY_ROOT_MOVE, x0120=b"\7\0")))  # too late: ignored
        peer.send(pdata(request(0x21, STUDY_ROOT_MOVE, 8, data_set=True, x0600=b"DEST")), pdata(_asked(), 2))
        assert _last(peer)[0x0900] == b"\0\0"


def test_a_slow_destination_leaves_nobody_without_a_word(
    listener: Listener, archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pacs.dimse.move.PENDING_EVERY_S", 0.1)
    with _held(archive) as (gate, _), RawPeer(listener.port) as peer:
        _ask(peer)
        for _ in range(5):
            assert status_of(peer.read()) == 0xFF00
        with RawPeer(listener.port) as other:
            other.associate()
            assert other.echo() == 0
        gate.opened.set()
        assert _last(peer)[0x0900] == b"\0\0"


@pytest.mark.parametrize("last", [struct.pack(">BxL4x", 7, 4), struct.pack(">BxL4x", 5, 4), b""])
def test_a_requestor_that_leaves_has_its_wish_all_the_same(listener: Listener, archive: Archive, last: bytes):
    with _held(archive) as (gate, scp):
        with RawPeer(listener.port) as peer:
            _ask(peer)
            assert gate.reached.wait(10)
            peer.send(last)
        gate.opened.set()
        assert wait_until(lambda: len(scp.received) == 5)
        assert settled(listener)
    assert _audited(archive) == [("WORKSTATION", STUDY, "success", "C-MOVE to DEST: 5 instances, status 0000")]


def test_a_node_that_stops_ends_the_transfer(archive: Archive):
    with _held(archive) as (gate, scp):
        with listening(archive) as listener, RawPeer(listener.port) as peer:
            _ask(peer)
            assert gate.reached.wait(10)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("move-")]
    assert len(scp.received) == 1


def _broken(archive: Archive, good: int) -> Any:
    """A destination that hangs up after `good` answers on each association."""
    received: list[str] = []

    def store(event: evt.Event) -> int:
        received.append(str(event.request.AffectedSOPInstanceUID))
        if (len(received) - 1) % (good + 1) == good:
            event.assoc.abort()
        return 0

    entity = AE(ae_title="DEST")
    for uid in (CT, MR):
        entity.add_supported_context(uid, [EXPLICIT])
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    register(archive, "DEST", server.server_address[1])
    return server, received


def test_an_association_that_breaks_costs_one_object(listener: Listener, archive: Archive):
    server, received = _broken(archive, 2)
    try:
        answers = move(listener.port, WHOLE)
    finally:
        server.shutdown()
    assert (answers[-1][0].Status, _counters(answers[-1][0])) == (0xB000, (None, 4, 1, 0))
    assert len(received) == 5


def test_a_destination_that_only_breaks_is_given_up(listener: Listener, archive: Archive):
    server, received = _broken(archive, 0)
    try:
        answers = move(listener.port, WHOLE)
    finally:
        server.shutdown()
    assert (answers[-1][0].Status, _counters(answers[-1][0])) == (0xA702, (None, 0, 5, 0))
    assert len(received) == 3


def test_a_destination_that_never_answers_is_given_up(archive: Archive):
    with socket.create_server(("127.0.0.1", 0)) as server:
        register(archive, "DEST", server.getsockname()[1])
        with listening(archive, request_timeout_s=0.3) as listener:
            answers = move(listener.port, WHOLE)
    assert answers[-1][0].Status == 0xA702


def test_a_destination_learnt_a_moment_ago_is_known(archive: Archive, listener: Listener):
    ((answer, _),) = move(listener.port, WHOLE)
    assert answer.Status == 0xA801
    scp = StorageScp()
    with scp.listening([CT, MR]) as port:
        peers = Peers(archive.index, utc_now)
        peers.add("DEST", "127.0.0.1", port, [Verb.STORE], by=OPERATOR)
        listener._peers._forget()  # the register that commands change is the listener's own
        assert move(listener.port, WHOLE)[-1][0].Status == 0
