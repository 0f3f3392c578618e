from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset
from pynetdicom import dimse_messages
from pynetdicom.dimse_primitives import C_CANCEL, C_ECHO, C_MOVE, C_STORE, N_ACTION, N_GET
from pynetdicom.dsutils import encode

from pacs.dimse.command import (
    ACTION_TYPE_ID,
    C_CANCEL_RQ,
    C_MOVE_RQ,
    C_STORE_RQ,
    COMPLETED,
    ERROR_ID,
    EVENT_TYPE_ID,
    FAILED,
    HIGH,
    MOVE_ORIGINATOR_MESSAGE_ID,
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
    N_GET_RQ,
    Command,
    CommandInvalid,
    cancel_request,
    is_warning,
    read_command,
    request,
    response,
)
from tests.support.dimse import CT, command_set

STORE = Command(C_STORE_RQ, 77, 0, True, CT, "1.2.3", priority=2)


def _encoded(message: dimse_messages.DIMSEMessage, primitive: object) -> bytes:
    message.primitive_to_message(primitive)
    encoded = encode(message.command_set, True, True)
    assert encoded is not None
    return encoded


def test_a_request_of_pynetdicom_is_read():
    primitive = C_STORE()
    primitive.MessageID, primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = 77, CT, "1.2.3"
    primitive.Priority, primitive.DataSet = 2, BytesIO(b"some bytes")
    assert read_command(_encoded(dimse_messages.C_STORE_RQ(), primitive)) == STORE


@pytest.mark.parametrize("said", [0x0000, 0x0001, 0x0100, 0x0102, 0xFEFE])
def test_a_data_set_follows_unless_it_is_said_that_none_does(said: int):
    """0101 is the only value that means none (PS3.7 9.3)."""
    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = 1, "1.2.840.10008.1.1"
    raw = bytearray(_encoded(dimse_messages.C_ECHO_RQ(), primitive))
    place = raw.index(struct.pack("<HHL", 0, 0x0800, 2)) + 8
    assert not read_command(bytes(raw)).has_data_set
    raw[place : place + 2] = struct.pack("<H", said)
    assert read_command(bytes(raw)).has_data_set


def test_a_cancel_names_the_message_it_ends():
    primitive = C_CANCEL()
    primitive.MessageIDBeingRespondedTo = 9
    command = read_command(_encoded(dimse_messages.C_CANCEL_RQ(), primitive))
    assert (command.field, command.responded_to, command.has_data_set) == (C_CANCEL_RQ, 9, False)


def test_pydicom_reads_a_response():
    raw = response(STORE, 0xA900, comment="é" * 80, offending=(0x00080018, 0x0020000D))
    found = read_dataset(BytesIO(raw), is_implicit_VR=True, is_little_endian=True)
    assert found.CommandGroupLength == len(raw) - 12
    assert (found.CommandField, found.MessageIDBeingRespondedTo) == (0x8001, 77)
    assert (found.Status, found.CommandDataSetType) == (0xA900, 0x0101)
    assert (found.AffectedSOPClassUID, found.AffectedSOPInstanceUID) == (CT, "1.2.3")
    assert found.ErrorComment == "?" * 64
    assert list(found.OffendingElement) == [0x00080018, 0x0020000D]
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


def test_requests_of_the_n_services_name_what_they_ask_for():
    action = N_ACTION()
    action.MessageID, action.ActionTypeID = 3, 1
    action.RequestedSOPClassUID, action.RequestedSOPInstanceUID = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
    action.ActionInformation = BytesIO(b"some bytes")
    command = read_command(_encoded(dimse_messages.N_ACTION_RQ(), action))
    assert (command.field, command.action_type_id, command.has_data_set) == (N_ACTION_RQ, 1, True)
    assert (command.sop_class_uid, command.sop_instance_uid) == ("1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1")
    get = N_GET()
    get.MessageID, get.RequestedSOPClassUID, get.RequestedSOPInstanceUID = 4, CT, "1.2.3"
    get.AttributeIdentifierList = [0x00100010, 0x00741000]
    assert read_command(_encoded(dimse_messages.N_GET_RQ(), get)).attribute_tags == (0x00100010, 0x00741000)


def test_a_move_names_its_destination():
    move = C_MOVE()
    move.MessageID, move.AffectedSOPClassUID, move.MoveDestination, move.Priority = 5, CT, "ELSEWHERE", 1
    move.Identifier = BytesIO(b"some bytes")
    command = read_command(_encoded(dimse_messages.C_MOVE_RQ(), move))
    assert (command.field, command.move_destination, command.priority) == (C_MOVE_RQ, "ELSEWHERE", 1)


def test_numbers_of_a_response_stand_in_their_order():
    raw = response(STORE, 0xB000, numbers={FAILED: 2, COMPLETED: 65535, ERROR_ID: 0xA710}, sop_instance_uid="9.9")
    found = read_dataset(BytesIO(raw), is_implicit_VR=True, is_little_endian=True)
    assert (found.NumberOfFailedSuboperations, found.NumberOfCompletedSuboperations) == (2, 65535)
    assert (found.ErrorID, found.AffectedSOPInstanceUID) == (0xA710, "1.2.3")
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


@pytest.mark.parametrize(
    ("field", "name", "more"),
    [
        (C_STORE_RQ, "Affected", {"move_originator": "WORKSTATION", "numbers": {MOVE_ORIGINATOR_MESSAGE_ID: 7}}),
        (C_MOVE_RQ, "Affected", {"move_destination": "WORKSTATION"}),
        (N_EVENT_REPORT_RQ, "Affected", {"numbers": {EVENT_TYPE_ID: 2}}),
        (N_ACTION_RQ, "Requested", {"numbers": {ACTION_TYPE_ID: 1}}),
        (N_GET_RQ, "Requested", {"attribute_tags": (0x00100010, 0x00404001)}),
    ],
)
def test_pydicom_and_we_read_our_requests(field: int, name: str, more: dict[str, Any]):
    raw = request(field, 300, CT, "1.2.3", data_set=True, priority=HIGH, **more)
    found = read_dataset(BytesIO(raw), is_implicit_VR=True, is_little_endian=True)
    assert found.CommandGroupLength == len(raw) - 12
    assert (found.CommandField, found.MessageID, found.CommandDataSetType) == (field, 300, 1)
    assert (found[f"{name}SOPClassUID"].value, found[f"{name}SOPInstanceUID"].value) == (CT, "1.2.3")
    assert [element.tag for element in found] == sorted(element.tag for element in found)
    assert found.get("Priority", 1) == HIGH
    assert found.get("MoveOriginatorApplicationEntityTitle", "") == more.get("move_originator", "")
    ours = read_command(raw)
    assert (ours.field, ours.message_id, ours.sop_class_uid, ours.sop_instance_uid) == (field, 300, CT, "1.2.3")
    assert ours.numbers == more.get("numbers", {})
    assert ours.move_destination == more.get("move_destination", "")
    assert ours.attribute_tags == more.get("attribute_tags", ())


def test_a_cancel_names_the_message_it_is_about():
    found = read_dataset(BytesIO(cancel_request(7)), is_implicit_VR=True, is_little_endian=True)
    assert (found.CommandField, found.MessageIDBeingRespondedTo, found.CommandDataSetType) == (0x0FFF, 7, 0x0101)


def test_comment_and_counters_of_a_response_are_read():
    answered = read_command(response(STORE, 0xB000, comment="two of them failed", numbers={FAILED: 2, COMPLETED: 0}))
    assert (answered.status, answered.comment) == (0xB000, "two of them failed")
    assert answered.numbers == {FAILED: 2, COMPLETED: 0}


@pytest.mark.parametrize(
    ("status", "warning"),
    [(0, False), (0xB000, True), (0xB007, True), (0x0001, True), (0x0107, True), (0x0116, True), (0x0110, False),
     (0xA700, False), (0xC000, False), (0xFE00, False), (0xFF00, False), (0x0002, False)],
)  # fmt: skip
def test_warnings_are_told_by_their_range(status: int, warning: bool):
    assert is_warning(status) is warning


def test_a_response_with_a_data_set_says_so():
    raw = response(STORE, 0xFF00, data_set=True)
    found = read_dataset(BytesIO(raw), is_implicit_VR=True, is_little_endian=True)
    assert found.CommandDataSetType != 0x0101


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        command_set({0x0110: b"\1\0"}),
        command_set({0x0100: b"\1"}),
        b"\x08\0\x18\0\0\0\0\0",
        command_set({0x0100: b"\1\0"})[:-1],
        b"\0\0\0\1\xff\xff\xff\xff\1\0",
    ],
    ids=["empty", "no field", "short field", "another group", "cut", "lying length"],
)
def test_what_is_no_command_set_is_refused(raw: bytes):
    with pytest.raises(CommandInvalid):
        read_command(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes):
    try:
        read_command(raw)
    except CommandInvalid:
        return
