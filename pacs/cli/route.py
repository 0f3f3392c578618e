"""`pacs route`: rules that say which studies go to which peers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pacs.cli.command import do, group
from pacs.errors import NodeFailed

app = group("Rules that say which studies are sent to which peers.")


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A rule as JSON (docs/operations.md).")],
) -> None:
    """Add a rule, or replace the one with the same id; it holds for what comes from now on."""
    try:
        rule = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NodeFailed(f"{file} is not readable as JSON: {error}", "correct the file") from error
    print(f"Rule {do('route.add', rule=rule)} is in force.")


@app.command("list")
def listing() -> None:
    """List the rules, one JSON line each."""
    for rule in do("route.list"):
        print(json.dumps(rule, ensure_ascii=False))


@app.command("remove")
def remove(identifier: Annotated[str, typer.Argument(metavar="ID", help="The rule's id.")]) -> None:
    """Put a rule out of force; what it has ordered is still sent."""
    do("route.remove", id=identifier)
    print(f"Rule {identifier} is removed.")
