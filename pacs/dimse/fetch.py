"""The jobs that fetch: what is not here yet of a study on another archive, by C-GET or C-MOVE (PS3.4 C.4.2, C.4.3).

What comes goes through the archive's one door like everything else; what counts is what is here in the end, not what
the other archive says it has sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import select

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import NODE
from pacs.archive.archive import Archive
from pacs.archive.jobs import Priority
from pacs.archive.orders import FETCH
from pacs.archive.runner import Also, JobFailed, Kind, Task
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import C_GET_RQ, C_MOVE_RQ, CANCELLED, HIGH, LOW, MEDIUM, MOVE_DESTINATION_UNKNOWN, REMAINING
from pacs.dimse.identifier import Element, write_identifier
from pacs.dimse.models import QUERY_RETRIEVE_LEVEL
from pacs.dimse.outbound import AssociationLost, NoAssociation, Outbound, OutboundAssociation, Proposal
from pacs.dimse.pdu import Roles
from pacs.dimse.proposal import CONTEXTS_MAX
from pacs.dimse.query import QueryFailed, answers, elements, proposal, value_of
from pacs.dimse.service import STORED_TRANSFER_SYNTAXES
from pacs.dimse.store import StorageProvider
from pacs.index.schema import IS_LIVE, instance

log = structlog.get_logger()

STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"

ATTEMPTS_MAX: Final = 10
REFUSALS_MAX: Final = 3
WITHOUT_A_WORD_S: Final = 3600.0
"""Some archives answer C-MOVE once, at its end."""
LISTED_AT_ONCE: Final = 200
LOOKED_UP_AT_ONCE: Final = 500

_PLAIN: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
_USUAL: Final = ("50", "70", "90", "91", "80", "201")  # JPEG, JPEG 2000, JPEG-LS, HTJ2K as most archives have them
_FREQUENT: Final = (*(f"1.2.840.10008.1.2.4.{number}" for number in _USUAL), "1.2.840.10008.1.2.5")
_COMPRESSED: Final = (*_FREQUENT, *sorted(STORED_TRANSFER_SYNTAXES - set(_PLAIN) - set(_FREQUENT)))

USUAL_CLASSES: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{number}"
    # CT, MR, CR, DX, mammography, ultrasound, secondary capture, XA, NM, PET, RT, then what is said of images
    for number in (
        *("2", "4", "1", "1.1", "1.2", "6.1", "3.1", "7", "12.1", "12.2", "20", "128", "2.1", "4.1"),
        *("481.1", "481.2", "481.3", "481.5", "11.1", "66.4", "88.11", "88.22", "88.33", "88.67", "104.1", "77.1.4"),
    )
)
"""What is proposed where the other archive does not say of which class its instances are."""
_PRIORITIES: Final = {Priority.HIGH: HIGH, Priority.MEDIUM: MEDIUM, Priority.LOW: LOW}


@dataclass(frozen=True, slots=True)
class Remote:
    """An instance as the other archive tells of it; class and syntaxes are empty where it does not."""

    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str


class FetchJobs:
    """Performs the jobs of the kind `fetch`."""

    def __init__(self, archive: Archive, peers: Peers, outbound: Outbound, instance_bytes_max: int) -> None:
        self._archive = archive
        self._peers = peers
        self._outbound = outbound
        self._store = StorageProvider(archive, instance_bytes_max).store

    def kinds(self) -> list[Kind]:
        """What the runner is given."""
        return [Kind(FETCH, self.fetch)]

    def fetch(self, task: Task) -> Also:
        """Ask what there is, fetch what is missing, series by series, and look whether it came."""
        peer = self._peers.registered(task.job.destination)
        if peer is None:
            raise JobFailed(
                f"no peer has the AE title {task.job.destination}: register it with `pacs ae add`", "peer_unknown"
            )
        with _as_job_failures():
            there = self._listing(task, peer)
            missing = self._missing(there)
            task.note(total=len(there), here=len(there) - len(missing))
            refused = self._retrieve(task, peer, there, missing) if missing else ""
        left = self._missing(there)
        task.note(here=len(there) - len(left))
        task.check()
        if left:
            why = f": {refused}" if refused else "; is this node known there, with its address, and may that one store?"
            raise JobFailed(
                f"{len(left)} of {len(there)} instances did not come{why}", "incomplete", attempts_max=ATTEMPTS_MAX
            )
        return lambda connection: audit.record(
            connection,
            self._archive.clock(),
            code=AuditCode.IMPORT,
            action="fetched",
            principal=NODE,
            study_instance_uid=task.job.study_instance_uid,
            detail=f"{len(there)} instances from {peer.ae_title}, ordered by {task.job.payload['by']}",
        )

    # What there is -----------------------------------------------------------------------------------------------

    def _listing(self, task: Task, peer: Peer) -> list[Remote]:
        study, wanted = task.job.study_instance_uid, task.job.payload["series"]
        found: list[Remote] = []
        with self._association(peer, [proposal(Level.SERIES)]) as association:
            asked = elements(Level.SERIES, {"StudyInstanceUID": study, "SeriesInstanceUID": "\\".join(wanted)})
            series = [value_of(one, "SeriesInstanceUID") for one in answers(association, Level.SERIES, asked, peer)]
            for uid in series:
                task.check()
                keys = {"StudyInstanceUID": study, "SeriesInstanceUID": uid, "AvailableTransferSyntaxUID": ""}
                for one in answers(association, Level.IMAGE, elements(Level.IMAGE, keys), peer):
                    syntax = value_of(one, "AvailableTransferSyntaxUID")
                    found.append(Remote(uid, value_of(one, "SOPInstanceUID"), value_of(one, "SOPClassUID"), syntax))
        if not found:
            raise JobFailed(f"{peer.ae_title} has no such study", "absent_there", attempts_max=REFUSALS_MAX)
        return found

    def _missing(self, there: Sequence[Remote]) -> list[Remote]:
        here: set[str] = set()
        uids = [one.sop_instance_uid for one in there]
        with self._archive.index.read() as connection:
            for start in range(0, len(uids), LOOKED_UP_AT_ONCE):
                statement = select(instance.c.sop_instance_uid).where(
                    instance.c.sop_instance_uid.in_(uids[start : start + LOOKED_UP_AT_ONCE]),
                    IS_LIVE,
                )
                here.update(connection.execute(statement).scalars())
        return [one for one in there if one.sop_instance_uid not in here]

    # Fetching it -------------------------------------------------------------------------------------------------

    def _retrieve(self, task: Task, peer: Peer, there: Sequence[Remote], missing: Sequence[Remote]) -> str:
        """Get or move what is missing; in words why not all of it came, as far as that was said."""
        way = task.job.payload["with"]
        if way != "move":
            with self._association(peer, _get_proposals(missing)) as association:
                if association.context_for(STUDY_ROOT_GET) is not None:
                    return self._all(task, association, STUDY_ROOT_GET, C_GET_RQ, there, missing)
            if way == "get":
                raise JobFailed(f"{peer.ae_title} does not do C-GET", "not_offered", attempts_max=REFUSALS_MAX)
        with self._association(peer, [Proposal(STUDY_ROOT_MOVE, _PLAIN)]) as association:
            if association.context_for(STUDY_ROOT_MOVE) is None:
                raise JobFailed(
                    f"{peer.ae_title} does neither C-GET nor C-MOVE", "not_offered", attempts_max=REFUSALS_MAX
                )
            return self._all(task, association, STUDY_ROOT_MOVE, C_MOVE_RQ, there, missing)

    def _association(self, peer: Peer, proposals: Sequence[Proposal]) -> OutboundAssociation:
        """What the peer stores on it in answer to C-GET is taken in as if it had called; the node asked for it."""
        receives = {one.abstract_syntax: Roles(scu=False, scp=True) for one in proposals[1:]}
        return self._outbound.associate(
            peer.host,
            peer.port,
            peer.ae_title,
            proposals,
            options=peer.options,
            roles=receives,
            principal=NODE,
            serve=self._store,
        )

    def _all(
        self,
        task: Task,
        association: OutboundAssociation,
        model: str,
        field: int,
        there: Sequence[Remote],
        missing: Sequence[Remote],
    ) -> str:
        refused = ""
        for keys in _requests(task.job.study_instance_uid, there, missing):
            task.check()
            refused = self._one(task, association, model, field, keys) or refused
            left = self._missing(there)
            task.note(here=len(there) - len(left))
        return refused

    def _one(
        self, task: Task, association: OutboundAssociation, model: str, field: int, keys: Mapping[str, str]
    ) -> str:
        """One C-GET or C-MOVE to its end; in words what went wrong. A job that is over cancels it (PS3.7 9.3.2.3)."""
        context = association.context_for(model)
        assert context is not None
        level = next(level for level in reversed(Level) if _UNIQUE[level] in keys)
        identifier = [
            Element(QUERY_RETRIEVE_LEVEL, "CS", level.name),
            *(Element(BY_KEYWORD[keyword].tag, BY_KEYWORD[keyword].vr, value) for keyword, value in keys.items()),
        ]
        cancelled = False
        for answer in association.ask(
            context,
            field,
            data_set=write_identifier(identifier, context.transfer_syntax, ""),
            priority=_PRIORITIES[task.job.priority],
            move_destination=self._outbound.ae_title if field == C_MOVE_RQ else "",
            within_s=WITHOUT_A_WORD_S,
        ):
            if answer.pending:
                if REMAINING in answer.command.numbers:
                    task.progress["remaining_there"] = answer.command.numbers[REMAINING]
                if task.over.is_set() and not cancelled:
                    association.cancel(context, answer)
                    cancelled = True
            elif answer.status == MOVE_DESTINATION_UNKNOWN:
                raise JobFailed(
                    f"{association.called} does not know {self._outbound.ae_title}; register this node there",
                    "unknown_there",
                    attempts_max=REFUSALS_MAX,
                )
            elif answer.status not in (0, CANCELLED):
                said = f" {answer.command.comment}" if answer.command.comment else ""
                return f"{association.called} answered {answer.status:04X}{said}"
        return ""


_UNIQUE: Final = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


def _requests(study: str, there: Sequence[Remote], missing: Sequence[Remote]) -> Iterator[dict[str, str]]:
    """The identifiers that ask for what is missing: a whole series where all of it is, else its instances."""
    whole: dict[str, int] = {}
    for one in there:
        whole[one.series_instance_uid] = whole.get(one.series_instance_uid, 0) + 1
    by_series: dict[str, list[str]] = {}
    for one in missing:
        by_series.setdefault(one.series_instance_uid, []).append(one.sop_instance_uid)
    for series, uids in by_series.items():
        keys = {"StudyInstanceUID": study, "SeriesInstanceUID": series}
        if len(uids) == whole[series]:
            yield keys
            continue
        for start in range(0, len(uids), LISTED_AT_ONCE):
            yield {**keys, "SOPInstanceUID": "\\".join(uids[start : start + LISTED_AT_ONCE])}


def _get_proposals(missing: Sequence[Remote]) -> list[Proposal]:
    """The model first, then for each class the plain syntaxes, and each compressed one alone, so that the other
    archive's choice of one does not shut out the rest: those that it says it has, or all where it does not say."""
    classes: dict[str, set[str]] = {}
    for one in missing:
        for sop_class_uid in [one.sop_class_uid] if one.sop_class_uid else USUAL_CLASSES:
            classes.setdefault(sop_class_uid, set()).add(one.transfer_syntax_uid)
    proposals = [Proposal(uid, _PLAIN) for uid in (STUDY_ROOT_GET, *classes)][:CONTEXTS_MAX]
    told = [(uid, syntax) for uid, syntaxes in classes.items() for syntax in syntaxes if syntax in _COMPRESSED]
    silent = [uid for uid, syntaxes in classes.items() if "" in syntaxes]
    more = dict.fromkeys(told + [(uid, syntax) for syntax in _COMPRESSED for uid in silent])
    room = CONTEXTS_MAX - len(proposals)
    return proposals + [Proposal(uid, (syntax,)) for uid, syntax in list(more)[:room]]


@contextmanager
def _as_job_failures() -> Iterator[None]:
    try:
        yield
    except NoAssociation as refused:
        raise JobFailed(str(refused), refused.code, down=True) from None
    except AssociationLost as lost:
        raise JobFailed(str(lost), lost.code) from None
    except QueryFailed as failed:
        raise JobFailed(str(failed), failed.code, attempts_max=REFUSALS_MAX) from None
