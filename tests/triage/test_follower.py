from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pacs.access.principals import OPERATOR
from pacs.archive.facts import age_years
from pacs.archive.housekeeping import settle_studies
from pacs.triage import follower
from pacs.triage.follower import FOLLOWER, input_digest
from pacs.triage.tasks import TaskState
from tests.support.archives import send
from tests.support.factories import Patient, ct_slice, mr_series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pacs.index.criteria import Query
    from tests.triage.conftest import Leaf

RULE: dict[str, Any] = {
    "id": "head-ct",
    "match": {"tag": "Modality", "op": "eq", "value": "CT"},
    "dispatch": [{"service": "reader"}],
}


@pytest.mark.parametrize(
    ("age", "birth", "on", "expected"),
    [
        ("067Y", "", "", 67),
        ("018M", "", "", 1),
        ("010D", "", "", 0),
        ("", "19880317", "20260316", 37),
        ("", "19880317", "20260317", 38),
        ("67", "19880317", "20260317", 38),
        ("", "20260318", "20260317", None),
        ("", "1988", "20260317", None),
        ("", "", "", None),
    ],
)
def test_age(age: str, birth: str, on: str, expected: int | None) -> None:
    assert age_years(age, birth, on) == expected


def test_a_stable_study_becomes_one_task_that_describes_it(leaf: Leaf) -> None:
    uid = leaf.arrive(3, PatientAge="067Y", BodyPartExamined="HEAD")
    assert leaf.follow() == 1
    (task,) = leaf.tasks()
    assert (task.state, task.study_instance_uid, task.revision, task.attempts) == (TaskState.PENDING, uid, 1, 0)
    instances = leaf.archive.instances(uid)
    assert task.input["instances"] == 3
    assert task.input["input_digest"] == input_digest(one.sop_instance_uid for one in instances)
    assert task.input["series"] == [
        {
            "series_uid": instances[0].series_instance_uid,
            "modality": "CT",
            "instances": 3,
            "sop_classes": [instances[0].sop_class_uid],
        }
    ]
    assert task.input["context"]["age_years"] == 67
    assert task.input["context"]["body_part"] == "HEAD"


def test_what_comes_while_a_study_is_looked_at_is_asked_about_too(leaf: Leaf, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = leaf.arrive(2)
    find = leaf.archive.find

    def and_more_comes(query: Query) -> Iterator[dict[str, str]]:
        rows = list(find(query))
        _late(leaf, 9)
        return iter(rows)

    with monkeypatch.context() as patch:
        patch.setattr(leaf.archive, "find", and_more_comes)
        assert leaf.follow() == 1
    assert leaf.follow() == 1
    assert [(task.revision, task.input["instances"]) for task in leaf.tasks()] == [(1, 2), (2, 3)]
    assert len(leaf.archive.instances(uid)) == 3


def test_nothing_is_asked_before_the_study_is_stable(leaf: Leaf) -> None:
    send(leaf.archive, ct_slice())
    assert leaf.follow() == 0
    assert leaf.tasks() == []


def test_the_cursor_moves_with_the_task_and_reading_again_asks_nothing_twice(leaf: Leaf) -> None:
    leaf.arrive()
    assert leaf.follow() == 1
    assert leaf.archive.events.cursor(FOLLOWER) == leaf.archive.events.latest()
    assert leaf.follow() == 0
    leaf.archive.index.write(lambda connection: leaf.archive.events.move_cursor(connection, FOLLOWER, 0))
    assert leaf.follow() == 0
    assert len(leaf.tasks()) == 1


def test_a_crash_between_event_and_task_loses_nothing(leaf: Leaf, monkeypatch: pytest.MonkeyPatch) -> None:
    leaf.arrive()
    with monkeypatch.context() as broken:
        broken.setattr(follower.EventLog, "move_cursor", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")))
        with pytest.raises(RuntimeError, match="power cut"):
            leaf.follow()
    assert leaf.tasks() == []  # the task was in the transaction that did not happen
    assert leaf.follow() == 1


def test_only_series_that_match_are_sent(leaf: Leaf) -> None:
    for dataset in mr_series(2, study="mixed", series="mr"):
        send(leaf.archive, dataset)
    leaf.arrive(2, study="mixed", series="ct")
    assert leaf.follow() == 1
    assert [series["modality"] for series in leaf.tasks()[0].input["series"]] == ["CT"]
    assert leaf.tasks()[0].input["instances"] == 2


def test_no_patient_is_named_in_a_task(leaf: Leaf) -> None:
    patient = Patient("SECRET-ID", "Secret^Name", "19700101", "F")
    leaf.arrive(1, patient=patient)
    leaf.follow()
    text = str(leaf.tasks()[0])
    assert not [secret for secret in ("SECRET-ID", "Secret", "19700101") if secret in text]


@pytest.mark.parametrize(
    ("retrigger", "other_series", "expected"),
    [("never", True, 1), ("if_new_series", False, 1), ("if_new_series", True, 2), ("always", False, 2)],
)
def test_what_comes_later_asks_again_as_the_rule_says(
    leaf: Leaf, retrigger: str, other_series: bool, expected: int
) -> None:
    leaf.registry.add_rule(RULE | {"trigger": {"retrigger": retrigger}}, by=OPERATOR)
    leaf.arrive(2)
    leaf.follow()
    _late(leaf, 9, series="late" if other_series else "series")
    leaf.follow()
    assert len(leaf.tasks()) == expected


def test_a_newer_revision_supersedes_the_open_task(leaf: Leaf) -> None:
    leaf.arrive(2)
    leaf.follow()
    _late(leaf, 9)
    leaf.follow()
    assert [(task.revision, task.state) for task in leaf.tasks()] == [
        (1, TaskState.SUPERSEDED),
        (2, TaskState.PENDING),
    ]


def test_a_study_that_never_ends_is_asked_about_three_times(leaf: Leaf) -> None:
    leaf.arrive(1)
    for number in range(2, 7):
        leaf.follow()
        _late(leaf, number)
    leaf.follow()
    assert len(leaf.tasks()) == 3


def test_a_disabled_service_is_not_asked(leaf: Leaf) -> None:
    leaf.registry.disable_service("reader", by=OPERATOR)
    leaf.arrive()
    assert leaf.follow() == 0


def test_a_rule_that_takes_too_long_does_not_hold_up_the_others(leaf: Leaf) -> None:
    slow = {"tag": "StudyDescription", "op": "regex", "value": r"^(([a-z])+.)+[A-Z]([a-z])+$"}
    leaf.registry.add_rule(RULE | {"id": "slow", "match": slow}, by=OPERATOR)
    leaf.arrive(1, StudyDescription="a" * 60)
    assert leaf.follow() == 1
    assert [task.rule_id for task in leaf.tasks()] == ["head-ct"]


def _late(leaf: Leaf, number: int, series: str = "series") -> None:
    send(leaf.archive, ct_slice(number=number, count=9, series=series))
    leaf.clock.forward(31)
    assert settle_studies(leaf.archive, timedelta(seconds=30)) == 1
