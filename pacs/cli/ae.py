"""`pacs ae`: application entities that may call from another machine."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from pacs.access.peer import DuplicatePolicy, PeerOptions, Verb
from pacs.cli.command import FAILED, do, group
from pacs.console import print_table

app = group("Application entities that may call from another machine.")

Title = Annotated[str, typer.Argument(metavar="TITLE", help="The AE title with which it calls.")]
Allow = Annotated[str, typer.Option("--allow", help="What it may do: any of store,find,move,get,worklist.")]


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
    description: Annotated[str, typer.Option(help="Which device it is, for people.")] = "",
    tls: Annotated[bool, typer.Option("--tls", help="It has to call over TLS, and is called over TLS.")] = False,
    certificate: Annotated[str, typer.Option(help="The only certificate it may show: its SHA-256, hexadecimal.")] = "",
    any_address: Annotated[
        bool, typer.Option("--any-address", help="It may call from everywhere; needs --tls and --certificate.")
    ] = False,
    character_set: Annotated[str, typer.Option(help="What it means where it names none, such as 'ISO_IR 144'.")] = "",
    transfer_syntaxes: Annotated[str, typer.Option(help="UIDs it takes and sends, separated by commas.")] = "",
    move_to: Annotated[str, typer.Option(help="AE titles its C-MOVE may name, separated by commas; else all.")] = "",
    duplicates: Annotated[
        DuplicatePolicy, typer.Option(help="Other content under a known SOP Instance UID; supersede needs --tls.")
    ] = DuplicatePolicy.KEEP_FIRST,
    associations_max: Annotated[int | None, typer.Option(min=1, help="Associations at once.")] = None,
    idle_timeout: Annotated[float | None, typer.Option(min=1, help="Seconds without a message.")] = None,
    commitment: Annotated[
        bool, typer.Option("--commitment", help="Ask it for storage commitment of what it was sent.")
    ] = False,
    availability: Annotated[bool, typer.Option("--availability", help="Tell it which studies are here (IAN).")] = False,
    jobs_max: Annotated[int, typer.Option(min=1, max=16, help="Sends and other jobs for it at once.")] = 2,
    bytes_per_second: Annotated[int, typer.Option(min=0, help="It is sent no faster; 0: as fast as it takes.")] = 0,
) -> None:
    """Register an application entity, or put this in place of all that is registered of it."""
    verbs = _verbs(allow)
    options = PeerOptions(
        description=description,
        check_address=not any_address,
        tls=tls,
        certificate_sha256=certificate.replace(":", "").lower(),
        character_set=character_set,
        transfer_syntaxes=tuple(uid.strip() for uid in transfer_syntaxes.split(",") if uid.strip()),
        move_destinations=tuple(title.strip() for title in move_to.split(",") if title.strip()),
        duplicates=duplicates,
        associations_max=associations_max,
        idle_timeout_s=idle_timeout,
        asks_commitment=commitment,
        tells_availability=availability,
        at_once_max=jobs_max,
        bytes_per_s_max=bytes_per_second,
    )
    do("ae.add", ae_title=title, host=host, port=port, verbs=verbs, options=msgspec.to_builtins(options))
    print(f"{title} at {host}:{port} is registered: {', '.join(verbs)}.")


@app.command("list")
def listing() -> None:
    """List the registered application entities."""
    print_table(do("ae.list"), ("ae_title", "host", "port", "verbs", "options"))


@app.command("log")
def log(
    title: Annotated[str | None, typer.Argument(metavar="TITLE", help="Only this AE title.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the newest first.")] = 20,
) -> None:
    """Show what callers did lately, and why they were refused."""
    columns = ("at", "ae_title", "address", "accepted", "did", "last_refusal", "ending")
    print_table(do("ae.log", ae_title=title, limit=limit), columns)


@app.command("echo")
def echo(title: Title) -> None:
    """Ask a registered application entity for a C-ECHO, to see whether the node reaches it."""
    why_not = do("ae.echo", ae_title=title)
    if why_not:
        print(f"{title} does not answer as it should: {why_not}.", file=sys.stderr)
        raise typer.Exit(FAILED)
    print(f"{title} answers.")


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
