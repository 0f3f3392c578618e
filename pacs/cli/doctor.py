"""`pacs doctor`: what is wrong, in plain words."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from pacs.cli.command import FAILED, OPTIONS
from pacs.console import configure_logging
from pacs.errors import SettingsInvalid
from pacs.settings import read_settings

app = typer.Typer(context_settings=OPTIONS)

NAME_WIDTH = 14


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for monitoring.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Only what somebody has to see to.")] = False,
) -> None:
    """Say what is wrong with the node and what to do about it, whether it runs or cannot start.

    Exit code 0: all is well. 1: something is to be done. 2: something could not be looked at.
    """
    from pacs.doctor.checks import examine, verdict
    from pacs.doctor.finding import Finding, Level, wrong
    from pacs.doctor.look import look_at

    configure_logging("console", "critical")
    found: list[Finding] = []

    def tell(name: str, finding: Finding) -> None:
        found.append(finding)
        if as_json:
            print(json.dumps({"check": name, **asdict(finding)}, ensure_ascii=False), flush=True)
        elif not (brief and finding.level is Level.WELL):
            print(f"{finding.level.value:<7} {name:<{NAME_WIDTH}} {finding.text}", flush=True)
            if finding.remedy:
                print(f"{'':<7} {'':<{NAME_WIDTH}} → {finding.remedy}", flush=True)

    try:
        settings = read_settings()
    except SettingsInvalid as error:
        for mistake in error.message.splitlines():
            tell("settings", wrong(mistake, "correct this setting; nothing else can be looked at before"))
        sys.exit(FAILED)
    with look_at(settings) as look:
        for name, finding in examine(look):
            tell(name, finding)
    if not as_json:
        to_do = sum(finding.level is Level.WRONG for finding in found)
        print(f"{to_do} to do" if to_do else "nothing to do", file=sys.stderr)
    sys.exit(verdict(found))
