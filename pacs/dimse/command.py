"""Command sets: group 0000 in Implicit VR Little Endian (PS3.7 6.3.1 and Annex E), read and written as bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

C_STORE_RQ: Final = 0x0001
C_FIND_RQ: Final = 0x0020
C_ECHO_RQ: Final = 0x0030
C_CANCEL_RQ: Final = 0x0FFF
RESPONSE: Final = 0x8000  # this bit makes a request's Command Field that of its response

SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
NOT_AUTHORISED: Final = 0x0124
UNRECOGNISED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
IDENTIFIER_DOES_NOT_MATCH: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
UNABLE_TO_PROCESS: Final = 0xC001
CANCELLED: Final = 0xFE00
PENDING: Final = 0xFF00
PENDING_WITHOUT_OPTIONAL_KEYS: Final = 0xFF01

PENDING_STATUSES: Final = frozenset({PENDING, PENDING_WITHOUT_OPTIONAL_KEYS})

COMMAND_NAMES: Final = MappingProxyType({C_STORE_RQ: "store", C_FIND_RQ: "find", C_ECHO_RQ: "echo"})

NO_DATA_SET: Final = 0x0101
COMMENT_CHARACTERS_MAX: Final = 64

_HEAD = struct.Struct("<HHI")
_US = struct.Struct("<H")
_ELEMENT_US = struct.Struct("<HHIH")
_FIELD, _MESSAGE_ID, _RESPONDED_TO, _DATA_SET = 0x0100, 0x0110, 0x0120, 0x0800
_SOP_CLASS, _SOP_INSTANCE, _STATUS, _OFFENDING, _COMMENT = 0x0002, 0x1000, 0x0900, 0x0901, 0x0902


class CommandInvalid(Exception):
    """The bytes are no command set."""


@dataclass(frozen=True, slots=True)
class Command:
    """A request. UIDs are "" and numbers 0 where the element is absent."""

    field: int
    message_id: int
    responded_to: int
    has_data_set: bool
    affected_sop_class_uid: str
    affected_sop_instance_uid: str

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
        affected_sop_class_uid=_uid(values, _SOP_CLASS),
        affected_sop_instance_uid=_uid(values, _SOP_INSTANCE),
    )


def response(
    command: Command,
    status: int,
    *,
    sop_class_uid: str = "",
    data_set: bool = False,
    comment: str = "",
    offending: tuple[int, ...] = (),
) -> bytes:
    """The command set that answers `command` (PS3.7 9.3). The comment is cut to 64 ASCII characters; `offending` are
    the tags of Offending Element."""
    parts: list[bytes] = []
    class_uid = command.affected_sop_class_uid or sop_class_uid
    if class_uid:
        parts.append(_uid_element(_SOP_CLASS, class_uid))
    parts += (
        _ELEMENT_US.pack(0, _FIELD, 2, command.field | RESPONSE),
        _ELEMENT_US.pack(0, _RESPONDED_TO, 2, command.message_id),
        _ELEMENT_US.pack(0, _DATA_SET, 2, 0x0001 if data_set else NO_DATA_SET),
        _ELEMENT_US.pack(0, _STATUS, 2, status),
    )
    if offending:
        parts.append(_HEAD.pack(0, _OFFENDING, 4 * len(offending)))
        parts += (struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in offending)
    if comment:
        text = comment.encode("ascii", "replace")[:COMMENT_CHARACTERS_MAX]
        parts.append(_padded(_COMMENT, text, b" "))
    if command.affected_sop_instance_uid:
        parts.append(_uid_element(_SOP_INSTANCE, command.affected_sop_instance_uid))
    body = b"".join(parts)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def _number(values: dict[int, bytes], element: int, default: int = 0) -> int:
    raw = values.get(element, b"")
    return int(_US.unpack(raw)[0]) if len(raw) == 2 else default


def _uid(values: dict[int, bytes], element: int) -> str:
    return values.get(element, b"").decode("latin-1").strip("\0 ")


def _uid_element(element: int, uid: str) -> bytes:
    return _padded(element, uid.encode("ascii", "replace"), b"\0")


def _padded(element: int, raw: bytes, padding: bytes) -> bytes:
    if len(raw) & 1:
        raw += padding
    return _HEAD.pack(0, element, len(raw)) + raw
