"""`pacs delete`, `reject`, `undelete`, `erase` and `deletions`: objects out of sight, back, and gone for good."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pacs.cli.command import OPTIONS, do
from pacs.console import print_table
from pacs.errors import SettingsInvalid

app = typer.Typer(context_settings=OPTIONS)

CODES = {"quality": "113001", "safety": "113037", "worklist": "113038", "retention": "113039"}
COLUMNS = ("id", "kind", "at", "undo_until", "study_instance_uid", "level", "instances", "by", "state", "reason")

Study = Annotated[str, typer.Argument(metavar="STUDY", help="Its Study Instance UID.")]
Series = Annotated[str, typer.Option(metavar="UID", help="Only this series of it.")]
Instance = Annotated[str, typer.Option(metavar="UID", help="Only this instance of it.")]
Reason = Annotated[str, typer.Option(help="Why, in words; kept with the deletion.")]
Identifier = Annotated[str, typer.Argument(metavar="ID", help="As `pacs deletions` shows it.")]


@app.command()
def delete(study: Study, series: Series = "", instance: Instance = "", reason: Reason = "") -> None:
    """Take a study, a series or an instance out of sight; `pacs undelete` brings it back until it is erased."""
    _print(do("delete", study_instance_uid=study, series=series, instance=instance, reason=reason))


@app.command()
def reject(
    study: Study,
    code: Annotated[str, typer.Option(help="quality, safety, worklist or retention.")],
    series: Series = "",
    instance: Instance = "",
    reason: Reason = "",
) -> None:
    """Reject objects with a rejection note (IHE IOCM): they are kept out of sight, also when they come again."""
    if code not in CODES:
        raise SettingsInvalid(f"code {code!r}: expected one of {', '.join(CODES)}", "correct it and try again")
    _print(do("reject", code=CODES[code], study_instance_uid=study, series=series, instance=instance, reason=reason))


@app.command()
def undelete(identifier: Identifier) -> None:
    """Bring back what was deleted or rejected."""
    print(f"{do('undelete', id=identifier)['instances']} instances are back.")


@app.command()
def erase(identifier: Identifier) -> None:
    """Erase now what was deleted or rejected; nothing brings it back."""
    print(f"{do('erase', id=identifier)['instances']} instances are erased; their files go with the next cleaning.")


@app.command()
def deletions(
    study: Annotated[str, typer.Option(metavar="UID", help="Only of this study.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also what is back or erased.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what was deleted and rejected, the newest first."""
    found = do("deletions", study_instance_uid=study, only_open=not everything, limit=limit)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_table([_row(one) for one in found], COLUMNS)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    level = "instance" if one["sop_instance_uid"] else "series" if one["series_instance_uid"] else "study"
    state = "erased" if one["erased_at"] else "restored" if one["restored_at"] else "out of sight"
    return {**one, "level": level, "by": one["principal_name"], "state": state, "undo_until": one["undo_until"] or "-"}


def _print(made: dict[str, Any]) -> None:
    until = f"until {made['undo_until']}" if made["undo_until"] else "until somebody has it erased"
    print(f"{made['instances']} instances are out of sight; `pacs undelete {made['id']}` brings them back {until}.")
