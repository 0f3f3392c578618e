"""From a stable study to tasks: reads the event log with a cursor of its own, which moves with the tasks it made."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, select

from pacs.access.accounts import Accounts
from pacs.archive.archive import Archive
from pacs.archive.conditions import RuleTooSlow, holds
from pacs.archive.events import PAGE, EventLog
from pacs.archive.facts import SeriesFacts, series_facts
from pacs.index.schema import study
from pacs.model import Event, EventKind
from pacs.triage import tasks
from pacs.triage.registry import Registry
from pacs.triage.rules import REVISIONS_MAX, Dispatch, Rule

log = structlog.get_logger()

FOLLOWER = "triage"
CURSOR_KEPT_EVERY_S = 5.0
"""Moving the cursor over events that made no task is not worth a transaction each; reading them again is harmless."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A task to be made."""

    rule: Rule
    dispatch: Dispatch
    study_instance_uid: str
    revision: int
    task_input: dict[str, Any]


def input_digest(sop_instance_uids: Iterable[str]) -> str:
    """What a result names to prove which images it looked at: SHA-256 of the sorted SOP Instance UIDs."""
    return "sha256:" + hashlib.sha256("\n".join(sorted(sop_instance_uids)).encode()).hexdigest()


class Follower:
    """Turns events into tasks. `step` is called by one thread."""

    def __init__(self, archive: Archive, accounts: Accounts, registry: Registry) -> None:
        self._archive = archive
        self._accounts = accounts
        self._registry = registry
        self._position = archive.events.cursor(FOLLOWER)
        self._kept = self._position
        self._kept_at = time.monotonic()

    def step(self, wait_s: float) -> int:
        """Deal with the next events, waiting up to `wait_s` for them; gives how many tasks were made."""
        events = self._archive.events.wait(self._position, wait_s)
        planned = self._plan(event for event in events if event.kind is EventKind.STUDY_STABLE)
        reached = events[-1].number if events else self._position
        due = time.monotonic() - self._kept_at >= CURSOR_KEPT_EVERY_S
        made = 0
        if planned or (reached > self._kept and (due or len(events) == PAGE)):
            made = self._commit(planned, reached)
        self._position = reached
        return made

    def _commit(self, planned: list[Planned], reached: int) -> int:
        now = self._archive.clock()

        def work(connection: Connection) -> int:
            made = [self._add(connection, plan) for plan in planned]
            EventLog.move_cursor(connection, FOLLOWER, reached)
            return sum(made)

        made = self._archive.index.write(work)
        self._kept, self._kept_at = reached, time.monotonic()
        if made:
            log.info("ai_tasks_made", tasks=made, at=now.isoformat())
        return made

    def _add(self, connection: Connection, plan: Planned) -> int:
        asked = tasks.series_asked(connection, plan.rule.id, plan.dispatch.service, plan.study_instance_uid)
        series = frozenset(series["series_uid"] for series in plan.task_input["series"])
        again = {"never": False, "if_new_series": bool(series - frozenset().union(*asked)), "always": True}
        if asked and (len(asked) >= REVISIONS_MAX or not again[plan.rule.retrigger]):
            return 0
        now = self._archive.clock()
        identifier = tasks.add(
            connection,
            now,
            rule_id=plan.rule.id,
            service_id=plan.dispatch.service,
            study_instance_uid=plan.study_instance_uid,
            revision=plan.revision,
            expires_at=now + timedelta(seconds=plan.dispatch.timeout_s),
            task_input=plan.task_input,
        )
        if identifier is None:
            return 0
        for ended in tasks.supersede(connection, now, identifier):
            self._accounts.end_task_reading(connection, ended)
        return 1

    def _plan(self, events: Iterable[Event]) -> list[Planned]:
        studies = dict.fromkeys(event.study_instance_uid for event in events)
        rules = self._registry.rules() if studies else []
        if not rules:
            return []
        disabled = {service.id for service in self._registry.services() if service.disabled}
        planned = []
        for study_instance_uid in studies:
            revision, series = self._look_at(study_instance_uid, rules)
            for rule in rules:
                matched = {uid: facts for uid, facts in series.items() if _matches(rule, facts)}
                if matched:
                    planned += [
                        Planned(rule, dispatch, study_instance_uid, revision, _task_input(rule, dispatch, matched))
                        for dispatch in rule.dispatch
                        if dispatch.service not in disabled
                    ]
        return planned

    def _look_at(self, study_instance_uid: str, rules: list[Rule]) -> tuple[int, dict[str, SeriesFacts]]:
        """The study's revision and its series by UID, with every attribute that the rules look at."""
        with self._archive.index.read() as connection:  # first: what comes meanwhile is another revision's task
            revision = connection.execute(
                select(study.c.revision).where(study.c.study_instance_uid == study_instance_uid)
            ).scalar()
        found = series_facts(self._archive, study_instance_uid, {tag for rule in rules for tag in rule.tags()})
        return int(revision or 1), found


def _matches(rule: Rule, series: SeriesFacts) -> bool:
    try:
        return holds(rule.match, series.facts())
    except RuleTooSlow as error:
        log.error("ai_rule_too_slow", rule=rule.id, cause=str(error))
        return False


def _task_input(rule: Rule, dispatch: Dispatch, matched: dict[str, SeriesFacts]) -> dict[str, Any]:
    """What the service is told: UIDs, counts and coarse facts, never who the patient is."""
    instances = [uid for series in matched.values() for uid in series.instances]
    first = next(iter(matched.values()))
    age = first.facts()["derived:age_years"]
    sex = first.one("PatientSex")
    return {
        "purpose": rule.purpose,
        "priority": dispatch.priority,
        "series": [
            {
                "series_uid": uid,
                "modality": series.one("Modality"),
                "instances": len(series.instances),
                "sop_classes": sorted(set(series.instances.values())),
            }
            for uid, series in matched.items()
        ],
        "instances": len(instances),
        "input_digest": input_digest(instances),
        "transfer_syntaxes": sorted(
            {text for series in matched.values() for text in series.texts.get("AvailableTransferSyntaxUID", ())}
        ),
        "context": {
            "age_years": int(age[0]) if age else None,
            "sex": sex if sex in ("M", "F", "O") else None,
            "body_part": first.one("BodyPartExamined") or None,
            "clinical_question": None,
        },
    }
