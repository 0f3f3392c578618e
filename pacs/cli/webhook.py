"""`pacs webhook`: other systems that are told of what happens, by signed messages."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.cli.command import do, group
from pacs.console import print_table

app = group("Other systems that are told of what happens, by signed messages.")

COLUMNS = ("id", "url", "kinds", "position", "disabled")


@app.command("add")
def add(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="A name of your choice.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the messages go, https://…")],
    kind: Annotated[
        list[str] | None, typer.Option(metavar="KIND", help="Only these events, such as study.stable; may be repeated.")
    ] = None,
) -> None:
    """Register an address; it is told of what happens from now on."""
    secret = do("webhook.add", id=identifier, url=url, kinds=kind or [])
    print(f"{identifier} is told from now on. Its secret, shown this once: {secret}")


@app.command("list")
def listing() -> None:
    """List the addresses, and up to which event each has been told."""
    print_table([{**one, "kinds": " ".join(one["kinds"]) or "all"} for one in do("webhook.list")], COLUMNS)


@app.command("remove")
def remove(identifier: Annotated[str, typer.Argument(metavar="ID", help="As `pacs webhook list` shows it.")]) -> None:
    """Tell an address no more."""
    do("webhook.remove", id=identifier)
    print(f"{identifier} is told no more.")
