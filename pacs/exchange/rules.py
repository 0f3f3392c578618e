"""Rules of routing: which studies go to which peers, as JSON that is data and never code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, select

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.conditions import (
    AllOf,
    Condition,
    invalid_at,
    list_at,
    object_at,
    one_of,
    read_condition,
    tags_of,
    text_at,
)
from pacs.archive.jobs import Priority
from pacs.errors import NotFound, NotPermitted
from pacs.index.transfers import route
from pacs.index.upsert import upsert
from pacs.model import to_microseconds
from pacs.settings import valid_ae_title

QUIET_S = 60
QUIET_S_MAX = 3600


class Trigger(StrEnum):
    """What makes a rule be judged."""

    STUDY_STABLE = "study.stable"
    SERIES_STABLE = "series.stable"
    INSTANCE_STORED = "instance.stored"


class Extent(StrEnum):
    """What is sent of a study in which a series matches."""

    SERIES = "series"  # the series that match
    STUDY = "study"


@dataclass(frozen=True, slots=True)
class Target:
    """One peer that is sent to. `commitment` None: as it is registered."""

    ae_title: str
    priority: Priority = Priority.MEDIUM
    commitment: bool | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `quiet` is how long a series has to be without a new instance where the trigger is series.stable."""

    id: str
    match: Condition
    to: tuple[Target, ...]
    trigger: Trigger = Trigger.STUDY_STABLE
    send: Extent = Extent.SERIES
    quiet: timedelta = timedelta(seconds=QUIET_S)
    enabled: bool = True

    def tags(self) -> frozenset[str]:
        """Every tag that `match` looks at."""
        return frozenset(tags_of(self.match))


def read_rule(document: object) -> Rule:
    """The rule that `document` (parsed JSON) describes. Raises RuleInvalid naming the first place that is wrong."""
    known = {"enabled", "description", "trigger", "match", "send"}
    fields = object_at(document, "the rule", required={"id", "to"}, optional=known)
    trigger = object_at(fields.get("trigger", {}), "trigger", required=set(), optional={"event", "quiet_s"})
    event = Trigger(one_of(trigger.get("event", "study.stable"), "trigger.event", tuple(Trigger)))
    quiet_s = trigger.get("quiet_s", QUIET_S)
    if type(quiet_s) is not int or not 1 <= quiet_s <= QUIET_S_MAX:
        raise invalid_at("trigger.quiet_s", f"whole seconds from 1 to {QUIET_S_MAX}")
    targets = tuple(_target(item, f"to[{number}]") for number, item in enumerate(list_at(fields["to"], "to")))
    if not targets:
        raise invalid_at("to", "at least one peer")
    return Rule(
        id=text_at(fields["id"], "id", 64),
        match=read_condition(fields["match"], "match") if "match" in fields else AllOf(()),
        to=targets,
        trigger=event,
        send=Extent(one_of(fields.get("send", "series"), "send", tuple(Extent))),
        quiet=timedelta(seconds=quiet_s),
        enabled=fields.get("enabled", True) is True,
    )


def _target(document: object, place: str) -> Target:
    fields = object_at(document, place, required={"ae"}, optional={"priority", "commitment"})
    ae_title = text_at(fields["ae"], f"{place}.ae", 16)
    if not valid_ae_title(ae_title):
        raise invalid_at(f"{place}.ae", "an AE title of 1 to 16 printable ASCII characters without a backslash")
    commitment = fields.get("commitment")
    if commitment is not None and not isinstance(commitment, bool):
        raise invalid_at(f"{place}.commitment", "true or false")
    priority = one_of(fields.get("priority", "medium"), f"{place}.priority", ("high", "medium", "low"))
    return Target(ae_title, Priority[priority.upper()], commitment)


class Routes:
    """The rules that are in force, in the index."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def documents(self) -> list[dict[str, Any]]:
        """Every rule as it was given, by id."""
        with self._archive.index.read() as connection:
            return [
                json.loads(text) for text in connection.execute(select(route.c.rule).order_by(route.c.id)).scalars()
            ]

    def rules(self) -> Sequence[Rule]:
        """Every rule that is enabled."""
        return [rule for rule in map(read_rule, self.documents()) if rule.enabled]

    def add(self, document: object, *, by: Principal) -> Rule:
        """Put a rule in force, in the place of the one with the same id. Raises RuleInvalid, NotPermitted."""
        _require_manager(by)
        rule = read_rule(document)
        values = {"rule": json.dumps(document, ensure_ascii=False)}
        now = self._archive.clock()

        def work(connection: Connection) -> None:
            statement = upsert(connection, route).values(id=rule.id, created_at=to_microseconds(now), **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
            self._record(connection, "route_added", by, rule.id)

        self._archive.index.write(work)
        return rule

    def remove(self, identifier: str, *, by: Principal) -> None:
        """Put a rule out of force; what it has ordered is still sent. Raises NotFound, NotPermitted."""
        _require_manager(by)

        def work(connection: Connection) -> bool:
            removed = connection.execute(delete(route).where(route.c.id == identifier)).rowcount
            if removed:
                self._record(connection, "route_removed", by, identifier)
            return bool(removed)

        if not self._archive.index.write(work):
            raise NotFound(f"there is no rule {identifier}", "`pacs route list` shows them")

    def _record(self, connection: Connection, action: str, by: Principal, identifier: str) -> None:
        audit.record(
            connection,
            self._archive.clock(),
            code=AuditCode.SECURITY_ALERT,
            action=action,
            principal=by,
            detail=identifier,
        )


def _require_manager(principal: Principal) -> None:
    if not may(principal, Action.MANAGE_ARCHIVE):
        raise NotPermitted("you may not change the rules of routing", "ask an administrator")
