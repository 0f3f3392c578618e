"""The jobs of storage commitment: a result is worked out and told to whoever asked; a peer is asked for its promise."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import structlog
from pydicom.uid import generate_uid
from sqlalchemy import Connection

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.peers import Peers
from pacs.access.principals import NODE
from pacs.archive import commitments
from pacs.archive.archive import Archive
from pacs.archive.commitments import COMMITTED, Commitment, CommitmentState, Direction, Reference, StorageSilent
from pacs.archive.runner import Also, JobFailed, Kind, Postponed, Task
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import ACTION_TYPE_ID, EVENT_TYPE_ID, N_ACTION_RQ, N_EVENT_REPORT_RQ
from pacs.dimse.commitment import (
    COMMITMENT_INSTANCE,
    COMMITMENT_RESULT,
    REQUEST_COMMITMENT,
    STORAGE_COMMITMENT,
    CommitmentService,
    request_information,
    result_information,
)
from pacs.dimse.identifier import write_attributes
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, Proposal
from pacs.dimse.pdu import Roles
from pacs.dimse.store import is_storage_class
from pacs.model import to_microseconds

log = structlog.get_logger()

COMMITMENT_REQUEST: Final = "commitment_request"
"""The kind of the jobs that ask a peer to commit to what it was sent."""

STORAGE_PATIENCE: Final = timedelta(hours=1)
"""How long an object that storage cannot give at the moment is waited for before it is told as a failure."""

SAME_ASSOCIATION_S: Final = 2.0
RESULT_DUE: Final = timedelta(hours=23)
ASKED_MAX: Final = 4
"""Times that a peer is asked which takes the request and never reports."""

_PROPOSAL: Final = Proposal(STORAGE_COMMITMENT, (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN))


def new_transaction_uid() -> str:
    """A UID that no request has used."""
    return str(generate_uid(prefix=None))


class CommitmentJobs:
    """Performs both kinds."""

    def __init__(self, archive: Archive, peers: Peers, outbound: Outbound, service: CommitmentService) -> None:
        self._archive = archive
        self._peers = peers
        self._outbound = outbound
        self._service = service

    def kinds(self) -> list[Kind]:
        """What the runner is given."""
        return [Kind(COMMITMENT_RESULT, self.tell), Kind(COMMITMENT_REQUEST, self.ask)]

    # A result to whoever asked -----------------------------------------------------------------------------------

    def tell(self, task: Task) -> Also | None:
        """Work the result out, once, and report it on an association of its own (PS3.4 J.3.3)."""
        with self._archive.index.read() as connection:
            asked = commitments.find(connection, task.job.payload["transaction_uid"])
        if asked is None or asked.state is CommitmentState.SETTLED:
            return None
        judged = self._judged(task, asked)
        event_type, information = result_information(asked.transaction_uid, judged, self._outbound.ae_title)
        self._send(asked.ae_title, N_EVENT_REPORT_RQ, {EVENT_TYPE_ID: event_type}, information, Roles(False, True))
        failed = sum(one.failure_reason != COMMITTED for one in judged)
        log.info("commitment_told", peer=asked.ae_title, transaction_uid=asked.transaction_uid, failed=failed)
        now = self._archive.clock()

        def settled(connection: Connection) -> None:
            commitments.move(connection, now, asked.transaction_uid, CommitmentState.SETTLED)
            audit.record(
                connection,
                now,
                code=AuditCode.APPLICATION_ACTIVITY,
                action="commitment_told",
                principal=NODE,
                outcome="failure" if failed else "success",
                detail=f"{asked.transaction_uid} to {asked.ae_title}: {len(judged) - failed} of {len(judged)}",
            )

        return settled

    def _judged(self, task: Task, asked: Commitment) -> list[Reference]:
        """What is to be told. What was found out before an earlier attempt to tell it must still be true."""
        with self._archive.index.read() as connection:
            references = commitments.references_of(connection, asked.transaction_uid)
            lost = next(commitments.broken(connection, asked.transaction_uid), None)
        if asked.state is CommitmentState.KNOWN and lost is None:
            return references
        patient = self._archive.clock() - asked.created_at < STORAGE_PATIENCE
        try:
            judged = commitments.judge(
                self._archive,
                references,
                is_stored_class=lambda uid: is_storage_class(uid, accept_unknown=True),
                check=task.check,
                patient=patient,
            )
        except StorageSilent as silent:
            raise JobFailed(
                f"storage does not give back {silent} to tell; nothing is promised", "storage_silent"
            ) from None
        now = self._archive.clock()
        task.note(
            lambda connection: commitments.record(connection, now, asked.transaction_uid, judged, CommitmentState.KNOWN)
        )
        return judged

    # A request to whom we forwarded ------------------------------------------------------------------------------

    def ask(self, task: Task) -> None:
        """Ask the peer for its promise, then wait for its report, which may come on any association."""
        with self._archive.index.read() as connection:
            asked = commitments.of_job(connection, task.job.id)
            references = commitments.references_of(connection, asked[-1].transaction_uid) if asked else []
        if not references:
            raise JobFailed("there is nothing to ask for", "nothing_to_ask", attempts_max=1)
        if self._concluded(task):
            return
        now = to_microseconds(self._archive.clock())
        if task.progress.get("due_at", 0) <= now:
            if task.progress.get("taken", 0) >= ASKED_MAX:
                task.progress["taken"] = 0
                raise JobFailed(
                    f"{task.job.destination} takes requests and reports nothing", "no_report", attempts_max=1
                )
            self._request(task, references)
            due_at = now + RESULT_DUE // timedelta(microseconds=1)
            task.note(lambda connection: None, taken=task.progress.get("taken", 0) + 1, due_at=due_at)
            if self._concluded(task):  # on the same association
                return
        raise Postponed(
            "asked; waits for the result",
            timedelta(microseconds=task.progress["due_at"] - now),
            unless=lambda connection: self._settled(connection, task) is not None,
        )

    def _concluded(self, task: Task) -> bool:
        """Whether a result has come of any of the transactions. Raises JobFailed for one that is no whole promise."""
        with self._archive.index.read() as connection:
            settled = self._settled(connection, task)
        if settled is not None:
            self._conclude(task, settled)
        return settled is not None

    def _settled(self, connection: Connection, task: Task) -> Commitment | None:
        """A result that has come and has not been told before: an earlier attempt may be answered after a later one."""
        told = task.progress.get("failed_transactions", [])
        asked = commitments.of_job(connection, task.job.id)
        return next(
            (one for one in asked if one.state is CommitmentState.SETTLED and one.transaction_uid not in told), None
        )

    def _request(self, task: Task, references: list[Reference]) -> None:
        """Each attempt is a transaction of its own: what became of an earlier one is not known (PS3.4 J.3.3.1.2)."""
        transaction_uid, now = new_transaction_uid(), self._archive.clock()
        again = [Reference(one.sop_class_uid, one.sop_instance_uid) for one in references]
        task.note(
            lambda connection: commitments.begin(
                connection, now, transaction_uid, Direction.REQUESTED, task.job.destination, again, task.job.id
            )
        )
        information = request_information(transaction_uid, again)
        numbers = {ACTION_TYPE_ID: REQUEST_COMMITMENT}
        self._send(task.job.destination, N_ACTION_RQ, numbers, information, None, linger_s=SAME_ASSOCIATION_S)
        log.info("commitment_asked", peer=task.job.destination, transaction_uid=transaction_uid, of=len(again))

    def _conclude(self, task: Task, settled: Commitment) -> None:
        with self._archive.index.read() as connection:
            references = commitments.references_of(connection, settled.transaction_uid)
        failed = Counter(one.failure_reason for one in references if one.failure_reason != COMMITTED)
        committed = len(references) - failed.total()
        task.progress.update(committed=committed, failed=failed.total())
        if failed:
            spent = [*task.progress.get("failed_transactions", []), settled.transaction_uid]
            task.progress.update(failed_transactions=spent, taken=0, due_at=0)
            reasons = ", ".join(f"{number} with {reason:04X}" for reason, number in failed.items() if reason)
            raise JobFailed(
                f"{settled.ae_title} does not commit to all it was sent: {reasons}", "not_committed", attempts_max=1
            )

    # Both --------------------------------------------------------------------------------------------------------

    def _send(
        self,
        ae_title: str,
        field: int,
        numbers: dict[int, int],
        information: dict[str, Any],
        roles: Roles | None,
        *,
        linger_s: float = 0.0,
    ) -> None:
        """Make one request to the peer's registered address; it has to be answered with success. Raises JobFailed."""
        peer = self._peers.registered(ae_title)
        if peer is None:
            raise JobFailed(f"no peer has the AE title {ae_title}: register it with `pacs ae add`", "peer_unknown")
        try:
            with self._outbound.associate(
                peer.host,
                peer.port,
                ae_title,
                [_PROPOSAL],
                options=peer.options,
                roles={STORAGE_COMMITMENT: roles} if roles else {},
                serve=self._service.report,
            ) as association:
                # a peer that says nothing of the role may take the report all the same, and its answer tells
                context = association.context_for(STORAGE_COMMITMENT)
                if context is None:
                    raise JobFailed(f"{ae_title} does not do storage commitment on this association", "not_offered")
                data = write_attributes(information, context.transfer_syntax)
                (answer,) = association.ask(
                    context, field, sop_instance_uid=COMMITMENT_INSTANCE, data_set=data, numbers=numbers
                )
                if answer.status:
                    said = f": {answer.command.comment}" if answer.command.comment else ""
                    raise JobFailed(f"{ae_title} answered {answer.status:04X}{said}", "answered")
                if linger_s:
                    with suppress(AssociationLost):  # what had to be said is said
                        association.attend(linger_s)
        except NoAssociation as refused:
            raise JobFailed(str(refused), refused.code, down=True) from None
        except AssociationLost as lost:
            raise JobFailed(str(lost), lost.code) from None
