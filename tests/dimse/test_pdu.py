from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)

from pacs.dimse.pdu import (
    AbortReason,
    ContextAnswer,
    ContextResult,
    ProtocolViolation,
    Rejection,
    Roles,
    abort_by_provider,
    abort_by_user,
    associate_accept,
    associate_reject,
    p_data,
    parse_associate_request,
)
from tests.support.dimse import CT, EXPLICIT, IMPLICIT, STUDY_ROOT_FIND, VERIFICATION, associate_request


def _everything() -> bytes:
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked, window.maximum_number_operations_performed = 5, 5
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, False, True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = STUDY_ROOT_FIND, b"\1\1\1"
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field = 1, b"somebody"
    return associate_request(
        ((VERIFICATION, (IMPLICIT,)), (CT, (EXPLICIT, IMPLICIT))),
        called="THE NODE",
        calling="A MODALITY",
        maximum_length=65536,
        user_information=(window, role, extended, identity),
    )


def test_a_request_is_read_as_pynetdicom_wrote_it():
    request = parse_associate_request(_everything()[6:])
    assert (request.called_ae_title, request.calling_ae_title) == ("THE NODE", "A MODALITY")
    assert request.protocol_version & 1
    assert request.application_context == "1.2.840.10008.3.1.1.1"
    assert [(c.context_id, c.abstract_syntax, c.transfer_syntaxes) for c in request.contexts] == [
        (1, VERIFICATION, (IMPLICIT,)),
        (3, CT, (EXPLICIT, IMPLICIT)),
    ]
    assert request.maximum_length == 65536
    assert request.roles == {CT: Roles(scu=False, scp=True)}
    assert request.asynchronous
    assert request.extended == {STUDY_ROOT_FIND: b"\1\1\1"}
    assert request.implementation_class_uid == "1.2.826.0.1.3680043.9.7433.1.1"


def test_pynetdicom_reads_our_acceptance():
    request = parse_associate_request(_everything()[6:])
    answers = (
        ContextAnswer(1, ContextResult.ACCEPTED, IMPLICIT),
        ContextAnswer(3, ContextResult.TRANSFER_SYNTAXES, IMPLICIT),
    )
    accept = A_ASSOCIATE_AC()
    roles, extended = {CT: Roles(scu=False, scp=True)}, {STUDY_ROOT_FIND: b"\1\0\1"}
    accept.decode(associate_accept(request, answers, 131072, roles, extended))
    assert (accept.reserved_aet.strip(), accept.reserved_aec.strip()) == ("THE NODE", "A MODALITY")
    assert [(c.context_id, c.result, c.transfer_syntax) for c in accept.presentation_context] == [
        (1, 0, IMPLICIT),
        (3, 4, IMPLICIT),
    ]
    user = accept.user_information
    assert user.maximum_length == 131072
    assert (user.role_selection[CT].scu_role, user.role_selection[CT].scp_role) == (0, 1)
    assert user.async_ops_window.max_operations_invoked == 1
    assert [(item.uid, item.app_info) for item in user.ext_neg] == [(STUDY_ROOT_FIND, b"\1\0\1")]
    assert user.user_identity is None


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0xFF, len(content)) + content  # a reserved byte that nobody tests


def test_padded_identifiers_reserved_bytes_and_unknown_items_are_no_mistakes():
    """PS3.8 9.3.1: reserved bytes are not tested and unknown items are skipped; UIDs are not to be padded, and are."""
    context = _item(0x30, VERIFICATION.encode() + b"\0") + _item(0x40, IMPLICIT.encode() + b" ") + _item(0x4F, b"new")
    common = b"".join(struct.pack(">H", len(uid)) + uid for uid in (CT.encode(), b"1.2.840.10008.4.2")) + b"\0\0"
    user = b"".join(
        (
            _item(0x51, struct.pack(">L", 0)),
            _item(0x57, common),
            _item(0x58, b"\2\1" + struct.pack(">H", 4) + b"name" + struct.pack(">H", 6) + b"secret"),
            _item(0x5F, b"newer than this node"),
        )
    )
    body = b"".join(
        (
            struct.pack(">H", 0xFFFF),  # every version that there will be, the first among them
            b"\xff\xff",
            b"THE NODE".ljust(16) + b"  A MODALITY".ljust(16) + b"\xff" * 32,
            _item(0x10, b"1.2.840.10008.3.1.1.1\0"),
            _item(0x2F, b"new"),
            _item(0x20, bytes((255, 9, 9, 9)) + context),
            _item(0x50, user),
        )
    )
    request = parse_associate_request(body)
    assert (request.called_ae_title, request.calling_ae_title) == ("THE NODE", "A MODALITY")
    assert request.application_context == "1.2.840.10008.3.1.1.1"
    (proposed,) = request.contexts
    assert (proposed.context_id, proposed.abstract_syntax, proposed.transfer_syntaxes) == (
        255,
        VERIFICATION,
        (IMPLICIT,),
    )
    assert (request.maximum_length, request.roles, request.extended) == (0, {}, {})
    accept = associate_accept(request, (ContextAnswer(255, ContextResult.ACCEPTED, IMPLICIT),), 16384, {})
    assert accept[10:74] == body[4:68], "titles and reserved bytes go back as they came"
    decoded = A_ASSOCIATE_AC()
    decoded.decode(accept)
    assert decoded.user_information.user_identity is None, "nothing says that an identity was taken on"
    assert decoded.user_information.common_ext_neg == [], "common extended negotiation is never answered"


@pytest.mark.parametrize("rejection", Rejection)
def test_pynetdicom_reads_our_rejections(rejection: Rejection):
    decoded = A_ASSOCIATE_RJ()
    decoded.decode(associate_reject(rejection))
    assert (decoded.result, decoded.source, decoded.reason_diagnostic) == rejection.value


def test_pynetdicom_reads_our_aborts():
    decoded = A_ABORT_RQ()
    decoded.decode(abort_by_provider(AbortReason.UNEXPECTED_PDU))
    assert (decoded.source, decoded.reason_diagnostic) == (2, 2)
    decoded.decode(abort_by_user())
    assert (decoded.source, decoded.reason_diagnostic) == (0, 0)


def test_every_cut_of_a_request_is_refused_or_shorter_but_whole():
    body = _everything()[6:]
    whole, reasons = 0, set[AbortReason]()
    for end in range(len(body)):
        try:
            parse_associate_request(body[:end])
            whole += 1
        except ProtocolViolation as violation:
            reasons.add(violation.reason)
    assert reasons == {AbortReason.INVALID_PARAMETER}
    assert whole <= 6, "only a cut between two items leaves a whole request"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_request_raises_nothing_but_a_violation(changes: list[tuple[int, int]]):
    body = bytearray(_everything()[6:])
    for position, value in changes:
        body[position % len(body)] = value
    try:
        parse_associate_request(body)
    except ProtocolViolation:
        return


@pytest.mark.parametrize(
    ("numbers", "why"),
    [((1, 1), "twice the same"), ((2,), "even"), ((0,), "even"), ((), "none at all")],
)
def test_presentation_context_identifiers_are_odd_and_each_its_own(numbers: tuple[int, ...], why: str):
    def item(kind: int, content: bytes) -> bytes:
        return struct.pack(">BxH", kind, len(content)) + content

    syntaxes = item(0x30, VERIFICATION.encode()) + item(0x40, IMPLICIT.encode())
    body = bytes((0, 1)) + bytes(66) + b"".join(item(0x20, bytes((n, 0, 0, 0)) + syntaxes) for n in numbers)
    with pytest.raises(ProtocolViolation):
        parse_associate_request(body)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.integers(128, 600), st.booleans())
def test_data_is_cut_to_what_the_peer_takes(payload: bytes, longest: int, command: bool):
    stream = p_data(7, payload, command=command, maximum_length=longest)
    joined, position, controls = b"", 0, []
    while position < len(stream):
        length = struct.unpack_from(">xxL", stream, position)[0]
        assert length <= longest
        decoded = P_DATA_TF()
        decoded.decode(stream[position : position + 6 + length])
        (item,) = decoded.presentation_data_value_items
        assert item.presentation_context_id == 7
        controls.append(item.presentation_data_value[0])
        joined += item.presentation_data_value[1:]
        position += 6 + length
    kind = 1 if command else 0
    assert joined == payload
    assert controls == [kind] * (len(controls) - 1) + [kind | 2]
