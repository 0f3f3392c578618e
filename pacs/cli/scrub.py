"""`pacs scrub`: read every object again, now."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from pacs.cli.command import DONE, FAILED, NOT_CHECKED, OPTIONS, require_archive, show
from pacs.control import perform
from pacs.errors import SuretError
from pacs.model import utc_now
from pacs.settings import Settings, read_settings
from storage.errors import StorageError

app = typer.Typer(context_settings=OPTIONS)

PART_TIMEOUT_S = 3600.0  # one object may be large, and read gently


@app.command()
def scrub(
    copy: Annotated[
        str, typer.Option("--from", metavar="LOCATION", help="A second store to repair from: a backup, s3://bucket.")
    ] = "",
    gently: Annotated[
        bool, typer.Option("--gently", help="Leave most of the disk to others, as the node does.")
    ] = False,
) -> None:
    """Read every object again past the page cache, mark what is damaged and repair it where a sound copy is.

    Exit code 0: all are sound now. 1: some are not, one line each. 2: it could not look.
    """
    settings = read_settings()
    started_at = utc_now()
    try:
        require_archive(settings)
        left = _pass(settings, started_at, {"from": copy, "gently": gently})
        perform(settings, "scrub.done", {"started_at": started_at.isoformat()})
    except (SuretError, StorageError) as error:
        print(f"pacs: {error}", file=sys.stderr)
        sys.exit(NOT_CHECKED)
    sys.exit(FAILED if left else DONE)


def _pass(settings: Settings, started_at: datetime, arguments: dict[str, Any]) -> int:
    """Go through all objects there were at the start; how many are left that are not sound."""
    objects = size = left = repaired = 0
    position, is_last = "", False
    while not is_last:
        asked = {**arguments, "after": position, "until": started_at.isoformat()}
        part = perform(settings, "scrub.part", asked, timeout_s=PART_TIMEOUT_S)
        position, is_last = part["position"], part["is_last"]
        objects, size = objects + part["objects"], size + part["size"]
        for found in part["found"]:
            outcome = f"repaired from {found['repaired_from']}" if found["repaired_from"] else "no sound copy was found"
            print(f"{found['object_key']}: {found['state']}, {outcome}", flush=True)
            left += not found["repaired_from"]
            repaired += bool(found["repaired_from"])
        show(f"{objects} objects, {size / 1e9:.1f} GB", is_last=is_last)
    print(f"{objects} objects read, {repaired} repaired, {left} not sound", file=sys.stderr)
    return left
