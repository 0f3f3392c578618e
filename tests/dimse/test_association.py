from __future__ import annotations

import os
import struct
import time
from typing import Any

import pytest
from pynetdicom.pdu import A_ASSOCIATE_AC
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from tests.support.dimse import (
    ABORT,
    CT,
    ECHO,
    EXPLICIT,
    IMPLICIT,
    RELEASE,
    VERIFICATION,
    RawPeer,
    associate_request,
    elements_of,
    listening,
    pdata,
    request,
    settled,
    status_of,
)
from tests.support.factories import ct_slice, part10
from tests.support.modality import prepare, split_part10

USER_ABORT = (7, bytes(4))
INVALID, UNRECOGNISED, UNEXPECTED = 6, 1, 2


def _aborted(reason: int) -> tuple[int, bytes]:
    return 7, bytes((0, 0, 2, reason))


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_an_echo_is_answered_and_the_release_too(listener: Listener):
    with RawPeer(listener.port) as peer:
        kind, _ = peer.associate()
        assert kind == 2
        assert peer.echo() == 0
        assert peer.echo() == 0
        peer.send(RELEASE)
        assert peer.read() == (6, bytes(4))
        assert peer.closed()
    assert listener.statistics()["echo_succeeded"] == 2


def test_a_response_repeats_message_and_class(listener: Listener):
    with RawPeer(listener.port) as peer:
        peer.associate()
        peer.send(pdata(request(0x0030, VERIFICATION, 4711)))
        answer = peer.read()
        assert answer is not None
        found = elements_of(answer[1][6:])
        assert found[0x0120] == struct.pack("<H", 4711)
        assert found[0x0002].rstrip(b"\0") == VERIFICATION.encode()
        assert found[0x0100] == struct.pack("<H", 0x8030)


def test_a_command_may_come_in_pieces_and_several_in_one_pdu(listener: Listener):
    command = request(0x0030, VERIFICATION)
    pieces = [command[:1], command[1:9], b"", command[9:]]
    with RawPeer(listener.port) as peer:
        peer.associate()
        for number, piece in enumerate(pieces):
            peer.send(pdata(piece, 3 if number == len(pieces) - 1 else 1))
        assert status_of(peer.read()) == 0
        items = b"".join(
            struct.pack(">LBB", len(piece) + 2, 1, 3 if number == len(pieces) - 1 else 1) + piece
            for number, piece in enumerate(pieces)
        )
        peer.send(struct.pack(">BxL", 4, len(items)) + items)
        assert status_of(peer.read()) == 0


def test_bytes_one_at_a_time_are_understood(listener: Listener):
    with RawPeer(listener.port) as peer:
        for byte in associate_request() + ECHO:
            peer.send(bytes((byte,)))
        answer = peer.read()
        assert answer is not None
        assert answer[0] == 2
        assert status_of(peer.read()) == 0


@pytest.mark.parametrize(
    ("options", "calling", "rejection", "why"),
    [
        ({"called": "ANOTHER"}, b"TESTER", (1, 1, 7), "sent to AE title ANOTHER; this node is SURET"),
        ({}, b"back\\slash", (1, 1, 3), "not registered"),
        ({"called": "suret"}, b"TESTER", (1, 1, 7), "sent to AE title suret; this node is SURET"),
        ({}, b"bell\a", (1, 1, 3), "not registered"),
        ({}, b"", (1, 1, 3), "not registered"),
        ({"maximum_length": 64}, b"TESTER", (1, 2, 1), "PDUs of 64 bytes"),
    ],
    ids=["called", "calling with a backslash", "another case", "a control character", "no title", "maximum length"],
)
def test_refusals_name_their_reason(
    listener: Listener,
    logged: list[dict[str, str]],
    options: dict[str, Any],
    calling: bytes,
    rejection: tuple[int, int, int],
    why: str,
):
    raw = bytearray(associate_request(**options))
    raw[26:42] = calling.ljust(16)
    with RawPeer(listener.port) as peer:
        peer.send(bytes(raw))
        assert peer.read() == (3, bytes((0, *rejection)))
        assert peer.closed()
    assert listener.statistics()["associations_open"] == 0
    (event,) = [event for event in logged if event["event"] == "association_refused"]
    assert why in event["why"]


@pytest.mark.parametrize("maximum_length", [0, 128, 1 << 31])
def test_any_maximum_length_that_can_be_served_is(listener: Listener, maximum_length: int):
    """0 sets no limit (PS3.8 D.1)."""
    raw = bytearray(associate_request(maximum_length=maximum_length))
    raw[10:26] = b"  SURET".ljust(16)  # spaces around a title mean nothing (PS3.5 6.2)
    with RawPeer(listener.port) as peer:
        peer.send(bytes(raw))
        answer = peer.read()
        assert answer is not None
        assert answer[0] == 2
        assert peer.echo() == 0


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("wanted", [False, True])
def test_an_identity_of_a_user_is_neither_taken_on_nor_a_reason_to_refuse(listener: Listener, kind: int, wanted: bool):
    """Who asks for an answer gets none, which says that it counts for nothing here (PS3.7 D.3.3.7)."""
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = kind, b"somebody"
    if kind == 2:
        identity.secondary_field = b"secret"
    identity.positive_response_requested = wanted
    with RawPeer(listener.port) as peer:
        kind_of_answer, body = peer.associate(user_information=(identity,))
        assert kind_of_answer == 2
        accept = A_ASSOCIATE_AC()
        accept.decode(struct.pack(">BxL", 2, len(body)) + body)
        assert accept.user_information.user_identity is None
        assert peer.echo() == 0


@pytest.mark.parametrize(
    ("position", "value", "rejection"),
    [(7, 0, (1, 2, 2)), (78 + 4, ord("9"), (1, 1, 2))],
    ids=["protocol version", "application context"],
)
def test_another_protocol_is_refused(listener: Listener, position: int, value: int, rejection: tuple[int, ...]):
    raw = bytearray(associate_request())
    raw[position] = value
    with RawPeer(listener.port) as peer:
        peer.send(bytes(raw))
        assert peer.read() == (3, bytes((0, *rejection)))


def test_an_association_whose_contexts_are_all_rejected_is_still_one(listener: Listener):
    with RawPeer(listener.port) as peer:
        kind, body = peer.associate((("1.2.840.10008.5.1.1.9", (IMPLICIT,)),))
        assert kind == 2
        assert b"\x21\0" in body
        peer.send(RELEASE)
        assert peer.read() == (6, bytes(4))


@pytest.mark.parametrize(
    ("first_bytes", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", USER_ABORT),
        (ECHO, USER_ABORT),
        (RELEASE, USER_ABORT),
        (struct.pack(">BxL", 1, 0xFFFFFFFF), USER_ABORT),
        (struct.pack(">BxL", 1, 0), USER_ABORT),
        (struct.pack(">BxL", 1, 67) + bytes(67), USER_ABORT),
        (ABORT, None),
    ],
    ids=["HTTP", "data first", "release first", "4 GiB", "empty", "short", "abort"],
)
def test_what_is_no_association_request_ends_at_once(
    listener: Listener, first_bytes: bytes, answer: tuple[int, bytes] | None
):
    with RawPeer(listener.port) as peer:
        peer.send(first_bytes)
        assert peer.read() == answer
        assert answer is None or peer.closed()
    assert settled(listener)


LYING = {
    "P-DATA of no bytes": (struct.pack(">BxL", 4, 0), INVALID),
    "P-DATA of 4 GiB": (struct.pack(">BxL", 4, 0xFFFFFFFF), INVALID),
    "P-DATA over the limit": (struct.pack(">BxL", 4, 131073), INVALID),
    "P-DATA that ends in a PDV's header": (struct.pack(">BxLLBB", 4, 11, 4, 1, 1) + bytes(5), INVALID),
    "PDV of no bytes": (struct.pack(">BxLLBB", 4, 6, 0, 1, 3), INVALID),
    "PDV of one byte": (struct.pack(">BxLLBB", 4, 6, 1, 1, 3), INVALID),
    "PDV longer than its PDU": (struct.pack(">BxLLBB", 4, 6, 3, 1, 3), INVALID),
    "PDV of 4 GiB": (struct.pack(">BxLLBB", 4, 6, 0xFFFFFFFF, 1, 3), INVALID),
    "a context that was not accepted": (pdata(request(0x30, VERIFICATION), context_id=5), INVALID),
    "an even context": (pdata(request(0x30, VERIFICATION), context_id=2), INVALID),
    "data before a command": (pdata(b"\0" * 10, control=2), UNEXPECTED),
    "no command set": (pdata(b"\x08\0\x18\0\0\0\0\0"), INVALID),
    "a response to nothing": (pdata(request(0x8030, VERIFICATION)), UNEXPECTED),
    "a second association request": (associate_request(), UNEXPECTED),
    "an association acceptance": (struct.pack(">BxL4x", 2, 4), UNEXPECTED),
    "a release response": (struct.pack(">BxL4x", 6, 4), UNEXPECTED),
    "no PDU": (b"GET / HTTP/1.0\r\n\r\n", UNRECOGNISED),
    "PDU type 8": (struct.pack(">BxL4x", 8, 4), UNRECOGNISED),
    "a command in a data set": (pdata(request(1, CT, data_set=True, x1000=b"1.2\0"), context_id=3) * 2, UNEXPECTED),
    "a data set of another context": (
        pdata(request(1, CT, data_set=True, x1000=b"1.2\0"), context_id=3) + pdata(b"\0" * 8, control=2),
        UNEXPECTED,
    ),
}


@pytest.mark.parametrize("what", LYING)
def test_a_broken_protocol_is_answered_with_its_abort(listener: Listener, what: str):
    raw, reason = LYING[what]
    with RawPeer(listener.port) as peer:
        peer.associate(((VERIFICATION, (IMPLICIT,)), (CT, (EXPLICIT,))))
        peer.send(raw)
        assert peer.read() == _aborted(reason)
        assert peer.closed()
    assert settled(listener)
    with RawPeer(listener.port) as peer:
        peer.associate()
        assert peer.echo() == 0


def test_a_command_set_that_never_ends_is_ended(listener: Listener):
    with RawPeer(listener.port) as peer:
        peer.associate()
        for _ in range(20):
            peer.send(pdata(bytes(8192), control=1))
        assert peer.read() == _aborted(INVALID)


def test_an_operation_of_another_service_is_refused_and_the_association_lives(listener: Listener):
    with RawPeer(listener.port) as peer:
        peer.associate()
        peer.send(pdata(request(0x0001, VERIFICATION, data_set=True)), pdata(bytes(5000), control=2))
        assert status_of(peer.read()) == 0x0211
        peer.send(pdata(request(0x0FFF, VERIFICATION)))  # a late C-CANCEL has no answer
        assert peer.echo() == 0


def test_an_idle_association_is_ended(archive: Archive):
    with listening(archive, idle_timeout_s=0.3) as listener, RawPeer(listener.port) as peer:
        peer.associate()
        assert peer.echo() == 0
        started = time.monotonic()
        assert peer.closed()
        assert time.monotonic() - started < 5
        assert settled(listener)


def test_aborting_at_every_byte_leaves_no_trace(archive: Archive, listener: Listener):
    dataset = ct_slice(rows=8, columns=8)
    _, raw = split_part10(part10(dataset))
    instance = prepare(CT, str(dataset.SOPInstanceUID), EXPLICIT, raw)
    session = associate_request(((CT, (EXPLICIT,)),)) + instance.pdus
    handshake = len(session) - len(instance.pdus)
    with RawPeer(listener.port) as peer:
        peer.associate()  # everything that is made once is made
        peer.send(RELEASE)
        peer.read()
    assert settled(listener)
    before = _descriptors()
    for end in range(len(session)):
        with RawPeer(listener.port) as peer:
            peer.send(session[:end])
            if end >= handshake:
                peer.read()  # the acceptance
            if end % 2 and end + len(ABORT) < len(session):  # nearer to the end it would complete the data set
                peer.send(ABORT)
    assert settled(listener)
    assert _descriptors() == before
    assert list(archive.store.incoming.iterdir()) == []
    assert list(archive.store.list()) == []
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        peer.send(instance.pdus)
        assert status_of(peer.read()) == 0
        peer.send(RELEASE)
        assert peer.read() == (6, bytes(4))
    assert len(list(archive.store.list())) == 1
