"""What the documents say of settings and commands is what the code has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime

import pytest
import typer
from pydantic import BaseModel, SecretStr

from pacs.archive.conditions import _OPERATIONS
from pacs.cli import app
from pacs.exchange.rules import Trigger
from pacs.exchange.rules import read_rule as read_route
from pacs.model import to_microseconds
from pacs.settings import Settings
from pacs.triage.results import read_result
from pacs.triage.rules import read_rule
from pacs.triage.tasks import Task, TaskState
from pacs.triage.webhook import RETRY_DELAYS_S, message, token_expires_at
from tests.faults.registry import RIGS
from tests.support.process import ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
AI_SERVICES = (ROOT / "docs" / "ai-services.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROMISE = (ROOT / "docs" / "promise.md").read_text(encoding="utf-8")


def _settings(model: type[BaseModel], *branch: str) -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, *branch, name)
        else:
            yield f"PACS_{'__'.join((*branch, name)).upper()}", field.default


def _shown(default: object) -> str:
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    if value in ("", ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


@pytest.mark.parametrize(("variable", "default"), list(_settings(Settings)))
def test_every_setting_is_documented_with_its_default(variable: str, default: object) -> None:
    assert re.search(rf"^\| `{variable}` \| {re.escape(_shown(default))} \| \S", OPERATIONS, re.MULTILINE), variable


def test_no_document_names_a_setting_that_is_not_there() -> None:
    known = {variable for variable, _ in _settings(Settings)} | {"PACS_DATA", "PACS_CONFIG", "PACS_TEST_DATA"}
    for document in (OPERATIONS, README, AI_SERVICES):
        assert set(re.findall(r"PACS_[A-Z0-9_]*[A-Z0-9]", document)) <= known


def test_every_command_is_in_the_readme() -> None:
    command = typer.main.get_command(app)
    names = set(command.list_commands(None)) if hasattr(command, "list_commands") else set()  # type: ignore[arg-type]
    assert names
    for name in names:
        assert f"`pacs {name}" in README, f"pacs {name} is not in README.md"


def test_every_rig_is_told_with_all_of_its_mutants() -> None:
    told = {
        row[0]: int(row[1]) for row in re.findall(r"^\| `([a-z0-9-]+)` \|.*\| \d+ of (\d+) \|$", PROMISE, re.MULTILINE)
    }
    assert told == {rig.name: len(rig.mutants) for rig in RIGS}


def test_the_rule_of_routing_that_is_shown_is_taken() -> None:
    (shown,) = re.findall(r"^```json\n(.*?)^```", OPERATIONS, re.MULTILINE | re.DOTALL)
    rule = read_route(json.loads(shown))
    assert (rule.trigger, rule.to[0].ae_title) == (Trigger.STUDY_STABLE, "RESEARCH")
    for trigger in Trigger:
        assert f"`{trigger}`" in OPERATIONS


SHOWN_RULE, SHOWN_TASK, SHOWN_RESULT = re.findall(r"^```json\n(.*?)^```", AI_SERVICES, re.MULTILINE | re.DOTALL)


def test_the_rule_and_the_result_that_are_shown_are_taken() -> None:
    rule = read_rule(json.loads(SHOWN_RULE))
    result = read_result(SHOWN_RESULT.encode())
    assert result.service.id == rule.dispatch[0].service
    for operation in _OPERATIONS:
        assert f"`{operation}`" in AI_SERVICES, operation
    for delay in RETRY_DELAYS_S:
        assert re.search(rf"\b{delay:g}\b", AI_SERVICES), delay


def test_the_task_that_is_shown_is_the_body_that_services_get() -> None:
    shown = json.loads(SHOWN_TASK)
    data, input_ = shown["data"], shown["data"]["input"]
    dicomweb = input_["dicomweb"]
    task = Task(
        id=data["task_id"],
        rule_id=data["rule_id"],
        service_id="stroke",
        study_instance_uid=input_["study_uid"],
        revision=data["revision"],
        state=TaskState.DISPATCHED,
        attempts=data["attempt"],
        expires_at=to_microseconds(datetime.fromisoformat(data["expires_at"])),
        input={
            **{name: data[name] for name in ("purpose", "priority")},
            **{name: input_[name] for name in ("series", "instances", "input_digest", "context")},
            "transfer_syntaxes": dicomweb["transfer_syntaxes"],
        },
        result_sha256="",
        last_error="",
    )
    root = dicomweb["base_url"].removesuffix("/dicom-web")
    at = datetime.fromisoformat(shown["timestamp"])
    assert json.loads(message(task, root, dicomweb["token"], token_expires_at(task, at), at)) == shown
