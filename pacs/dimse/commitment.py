"""Storage commitment (PS3.4 Annex J) on the wire: requests of peers kept, and the results that peers report kept.

What has to be said to a peer is said by jobs (`commitment_jobs.py`), on associations of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.peers import Peers
from pacs.archive import commitments, job_queue, jobs
from pacs.archive.archive import Archive
from pacs.archive.commitments import (
    COMMITTED,
    REFERENCES_MAX,
    CommitmentState,
    Direction,
    FailureReason,
    Reference,
)
from pacs.archive.jobs import NewJob
from pacs.dicom.uids import valid_uid
from pacs.dimse.command import (
    N_ACTION_RQ,
    N_EVENT_REPORT_RQ,
    NOT_AUTHORISED,
    PROCESSING_FAILURE,
    SUCCESS,
    Command,
)
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.identifier import read_attributes
from pacs.dimse.pdu import ProtocolViolation, Roles
from pacs.dimse.service import (
    MESSAGE_TRANSFER_SYNTAXES,
    AssociationOver,
    Context,
    DataSetTooLong,
    Exchange,
    Service,
    receive_whole,
)
from pacs.errors import ArrivalRefused, SuretError

log = structlog.get_logger()

STORAGE_COMMITMENT: Final = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE: Final = "1.2.840.10008.1.20.1.1"

REQUEST_COMMITMENT: Final = 1  # Action Type ID
ALL_COMMITTED: Final = 1  # Event Type IDs
SOME_FAILED: Final = 2

COMMITMENT_RESULT: Final = "commitment_result"
"""The kind of the jobs that tell a peer what became of its request."""

NO_SUCH_INSTANCE: Final = 0x0112
NO_SUCH_EVENT_TYPE: Final = 0x0113
INVALID_ARGUMENT: Final = 0x0115
NO_SUCH_ACTION: Final = 0x0123
DUPLICATE_TRANSACTION: Final = 0x0131
RESOURCE_LIMITATION: Final = 0x0213

INFORMATION_BYTES_MAX: Final = 8 << 20
"""Some 50,000 references."""

_TRANSACTION_UID: Final = "00081195"
_REFERENCED: Final = "00081199"
_FAILED: Final = "00081198"
_REASON: Final = "00081197"
_SOP_CLASS: Final = "00081150"
_SOP_INSTANCE: Final = "00081155"
_RETRIEVE_AE_TITLE: Final = "00080054"


class Refusal(Exception):
    """A request or a report that is not taken: the status and its reason in words."""

    def __init__(self, status: int, comment: str) -> None:
        super().__init__(comment)
        self.status = status


class CommitmentService:
    """Takes requests of peers that may store, and results of what this node asked for."""

    def __init__(self, archive: Archive, peers: Peers) -> None:
        self._archive = archive
        self._peers = peers

    def service(self) -> Service:
        """Storage Commitment Push Model, in both roles."""
        handlers = {N_ACTION_RQ: self.request, N_EVENT_REPORT_RQ: self.report}
        return Service("storage commitment", MESSAGE_TRANSFER_SYNTAXES, handlers, Roles(scu=True, scp=True))

    def request(self, exchange: Exchange, context: Context, command: Command) -> None:
        """N-ACTION: keep the request, and say so; what comes of it is told later (PS3.4 J.3.2)."""
        self._answer(exchange, context, command, self._request)

    def report(self, exchange: Exchange, context: Context, command: Command) -> None:
        """N-EVENT-REPORT: keep what a peer says of a request of ours (PS3.4 J.3.3)."""
        self._answer(exchange, context, command, self._report)

    def _answer(
        self,
        exchange: Exchange,
        context: Context,
        command: Command,
        take: Callable[[Exchange, Command, Mapping[str, Any]], None],
    ) -> None:
        status, comment = SUCCESS, ""
        try:
            data = receive_whole(exchange, context, INFORMATION_BYTES_MAX)
            if command.sop_instance_uid != COMMITMENT_INSTANCE:
                raise Refusal(NO_SUCH_INSTANCE, "not the storage commitment instance")
            take(exchange, command, read_attributes(data, context.transfer_syntax))
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            raise
        except Refusal as refusal:
            status, comment = refusal.status, str(refusal)
        except DataSetTooLong:
            status, comment = RESOURCE_LIMITATION, "too many references; ask in several requests"
        except ArrivalRefused as refused:
            status, comment = INVALID_ARGUMENT, f"it cannot be read: {refused.message}"
        except SuretError as failed:
            status, comment = PROCESSING_FAILURE, failed.message
        except Exception as error:
            log.error("commitment_failed", peer=exchange.calling_ae_title, **described(error))
            status, comment = PROCESSING_FAILURE, "the node failed; ask again"
        if status != SUCCESS:
            log.warning("commitment_refused", peer=exchange.calling_ae_title, status=f"{status:04X}", why=comment)
        exchange.respond(context, command, status, comment=comment)

    # Requests ----------------------------------------------------------------------------------------------------

    def _request(self, exchange: Exchange, command: Command, information: Mapping[str, Any]) -> None:
        peer, principal = exchange.calling_ae_title, exchange.principal
        if not may(principal, Action.STORE):
            raise Refusal(NOT_AUTHORISED, "you may not store here, so nothing is kept for you")
        if command.action_type_id != REQUEST_COMMITMENT:
            raise Refusal(NO_SUCH_ACTION, f"action type {command.action_type_id}; expected 1")
        transaction_uid, references = transaction_of(information), referenced(information)
        if not references:
            raise Refusal(INVALID_ARGUMENT, "Referenced SOP Sequence names no instance")
        if len(references) > REFERENCES_MAX:
            raise Refusal(RESOURCE_LIMITATION, f"more than {REFERENCES_MAX} references")
        if self._peers.registered(peer) is None:
            raise Refusal(PROCESSING_FAILURE, "no address to report to; `pacs ae add` this AE title")
        now = self._archive.clock()

        def work(connection: Connection) -> bool:
            if not commitments.begin(connection, now, transaction_uid, Direction.RECEIVED, peer, references):
                return False
            jobs.add(connection, now, NewJob(COMMITMENT_RESULT, peer, {"transaction_uid": transaction_uid}))
            audit.record(
                connection,
                now,
                code=AuditCode.APPLICATION_ACTIVITY,
                action="commitment_requested",
                principal=principal,
                detail=f"{transaction_uid} {len(references)}",
            )
            return True

        if not self._archive.index.write(work):
            raise Refusal(DUPLICATE_TRANSACTION, "this Transaction UID has been used")
        log.info("commitment_requested", peer=peer, transaction_uid=transaction_uid, references=len(references))

    # Results -----------------------------------------------------------------------------------------------------

    def _report(self, exchange: Exchange, command: Command, information: Mapping[str, Any]) -> None:
        if command.event_type_id not in (ALL_COMMITTED, SOME_FAILED):
            raise Refusal(NO_SUCH_EVENT_TYPE, f"event type {command.event_type_id}; expected 1 or 2")
        peer, transaction_uid = exchange.calling_ae_title, transaction_of(information)
        with self._archive.index.read() as connection:
            asked = commitments.find(connection, transaction_uid)
            known = commitments.references_of(connection, transaction_uid)
        if asked is None or asked.direction is not Direction.REQUESTED:
            raise Refusal(PROCESSING_FAILURE, "this transaction was not asked for here")
        if asked.ae_title != peer:
            raise Refusal(NOT_AUTHORISED, "this transaction was asked of another peer")
        if asked.state is CommitmentState.SETTLED:
            return  # our answer was lost on its way
        said = reported(information)
        judged = [
            Reference(one.sop_class_uid, one.sop_instance_uid, said.get(one.sop_instance_uid, NO_SUCH_INSTANCE))
            for one in known
        ]
        now = self._archive.clock()

        def work(connection: Connection) -> None:
            commitments.record(connection, now, transaction_uid, judged, CommitmentState.SETTLED)
            job_queue.hasten(connection, now, asked.job_id)

        self._archive.index.write(work)
        failed = sum(one.failure_reason != COMMITTED for one in judged)
        log.info("commitment_reported", peer=peer, transaction_uid=transaction_uid, failed=failed, of=len(judged))


# --- the data sets --------------------------------------------------------------------------------------------------


def request_information(transaction_uid: str, references: Sequence[Reference]) -> dict[str, Any]:
    """Action Information of a request (PS3.4 J.3.2.1), as DICOM JSON."""
    return {_TRANSACTION_UID: _uid(transaction_uid), _REFERENCED: _sequence(_item(one) for one in references)}


def result_information(transaction_uid: str, judged: Sequence[Reference], ae_title: str) -> tuple[int, dict[str, Any]]:
    """Event Type ID and Event Information of a result (PS3.4 J.3.3.1), as DICOM JSON; `ae_title` is where the
    instances are to be retrieved from."""
    kept = [_item(one) for one in judged if one.failure_reason == COMMITTED]
    failed = [
        {**_item(one), _REASON: {"vr": "US", "Value": [one.failure_reason or FailureReason.PROCESSING_FAILURE]}}
        for one in judged
        if one.failure_reason != COMMITTED
    ]
    information = {_RETRIEVE_AE_TITLE: {"vr": "AE", "Value": [ae_title]}, _TRANSACTION_UID: _uid(transaction_uid)}
    if failed:
        information[_FAILED] = _sequence(failed)
    if kept:
        information[_REFERENCED] = _sequence(kept)
    return SOME_FAILED if failed else ALL_COMMITTED, information


def transaction_of(information: Mapping[str, Any]) -> str:
    """The Transaction UID. Raises Refusal."""
    uid = _value(information, _TRANSACTION_UID)
    if not valid_uid(uid):
        raise Refusal(INVALID_ARGUMENT, "there is no Transaction UID")
    return uid


def referenced(information: Mapping[str, Any]) -> list[Reference]:
    """The items of Referenced SOP Sequence. Raises Refusal where one does not name class and instance."""
    found = [
        Reference(_value(item, _SOP_CLASS), _value(item, _SOP_INSTANCE)) for item in _items(information, _REFERENCED)
    ]
    if not all(valid_uid(one.sop_class_uid) and valid_uid(one.sop_instance_uid) for one in found):
        raise Refusal(INVALID_ARGUMENT, "a reference without class or instance UID")
    return found


def reported(information: Mapping[str, Any]) -> dict[str, int]:
    """SOP Instance UID to its failure reason, 0 for what is committed to."""
    said = {_value(item, _SOP_INSTANCE): COMMITTED for item in _items(information, _REFERENCED)}
    for item in _items(information, _FAILED):
        reason = _value(item, _REASON)
        said[_value(item, _SOP_INSTANCE)] = int(reason) if reason.isdigit() and int(reason) else PROCESSING_FAILURE
    return said


def _items(information: Mapping[str, Any], tag: str) -> list[Mapping[str, Any]]:
    body = information.get(tag, {})
    return [item for item in body.get("Value", []) if isinstance(item, dict)] if body.get("vr") == "SQ" else []


def _value(item: Mapping[str, Any], tag: str) -> str:
    values = item.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _uid(value: str) -> dict[str, Any]:
    return {"vr": "UI", "Value": [value]}


def _item(reference: Reference) -> dict[str, Any]:
    return {_SOP_CLASS: _uid(reference.sop_class_uid), _SOP_INSTANCE: _uid(reference.sop_instance_uid)}


def _sequence(items: Any) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}
