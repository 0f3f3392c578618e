from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from pacs.access.principals import OPERATOR, Principal, PrincipalKind
from pacs.archive.priority import CRITICAL, ROUTINE, STAT
from pacs.errors import NotFound
from pacs.index.schema import audit, study
from pacs.model import EventKind
from pacs.triage.results import Receipt, ResultConflict, ResultInvalid, Results, read_result
from pacs.triage.tasks import Task, TaskState
from tests.triage.conftest import HEAD_CT

if TYPE_CHECKING:
    from tests.triage.conftest import Leaf

PUBLISHED = """
{"task_id":"01JD9Z4K2VQ7M3N8P5R6S7T8V9","service":{"id":"hu-asym-demo","name":"HU asymmetry demo","version":"0.1.0",
 "regulatory":"none","not_for_diagnosis":true},
 "status":"succeeded","input_digest":"sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
 "completed_at":"2026-11-22T05:15:33Z","image_quality":"diagnostic",
 "triage":{"suggestion":"critical","score":0.994,"threshold":0.7,"calibrated":false,
  "text":{"en":"Dense asymmetric region 4.6 mL","kk":"Тығыз асимметриялы аймақ 4,6 мл"}},
 "findings":[{"code":{"system":"SCT","code":"1386000","display":"Intracranial hemorrhage"},"present":true,
  "probability":0.994,"laterality":"R",
  "measurements":[{"name":{"system":"SCT","code":"118565006","display":"Volume"},"value":4.6,"unit":"mL"}],
  "key_images":[{"sop_instance_uid":"2.25.113","roi":{"type":"bbox","points":[[286,168],[340,228]]}}]}],
 "explanation":["component 4.6 mL, mean 65.9 HU"]}
"""


class Asked:
    """A task of a stable study, and its answers."""

    def __init__(self, leaf: Leaf, **options: Any) -> None:
        self.leaf = leaf
        self.uid = leaf.arrive(**options)
        leaf.follow()
        self.task = leaf.tasks()[-1]
        self.results = Results(leaf.archive, leaf.accounts, leaf.registry)

    def document(self, suggestion: str = "critical", **more: Any) -> dict[str, Any]:
        return {
            "task_id": self.task.id,
            "service": {"id": "reader", "name": "Impostor", "version": "9"},
            "status": "succeeded",
            "input_digest": self.task.input["input_digest"],
            "completed_at": "2026-11-23T08:01:00Z",
            "triage": {"suggestion": suggestion, "score": 0.9, "text": {"en": "Dense region"}},
            **more,
        }

    def answer(self, document: dict[str, Any]) -> Receipt:
        caller = Principal(PrincipalKind.TASK, self.task.id, task_id=self.task.id)
        return self.results.take(self.task.id, json.dumps(document).encode(), caller)

    def state(self) -> Task:
        return next(task for task in self.leaf.tasks() if task.id == self.task.id)

    def band(self) -> int:
        return int(self.leaf.study(self.uid).priority_band)


def test_the_published_example_is_a_result() -> None:
    result = read_result(PUBLISHED.encode())
    assert result.triage is not None
    assert (result.status, result.triage.score, result.findings[0].laterality) == ("succeeded", 0.994, "R")


@pytest.mark.parametrize(
    "change",
    [
        {"status": "done"},
        {"input_digest": "md5:0"},
        {"completed_at": "yesterday"},
        {"completed_at": "2026-11-22T05:15:33"},
        {"triage": {"suggestion": "panic"}},
        {"triage": {"suggestion": "critical", "score": 1.01}},
        {"triage": {"suggestion": "critical", "text": {"en": "x" * 201}}},
        {"triage": {"suggestion": "critical", "text": {"<script>": "x"}}},
        {"triage": {"suggestion": "critical", "colour": "red"}},
        {"findings": [{"code": {"system": "XYZ", "code": "1"}}]},
        {"findings": [{"code": {"system": "SCT", "code": "1"}}] * 201},
        {"explanation": ["x" * 301]},
        {"service": {"id": "reader"}},
        {"surprise": 1},
    ],
)
def test_what_breaks_the_schema_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ResultInvalid):
        read_result(json.dumps(json.loads(PUBLISHED) | change).encode())


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"task_id": "\xff"}', b"[" * 100_000, b"NaN"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ResultInvalid):
        read_result(body)


def test_a_result_raises_the_study_with_its_reason_in_one_transaction(leaf: Leaf) -> None:
    asked = Asked(leaf)
    assert asked.band() == ROUTINE
    receipt = asked.answer(asked.document())
    assert receipt == Receipt(asked.task.id, "succeeded", used=True, reason="")
    row = leaf.study(asked.uid)
    assert row.priority_band == CRITICAL
    assert row.priority_source == "Reader 1.0"  # as registered, whatever the answer calls itself
    reason = json.loads(row.priority_reason)
    assert reason["en"] == "Dense region"
    assert set(reason) == {"en", "ru", "kk", "ky"}
    assert asked.state().state is TaskState.SUCCEEDED
    event = leaf.archive.events.after(0)[-1]
    assert (event.kind, event.study_instance_uid) == (EventKind.STUDY_PRIORITY, asked.uid)
    assert (event.payload["from"], event.payload["to"]) == (ROUTINE, CRITICAL)
    with leaf.archive.index.read() as connection:
        trail = connection.execute(select(audit).order_by(audit.c.number.desc()).limit(2)).all()
    assert {record.action for record in trail} == {"AI result taken", "study raised in the worklist"}
    assert {record.principal_kind for record in trail} == {"task"}


def test_the_same_again_is_answered_alike_and_does_nothing(leaf: Leaf) -> None:
    asked = Asked(leaf)
    first = asked.answer(asked.document())
    events = leaf.archive.events.latest()
    again = dict(reversed(asked.document().items()))  # the order of members says nothing
    assert asked.answer(again) == first
    assert leaf.archive.events.latest() == events


def test_another_result_of_the_task_is_refused(leaf: Leaf) -> None:
    asked = Asked(leaf)
    asked.answer(asked.document("none"))
    with pytest.raises(ResultConflict):
        asked.answer(asked.document("critical"))
    assert asked.band() == ROUTINE


def test_a_result_for_other_images_is_kept_and_not_used(leaf: Leaf) -> None:
    asked = Asked(leaf)
    other = asked.document(input_digest="sha256:" + "0" * 64)
    receipt = asked.answer(other)
    assert (receipt.used, receipt.reason) == (False, "input_digest")
    assert asked.answer(other) == receipt
    assert asked.band() == ROUTINE
    assert asked.state().state is TaskState.PENDING
    assert asked.state().result_sha256


def test_a_number_of_too_many_digits_is_refused(leaf: Leaf) -> None:
    asked = Asked(leaf)
    body = json.dumps(asked.document()).replace('"service": {', '"service": {"extra": ' + "1" * 5000 + ", ", 1)
    with pytest.raises(ResultInvalid):
        asked.results.take(asked.task.id, body.encode(), OPERATOR)


def test_a_late_result_is_kept_and_not_used(leaf: Leaf) -> None:
    asked = Asked(leaf)
    leaf.clock.forward(301)
    assert asked.answer(asked.document()).reason == "late"
    assert asked.band() == ROUTINE


def test_a_result_of_a_superseded_task_is_kept_and_not_used(leaf: Leaf) -> None:
    asked = Asked(leaf)
    leaf.arrive(1, series="another")
    leaf.follow()
    assert asked.answer(asked.document()).reason == "superseded"
    assert asked.band() == ROUTINE


@pytest.mark.parametrize("change", [{"mode": "shadow"}, {"mode": "off"}, {"priority_policy": {"min_score": 0.95}}])
def test_the_rule_as_it_is_now_decides(leaf: Leaf, change: dict[str, Any]) -> None:
    asked = Asked(leaf)
    leaf.registry.add_rule(HEAD_CT | change, by=OPERATOR)
    assert asked.answer(asked.document()).used
    assert asked.band() == ROUTINE
    assert asked.state().state is TaskState.SUCCEEDED


@pytest.mark.parametrize("status", ["failed", "rejected"])
def test_a_failure_raises_nothing(leaf: Leaf, status: str) -> None:
    asked = Asked(leaf)
    asked.answer(asked.document(status=status))
    assert asked.band() == ROUTINE
    assert asked.state().state == status


def test_a_study_that_a_person_put_first_stays_first(leaf: Leaf) -> None:
    asked = Asked(leaf)
    leaf.archive.index.write(lambda connection: connection.execute(study.update().values(priority_band=STAT)))
    asked.answer(asked.document())
    assert asked.band() == STAT


def test_reading_ends_with_the_task_and_handing_in_does_not(leaf: Leaf) -> None:
    asked = Asked(leaf)
    expires = leaf.clock() + timedelta(minutes=10)
    token = leaf.accounts.task_token(asked.uid, asked.task.id, expires)
    before = leaf.accounts.authenticate_token(token)
    assert before is not None
    assert before.study_instance_uids == {asked.uid}
    asked.answer(asked.document())
    after = leaf.accounts.authenticate_token(token)
    assert after is not None
    assert after.study_instance_uids == frozenset()
    assert after.task_id == asked.task.id


def test_an_answer_names_its_own_task_and_service(leaf: Leaf) -> None:
    asked = Asked(leaf)
    with pytest.raises(ResultInvalid, match="task_id"):
        asked.answer(asked.document(task_id="01JD9Z4K2VQ7M3N8P5R6S7T8V9"))
    with pytest.raises(ResultInvalid, match="the service that was asked"):
        asked.answer(asked.document(service={"id": "other", "name": "x", "version": "1"}))
    with pytest.raises(NotFound):
        asked.results.take("01JD9Z4K2VQ7M3N8P5R6S7T8V9", PUBLISHED.encode(), OPERATOR)
    assert asked.state().result_sha256 == ""
