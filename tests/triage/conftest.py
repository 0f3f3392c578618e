"""An archive with the triage leaf over it, on each database, and a clock that the test owns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pacs.access.accounts import Accounts
from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.housekeeping import settle_studies
from pacs.index.schema import ai_task, study
from pacs.triage.follower import Follower
from pacs.triage.registry import Registry
from pacs.triage.tasks import Task, from_row
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series

HEAD_CT = {
    "id": "head-ct",
    "match": {"all": [{"tag": "Modality", "op": "eq", "value": "CT"}]},
    "dispatch": [{"service": "reader", "timeout_s": 300}],
    "priority_policy": {"min_score": 0.5},
}


@dataclass
class OwnedClock:
    """A clock that stands still until the test moves it."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 23, 8, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Leaf:
    """The parts of the leaf over one archive."""

    archive: Archive
    accounts: Accounts
    registry: Registry
    clock: OwnedClock

    def arrive(self, count: int = 3, **options: Any) -> str:
        """Store a CT series and let the study become stable; its Study Instance UID."""
        stored = [send(self.archive, dataset) for dataset in ct_series(count, **options)]
        self.clock.forward(31)
        assert settle_studies(self.archive, timedelta(seconds=30)) == 1
        return stored[0].study_instance_uid

    def follow(self) -> int:
        """One step of a follower that has just started."""
        return Follower(self.archive, self.accounts, self.registry).step(0)

    def tasks(self) -> list[Task]:
        """Every task in the order of making."""
        with self.archive.index.read() as connection:
            rows = connection.execute(select(ai_task).order_by(ai_task.c.created_at, ai_task.c.id)).mappings()
            return [from_row(row) for row in rows]

    def study(self, study_instance_uid: str) -> Any:
        """The row of the study."""
        with self.archive.index.read() as connection:
            statement = select(study).where(study.c.study_instance_uid == study_instance_uid)
            return connection.execute(statement).one()


@pytest.fixture(params=["sqlite", "postgresql"])
def leaf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Leaf]:
    """The leaf with one service, `reader`, and one rule that takes every CT, on each database."""
    database = "" if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))
    clock = OwnedClock()
    with open_archive(tmp_path, database=database, clock=clock) as archive:
        leaf = Leaf(archive, Accounts(archive.index, clock), Registry(archive.index, clock), clock)
        leaf.registry.add_service("reader", "http://127.0.0.1:9/", {"name": "Reader", "version": "1.0"}, by=OPERATOR)
        leaf.registry.add_rule(HEAD_CT, by=OPERATOR)
        yield leaf
