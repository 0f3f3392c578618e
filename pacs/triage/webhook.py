"""The message that asks a service: what it says, how it is signed (Standard Webhooks 1.0), when it is sent again."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from pacs.access.signatures import signed_headers
from pacs.model import DICOMWEB_ROOT, from_microseconds
from pacs.triage.tasks import Task

RETRY_DELAYS_S = (2.0, 5.0, 15.0, 60.0)
TOKEN_GRACE = timedelta(seconds=60)
TOKEN_LIFE_MAX = timedelta(minutes=15)


def headers(secret: str, task: Task, at: datetime, body: bytes) -> dict[str, str]:
    """The headers of one delivery: the id stays over repeats, the timestamp does not."""
    return signed_headers(secret, f"msg_{task.id}", at, body)


def retry_delay_s(attempt: int, retry_after_s: float | None = None) -> float:
    """How long to wait after the failed `attempt` (1, 2, …): 2, 5, 15, 60 s, then every 60 s.

    A service may ask for a longer wait, up to those 60 s: a study that waits for its flag cannot wait for days.
    """
    planned = RETRY_DELAYS_S[min(attempt, len(RETRY_DELAYS_S)) - 1]
    return max(planned, min(retry_after_s or 0.0, RETRY_DELAYS_S[-1]))


def token_expires_at(task: Task, now: datetime) -> datetime:
    """When the token of a delivery ends: a minute after the task, and never later than 15 minutes from now."""
    return min(from_microseconds(task.expires_at) + TOKEN_GRACE, now + TOKEN_LIFE_MAX)


def message(task: Task, root: str, token: str, token_expires: datetime, at: datetime) -> bytes:
    """The body `ai.task.requested`; `root` is the node's HTTP address as the service reaches it.

    It names UIDs, never a person: who may read more reads it with the token.
    """
    data: dict[str, Any] = {
        "task_id": task.id,
        "attempt": task.attempts,
        "purpose": task.input["purpose"],
        "priority": task.input["priority"],
        "rule_id": task.rule_id,
        "trigger": "study.stable",
        "revision": task.revision,
        "input": {
            "study_uid": task.study_instance_uid,
            "series": task.input["series"],
            "instances": task.input["instances"],
            "input_digest": task.input["input_digest"],
            "dicomweb": {
                "base_url": f"{root}{DICOMWEB_ROOT}",
                "token": token,
                "token_expires_at": _utc(token_expires),
                "transfer_syntaxes": task.input["transfer_syntaxes"],
            },
            "context": task.input["context"],
        },
        "output": {"result_url": f"{root}/ai/v1/tasks/{task.id}/result"},
        "expires_at": _utc(from_microseconds(task.expires_at)),
    }
    envelope = {"type": "ai.task.requested", "timestamp": _utc(at), "data": data}
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
