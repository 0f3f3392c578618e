"""The association PDUs of a requestor: A-ASSOCIATE-RQ as it is written, A-ASSOCIATE-AC and -RJ as they are read
(PS3.8 9.3.2 to 9.3.4, PS3.7 Annex D). Nothing found in an answer is trusted."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pacs.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pacs.dimse.pdu import (
    A_ASSOCIATE_RQ,
    APPLICATION_CONTEXT,
    HEADER,
    AbortReason,
    ContextResult,
    ProposedContext,
    ProtocolViolation,
    Roles,
    extended_negotiation,
    item_text,
    parse_extended_negotiation,
    parse_role_selection,
    read_items,
    role_selection,
    write_item,
)

CONTEXTS_MAX: Final = 128
"""Presentation contexts of one association: their identifiers are odd and end with 255 (PS3.8 9.3.2.2)."""

_FIXED: Final = 68
_REFUSALS: Final = {
    (1, 2): "it does not know the DICOM application context",
    (1, 3): "it does not know AE title {calling}",
    (1, 7): "it is not AE title {called}",
    (2, 2): "it speaks another version of the upper layer",
    (3, 1): "it is congested",
    (3, 2): "it has as many associations as it allows",
}
_PERMANENT: Final = 1


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """An A-ASSOCIATE-AC: the transfer syntax of each accepted context by its identifier; of the others the result.

    `maximum_length` is the longest P-DATA-TF the acceptor takes, in bytes; 0 means no limit. `roles` and `extended` are
    what it agreed to by SOP class.
    """

    accepted: Mapping[int, str]
    rejected: Mapping[int, int]
    maximum_length: int
    roles: Mapping[str, Roles]
    extended: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """An A-ASSOCIATE-RJ."""

    result: int
    source: int
    reason: int

    @property
    def transient(self) -> bool:
        """Whether a later attempt may succeed."""
        return self.result != _PERMANENT

    def in_words(self, called: str, calling: str) -> str:
        """Why, as the peer's administrator would put it."""
        told = _REFUSALS.get((self.source, self.reason), "it gives no reason")
        return told.format(called=called, calling=calling)


def associate_request(
    called: str,
    calling: str,
    contexts: Sequence[ProposedContext],
    maximum_length: int,
    roles: Mapping[str, Roles],
    extended: Mapping[str, bytes],
) -> bytes:
    """An A-ASSOCIATE-RQ. `roles` are what this node wants to be by SOP class (PS3.7 D.3.3.4)."""
    user = [
        write_item(0x51, maximum_length.to_bytes(4, "big")),
        write_item(0x52, IMPLEMENTATION_CLASS_UID.encode("ascii")),
        *(role_selection(uid, role) for uid, role in roles.items()),
        write_item(0x55, IMPLEMENTATION_VERSION_NAME.encode("ascii")),
        *(extended_negotiation(uid, information) for uid, information in extended.items()),
    ]
    body = b"".join(
        (
            b"\0\1\0\0",
            called.encode("ascii").ljust(16),
            calling.encode("ascii").ljust(16),
            bytes(32),
            write_item(0x10, APPLICATION_CONTEXT.encode("ascii")),
            *(_context(context) for context in contexts),
            write_item(0x50, b"".join(user)),
        )
    )
    return HEADER.pack(A_ASSOCIATE_RQ, len(body)) + body


def _context(context: ProposedContext) -> bytes:
    syntaxes = b"".join(write_item(0x40, uid.encode("ascii")) for uid in context.transfer_syntaxes)
    abstract = write_item(0x30, context.abstract_syntax.encode("ascii"))
    return write_item(0x20, bytes((context.context_id, 0, 0, 0)) + abstract + syntaxes)


def parse_associate_accept(body: bytes | bytearray) -> AssociateAccept:
    """Read an A-ASSOCIATE-AC without its header; its AE titles are not looked at (PS3.8 9.3.3). Raises
    ProtocolViolation; unknown items are skipped."""
    if len(body) < _FIXED:
        raise _invalid("the acceptance is shorter than its fixed fields")
    accepted: dict[int, str] = {}
    rejected: dict[int, int] = {}
    roles: dict[str, Roles] = {}
    extended: dict[str, bytes] = {}
    maximum_length = 0
    for kind, content in read_items(memoryview(body)[_FIXED:]):
        if kind == 0x21:
            if len(content) < 4:
                raise _invalid("the answer to a presentation context ends inside its header")
            if content[2] == ContextResult.ACCEPTED:
                accepted[content[0]] = _transfer_syntax(content[4:])
            else:
                rejected[content[0]] = content[2]
        elif kind == 0x50:
            for sub_kind, sub in read_items(content):
                if sub_kind == 0x51:
                    if len(sub) != 4:
                        raise _invalid("the maximum length is not four bytes long")
                    maximum_length = int.from_bytes(sub, "big")
                elif sub_kind == 0x54:
                    uid, role = parse_role_selection(sub)
                    roles[uid] = role
                elif sub_kind == 0x56:
                    uid, information = parse_extended_negotiation(sub)
                    extended[uid] = information
    return AssociateAccept(accepted, rejected, maximum_length, roles, extended)


def parse_associate_reject(body: bytes | bytearray) -> AssociateReject:
    """Read an A-ASSOCIATE-RJ without its header. Raises ProtocolViolation."""
    if len(body) < 4:
        raise _invalid("the rejection ends before its reason")
    _, result, source, reason = struct.unpack_from("4B", body)
    return AssociateReject(result, source, reason)


def _transfer_syntax(content: memoryview) -> str:
    for kind, syntax in read_items(content):
        if kind == 0x40:
            return item_text(syntax)
    raise _invalid("an accepted presentation context has no transfer syntax")


def _invalid(message: str) -> ProtocolViolation:
    return ProtocolViolation(AbortReason.INVALID_PARAMETER, message)
