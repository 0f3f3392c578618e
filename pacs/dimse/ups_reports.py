"""Events of workitems to those who watch them: N-EVENT-REPORT on an association of the node's own (PS3.4 CC.2.4)."""

from __future__ import annotations

from functools import partial
from typing import Final

import structlog

from pacs.access.peers import Peers
from pacs.archive import subscriptions
from pacs.archive.archive import Archive
from pacs.archive.runner import JobFailed, Kind, Task
from pacs.archive.subscriptions import REPORT_JOB, Report
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import EVENT_TYPE_ID, N_EVENT_REPORT_RQ
from pacs.dimse.identifier import write_attributes
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, OutboundAssociation, Proposal
from pacs.dimse.pdu import Roles
from pacs.dimse.ups import EVENT, PUSH

log = structlog.get_logger()

_PROPOSAL: Final = Proposal(EVENT, (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN))


class ReportJobs:
    """Tells each subscriber what it is to be told, in order, on one association a turn."""

    def __init__(self, archive: Archive, peers: Peers, outbound: Outbound) -> None:
        self._archive = archive
        self._peers = peers
        self._outbound = outbound

    def kinds(self) -> list[Kind]:
        """What the runner is given."""
        return [Kind(REPORT_JOB, self.tell)]

    def tell(self, task: Task) -> None:
        """Send every report that waits for the job's subscriber. Raises JobFailed, JobOver."""
        ae_title = task.job.destination
        report = self._next(ae_title)
        if report is None:
            return
        peer = self._peers.registered(ae_title)
        if peer is None:  # it fetches its events over a WebSocket (PS3.18 8.10)
            return
        try:
            with self._outbound.associate(
                peer.host, peer.port, ae_title, [_PROPOSAL], roles={EVENT: Roles(scu=False, scp=True)}
            ) as association:
                while report is not None:
                    task.check()
                    self._send(association, report)
                    self._archive.index.write(partial(subscriptions.told, number=report.number))
                    report = self._next(ae_title)
        except NoAssociation as refused:
            raise JobFailed(str(refused), refused.code, down=True) from None
        except AssociationLost as lost:
            raise JobFailed(str(lost), lost.code) from None

    def _next(self, ae_title: str) -> Report | None:
        with self._archive.index.read() as connection:
            return subscriptions.next_report(connection, ae_title)

    def _send(self, association: OutboundAssociation, report: Report) -> None:
        """One report; whatever the subscriber answers, it has been told."""
        context = association.context_for(EVENT)
        if context is None:
            raise JobFailed(f"{association.called} takes no events of workitems", "not_offered")
        (answer,) = association.ask(
            context,
            N_EVENT_REPORT_RQ,
            sop_class_uid=PUSH,
            sop_instance_uid=report.workitem,
            data_set=write_attributes(report.document, context.transfer_syntax),
            numbers={EVENT_TYPE_ID: int(report.event_type)},
        )
        if not answer.succeeded:
            log.warning(
                "workitem_report_refused",
                peer=association.called,
                workitem=report.workitem,
                event_type=int(report.event_type),
                status=f"{answer.status:04X}",
            )
