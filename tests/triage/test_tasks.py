from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pacs.triage import tasks
from pacs.triage.tasks import TaskState, idempotency_key

if TYPE_CHECKING:
    from tests.triage.conftest import Leaf

INPUT: dict[str, Any] = {"purpose": "triage", "series": [{"series_uid": "2.25.2"}]}


def _add(leaf: Leaf, revision: int = 1, service: str = "reader", study: str = "2.25.1") -> str | None:
    now = leaf.clock()
    return leaf.archive.index.write(
        lambda connection: tasks.add(
            connection,
            now,
            rule_id="rule",
            service_id=service,
            study_instance_uid=study,
            revision=revision,
            expires_at=now + timedelta(seconds=300),
            task_input=INPUT,
        )
    )


def test_the_same_question_is_asked_once(leaf: Leaf) -> None:
    assert _add(leaf) is not None
    assert _add(leaf) is None
    assert _add(leaf, revision=2) is not None
    assert _add(leaf, service="other") is not None
    assert _add(leaf, study="2.25.9") is not None
    assert len(leaf.tasks()) == 4


def test_the_key_depends_on_each_part_and_on_nothing_else() -> None:
    base = ("rule", "service", "2.25.1", 1, "triage")
    assert idempotency_key(*base) == idempotency_key(*base)
    changed = [("x", *base[1:]), (*base[:2], "2.25.2", *base[3:]), (*base[:3], 2, base[4]), (*base[:4], "quality")]
    assert len({idempotency_key(*base), *(idempotency_key(*parts) for parts in changed)}) == 5


def test_only_older_revisions_of_the_same_question_are_superseded(leaf: Leaf) -> None:
    for revision, service in ((1, "reader"), (1, "other"), (3, "reader")):
        _add(leaf, revision, service)
    newer = _add(leaf, 2)
    assert newer is not None
    leaf.archive.index.write(lambda connection: tasks.supersede(connection, leaf.clock(), newer))
    states = {(task.revision, task.service_id): task.state for task in leaf.tasks()}
    assert states == {
        (1, "reader"): TaskState.SUPERSEDED,
        (1, "other"): TaskState.PENDING,
        (2, "reader"): TaskState.PENDING,
        (3, "reader"): TaskState.PENDING,
    }


def test_tasks_are_counted_by_state(leaf: Leaf) -> None:
    _add(leaf)
    _add(leaf, 2)
    leaf.clock.forward(301)
    leaf.archive.index.write(lambda connection: tasks.end_overdue(connection, leaf.clock()))
    _add(leaf, 3)
    with leaf.archive.index.read() as connection:
        assert tasks.counts(connection) == {"dead": 2, "pending": 1}
        assert not tasks.any_overdue(connection, leaf.clock())
