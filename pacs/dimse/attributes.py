"""N services on what is kept as DICOM JSON: how their handlers read attributes, answer and refuse (PS3.7 10)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from pacs.access.grants import Action, may
from pacs.archive.performed import INVALID_VALUE
from pacs.dicom.documents import label
from pacs.dimse.command import ERROR_ID, NOT_AUTHORISED, PROCESSING_FAILURE, SUCCESS, Command
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.identifier import read_attributes, write_attributes
from pacs.dimse.pdu import ProtocolViolation
from pacs.dimse.service import AssociationOver, Context, DataSetTooLong, Exchange, Handler, receive_whole
from pacs.errors import ArrivalRefused, OperationRefused, QueryRefused

log = structlog.get_logger()

OPTIONAL_NOT_SUPPORTED: Final = 0x0001
INVALID_ARGUMENT: Final = 0x0115
CLASS_INSTANCE_CONFLICT: Final = 0x0119
RESOURCE_LIMITATION: Final = 0x0213

_UNREADABLE: Final = "\ufffd"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation came to: a status, and where the response has them, attributes, a made UID and more numbers."""

    status: int = SUCCESS
    attributes: Mapping[str, Any] | None = None
    sop_instance_uid: str = ""
    comment: str = ""
    numbers: Mapping[int, int] = field(default_factory=dict)


Operation = Callable[[Exchange, Command, dict[str, Any]], Answer]
"""Does what a command asks with the attributes that came along. Raises OperationRefused."""


def handler(operation: Operation, sop_class_uids: Collection[str], bytes_max: int) -> Handler:
    """A handler that has `operation` done for peers that may, on instances of one of `sop_class_uids`.

    The class of the command counts, not that of the presentation context, which may stand for several (PS3.4 CC.3.1).
    """

    def handle(exchange: Exchange, context: Context, command: Command) -> None:
        offending: tuple[int, ...] = ()
        try:
            data = receive_whole(exchange, context, bytes_max)
            if not may(exchange.principal, Action.WORKLIST):
                answer = Answer(NOT_AUTHORISED, comment="you may not do that here")
            elif command.sop_class_uid not in sop_class_uids:
                answer = Answer(CLASS_INSTANCE_CONFLICT, comment="not a class of this presentation context")
            else:
                answer = operation(exchange, command, attributes_of(data, context.transfer_syntax))
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            raise
        except OperationRefused as refused:
            numbers = {ERROR_ID: refused.error_id} if refused.error_id else {}
            answer, offending = Answer(refused.status, comment=_comment(refused), numbers=numbers), refused.tags
        except DataSetTooLong as refused:
            answer = Answer(RESOURCE_LIMITATION, comment=str(refused))
        except QueryRefused as refused:
            answer = Answer(INVALID_ARGUMENT, comment=str(refused))
        except ArrivalRefused as refused:
            answer = Answer(PROCESSING_FAILURE, comment=f"the data set is not understood: {refused.message}")
        except Exception as error:
            log.error("operation_failed", peer=exchange.calling_ae_title, **described(error))
            answer = Answer(PROCESSING_FAILURE, comment="the node failed; nothing was changed, try again")
        if offending:
            log.warning(
                "operation_refused",
                peer=exchange.calling_ae_title,
                status=f"{answer.status:04X}",
                why=answer.comment,
                attributes=[label(f"{tag:08X}") for tag in offending],
            )
        written = None
        if answer.attributes is not None:
            written = write_attributes(answer.attributes, context.transfer_syntax)
        exchange.respond(
            context,
            command,
            answer.status,
            identifier=written,
            comment=answer.comment,
            offending=offending,
            numbers=answer.numbers,
            sop_instance_uid=answer.sop_instance_uid,
        )

    return handle


def attributes_of(data: bytes, transfer_syntax_uid: str) -> dict[str, Any]:
    """The attributes that came with a command, in Unicode. Raises OperationRefused where a text cannot be read in its
    character set (PS3.4 F.7.2.2.3), IncompleteDataSet, NotUnderstood."""
    document = read_attributes(data, transfer_syntax_uid)
    unreadable = [int(tag, 16) for tag, body in document.items() if _UNREADABLE in str(body)]
    if unreadable:
        message = "text that its character set does not have"
        raise OperationRefused(message, status=INVALID_VALUE, tags=tuple(unreadable))
    return document


def selected(document: Mapping[str, Any], tags: tuple[int, ...]) -> Answer:
    """The answer of N-GET: the attributes asked for, or all of them where none is named; 0001 where one is missing."""
    if not tags:
        return Answer(attributes=document)
    asked = [f"{tag:08X}" for tag in tags]
    status = SUCCESS if all(tag in document for tag in asked) else OPTIONAL_NOT_SUPPORTED
    return Answer(status, {tag: document[tag] for tag in asked if tag in document})


def _comment(refused: OperationRefused) -> str:
    names = " ".join(label(f"{tag:08X}") for tag in refused.tags)
    return f"{refused.message}: {names}" if names else refused.message
