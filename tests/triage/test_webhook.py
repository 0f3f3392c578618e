from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from pacs.access import signatures
from pacs.model import from_microseconds, to_microseconds
from pacs.triage import webhook
from pacs.triage.tasks import Task, TaskState

NOW = datetime(2026, 11, 22, 5, 15, 30, tzinfo=UTC)
TASK = Task(
    id="01JD9Z4K2VQ7M3N8P5R6S7T8V9",
    rule_id="stroke-ncct",
    service_id="reader",
    study_instance_uid="2.25.111",
    revision=1,
    state=TaskState.DISPATCHED,
    attempts=2,
    expires_at=to_microseconds(NOW + timedelta(seconds=300)),
    input={
        "purpose": "triage",
        "priority": "high",
        "series": [{"series_uid": "2.25.112", "modality": "CT", "instances": 32, "sop_classes": ["1.2"]}],
        "instances": 32,
        "input_digest": "sha256:" + "9" * 64,
        "transfer_syntaxes": ["1.2.840.10008.1.2.1"],
        "context": {"age_years": 67, "sex": "M", "body_part": "HEAD", "clinical_question": None},
    },
    result_sha256="",
    last_error="",
)


def test_signature_of_the_published_vector() -> None:
    secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    body = b'{"type":"study.ready","timestamp":"2026-11-22T10:15:30Z","data":{"id":"evt"}}'
    signature = signatures.sign([secret], "msg_01JD9Z4K2V", 1795342530, body)
    assert signature == "v1,nJc4KfoEtqw14ANwjNEBviX2rfealep/3fEc1flgsJI="


def test_two_secrets_give_two_signatures_while_one_is_being_replaced() -> None:
    old, new = "whsec_b2xk", "whsec_bmV3"
    both = signatures.sign([old, new], "msg_1", 1, b"{}").split(" ")
    assert both == [signatures.sign([old], "msg_1", 1, b"{}"), signatures.sign([new], "msg_1", 1, b"{}")]
    assert both[0] != both[1]


def test_the_id_stays_over_repeats_and_the_timestamp_is_of_the_delivery() -> None:
    first = webhook.headers("whsec_b2xk", TASK, NOW, b"{}")
    later = webhook.headers("whsec_b2xk", TASK, NOW + timedelta(seconds=60), b"{}")
    assert first["webhook-id"] == later["webhook-id"]
    assert int(later["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60
    assert first["webhook-signature"] != later["webhook-signature"]


@pytest.mark.parametrize(
    ("attempt", "retry_after_s", "expected"),
    [
        (1, None, 2),
        (2, None, 5),
        (3, None, 15),
        (4, None, 60),
        (40, None, 60),
        (1, 30, 30),
        (1, 86_400, 60),
        (4, 1, 60),
    ],
)
def test_repeats_come_after_2_5_15_and_then_every_60_seconds(
    attempt: int, retry_after_s: float | None, expected: float
) -> None:
    assert webhook.retry_delay_s(attempt, retry_after_s) == expected


def test_a_token_ends_soon_after_its_task_and_within_15_minutes() -> None:
    assert webhook.token_expires_at(TASK, NOW) == from_microseconds(TASK.expires_at) + timedelta(seconds=60)
    early = NOW - timedelta(hours=1)
    assert webhook.token_expires_at(TASK, early) == early + timedelta(minutes=15)


def test_the_message_has_what_the_service_needs_and_no_person() -> None:
    body = webhook.message(TASK, "https://hub.example", "secret-token", NOW + timedelta(seconds=360), NOW)
    assert len(body) <= 20_000
    said = json.loads(body)
    assert said["type"] == "ai.task.requested"
    data = said["data"]
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", data["task_id"])
    assert (data["attempt"], data["revision"], data["rule_id"]) == (2, 1, "stroke-ncct")
    assert data["input"]["dicomweb"] == {
        "base_url": "https://hub.example/dicom-web",
        "token": "secret-token",
        "token_expires_at": "2026-11-22T05:21:30Z",
        "transfer_syntaxes": ["1.2.840.10008.1.2.1"],
    }
    assert data["output"]["result_url"] == f"https://hub.example/ai/v1/tasks/{TASK.id}/result"
    assert data["expires_at"] == "2026-11-22T05:20:30Z"
