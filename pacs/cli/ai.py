"""`pacs ai`: services and rules of the AI triage hook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pacs.cli.command import do, group
from pacs.console import print_table
from pacs.errors import NodeFailed

app = group("Services and rules of the AI triage hook.")
service = group("Services that are called.")
rule = group("Rules that say which studies go to which service.")
app.add_typer(service, name="service")
app.add_typer(rule, name="rule")

ServiceId = Annotated[str, typer.Argument(metavar="ID", help="Short name, as rules refer to it.")]


@service.command("add")
def service_add(
    identifier: ServiceId,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where tasks are posted: https://…, or http:// on this machine.")
    ],
    name: Annotated[str, typer.Option(help="Name shown to readers.")] = "",
    service_version: Annotated[str, typer.Option(help="Version shown to readers.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Change the one with this id, and its secret.")] = False,
) -> None:
    """Register a service; prints the secret with which tasks are signed, alone on the last line."""
    card = {"name": name or identifier, "version": service_version}
    print(do("ai.service.add", id=identifier, url=url, card=card, replace=replace))


@service.command("list")
def service_list() -> None:
    """List the services."""
    print_table(do("ai.service.list"), ("id", "url", "disabled"))


@service.command("remove")
def service_remove(identifier: ServiceId) -> None:
    """Strike off a service that no rule refers to."""
    do("ai.service.remove", id=identifier)


@rule.command("add")
def rule_add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A rule as JSON (docs/ai-services.md).")
    ],
) -> None:
    """Add a rule, or replace the one with the same id."""
    try:
        rule = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NodeFailed(f"{file} is not readable as JSON: {error}", "correct the file") from error
    print(f"Rule {do('ai.rule.add', rule=rule)} is in force.")


@rule.command("list")
def rule_list() -> None:
    """List the rules, one JSON line each."""
    for rule in do("ai.rule.list"):
        print(json.dumps(rule, ensure_ascii=False))


@rule.command("remove")
def rule_remove(identifier: Annotated[str, typer.Argument(metavar="ID", help="The rule's id.")]) -> None:
    """Put a rule out of force; results of tasks it has made raise nothing any more."""
    do("ai.rule.remove", id=identifier)
