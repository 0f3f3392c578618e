"""What every command shares: exit codes, groups, and how the node is asked.

A node's libraries cost seconds on a small machine, so a command imports what it needs itself: most of them only ask
the node that runs.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import typer

from pacs.console import configure_logging
from pacs.control import perform
from pacs.errors import NodeFailed
from pacs.settings import Settings, read_settings

DONE, FAILED, NOT_CHECKED = 0, 1, 2
OPTIONS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def group(text: str) -> typer.Typer:
    """A group of commands under one noun."""
    return typer.Typer(help=text, no_args_is_help=True, context_settings=OPTIONS, rich_markup_mode=None)


def require_archive(settings: Settings, *, objects_do: bool = False) -> None:
    """Only `pacs serve` makes an archive; with `objects_do` objects that are elsewhere are one. Raises NodeFailed."""
    places = [settings.data / name for name in ("lock", "index.db", "store")]
    if objects_do and settings.storage:
        places.append(Path(settings.storage_location))
    elsewhere = settings.database or (objects_do and settings.storage.startswith("s3://"))
    if not elsewhere and not any(map(os.path.lexists, places)):
        raise NodeFailed(
            f"there is no archive in {settings.data.resolve()}",
            "check PACS_DATA, or make one there with `pacs serve`",
        )


def do(command: str, **arguments: Any) -> Any:
    """Have `command` done by the running node, or here when none runs. Raises what it raises, NodeFailed."""
    settings = read_settings()
    configure_logging(settings.log_format, "warning")
    require_archive(settings)
    return perform(settings, command, arguments)


def show(progress: str, *, is_last: bool = False) -> None:
    """How far it is, on one line that a terminal writes over and over; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{progress}", end="\n" if is_last and progress else "", file=sys.stderr, flush=True)
