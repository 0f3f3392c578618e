"""Associations that the node asks for: against its own listener, pynetdicom, and peers that misbehave."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt

from pacs.archive.archive import Archive
from pacs.dimse.command import C_ECHO_RQ, C_FIND_RQ, N_ACTION_RQ, SUCCESS
from pacs.dimse.listener import Listener
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, OutboundAssociation, Proposal
from pacs.dimse.pdu import Roles
from pacs.settings import DimseSettings
from tests.support.dimse import (
    ABORT,
    CT,
    EXPLICIT,
    IMPLICIT,
    RELEASE,
    STUDY_ROOT_FIND,
    VERIFICATION,
    command_set,
    listening,
    pdata,
    settled,
    wait_until,
)
from tests.support.factories import ct_slice, part10
from tests.support.modality import split_part10

COMMITMENT = "1.2.840.10008.1.20.1"
ECHO = (Proposal(VERIFICATION, (IMPLICIT,)),)


@contextmanager
def reaching(**settings: Any) -> Iterator[Outbound]:
    """Associations of a node named SURET; none is open when the context ends."""
    outbound = Outbound(DimseSettings(**settings))
    outbound.start()
    try:
        yield outbound
    finally:
        outbound.stop()
        assert not outbound._open


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    with reaching() as outbound:
        yield outbound


def _echo(association: OutboundAssociation) -> int:
    context = association.context_for(VERIFICATION)
    assert context is not None
    (answer,) = association.ask(context, C_ECHO_RQ)
    return answer.status


def test_it_associates_asks_and_releases(outbound: Outbound, listener: Listener):
    with outbound.associate("127.0.0.1", listener.port, "SURET", ECHO) as association:
        assert _echo(association) == SUCCESS
        assert _echo(association) == SUCCESS
        assert association.alive
    assert not association.alive
    assert settled(listener)
    assert listener.statistics()["echo_succeeded"] == 2


@pytest.mark.parametrize("pdu_bytes", [16384, 131072])
@pytest.mark.parametrize("piece_bytes", [1 << 20, 16378, 16377, 999])
def test_a_data_set_arrives_as_its_pieces_were(archive: Archive, pdu_bytes: int, piece_bytes: int):
    dataset = ct_slice(rows=256, columns=256)
    sent = split_part10(part10(dataset))[1]
    pieces = (sent[start : start + piece_bytes] for start in range(0, len(sent), piece_bytes))
    with (
        reaching() as outbound,
        listening(archive, pdu_bytes_max=pdu_bytes) as listener,
        outbound.associate("127.0.0.1", listener.port, "SURET", [Proposal(CT, (EXPLICIT,))]) as association,
    ):
        context = association.context_for(CT, IMPLICIT, EXPLICIT)
        assert context is not None
        answer = association.store(context, str(dataset.SOPInstanceUID), pieces)
    assert (answer.status, answer.succeeded, answer.warned) == (SUCCESS, True, False)
    (kept,) = archive.instances(str(dataset.StudyInstanceUID))
    with archive.open(kept) as stream:
        assert stream.read()[kept.dataset_offset :] == sent


def test_the_originator_of_a_move_is_told(outbound: Outbound):
    told: list[Any] = []

    def stored(event: evt.Event) -> int:
        told.append((event.request.MoveOriginatorApplicationEntityTitle, event.request.MoveOriginatorMessageID))
        return 0xB006

    with _pynetdicom([CT], [(evt.EVT_C_STORE, stored)]) as port:
        dataset = ct_slice()
        with outbound.associate("127.0.0.1", port, "PEER", [Proposal(CT, (EXPLICIT,))]) as association:
            (context,) = association.contexts
            body = split_part10(part10(dataset))[1]
            answer = association.store(context, str(dataset.SOPInstanceUID), [body], originator=("WORKSTATION", 7))
    assert told == [("WORKSTATION", 7)]
    assert (answer.status, answer.succeeded, answer.warned) == (0xB006, True, True)


def test_pieces_that_fail_end_the_association(outbound: Outbound, archive: Archive, listener: Listener):
    def pieces() -> Iterator[bytes]:
        yield b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"
        raise OSError("the store is gone")

    association = outbound.associate("127.0.0.1", listener.port, "SURET", [Proposal(CT, (EXPLICIT,))])
    with pytest.raises(OSError, match="gone"):
        association.store(association.contexts[0], "1.2.3", pieces())
    assert not association.alive
    assert settled(listener)
    assert listener.statistics().get("store_succeeded", 0) == 0


@contextmanager
def _pynetdicom(
    classes: list[str],
    handlers: list[tuple[Any, Callable[..., Any]]],
    roles: dict[str, tuple[bool, bool]] | None = None,
) -> Iterator[int]:
    """A pynetdicom acceptor; its port."""
    entity = AE(ae_title="PEER")
    for uid in classes:
        scu, scp = (roles or {}).get(uid, (None, None))
        entity.add_supported_context(uid, [IMPLICIT, EXPLICIT], scu_role=scu, scp_role=scp)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


def test_every_response_is_given_and_an_operation_can_be_cancelled(outbound: Outbound):
    asked_before: list[bool] = []

    def find(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(100):
            cancelled = event.is_cancelled  # asking takes it away
            if number == 50 and asked_before and not cancelled:
                cancelled = wait_until(lambda: event.is_cancelled)
            if cancelled:
                yield 0xFE00, None
                return
            found = Dataset()
            found.QueryRetrieveLevel, found.PatientID = "STUDY", str(number)
            yield 0xFF00, found
        asked_before.append(True)

    asked = b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY "
    with _pynetdicom([STUDY_ROOT_FIND], [(evt.EVT_C_FIND, find)]) as port:
        proposals = [Proposal(STUDY_ROOT_FIND, (IMPLICIT,))]
        with outbound.associate("127.0.0.1", port, "PEER", proposals) as association:
            (context,) = association.contexts
            responses = list(association.ask(context, C_FIND_RQ, data_set=asked))
            assert [response.status for response in responses] == [0xFF00] * 100 + [0]
            assert all(response.data_set for response in responses[:-1])
            assert responses[-1].data_set is None
            statuses = []
            for response in association.ask(context, C_FIND_RQ, data_set=asked):
                if not statuses:
                    association.cancel(context, response)
                statuses.append(response.status)
    assert statuses[-1] == 0xFE00


def test_what_the_peer_asks_meanwhile_is_served(outbound: Outbound):
    served = []

    def serve(association: OutboundAssociation, context: Any, command: Any) -> None:
        association.receive_data_set(context, lambda piece: None)
        served.append((command.event_type_id, association.calling_ae_title))
        association.respond(context, command, SUCCESS, numbers={0x1002: 1})

    with (
        _raw(_report_then_answer) as port,
        outbound.associate("127.0.0.1", port, "PEER", [Proposal(COMMITMENT, (IMPLICIT,))], serve=serve) as association,
    ):
        (context,) = association.contexts
        (answer,) = association.ask(context, N_ACTION_RQ, sop_instance_uid="1.2.840.10008.1.20.1.1")
    assert answer.status == SUCCESS
    assert served == [(1, "PEER")]


def _read(peer: socket.socket) -> tuple[int, bytes]:
    header = peer.recv(6, socket.MSG_WAITALL)
    if len(header) < 6:
        return 0, b""
    kind, length = struct.unpack(">BxL", header)
    return kind, peer.recv(length, socket.MSG_WAITALL) if length else b""


def _accept(peer: socket.socket, syntax: str = IMPLICIT, maximum: int = 16384) -> bytes:
    """Accept the first context of the request that is read."""
    kind, body = _read(peer)
    assert kind == 1
    transfer = struct.pack(">BxH", 0x40, len(syntax)) + syntax.encode()
    context = struct.pack(">BxHBxBx", 0x21, len(transfer) + 4, 1, 0) + transfer
    longest = struct.pack(">BxHL", 0x51, 4, maximum)
    items = context + struct.pack(">BxH", 0x50, len(longest)) + longest
    answer = struct.pack(">HH", 1, 0) + body[4:68] + items
    peer.sendall(struct.pack(">BxL", 2, len(answer)) + answer)
    return body


def _answer(field: int, responded_to: int = 1, status: int = 0) -> bytes:
    return pdata(
        command_set(
            {
                0x0100: struct.pack("<H", field),
                0x0120: struct.pack("<H", responded_to),
                0x0800: struct.pack("<H", 0x0101),
                0x0900: struct.pack("<H", status),
            }
        )
    )


def _report_then_answer(peer: socket.socket) -> None:
    _accept(peer)
    _read(peer)
    peer.sendall(
        pdata(
            command_set(
                {
                    0x0100: struct.pack("<H", 0x0100),
                    0x0110: struct.pack("<H", 1),
                    0x0800: struct.pack("<H", 0x0101),
                    0x1002: struct.pack("<H", 1),
                }
            )
        )
    )
    _read(peer)
    peer.sendall(_answer(0x8130))
    assert _read(peer)[0] == 5
    peer.sendall(struct.pack(">BxL4x", 6, 4))


@contextmanager
def _raw(behaviour: Callable[[socket.socket], object]) -> Iterator[int]:
    """A TCP server that treats one connection with `behaviour`; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            peer, _ = server.accept()
            with peer:
                peer.settimeout(10)
                behaviour(peer)

        thread = threading.Thread(target=run)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)
        assert not thread.is_alive()


def _reject(result: int, source: int, reason: int) -> Callable[[socket.socket], object]:
    def behave(peer: socket.socket) -> None:
        _read(peer)
        peer.sendall(struct.pack(">BxLBBBB", 3, 4, 0, result, source, reason))
        _read(peer)

    return behave


@pytest.mark.parametrize(
    ("reason", "words", "transient"),
    [
        ((1, 1, 3), "it does not know AE title SURET", False),
        ((1, 1, 7), "it is not AE title PEER", False),
        ((2, 3, 2), "as many associations as it allows", True),
        ((2, 3, 1), "congested", True),
        ((1, 1, 1), "no reason", False),
    ],
)
def test_a_rejection_is_told_in_words(outbound: Outbound, reason: tuple[int, int, int], words: str, transient: bool):
    with _raw(_reject(*reason)) as port, pytest.raises(NoAssociation, match=words) as told:
        outbound.associate("127.0.0.1", port, "PEER", ECHO)
    assert told.value.transient is transient


def test_a_peer_that_is_gone_at_once_is_told_and_leaves_no_socket(outbound: Outbound, monkeypatch: pytest.MonkeyPatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        reached = socket.create_connection(("127.0.0.1", port))
        peer, _ = server.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # resets instead of closing
        peer.close()
        with pytest.raises(ConnectionResetError):
            reached.recv(1)
    monkeypatch.setattr(socket, "create_connection", lambda *_: reached)
    with pytest.raises(NoAssociation, match="cannot be reached"):
        outbound.associate("127.0.0.1", port, "PEER", ECHO)
    assert reached.fileno() == -1


def test_nobody_there_is_told(outbound: Outbound):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NoAssociation, match=f"PEER at 127.0.0.1:{port} cannot be reached: Connection refused"):
        outbound.associate("127.0.0.1", port, "PEER", ECHO)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (lambda peer: _read(peer), "closed the connection"),
        (lambda peer: (_read(peer), peer.sendall(ABORT)), "aborted"),
        (lambda peer: (_read(peer), peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), _read(peer)), "PDU"),
        (lambda peer: (_read(peer), peer.sendall(struct.pack(">BxL", 2, 1 << 31)), _read(peer)), "PDU of 2147483648"),
        (lambda peer: (_read(peer), peer.sendall(struct.pack(">BxL", 2, 4) + bytes(4)), _read(peer)), "fixed fields"),
        (lambda peer: _read(peer) and _read(peer), "took too long"),
    ],
    ids=["closes", "aborts", "http", "long", "short", "silent"],
)
def test_what_is_no_acceptance_is_told(behaviour: Callable[[socket.socket], object], words: str):
    with (
        reaching(request_timeout_s=0.3) as outbound,
        _raw(behaviour) as port,
        pytest.raises(NoAssociation, match=words),
    ):
        outbound.associate("127.0.0.1", port, "PEER", ECHO)


def test_a_syntax_that_was_not_proposed_is_no_context(outbound: Outbound):
    with _raw(lambda peer: (_accept(peer, EXPLICIT), _read(peer))) as port:
        association = outbound.associate("127.0.0.1", port, "PEER", ECHO)
        assert association.contexts == ()
        association.abort()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (lambda peer: None, "lost"),
        (lambda peer: peer.sendall(ABORT), "aborted by the peer"),
        (lambda peer: (peer.sendall(RELEASE), _read(peer)), "released"),
        (lambda peer: (peer.sendall(_answer(0x8030, 2)), _read(peer)), "a response to something else"),
        (lambda peer: (peer.sendall(_answer(0x8020)), _read(peer)), "a response to something else"),
        (lambda peer: (peer.sendall(pdata(b"nonsense")), _read(peer)), "command set"),
        (lambda peer: (peer.sendall(pdata(b"", context_id=9)), _read(peer)), "not accepted"),
        (lambda peer: _read(peer), "took too long"),
    ],
    ids=["closes", "aborts", "releases", "other id", "other operation", "nonsense", "other context", "silent"],
)
def test_a_peer_that_does_not_answer_is_told(behaviour: Callable[[socket.socket], object], words: str):
    def behave(peer: socket.socket) -> None:
        _accept(peer)
        _read(peer)
        behaviour(peer)

    with reaching(response_timeout_s=0.3) as outbound, _raw(behave) as port:
        association = outbound.associate("127.0.0.1", port, "PEER", ECHO)
        with pytest.raises(AssociationLost, match=words):
            _echo(association)
        assert not association.alive
        with pytest.raises(AssociationLost, match="has ended"):
            _echo(association)


def test_a_release_by_both_at_once_is_one(outbound: Outbound):
    seen = []

    def behave(peer: socket.socket) -> None:
        _accept(peer)
        peer.sendall(RELEASE)
        seen.append(_read(peer)[0])
        seen.append(_read(peer)[0])
        peer.sendall(struct.pack(">BxL4x", 6, 4))
        seen.append(_read(peer)[0])

    with _raw(behave) as port:
        outbound.associate("127.0.0.1", port, "PEER", ECHO).release()
    assert seen == [5, 6, 0]


def test_an_error_inside_aborts(outbound: Outbound, listener: Listener):
    with (
        pytest.raises(KeyError),
        outbound.associate("127.0.0.1", listener.port, "SURET", ECHO),
    ):
        raise KeyError("a mistake of ours")
    assert settled(listener)


def test_the_number_of_associations_is_bounded(listener: Listener):
    with reaching(outbound_associations_max=2, connect_timeout_s=0.2) as outbound:
        held = [outbound.associate("127.0.0.1", listener.port, "SURET", ECHO) for _ in range(2)]
        with pytest.raises(NoAssociation, match="too many associations"):
            outbound.associate("127.0.0.1", listener.port, "SURET", ECHO)
        held.pop().release()
        held.append(outbound.associate("127.0.0.1", listener.port, "SURET", ECHO))
        assert [_echo(association) for association in held] == [SUCCESS, SUCCESS]
        for association in held:
            association.release()


def test_failures_give_their_place_back():
    with reaching(outbound_associations_max=1, connect_timeout_s=0.2) as outbound:
        for _ in range(3):
            with _raw(_reject(1, 1, 7)) as port, pytest.raises(NoAssociation, match="it is not"):
                outbound.associate("127.0.0.1", port, "PEER", ECHO)


def test_a_node_that_stops_ends_its_associations(listener: Listener):
    with reaching() as outbound:
        association = outbound.associate("127.0.0.1", listener.port, "SURET", ECHO)
        stopping = threading.Thread(target=outbound.stop)
        stopping.start()
        assert wait_until(lambda: outbound.stopping)
        with pytest.raises(AssociationLost):
            _echo(association)
        stopping.join(10)
        with pytest.raises(NoAssociation, match="stopping"):
            outbound.associate("127.0.0.1", listener.port, "SURET", ECHO)


def test_roles_are_proposed_and_heard(outbound: Outbound):
    with (
        _pynetdicom([COMMITMENT], [], {COMMITMENT: (False, True)}) as port,
        outbound.associate(
            "127.0.0.1",
            port,
            "PEER",
            [Proposal(COMMITMENT, (IMPLICIT,))],
            roles={COMMITMENT: Roles(scu=False, scp=True)},
        ) as association,
    ):
        assert association.roles[COMMITMENT] == Roles(scu=False, scp=True)
        assert association.context_for(COMMITMENT) is not None


@pytest.mark.parametrize("count", [0, 129])
def test_contexts_that_do_not_fit_are_a_mistake_of_ours(outbound: Outbound, count: int):
    with pytest.raises(ValueError, match="do not fit"):
        outbound.associate("127.0.0.1", 1, "PEER", ECHO * count)
