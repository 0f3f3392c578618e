"""The command `pacs`: parses, calls, prints. One module for each noun.

Exit codes: 0 done; 1 refused or failed, with one line on standard error that says why and what to do; 2 wrong usage.
`pacs verify`: 0 clean, 1 violations (one JSON line each on standard output), 2 could not check.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

import pacs
from pacs.cli import (
    ae,
    ai,
    archive,
    audit,
    backup,
    correction,
    deletion,
    doctor,
    exchange,
    mwl,
    node,
    queue,
    route,
    scrub,
    tag,
    user,
    webhook,
)
from pacs.cli.command import DONE, FAILED, OPTIONS
from pacs.errors import SuretError
from storage.errors import StorageError

app = typer.Typer(
    help="Suret, a DICOM node with a cloud viewer. Settings: pacs.toml and PACS_* variables (see docs/operations.md).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=OPTIONS,
)
for part in (node, archive, scrub, deletion, correction, exchange, backup, audit, doctor):
    app.add_typer(part.app)
for name, part in {
    "user": user,
    "ae": ae,
    "ai": ai,
    "mwl": mwl,
    "queue": queue,
    "route": route,
    "tag": tag,
    "webhook": webhook,
}.items():
    app.add_typer(part.app, name=name)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `pacs`; always ends in SystemExit."""
    try:
        app(arguments, prog_name="pacs")
    except (SuretError, StorageError) as error:
        print(f"pacs: {error}", file=sys.stderr)
        sys.exit(FAILED)
    sys.exit(DONE)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"suret {pacs.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass
