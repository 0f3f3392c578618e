"""The jobs that send: a study or some of its series to a registered peer, then the request for its commitment."""

from __future__ import annotations

import time
from collections import Counter
from types import MappingProxyType
from typing import Final

import structlog
from sqlalchemy import Connection

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.peers import Peers
from pacs.access.principals import NODE
from pacs.archive import commitments, deliveries, jobs
from pacs.archive.archive import Archive
from pacs.archive.commitments import Direction
from pacs.archive.deliveries import Delivered, Due
from pacs.archive.jobs import NewJob, Priority
from pacs.archive.orders import SEND
from pacs.archive.runner import Also, JobFailed, Kind, Task
from pacs.archive.selection import Selected
from pacs.dimse.command import HIGH, LOW, MEDIUM, is_warning
from pacs.dimse.commitment_jobs import COMMITMENT_REQUEST, new_transaction_uid
from pacs.dimse.sending import Outcome, Sender

log = structlog.get_logger()

KEPT_EVERY_S: Final = 1.0
"""So much may be sent again after a crash."""

REFUSALS_MAX: Final = 5
"""Attempts at what the peer does not refuse for the moment only."""

_PRIORITIES: Final = MappingProxyType({Priority.HIGH: HIGH, Priority.MEDIUM: MEDIUM, Priority.LOW: LOW})


class ForwardJobs:
    """Performs the jobs of the kind `send`."""

    def __init__(self, archive: Archive, peers: Peers, sender: Sender) -> None:
        self._archive = archive
        self._peers = peers
        self._sender = sender

    def kinds(self) -> list[Kind]:
        """What the runner is given."""
        return [Kind(SEND, self.send, at_once_max=8)]

    def send(self, task: Task) -> Also:
        """Send what the peer has not taken yet, and go on where an earlier attempt was cut off."""
        job = task.job
        peer = self._peers.registered(job.destination)
        if peer is None:
            raise JobFailed(
                f"no peer has the AE title {job.destination}: register it with `pacs ae add`", "peer_unknown"
            )
        with self._archive.index.read() as connection:
            due = deliveries.due(
                connection,
                job.destination,
                job.study_instance_uid,
                series_uids=job.payload["series"],
                job_id=job.id,
                once=bool(job.payload["rule"]),
            )
            before = deliveries.count_of_job(connection, job.id)
        task.note(total=before + len(due), sent=before, failed=0)
        sending = _Sending(self._archive, task, due, before, peer.options.bytes_per_s_max)
        self._sender.send(
            [one.selected for one in due],
            peer,
            sending.tell,
            priority=_PRIORITIES[job.priority],
            going_on=sending.going_on,
        )
        sending.keep()
        task.check()
        if sending.failures:
            raise sending.failure(peer.ae_title)
        wanted = job.payload["commitment"]
        asks = peer.options.asks_commitment if wanted is None else bool(wanted)
        return lambda connection: self._after(connection, task, asks)

    def _after(self, connection: Connection, task: Task, asks_commitment: bool) -> None:
        job, now = task.job, self._archive.clock()
        sent = deliveries.references_of_job(connection, job.id)
        if not sent:
            return
        audit.record(
            connection,
            now,
            code=AuditCode.INSTANCES_TRANSFERRED,
            action="sent",
            principal=NODE,
            study_instance_uid=job.study_instance_uid,
            detail=f"{len(sent)} instances to {job.destination}, ordered by {job.payload['by'] or job.payload['rule']}",
        )
        if asks_commitment:
            following = NewJob(COMMITMENT_REQUEST, job.destination, {"sent_by": job.id}, job.study_instance_uid)
            identifier = jobs.add(connection, now, following)
            commitments.begin(
                connection, now, new_transaction_uid(), Direction.REQUESTED, job.destination, sent, identifier
            )


class _Sending:
    """One attempt: what came of each instance, kept as it goes, no faster than the peer is to be sent to."""

    def __init__(self, archive: Archive, task: Task, due: list[Due], before: int, bytes_per_s_max: int) -> None:
        self.failures: list[tuple[Selected, Outcome]] = []
        self._archive = archive
        self._task = task
        self._due = {one.selected.sop_instance_uid: one for one in due}
        self._sent = before
        self._unkept: list[Delivered] = []
        self._kept_at = self._began_at = time.monotonic()
        self._bytes_per_s_max = bytes_per_s_max
        self._bytes = 0

    def tell(self, selected: Selected, outcome: Outcome) -> None:
        """Told by the sender of each instance. Raises JobOver."""
        due = self._due[selected.sop_instance_uid]
        if outcome.status is not None and (outcome.status == 0 or is_warning(outcome.status)):
            self._unkept.append(Delivered(due, outcome.status))
            self._sent += 1
            self._bytes += due.size
        else:
            self.failures.append((selected, outcome))
        if time.monotonic() - self._kept_at >= KEPT_EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Make what was delivered durable, with the progress. Raises JobOver, with nothing lost but that."""
        self._kept_at = time.monotonic()
        batch, self._unkept = self._unkept, []
        now, job = self._archive.clock(), self._task.job
        self._task.note(
            lambda connection: deliveries.record(connection, now, job.destination, job.id, batch),
            sent=self._sent,
            failed=len(self.failures),
        )

    def going_on(self) -> bool:
        """Asked before each instance; waits where the peer is to be sent to slowly."""
        over = self._task.over
        if self._bytes_per_s_max:
            ahead_s = self._bytes / self._bytes_per_s_max - (time.monotonic() - self._began_at)
            over.wait(max(0.0, ahead_s))
        return not over.is_set()

    def failure(self, ae_title: str) -> JobFailed:
        """Why the job is not done, in words."""
        answered = any(outcome.status is not None for _, outcome in self.failures)
        passing = any(outcome.transient for _, outcome in self.failures)
        reasons = Counter(_reason(outcome) for _, outcome in self.failures)
        ((reason, number),) = reasons.most_common(1)
        first = next(selected for selected, outcome in self.failures if _reason(outcome) == reason)
        told = f"{len(self.failures)} of {len(self._due)} were not taken by {ae_title}: {reason}"
        if number < len(self._due) or answered:
            told += f" ({number} times, first {first.sop_instance_uid})"
        down = not self._sent and not answered and passing
        commonest = next(outcome for _, outcome in self.failures if _reason(outcome) == reason)
        code = commonest.code if commonest.status is None else "not_taken"
        attempts_max = None if passing else REFUSALS_MAX
        return JobFailed(reason if down else told, code, attempts_max=attempts_max, down=down)


def _reason(outcome: Outcome) -> str:
    if outcome.status is None:
        return outcome.comment
    return f"{outcome.status:04X}" + (f" {outcome.comment}" if outcome.comment else "")
