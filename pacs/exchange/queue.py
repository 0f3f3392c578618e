"""What people do with the queue, by HTTP or the command line: order a send or a fetch, look, pause, retry, cancel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.archive import job_queue, jobs
from pacs.archive.archive import Archive
from pacs.archive.jobs import Job, JobState, Priority
from pacs.archive.orders import order_fetch, order_send
from pacs.dicom.uids import valid_uid
from pacs.errors import NotFound, NotPermitted, QueryRefused
from pacs.index.schema import patient, series, study


class Queue:
    """The jobs of one node, for people. `added` is called when there is something to do."""

    def __init__(self, archive: Archive, peers: Peers, added: Callable[[], None] = lambda: None) -> None:
        self._archive = archive
        self._peers = peers
        self._added = added

    def send(
        self,
        ae_title: str,
        study_instance_uid: str,
        *,
        by: Principal,
        series_uids: Sequence[str] = (),
        priority: Priority = Priority.HIGH,
        commitment: bool | None = None,
    ) -> str:
        """Order that a study, or these of its series, is sent to a peer; the id of the job.

        A person waits for it, so it goes before what rules order unless said otherwise. Everything is sent, what the
        peer has taken before too. Raises NotPermitted, NotFound.
        """
        self._require(by, Action.FORWARD, study_instance_uid)
        self._require_peer(ae_title)
        self._require_here(study_instance_uid, series_uids)
        now = self._archive.clock()

        def work(connection: Connection) -> str:
            identifier = order_send(
                connection,
                now,
                ae_title,
                study_instance_uid,
                series=series_uids,
                by=by.name,
                priority=priority,
                commitment=commitment,
            )
            self._record(connection, "send_ordered", by, study_instance_uid, ae_title)
            return identifier

        return self._order(work)

    def fetch(
        self,
        ae_title: str,
        study_instance_uid: str,
        *,
        by: Principal,
        series_uids: Sequence[str] = (),
        with_: str = "",
        priority: Priority = Priority.HIGH,
    ) -> str:
        """Order that a study, or these of its series, is fetched from a peer; the id of the job.

        Raises NotPermitted, NotFound, QueryRefused.
        """
        self._require(by, Action.FORWARD, study_instance_uid)
        self._require_peer(ae_title)
        wrong = [uid for uid in (study_instance_uid, *series_uids) if not valid_uid(uid)]
        if wrong or with_ not in ("", "get", "move"):
            raise QueryRefused(f"{wrong[0]} is no UID" if wrong else f"with {with_!r}: expected get or move")
        now = self._archive.clock()

        def work(connection: Connection) -> str:
            identifier = order_fetch(
                connection,
                now,
                ae_title,
                study_instance_uid,
                series=series_uids,
                by=by.name,
                with_=with_,
                priority=priority,
            )
            self._record(connection, "fetch_ordered", by, study_instance_uid, ae_title)
            return identifier

        return self._order(work)

    def show(
        self,
        *,
        by: Principal,
        states: Sequence[JobState] = (),
        kind: str = "",
        destination: str = "",
        study_instance_uid: str = "",
        limit: int = 100,
    ) -> list[dict[str, Any]]:
        """The newest jobs as plain values. Raises NotPermitted."""
        self._require(by, Action.FORWARD, study_instance_uid)
        with self._archive.index.read() as connection:
            found = job_queue.listing(
                connection,
                states=states,
                kind=kind,
                destination=destination,
                study_instance_uid=study_instance_uid,
                limit=limit,
            )
            allowed = [one for one in found if may(by, Action.FORWARD, one.study_instance_uid or None)]
            studies = _studies(connection, allowed)
        return [shown(one, studies) for one in allowed]

    def one(self, identifier: str, *, by: Principal) -> dict[str, Any]:
        """One job as plain values. Raises NotFound."""
        with self._archive.index.read() as connection:
            found = jobs.find(connection, identifier)
            if found is None or not may(by, Action.FORWARD, found.study_instance_uid or None):
                raise _no_such_job(identifier)
            return shown(found, _studies(connection, [found]))

    def pauses(self, *, by: Principal) -> list[dict[str, str]]:
        """What is paused; "" stands for every kind or destination. Raises NotPermitted."""
        self._require(by, Action.FORWARD)
        with self._archive.index.read() as connection:
            found = job_queue.pauses(connection)
        return [
            {"kind": kind, "destination": destination, "since": since.isoformat()} for kind, destination, since in found
        ]

    def pause(self, kind: str, destination: str, *, by: Principal) -> None:
        """Begin no more jobs of that kind for that destination. Raises NotPermitted."""
        self._require(by, Action.MANAGE_ARCHIVE)
        now = self._archive.clock()

        def work(connection: Connection) -> None:
            job_queue.pause(connection, now, kind, destination)
            self._record(connection, "queue_paused", by, "", f"{kind or 'all'} {destination or 'all'}")

        self._archive.index.write(work)

    def resume(self, kind: str, destination: str, *, by: Principal) -> None:
        """Take that pause back. Raises NotFound, NotPermitted."""
        self._require(by, Action.MANAGE_ARCHIVE)

        def work(connection: Connection) -> bool:
            ended = job_queue.resume(connection, kind, destination)
            if ended:
                self._record(connection, "queue_resumed", by, "", f"{kind or 'all'} {destination or 'all'}")
            return ended

        if not self._archive.index.write(work):
            raise NotFound("that is not paused", "`pacs queue list` shows what is", "not_paused")
        self._added()

    def retry(self, identifier: str, *, by: Principal) -> None:
        """Do a dead, cancelled or waiting job now. Raises NotFound, NotPermitted."""
        self._change(identifier, "job_retried", job_queue.retry, by)
        self._added()

    def cancel(self, identifier: str, *, by: Principal) -> None:
        """End a job that is not done. Raises NotFound, NotPermitted."""
        self._change(identifier, "job_cancelled", job_queue.cancel, by)

    def _change(self, identifier: str, action: str, change: Callable[..., bool], by: Principal) -> None:
        self._require(by, Action.MANAGE_ARCHIVE)
        now = self._archive.clock()

        def work(connection: Connection) -> bool:
            changed = change(connection, now, identifier)
            if changed:
                self._record(connection, action, by, "", identifier)
            return changed

        if not self._archive.index.write(work):
            raise _no_such_job(identifier)

    def _order(self, work: Callable[[Connection], str]) -> str:
        identifier = self._archive.index.write(work)
        self._added()
        return identifier

    def _record(self, connection: Connection, action: str, by: Principal, study_uid: str, detail: str) -> None:
        audit.record(
            connection,
            self._archive.clock(),
            code=AuditCode.APPLICATION_ACTIVITY,
            action=action,
            principal=by,
            study_instance_uid=study_uid,
            detail=detail,
        )

    def _require(self, by: Principal, action: Action, study_instance_uid: str = "") -> None:
        if not may(by, action, study_instance_uid or None):
            raise NotPermitted("you may not do this", "ask an administrator")

    def _require_peer(self, ae_title: str) -> None:
        if self._peers.registered(ae_title) is None:
            message = f"no peer has the AE title {ae_title}"
            raise NotFound(message, "register it with `pacs ae add`", "peer_unknown")

    def _require_here(self, study_instance_uid: str, series_uids: Sequence[str]) -> None:
        of_study = study.c.study_instance_uid == study_instance_uid
        statement = select(series.c.series_instance_uid).join(study, series.c.study_row == study.c.row).where(of_study)
        with self._archive.index.read() as connection:
            here = set(connection.execute(statement).scalars())
        missing = sorted(set(series_uids) - here)
        if not here or missing:
            what = f"series {missing[0]} in it" if here else "such study here"
            raise NotFound(f"there is no {what}", "check the UIDs, or search for the study", "study_absent")


def _studies(connection: Connection, found: Sequence[Job]) -> dict[str, tuple[str, str]]:
    """Patient's name and study date of the studies that jobs are about and that are here."""
    uids = {one.study_instance_uid for one in found if one.study_instance_uid}
    statement = (
        select(study.c.study_instance_uid, patient.c.patient_name, study.c.study_date)
        .join(patient, study.c.patient_row == patient.c.row)
        .where(study.c.study_instance_uid.in_(uids))
    )
    return {row.study_instance_uid: (row.patient_name, row.study_date) for row in connection.execute(statement)}


def shown(job: Job, studies: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """A job as plain values for people, with whose study it is about where that is here."""
    patient_name, study_date = studies.get(job.study_instance_uid, ("", ""))
    progress = {name: value for name, value in job.progress.items() if isinstance(value, int) and value is not False}
    return {
        "id": job.id,
        "kind": job.kind,
        "destination": job.destination,
        "study_instance_uid": job.study_instance_uid,
        "patient_name": patient_name,
        "study_date": study_date,
        "series": job.payload.get("series", []),
        "by": job.payload.get("by") or job.payload.get("rule", ""),
        "priority": job.priority.name.lower(),
        "state": job.state.value,
        "progress": progress,
        "attempts": job.attempts,
        "last_error": job.last_error,
        "last_error_code": job.last_error_code,
        "not_before": job.not_before.isoformat(),
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else "",
    }


def _no_such_job(identifier: str) -> NotFound:
    message = f"there is no job {identifier} of which this can be done"
    return NotFound(message, "`pacs queue list` shows them", "job_unknown")
