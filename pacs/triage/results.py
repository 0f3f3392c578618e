"""Results: what a service may answer, and what its answer does, in one transaction.

A result that comes late, for a superseded task or for other images than the task's is kept and changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection, select, update

from pacs.access.accounts import Accounts
from pacs.access.audit import AuditCode, record
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.events import EventLog
from pacs.errors import NotFound, SuretError
from pacs.index.schema import ai_task, study
from pacs.model import EventKind, to_microseconds
from pacs.triage import tasks
from pacs.triage.priority import raised_band
from pacs.triage.registry import Registry, Service
from pacs.triage.rules import Rule
from pacs.triage.tasks import OPEN_STATES, Task, TaskState

# --- the schema (ai-result-v1) ------------------------------------------------------------------------------------

Fraction = Annotated[float, Meta(ge=0, le=1)]
Sentence = Annotated[str, Meta(max_length=200)]
Language = Annotated[str, Meta(pattern="^[a-z]{2,3}$")]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
Moment = Annotated[datetime, Meta(tz=True)]
RejectReason = Literal["wrong_protocol", "poor_quality", "unsupported", "incomplete_input", "paediatric", "internal"]
Regulatory = Literal["none", "research", "ce", "fda", "kz", "kg", "ru", "other"]


class Code(Struct, frozen=True):
    """A coded term."""

    system: Literal["SCT", "DCM", "RADLEX", "LN", "99LOCAL"]
    code: str
    display: str = ""


class ServiceCard(Struct, frozen=True):
    """Who answers."""

    id: str
    name: str
    version: str
    model_digest: str = ""
    regulatory: Regulatory = "none"
    not_for_diagnosis: bool = True


class Suggestion(Struct, frozen=True, forbid_unknown_fields=True):
    """How urgent the service finds the study; `text` is a short sentence per language."""

    suggestion: Literal["critical", "urgent", "routine", "none"]
    score: Fraction | None = None
    threshold: Fraction | None = None
    calibrated: bool = False
    text: Annotated[dict[Language, Sentence], Meta(max_length=20)] = {}


class Measurement(Struct, frozen=True):
    """A number with its UCUM unit."""

    name: Code
    value: float
    unit: str


class RegionOfInterest(Struct, frozen=True):
    """A figure on an image, in its pixel coordinates."""

    type: Literal["point", "polyline", "circle", "ellipse", "bbox"]
    points: list[tuple[float, float]]


class KeyImage(Struct, frozen=True):
    """An image to look at."""

    sop_instance_uid: str
    frame: int = 1
    roi: RegionOfInterest | None = None


class Finding(Struct, frozen=True, forbid_unknown_fields=True):
    """One finding, present or not."""

    code: Code
    present: bool = True
    probability: Fraction | None = None
    laterality: Literal["L", "R", "B"] | None = None
    body_site: Code | None = None
    measurements: list[Measurement] = []
    key_images: Annotated[list[KeyImage], Meta(max_length=10)] = []


class DicomResult(Struct, frozen=True):
    """An object that the service has stored."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str = ""


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole answer."""

    task_id: str
    service: ServiceCard
    status: Literal["succeeded", "failed", "rejected"]
    input_digest: Digest
    completed_at: Moment
    reject_reason: RejectReason | None = None
    error: Annotated[str, Meta(max_length=2000)] | None = None
    started_at: Moment | None = None
    image_quality: Literal["diagnostic", "limited", "non_diagnostic", "unknown"] = "unknown"
    triage: Suggestion | None = None
    findings: Annotated[list[Finding], Meta(max_length=200)] = []
    dicom_results: list[DicomResult] = []
    explanation: list[Annotated[str, Meta(max_length=300)]] = []


class ResultInvalid(SuretError):
    """The body is not a result of this task."""


class ResultConflict(SuretError):
    """Another result of this task was taken before."""


def read_result(body: bytes) -> Result:
    """The result in `body`. Raises ResultInvalid naming the place."""
    try:
        body.decode()
        return msgspec.json.decode(body, type=Result)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ResultInvalid(f"the body is not an AI result: {error}", "see docs/ai-services.md") from None


def _digest(body: bytes) -> str:
    """The same for the same content, however it is written. Raises ResultInvalid."""
    try:
        return hashlib.sha256(json.dumps(json.loads(body), sort_keys=True).encode()).hexdigest()
    except (ValueError, RecursionError) as error:  # a whole number of too many digits, in a field nobody reads
        raise ResultInvalid(f"the body is not an AI result: {error}", "see docs/ai-services.md") from None


# --- what it does -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a result: whether it was used, and if not why."""

    task_id: str
    status: str
    used: bool
    reason: str


class Results:
    """Takes in results for one node; from any thread."""

    def __init__(self, archive: Archive, accounts: Accounts, registry: Registry) -> None:
        self._archive = archive
        self._accounts = accounts
        self._registry = registry

    def take(self, task_id: str, body: bytes, principal: Principal) -> Receipt:
        """Keep the result and do what it says; the same again gets the same answer and does nothing.

        Raises NotFound, ResultInvalid, ResultConflict.
        """
        result = read_result(body)
        if result.task_id != task_id:
            raise ResultInvalid("task_id is another task's", "send it to the result_url of its own task")
        text, digest = body.decode(), _digest(body)
        rules = {rule.id: rule for rule in self._registry.rules()}
        services = {service.id: service for service in self._registry.services()}

        def work(connection: Connection) -> Receipt:
            task = tasks.find(connection, task_id)
            if task is None:
                raise NotFound("there is no such study or task", "check the identifier")
            if result.service.id != task.service_id:
                raise ResultInvalid("service.id is not the service that was asked", "send the id it is registered with")
            if task.result_sha256:
                if task.result_sha256 != digest:
                    raise ResultConflict("another result of this task was taken before", "a task has one result")
                return Receipt(task_id, result.status, not task.last_error, task.last_error)
            reason = self._unused_because(task, result)
            self._keep(connection, task, result, text, digest, reason, principal)
            if not reason:
                self._accounts.end_task_reading(connection, task_id)
                self._apply(connection, task, result, rules.get(task.rule_id), services.get(task.service_id), principal)
            return Receipt(task_id, result.status, not reason, reason)

        receipt = self._archive.index.write(work)
        self._archive.events.announce()
        return receipt

    def _unused_because(self, task: Task, result: Result) -> str:
        if task.state not in OPEN_STATES:
            return task.state.value
        if task.expires_at <= to_microseconds(self._archive.clock()):
            return "late"
        if task.input["input_digest"] != result.input_digest:
            return "input_digest"
        return ""

    def _keep(
        self,
        connection: Connection,
        task: Task,
        result: Result,
        text: str,
        digest: str,
        reason: str,
        principal: Principal,
    ) -> None:
        values: dict[str, Any] = {"result": text, "result_sha256": digest, "last_error": reason}
        if not reason:
            values |= {
                "state": TaskState(result.status),
                "lease_until": None,
                "finished_at": to_microseconds(self._archive.clock()),
            }
        connection.execute(update(ai_task).where(ai_task.c.id == task.id).values(**values))
        record(
            connection,
            self._archive.clock(),
            code=AuditCode.APPLICATION_ACTIVITY,
            action="AI result taken",
            principal=principal,
            study_instance_uid=task.study_instance_uid,
            detail=f"{task.id} {task.service_id} {result.status} {reason or 'used'}",
        )

    def _apply(
        self,
        connection: Connection,
        task: Task,
        result: Result,
        rule: Rule | None,
        service: Service | None,
        principal: Principal,
    ) -> None:
        """Raise the study in the worklist, when an active rule still wants that."""
        suggestion = result.triage
        if rule is None or rule.mode != "active" or service is None or result.status != "succeeded" or not suggestion:
            return
        found = connection.execute(
            select(study.c.row, study.c.priority_band).where(study.c.study_instance_uid == task.study_instance_uid)
        ).one_or_none()
        if found is None:
            return
        row, band = found
        raised = raised_band(band, suggestion.suggestion, suggestion.score, result.image_quality, rule.policy)
        if raised == band:
            return
        connection.execute(
            update(study)
            .where(study.c.row == row)
            .values(
                priority_band=raised,
                priority_reason=json.dumps(_reason(suggestion), ensure_ascii=False),
                priority_source=service.shown,
            )
        )
        EventLog.append(
            connection,
            self._archive.clock(),
            EventKind.STUDY_PRIORITY,
            study_instance_uid=task.study_instance_uid,
            payload={"from": band, "to": raised, "task": task.id, "rule": task.rule_id, "service": task.service_id},
        )
        record(
            connection,
            self._archive.clock(),
            code=AuditCode.APPLICATION_ACTIVITY,
            action="study raised in the worklist",
            principal=principal,
            study_instance_uid=task.study_instance_uid,
            detail=f"{task.id} rule {task.rule_id} band {band} to {raised}",
        )


REASONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "critical": {
            "en": "Critical finding suspected",
            "ru": "Подозрение на критическую находку",
            "kk": "Қауіпті өзгеріске күдік бар",
            "ky": "Коркунучтуу өзгөрүү болушу мүмкүн",
        },
        "urgent": {"en": "Urgent", "ru": "Срочно", "kk": "Жедел", "ky": "Тез арада"},
    }
)
"""What the worklist says where the service gave no sentence."""


def _reason(suggestion: Suggestion) -> Mapping[str, str]:
    return {**REASONS[suggestion.suggestion], **suggestion.text}
