"""`pacs tag`: attributes that are searched besides those that every node searches."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.cli.command import do, group
from pacs.console import print_table

app = group("Extended query tags: private and other attributes that are searched besides the usual ones.")

COLUMNS = ("tag", "keyword", "vr", "private_creator", "level", "status", "read", "errors")
ERROR_COLUMNS = ("study_instance_uid", "series_instance_uid", "sop_instance_uid", "message")

_Tag = Annotated[
    str,
    typer.Argument(
        metavar="TAG", help="Eight hexadecimal digits, or a keyword; inside of sequences their path, with dots."
    ),
]


@app.command("add")
def add(
    tag: _Tag,
    vr: Annotated[str, typer.Option(metavar="VR", help="Its VR, where no dictionary knows it.")] = "",
    creator: Annotated[str, typer.Option(metavar="CREATOR", help="Of a private tag: its private creator.")] = "",
    level: Annotated[
        str, typer.Option(metavar="LEVEL", help="study, series or instance: what has one value of it.")
    ] = "instance",
) -> None:
    """Have a tag searched; what is stored already is read for it beside everything else."""
    made = do("tag.add", tag=tag, vr=vr, private_creator=creator, level=level)
    print(f"{made['tag']} is added; `pacs tag list` shows how far reading what is stored has come")


@app.command("list")
def listing() -> None:
    """List the tags, how much of what is stored has been read for them, and their errors."""
    rows = []
    for one in do("tag.list"):
        status = one["status"] if one["enabled"] else f"{one['status']}, disabled"
        rows.append({**one, "status": status, "read": f"{one['objects_done']}/{one['objects_total']}"})
    print_table(rows, COLUMNS)


@app.command("errors")
def errors(tag: _Tag) -> None:
    """List instances of which a tag could not be searched, and why."""
    print_table(do("tag.errors", tag=tag), ERROR_COLUMNS)


@app.command("enable")
def enable(tag: _Tag) -> None:
    """Allow to ask for a tag again."""
    do("tag.enable", tag=tag, enabled=True)
    print(f"{tag} is searched")


@app.command("disable")
def disable(tag: _Tag) -> None:
    """Forbid to ask for a tag, whose values are kept up."""
    do("tag.enable", tag=tag, enabled=False)
    print(f"{tag} is not searched")


@app.command("remove")
def remove(tag: _Tag) -> None:
    """Search a tag no more; its values go beside everything else."""
    do("tag.remove", tag=tag)
    print(f"{tag} is searched no more")
