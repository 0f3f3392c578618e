"""`pacs audit`: who did what, when, and from where."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated

import typer

from pacs.cli.command import OPTIONS, do
from pacs.console import print_table
from pacs.errors import SettingsInvalid

app = typer.Typer(context_settings=OPTIONS)

COLUMNS = ("number", "at", "kind", "action", "outcome", "by", "address", "study_instance_uid", "detail")


@app.command()
def audit(
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Only of this account or AE title.")] = "",
    study: Annotated[str, typer.Option(metavar="UID", help="Only of this study.")] = "",
    kind: Annotated[list[str] | None, typer.Option(help="Only of this kind, as it is shown; may be repeated.")] = None,
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="From this day or moment on: 2026-05-01, 2026-05-01T08:30.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="WHEN", help="Up to this moment, or to the end of this day.")] = "",
    failures: Annotated[bool, typer.Option("--failures", help="Only what did not succeed.")] = False,
    before: Annotated[int | None, typer.Option(metavar="NUMBER", help="Only what is older than this record.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line each, with everything.")] = False,
) -> None:
    """Show the audit trail, the newest first; that it was read is noted in it (PS3.15 A.5)."""
    wanted = {
        "by": by,
        "study_instance_uid": study,
        "since": _moment("since", since),
        "until": _moment("until", until, is_end=True),
        "only_failures": failures,
        "before": before,
    }
    found = do("audit", wanted=wanted, kinds=kind or [], limit=limit)
    if as_json:
        for one in found:
            print(json.dumps(one, ensure_ascii=False))
    else:
        print_table([{name: "-" if value == "" else value for name, value in one.items()} for one in found], COLUMNS)


def _moment(option: str, text: str, *, is_end: bool = False) -> str | None:
    """As ISO 8601 with its offset; without one it is this machine's time. Raises SettingsInvalid."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsInvalid(
            f"--{option} {text!r} is no day and no moment", "write it like 2026-05-01 or 2026-05-01T08:30"
        ) from None
    if is_end and len(text) <= len("2026-05-01"):
        moment += timedelta(days=1)
    return moment.astimezone().isoformat()
