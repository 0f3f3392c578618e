"""Instance Availability Notification (PS3.4 Annex R): a registered peer is told which instances of a study are here."""

from __future__ import annotations

from typing import Any, Final

import structlog
from sqlalchemy import Connection

from pacs.access.peers import Peers
from pacs.archive.archive import Archive
from pacs.archive.orders import AVAILABILITY
from pacs.archive.performed import PERFORMED_STEP_CLASS, PerformedSteps
from pacs.archive.runner import Also, JobFailed, Kind, Task
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import N_CREATE_RQ, SUCCESS, is_warning
from pacs.dimse.commitment_jobs import new_transaction_uid
from pacs.dimse.identifier import write_attributes
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, Proposal
from pacs.errors import NotFound
from pacs.model import StorageState, StoredInstance

log = structlog.get_logger()

INSTANCE_AVAILABILITY_NOTIFICATION: Final = "1.2.840.10008.5.1.4.33"
DUPLICATE_INSTANCE: Final = 0x0111
REFUSALS_MAX: Final = 10

_PROPOSAL: Final = Proposal(INSTANCE_AVAILABILITY_NOTIFICATION, (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN))


class AvailabilityJobs:
    """Performs the jobs of the kind `availability`."""

    def __init__(self, archive: Archive, peers: Peers, outbound: Outbound) -> None:
        self._archive = archive
        self._peers = peers
        self._outbound = outbound
        self._performed = PerformedSteps(archive)

    def kinds(self) -> list[Kind]:
        """What the runner is given."""
        return [Kind(AVAILABILITY, self.tell)]

    def tell(self, task: Task) -> Also | None:
        """One N-CREATE of a notification; what the peer took before its answer was lost is a duplicate, and told."""
        ae_title = task.job.destination
        peer = self._peers.registered(ae_title)
        if peer is None:
            raise JobFailed(f"no peer has the AE title {ae_title}: register it with `pacs ae add`", "peer_unknown")
        try:
            instances = self._archive.instances(task.job.study_instance_uid)
        except NotFound:
            return None  # it has been deleted since
        if "uid" not in task.progress:
            task.note(_nothing, uid=new_transaction_uid())
        try:
            with self._outbound.associate(
                peer.host, peer.port, ae_title, [_PROPOSAL], options=peer.options
            ) as association:
                context = association.context_for(INSTANCE_AVAILABILITY_NOTIFICATION)
                if context is None:
                    raise JobFailed(
                        f"{ae_title} takes no availability notifications", "not_offered", attempts_max=REFUSALS_MAX
                    )
                performed = self._performed.of_study(task.job.study_instance_uid)
                told = notification(instances, performed, self._outbound.ae_title)
                data = write_attributes(told, context.transfer_syntax)
                (answer,) = association.ask(context, N_CREATE_RQ, sop_instance_uid=task.progress["uid"], data_set=data)
        except NoAssociation as refused:
            raise JobFailed(str(refused), refused.code, down=True) from None
        except AssociationLost as lost:
            raise JobFailed(str(lost), lost.code) from None
        if answer.status not in (SUCCESS, DUPLICATE_INSTANCE) and not is_warning(answer.status):
            said = f": {answer.command.comment}" if answer.command.comment else ""
            raise JobFailed(f"{ae_title} answered {answer.status:04X}{said}", "answered", attempts_max=REFUSALS_MAX)
        log.info("availability_told", peer=ae_title, instances=len(instances))
        return None


def notification(instances: list[StoredInstance], performed: list[str], ae_title: str) -> dict[str, Any]:
    """The attributes of a notification (PS3.4 R.3.2), as DICOM JSON: of a study, the UIDs of the performed procedure
    steps that made it, and where to retrieve it from."""
    series: dict[str, list[StoredInstance]] = {}
    for one in instances:
        series.setdefault(one.series_instance_uid, []).append(one)
    return {
        "0020000D": {"vr": "UI", "Value": [instances[0].study_instance_uid]},
        "00081111": {"vr": "SQ", "Value": [_step(uid) for uid in performed]} if performed else {"vr": "SQ"},
        "00081115": {
            "vr": "SQ",
            "Value": [
                {
                    "0020000E": {"vr": "UI", "Value": [uid]},
                    "00081199": {"vr": "SQ", "Value": [_reference(one, ae_title) for one in members]},
                }
                for uid, members in series.items()
            ],
        },
    }


def _step(uid: str) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [PERFORMED_STEP_CLASS]},
        "00081155": {"vr": "UI", "Value": [uid]},
        "00404019": {"vr": "SQ"},  # type 2: of workitems of the general purpose kind alone
    }


def _reference(one: StoredInstance, ae_title: str) -> dict[str, Any]:
    available = "UNAVAILABLE" if one.storage is StorageState.DAMAGED else "ONLINE"
    return {
        "00080054": {"vr": "AE", "Value": [ae_title]},
        "00080056": {"vr": "CS", "Value": [available]},
        "00081150": {"vr": "UI", "Value": [one.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [one.sop_instance_uid]},
    }


def _nothing(_connection: Connection) -> None:
    """Written at once, for the progress's sake."""
