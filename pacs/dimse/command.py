"""Command sets: group 0000 in Implicit VR Little Endian (PS3.7 6.3.1 and Annex E), read and written as bytes."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypedDict, Unpack

C_STORE_RQ: Final = 0x0001
C_GET_RQ: Final = 0x0010
C_FIND_RQ: Final = 0x0020
C_MOVE_RQ: Final = 0x0021
C_ECHO_RQ: Final = 0x0030
N_EVENT_REPORT_RQ: Final = 0x0100
N_GET_RQ: Final = 0x0110
N_SET_RQ: Final = 0x0120
N_ACTION_RQ: Final = 0x0130
N_CREATE_RQ: Final = 0x0140
N_DELETE_RQ: Final = 0x0150
C_CANCEL_RQ: Final = 0x0FFF
RESPONSE: Final = 0x8000  # this bit makes a request's Command Field that of its response

SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORISED: Final = 0x0124
UNRECOGNISED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_COUNT: Final = 0xA701
CANNOT_PERFORM_SUBOPERATIONS: Final = 0xA702
MOVE_DESTINATION_UNKNOWN: Final = 0xA801
IDENTIFIER_DOES_NOT_MATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
UNABLE_TO_PROCESS: Final = 0xC001
SOME_SUBOPERATIONS_FAILED: Final = 0xB000
CANCELLED: Final = 0xFE00
PENDING: Final = 0xFF00
PENDING_WITHOUT_OPTIONAL_KEYS: Final = 0xFF01

PENDING_STATUSES: Final = frozenset({PENDING, PENDING_WITHOUT_OPTIONAL_KEYS})

_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})


def is_warning(status: int) -> bool:
    """Whether `status` is of the warning class (PS3.7 Annex C); success is none."""
    return status >> 12 == 0xB or status in _WARNINGS


COMMAND_NAMES: Final = MappingProxyType(
    {
        C_STORE_RQ: "store",
        C_GET_RQ: "get",
        C_FIND_RQ: "find",
        C_MOVE_RQ: "move",
        C_ECHO_RQ: "echo",
        N_EVENT_REPORT_RQ: "event_report",
        N_GET_RQ: "n_get",
        N_SET_RQ: "n_set",
        N_ACTION_RQ: "n_action",
        N_CREATE_RQ: "n_create",
        N_DELETE_RQ: "n_delete",
    }
)

NO_DATA_SET: Final = 0x0101
MESSAGE_ID_MAX: Final = 0xFFFF
COMMENT_CHARACTERS_MAX: Final = 64

_HEAD = struct.Struct("<HHI")
_US = struct.Struct("<H")
_AT = struct.Struct("<HH")
_FIELD, _MESSAGE_ID, _RESPONDED_TO, _DATA_SET = 0x0100, 0x0110, 0x0120, 0x0800
_SOP_CLASS, _SOP_INSTANCE, _STATUS, _OFFENDING, _COMMENT = 0x0002, 0x1000, 0x0900, 0x0901, 0x0902
_REQUESTED_SOP_CLASS, _REQUESTED_SOP_INSTANCE = 0x0003, 0x1001
_MOVE_DESTINATION, _PRIORITY, _ATTRIBUTES, _MOVE_ORIGINATOR = 0x0600, 0x0700, 0x1005, 0x1030

ERROR_ID: Final = 0x0903
EVENT_TYPE_ID: Final = 0x1002
ACTION_TYPE_ID: Final = 0x1008
REMAINING: Final = 0x1020
COMPLETED: Final = 0x1021
FAILED: Final = 0x1022
WARNED: Final = 0x1023
MOVE_ORIGINATOR_MESSAGE_ID: Final = 0x1031

NUMBERS: Final = (
    ERROR_ID,
    EVENT_TYPE_ID,
    ACTION_TYPE_ID,
    REMAINING,
    COMPLETED,
    FAILED,
    WARNED,
    MOVE_ORIGINATOR_MESSAGE_ID,
)
"""Elements of VR US that some messages carry, by element number of group 0000."""

MEDIUM: Final = 0  # values of Priority
HIGH: Final = 1
LOW: Final = 2

_OF_REQUESTED = frozenset({N_GET_RQ, N_SET_RQ, N_ACTION_RQ, N_DELETE_RQ})
_WITH_PRIORITY = frozenset({C_STORE_RQ, C_FIND_RQ, C_GET_RQ, C_MOVE_RQ})


class CommandInvalid(Exception):
    """The bytes are no command set."""


@dataclass(frozen=True, slots=True)
class Command:
    """A message's command set. UIDs and texts are "" and numbers 0 where the element is absent.

    The SOP class and instance of N-GET, N-SET, N-ACTION and N-DELETE requests are the Requested ones, of all other
    messages the Affected ones (PS3.7 chapter 10). `attribute_tags` is the Attribute Identifier List of N-GET,
    `comment` the Error Comment; `numbers` has those elements of NUMBERS that are there.
    """

    field: int
    message_id: int
    responded_to: int
    has_data_set: bool
    sop_class_uid: str
    sop_instance_uid: str
    status: int = 0
    priority: int = 0
    move_destination: str = ""
    event_type_id: int = 0
    action_type_id: int = 0
    attribute_tags: tuple[int, ...] = ()
    comment: str = ""
    numbers: Mapping[int, int] = dataclasses.field(default_factory=dict)

    @property
    def is_response(self) -> bool:
        """Whether it answers a request (bit 15 of the Command Field, PS3.7 E.1)."""
        return bool(self.field & RESPONSE)


def read_command(data: bytes | bytearray) -> Command:
    """Raises CommandInvalid for bytes that are not whole elements of group 0000 or lack a Command Field."""
    values: dict[int, bytes] = {}
    position, end = 0, len(data)
    while position < end:
        if position + 8 > end:
            raise CommandInvalid("the command set ends inside an element's header")
        group, element, length = _HEAD.unpack_from(data, position)
        position += 8
        if group != 0 or length > end - position:
            raise CommandInvalid("the command set is not whole elements of group 0000")
        values[element] = bytes(data[position : position + length])
        position += length
    if len(values.get(_FIELD, b"")) != 2:
        raise CommandInvalid("the command set has no Command Field (0000,0100)")
    return Command(
        field=_number(values, _FIELD),
        message_id=_number(values, _MESSAGE_ID),
        responded_to=_number(values, _RESPONDED_TO),
        has_data_set=_number(values, _DATA_SET, NO_DATA_SET) != NO_DATA_SET,
        sop_class_uid=_text(values, _SOP_CLASS) or _text(values, _REQUESTED_SOP_CLASS),
        sop_instance_uid=_text(values, _SOP_INSTANCE) or _text(values, _REQUESTED_SOP_INSTANCE),
        status=_number(values, _STATUS),
        priority=_number(values, _PRIORITY),
        move_destination=_text(values, _MOVE_DESTINATION),
        event_type_id=_number(values, EVENT_TYPE_ID),
        action_type_id=_number(values, ACTION_TYPE_ID),
        attribute_tags=_tags(values.get(_ATTRIBUTES, b"")),
        comment=_text(values, _COMMENT),
        numbers={element: _number(values, element) for element in NUMBERS if element in values},
    )


def request(
    field: int,
    message_id: int,
    sop_class_uid: str,
    sop_instance_uid: str = "",
    *,
    data_set: bool = False,
    priority: int = MEDIUM,
    move_destination: str = "",
    move_originator: str = "",
    numbers: Mapping[int, int] = MappingProxyType({}),
    attribute_tags: tuple[int, ...] = (),
) -> bytes:
    """The command set of a request (PS3.7 9.3, 10.3). `move_originator` is the AE title whose C-MOVE caused a C-STORE;
    `numbers` are more elements of VR US by element number (types, Move Originator Message ID)."""
    class_element, instance_element = (
        (_REQUESTED_SOP_CLASS, _REQUESTED_SOP_INSTANCE) if field in _OF_REQUESTED else (_SOP_CLASS, _SOP_INSTANCE)
    )
    elements = {
        class_element: _padded(sop_class_uid, b"\0"),
        _FIELD: _US.pack(field),
        _MESSAGE_ID: _US.pack(message_id),
        _DATA_SET: _US.pack(0x0001 if data_set else NO_DATA_SET),
        **{element: _US.pack(number) for element, number in numbers.items()},
    }
    if sop_instance_uid:
        elements[instance_element] = _padded(sop_instance_uid, b"\0")
    if field in _WITH_PRIORITY:
        elements[_PRIORITY] = _US.pack(priority)
    if move_destination:
        elements[_MOVE_DESTINATION] = _padded(move_destination, b" ")
    if move_originator:
        elements[_MOVE_ORIGINATOR] = _padded(move_originator, b" ")
    if attribute_tags:
        elements[_ATTRIBUTES] = b"".join(_AT.pack(tag >> 16, tag & 0xFFFF) for tag in attribute_tags)
    return _command_set(elements)


def cancel_request(message_id: int) -> bytes:
    """The command set of C-CANCEL for the request `message_id` (PS3.7 9.3.2.3)."""
    return _command_set(
        {
            _FIELD: _US.pack(C_CANCEL_RQ),
            _RESPONDED_TO: _US.pack(message_id),
            _DATA_SET: _US.pack(NO_DATA_SET),
        }
    )


class Told(TypedDict, total=False):
    """What a response tells besides its status: a comment, cut to 64 ASCII characters; the tags of Offending Element;
    more elements of VR US by element number (counters, types, Error ID); the UID of what was made."""

    comment: str
    offending: tuple[int, ...]
    numbers: Mapping[int, int]
    sop_instance_uid: str


def response(
    command: Command,
    status: int,
    *,
    sop_class_uid: str = "",
    data_set: bool = False,
    **more: Unpack[Told],
) -> bytes:
    """The command set that answers `command` (PS3.7 9.3, 10.3). The UIDs are those of the request; `sop_class_uid` and
    what `more` tells stand in where it names none."""
    comment, offending = more.get("comment"), more.get("offending")
    elements = {
        _FIELD: _US.pack(command.field | RESPONSE),
        _RESPONDED_TO: _US.pack(command.message_id),
        _DATA_SET: _US.pack(0x0001 if data_set else NO_DATA_SET),
        _STATUS: _US.pack(status),
        **{element: _US.pack(number) for element, number in more.get("numbers", {}).items()},
    }
    if class_uid := command.sop_class_uid or sop_class_uid:
        elements[_SOP_CLASS] = _padded(class_uid, b"\0")
    if offending:
        elements[_OFFENDING] = b"".join(_AT.pack(tag >> 16, tag & 0xFFFF) for tag in offending)
    if comment:
        elements[_COMMENT] = _padded(comment[:COMMENT_CHARACTERS_MAX], b" ")
    if instance_uid := command.sop_instance_uid or more.get("sop_instance_uid"):
        elements[_SOP_INSTANCE] = _padded(instance_uid, b"\0")
    return _command_set(elements)


def _command_set(elements: Mapping[int, bytes]) -> bytes:
    body = b"".join(_HEAD.pack(0, element, len(raw)) + raw for element, raw in sorted(elements.items()))
    return _HEAD.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def _number(values: dict[int, bytes], element: int, default: int = 0) -> int:
    raw = values.get(element, b"")
    return int(_US.unpack(raw)[0]) if len(raw) == 2 else default


def _text(values: dict[int, bytes], element: int) -> str:
    return values.get(element, b"").decode("latin-1").strip("\0 ")


def _tags(raw: bytes) -> tuple[int, ...]:
    whole = len(raw) - len(raw) % _AT.size
    return tuple(group << 16 | element for group, element in _AT.iter_unpack(raw[:whole]))


def _padded(text: str, padding: bytes) -> bytes:
    raw = text.encode("ascii", "replace")
    return raw + padding if len(raw) & 1 else raw
