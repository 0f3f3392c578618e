"""`pacs verify`, `rebuild` and `migrate`: the archive as a whole."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from pacs.cli.command import DONE, FAILED, NOT_CHECKED, OPTIONS, require_archive
from pacs.control import perform
from pacs.errors import NodeFailed, SuretError
from pacs.settings import Settings, read_settings
from storage.errors import StorageError

app = typer.Typer(context_settings=OPTIONS)


@app.command()
def verify(
    grace_minutes: Annotated[
        float, typer.Option(min=0, help="What is younger may still be on its way in and is not looked at.")
    ] = 10.0,
    mark: Annotated[
        bool, typer.Option("--mark", help="Let the node look at each object that is not as it came, and mark it.")
    ] = False,
) -> None:
    """Check index and objects against each other, beside a running node too; without --mark it only reads.

    Exit code 0: clean. 1: violations, one JSON line each. 2: it could not check. What was checked is told in words on
    standard error.
    """
    settings = read_settings()
    try:
        found, not_whole = _violations(settings, timedelta(minutes=grace_minutes))
        if mark:
            _mark(settings, not_whole)
    except (SuretError, StorageError) as error:
        print(f"pacs: {error}", file=sys.stderr)
        sys.exit(NOT_CHECKED)
    sys.exit(FAILED if found else DONE)


def _mark(settings: Settings, object_keys: Iterable[str]) -> None:
    for object_key in object_keys:
        try:
            said = perform(settings, "object.prove", {"object_key": object_key})
        except SuretError as error:  # of one object; the node goes on with a large one that it is still reading
            said = str(error)
        print(f"{object_key}: {said}", file=sys.stderr)


def _violations(settings: Settings, grace: timedelta) -> tuple[int, list[str]]:
    """Print every violation; how many, and the keys of the objects that are not as they came."""
    from pacs.archive.verify import sizes
    from pacs.archive.verify import verify as violations
    from pacs.index.engine import Index
    from pacs.model import utc_now
    from pacs.node import open_objects

    folder = settings.storage_location
    if not folder.startswith("s3://") and not Path(folder).is_dir():
        raise NodeFailed(f"there is no object store at {folder}", "check PACS_STORAGE and PACS_DATA")
    index = Index(settings.database_url, read_only=True)
    found, not_whole = 0, []
    try:
        index.check_migrated()
        store = open_objects(settings)
        for violation in violations(index, store, now=utc_now(), grace=grace):
            found += 1
            if violation.invariant == "I1":
                not_whole.append(violation.subject)
            print(json.dumps(asdict(violation), ensure_ascii=False), flush=True)
        objects, rows = sizes(index, store)
        outcome = f"{found} violation{'s' * (found > 1)}" if found else "clean"
        print(f"{objects} objects, {rows} rows: {outcome}", file=sys.stderr)
    finally:
        index.close()
    return found, not_whole


@app.command()
def rebuild() -> None:
    """Make the index anew from the objects alone; the node must be stopped."""
    from pacs.archive.recovery import rebuild as rebuild_index
    from pacs.node import open_core

    settings = read_settings()
    require_archive(settings, objects_do=True)
    with open_core(settings, "command") as core:
        if damage := core.archive.index.damage():
            raise NodeFailed(
                f"the file of the index is damaged: {damage[0]}",
                "move index.db, index.db-wal and index.db-shm out of PACS_DATA and run `pacs rebuild` again; what no "
                "object tells (accounts, callers, rules, the audit trail) then has to come from a backup",
            )
        report = rebuild_index(core.archive)
    print(f"{report.stored} live, {report.duplicates} duplicates, {report.conflicts} conflict versions")
    for kind, object_keys in (("damaged", report.damaged), ("unreadable", report.unreadable)):
        for object_key in object_keys:
            print(f"{kind}: {object_key}", file=sys.stderr)
    sys.exit(FAILED if report.damaged or report.unreadable else DONE)


@app.command()
def migrate(
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put back the copy from before the last upgrade, for the older release.")
    ] = False,
    no_copy: Annotated[
        bool, typer.Option("--no-copy", help="Upgrade without keeping a copy; only with one of your own.")
    ] = False,
) -> None:
    """Bring the index to this release's form; the node must be stopped (it does this itself when it starts).

    A copy of the index as it was is kept in PACS_DATA/rollback.
    """
    from pacs.index.rollback import put_back
    from pacs.node import alone, open_core

    settings = read_settings()
    require_archive(settings)
    if not rollback:
        with open_core(settings, "command", copy_first=not no_copy):
            print("The index is of this release.")
        return
    with alone(settings, "command"):
        revision, aside = put_back(settings.database_url, settings.data.resolve())
    print(f"The index of revision {revision} is back; the upgraded one is {aside}.")
    print("Start the release from before the upgrade now: this one would upgrade it again.")
