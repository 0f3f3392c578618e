"""`pacs ae`: application entities that may call from another machine."""

from __future__ import annotations

from typing import Annotated

import typer

from pacs.access.principals import Verb
from pacs.cli.command import do, group
from pacs.console import print_table

app = group("Application entities that may call from another machine.")

Title = Annotated[str, typer.Argument(metavar="TITLE", help="The AE title with which it calls.")]
Allow = Annotated[str, typer.Option("--allow", help="What it may do: any of store,find,move,get.")]


def _verbs(allow: str) -> list[str]:
    wanted = [verb.strip() for verb in allow.split(",") if verb.strip()]
    unknown = sorted(set(wanted) - set(Verb))
    if unknown or not wanted:
        raise typer.BadParameter(f"expected some of {', '.join(Verb)}, separated by commas", param_hint="--allow")
    return wanted


@app.command("add")
def add(
    title: Title,
    host: Annotated[str, typer.Argument(metavar="HOST", help="Its name or address; calls from elsewhere are refused.")],
    port: Annotated[int, typer.Argument(metavar="PORT", min=1, max=65535, help="Where it listens (for C-MOVE to it).")],
    allow: Allow,
) -> None:
    """Register an application entity, or change what is registered."""
    verbs = _verbs(allow)
    do("ae.add", ae_title=title, host=host, port=port, verbs=verbs)
    print(f"{title} at {host}:{port} is registered: {', '.join(verbs)}.")


@app.command("list")
def listing() -> None:
    """List the registered application entities."""
    print_table(do("ae.list"), ("ae_title", "host", "port", "verbs"))


@app.command("remove")
def remove(title: Title) -> None:
    """Strike one off: it is refused from now on."""
    do("ae.remove", ae_title=title)
    print(f"{title} is removed.")


@app.command("unknown")
def unknown() -> None:
    """List the callers that were refused because nobody registered them."""
    print_table(do("ae.unknown"), ("ae_title", "address", "called_ae_title", "attempts", "last_at"))


@app.command("approve")
def approve(
    title: Title,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="The address from which it called, as `pacs ae unknown` shows it.")
    ],
    allow: Allow,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 104,
) -> None:
    """Register a caller that was refused."""
    verbs = _verbs(allow)
    do("ae.approve", ae_title=title, address=address, port=port, verbs=verbs)
    print(f"{title} at {address}:{port} is registered: {', '.join(verbs)}.")
