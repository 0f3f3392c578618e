"""The PDUs of the upper layer as an association acceptor reads and writes them (PS3.8 9.3); those of a requestor are in
`pacs.dimse.proposal`.

Everything here is big endian and bounded by the bytes at hand: no length found in a PDU is ever trusted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final

from pacs.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

A_ASSOCIATE_RQ: Final = 0x01
A_ASSOCIATE_AC: Final = 0x02
A_ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
A_RELEASE_RQ: Final = 0x05
A_RELEASE_RP: Final = 0x06
A_ABORT: Final = 0x07

PDU_TYPES: Final = range(A_ASSOCIATE_RQ, A_ABORT + 1)

HEADER: Final = struct.Struct(">BxI")  # type, length of what follows
PDV_HEADER: Final = struct.Struct(">IBB")  # length of what follows, context, control
DATA_HEADER: Final = struct.Struct(">BxIIBB")  # a P-DATA-TF with its only PDV
COMMAND_FRAGMENT: Final = 0x01
LAST_FRAGMENT: Final = 0x02

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
UNLIMITED_PEER_BYTES: Final = 64 * 1024  # what we send in one PDU to a peer that sets no limit
PEER_BYTES_MIN: Final = 128  # below it a peer cannot take a response in reasonable pieces

_ITEM = struct.Struct(">BxH")
_FIXED = 68  # protocol version, reserved, both AE titles, 32 reserved bytes
_CONTEXTS_MAX = 128


class Rejection(Enum):
    """Why an association is refused: result, source and reason of A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""

    NOT_ACCEPTED = (1, 1, 1)
    APPLICATION_CONTEXT = (1, 1, 2)
    CALLING_AE_TITLE = (1, 1, 3)
    CALLED_AE_TITLE = (1, 1, 7)
    NO_REASON = (1, 2, 1)
    PROTOCOL_VERSION = (1, 2, 2)
    LOCAL_LIMIT = (2, 3, 2)


class AbortReason(IntEnum):
    """Reasons of an A-ABORT by the service provider that the node gives (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNISED_PDU = 1
    UNEXPECTED_PDU = 2
    INVALID_PARAMETER = 6


class ContextResult(IntEnum):
    """The answer to one presentation context (PS3.8 9.3.3.2)."""

    ACCEPTED = 0
    USER_REJECTION = 1
    PROVIDER_REJECTION = 2
    ABSTRACT_SYNTAX = 3
    TRANSFER_SYNTAXES = 4


class ProtocolViolation(Exception):
    """The peer broke the upper layer protocol; the association ends with A-ABORT and `reason`."""

    def __init__(self, reason: AbortReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as the requestor proposes it, transfer syntaxes in its order."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """SCP/SCU role selection of one SOP class: what the requestor is (PS3.7 D.3.3.4)."""

    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An A-ASSOCIATE-RQ. `fixed` are its 64 bytes of titles and reserved field, which the answer repeats.

    `maximum_length` is the longest P-DATA-TF the requestor takes, in bytes; 0 means no limit. `extended` is the service
    class application information of the SOP class extended negotiation by SOP class (PS3.7 D.3.3.5).
    """

    protocol_version: int
    fixed: bytes
    application_context: str
    contexts: tuple[ProposedContext, ...]
    maximum_length: int
    roles: Mapping[str, Roles]
    implementation_class_uid: str
    implementation_version_name: str
    asynchronous: bool
    extended: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def called_ae_title(self) -> str:
        """Whom the peer wants, without padding; characters outside ASCII shown as question marks."""
        return item_text(self.fixed[:16])

    @property
    def calling_ae_title(self) -> str:
        """Who the peer says it is, as `called_ae_title`."""
        return item_text(self.fixed[16:32])


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """The answer to one presentation context; `transfer_syntax` means nothing unless accepted."""

    context_id: int
    result: ContextResult
    transfer_syntax: str


def parse_associate_request(body: bytes | bytearray) -> AssociateRequest:
    """Read an A-ASSOCIATE-RQ without its header. Raises ProtocolViolation; unknown items are skipped (PS3.8 9.3.1)."""
    if len(body) < _FIXED:
        raise _invalid("the association request is shorter than its fixed fields")
    application_context = ""
    contexts: list[ProposedContext] = []
    user: _User = _User()
    for kind, item in read_items(memoryview(body)[_FIXED:]):
        if kind == 0x10:
            application_context = item_text(item)
        elif kind == 0x20:
            contexts.append(_proposed_context(item))
        elif kind == 0x50:
            user = _user_information(item)
    ids = [context.context_id for context in contexts]
    if len(set(ids)) != len(ids) or len(ids) > _CONTEXTS_MAX or any(number % 2 == 0 for number in ids):
        raise _invalid("presentation context identifiers must be odd and each its own")
    if not contexts:
        raise _invalid("the association request proposes no presentation context")
    return AssociateRequest(
        protocol_version=int.from_bytes(body[:2], "big"),
        fixed=bytes(body[4:_FIXED]),
        application_context=application_context,
        contexts=tuple(contexts),
        maximum_length=user.maximum_length,
        roles=user.roles,
        implementation_class_uid=user.class_uid,
        implementation_version_name=user.version_name,
        asynchronous=user.asynchronous,
        extended=user.extended,
    )


def associate_accept(
    request: AssociateRequest,
    answers: Sequence[ContextAnswer],
    maximum_length: int,
    roles: Mapping[str, Roles],
    extended: Mapping[str, bytes] = MappingProxyType({}),
) -> bytes:
    """An A-ASSOCIATE-AC with one answer for every proposed context (PS3.8 9.3.3), `extended` as in the request."""
    user = [
        write_item(0x51, maximum_length.to_bytes(4, "big")),
        write_item(0x52, IMPLEMENTATION_CLASS_UID.encode("ascii")),
    ]
    if request.asynchronous:
        user.append(write_item(0x53, b"\0\1\0\1"))  # one operation at a time (PS3.7 D.3.3.3)
    user += [role_selection(uid, role) for uid, role in roles.items()]
    user.append(write_item(0x55, IMPLEMENTATION_VERSION_NAME.encode("ascii")))
    user += [extended_negotiation(uid, information) for uid, information in extended.items()]
    body = b"".join(
        (
            b"\0\1\0\0",
            request.fixed,
            write_item(0x10, APPLICATION_CONTEXT.encode("ascii")),
            *(
                write_item(
                    0x21,
                    bytes((answer.context_id, 0, answer.result, 0))
                    + write_item(0x40, answer.transfer_syntax.encode("ascii")),
                )
                for answer in answers
            ),
            write_item(0x50, b"".join(user)),
        )
    )
    return HEADER.pack(A_ASSOCIATE_AC, len(body)) + body


def role_selection(sop_class_uid: str, roles: Roles) -> bytes:
    """The item of PS3.7 D.3.3.4."""
    return write_item(0x54, _with_length(sop_class_uid) + bytes((roles.scu, roles.scp)))


def extended_negotiation(sop_class_uid: str, information: bytes) -> bytes:
    """The item of PS3.7 D.3.3.5."""
    return write_item(0x56, _with_length(sop_class_uid) + information)


def _with_length(uid: str) -> bytes:
    raw = uid.encode("ascii")
    return len(raw).to_bytes(2, "big") + raw


def associate_reject(rejection: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return HEADER.pack(A_ASSOCIATE_RJ, 4) + bytes((0, *rejection.value))


def abort_by_user() -> bytes:
    """An A-ABORT of the service user: the node ends the association on its own account (PS3.8 9.3.8)."""
    return HEADER.pack(A_ABORT, 4) + bytes(4)


def abort_by_provider(reason: AbortReason) -> bytes:
    """An A-ABORT of the service provider: the peer broke the protocol (PS3.8 9.3.8)."""
    return HEADER.pack(A_ABORT, 4) + bytes((0, 0, 2, reason))


RELEASE_REQUEST: Final = HEADER.pack(A_RELEASE_RQ, 4) + bytes(4)
RELEASE_RESPONSE: Final = HEADER.pack(A_RELEASE_RP, 4) + bytes(4)


def p_data(context_id: int, payload: bytes, *, command: bool, maximum_length: int) -> bytes:
    """`payload` as P-DATA-TF PDUs of at most `maximum_length` bytes each, header not counted, ready for one send."""
    room = maximum_length - 6
    kind = COMMAND_FRAGMENT if command else 0
    if len(payload) <= room:
        count = len(payload)
        return DATA_HEADER.pack(P_DATA_TF, count + 6, count + 2, context_id, kind | LAST_FRAGMENT) + payload
    pieces: list[bytes] = []
    for start in range(0, len(payload), room):
        piece = payload[start : start + room]
        control = kind | (LAST_FRAGMENT if start + room >= len(payload) else 0)
        pieces += (DATA_HEADER.pack(P_DATA_TF, len(piece) + 6, len(piece) + 2, context_id, control), piece)
    return b"".join(pieces)


@dataclass(slots=True)
class _User:
    """What the user information item says (PS3.7 Annex D.3.3)."""

    maximum_length: int = 0
    class_uid: str = ""
    version_name: str = ""
    asynchronous: bool = False
    roles: dict[str, Roles] = field(default_factory=dict)
    extended: dict[str, bytes] = field(default_factory=dict)


def read_items(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and content of each item. Raises ProtocolViolation where one is longer than what is around it."""
    position = 0
    while position < len(view):
        if position + 4 > len(view):
            raise _invalid("an item of the association request ends inside its header")
        kind, length = _ITEM.unpack_from(view, position)
        position += 4
        if position + length > len(view):
            raise _invalid(f"item {kind:02X} of the association request is longer than what is around it")
        yield kind, view[position : position + length]
        position += length


def _proposed_context(item: memoryview) -> ProposedContext:
    if len(item) < 4:
        raise _invalid("a presentation context ends inside its header")
    abstract_syntax = ""
    transfer_syntaxes: list[str] = []
    for kind, content in read_items(item[4:]):
        if kind == 0x30:
            abstract_syntax = item_text(content)
        elif kind == 0x40:
            transfer_syntaxes.append(item_text(content))
    return ProposedContext(item[0], abstract_syntax, tuple(transfer_syntaxes))


def _user_information(item: memoryview) -> _User:
    """User identity (58) and common extended negotiation (57) are read over: no answer means that nothing of it is
    agreed (PS3.7 D.3.3.6, D.3.3.7)."""
    user = _User()
    for kind, content in read_items(item):
        if kind == 0x51:
            if len(content) != 4:
                raise _invalid("the maximum length is not four bytes long")
            user.maximum_length = int.from_bytes(content, "big")
        elif kind == 0x52:
            user.class_uid = item_text(content)
        elif kind == 0x53:
            user.asynchronous = True
        elif kind == 0x54:
            uid, roles = parse_role_selection(content)
            user.roles[uid] = roles
        elif kind == 0x55:
            user.version_name = item_text(content)
        elif kind == 0x56:
            uid, information = parse_extended_negotiation(content)
            user.extended[uid] = information
    return user


def parse_role_selection(content: memoryview) -> tuple[str, Roles]:
    """SOP class and roles of an item of PS3.7 D.3.3.4. Raises ProtocolViolation."""
    length = int.from_bytes(content[:2], "big")
    if len(content) != length + 4:
        raise _invalid("a role selection is not as long as it says")
    return item_text(content[2 : 2 + length]), Roles(content[-2] == 1, content[-1] == 1)


def parse_extended_negotiation(content: memoryview) -> tuple[str, bytes]:
    """SOP class and information of an item of PS3.7 D.3.3.5. Raises ProtocolViolation."""
    length = int.from_bytes(content[:2], "big")
    if len(content) < length + 2:
        raise _invalid("an extended negotiation is shorter than it says")
    return item_text(content[2 : 2 + length]), bytes(content[2 + length :])


def write_item(kind: int, content: bytes) -> bytes:
    """An item or sub-item of an association PDU (PS3.8 9.3.2)."""
    return _ITEM.pack(kind, len(content)) + content


def item_text(content: memoryview | bytes) -> str:
    """A title, name or UID without padding; some peers pad UIDs although they should not (PS3.8 Annex F)."""
    return bytes(content).decode("ascii", "replace").replace("\ufffd", "?").strip("\0 ")


def _invalid(message: str) -> ProtocolViolation:
    return ProtocolViolation(AbortReason.INVALID_PARAMETER, message)
