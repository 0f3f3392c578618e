"""`pacs backup` and `pacs restore`: a copy of the whole archive in a folder, and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import pacs
from pacs.cli.command import FAILED, NOT_CHECKED, OPTIONS, require_archive, show
from pacs.control import perform
from pacs.errors import NodeFailed, SuretError
from pacs.model import utc_now
from pacs.settings import Settings, read_settings
from storage.errors import StorageError

app = typer.Typer(context_settings=OPTIONS)


@app.command()
def backup(
    destination: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where backups are; the same every time.")],
    keep: Annotated[int, typer.Option(min=1, help="How many snapshots of the index are kept.")] = 7,
) -> None:
    """Copy the index and then every object that is not there yet into a folder, beside the running node too.

    Exit code 0: everything is there. 1: some objects were missing or damaged, one line each. 2: there is no backup.
    """
    from pacs.archive.backup import back_up
    from pacs.index.engine import Index
    from pacs.node import open_objects

    settings = read_settings()
    started_at = utc_now()
    try:
        _check_place(destination.resolve(), settings)
        require_archive(settings)
        index = Index(settings.database_url, read_only=True)
        try:
            index.check_migrated()
            report = back_up(
                index,
                open_objects(settings),
                destination.absolute(),
                release=pacs.__version__,
                now=started_at,
                keep=keep,
                tell=show,
            )
        finally:
            index.close()
        show("", is_last=True)
        done = {"destination": str(destination.absolute()), "started_at": started_at.isoformat()}
        perform(settings, "backup.done", done)
    except (SuretError, StorageError) as error:
        print(f"pacs: {error}", file=sys.stderr)
        sys.exit(NOT_CHECKED)
    print(f"{report.folder}: {report.objects} objects, {report.copied} of them copied now")
    for object_key in report.missing:
        print(f"{object_key}: not in the store as it came; run `pacs scrub`", file=sys.stderr)
    if report.missing:
        sys.exit(FAILED)


def _check_place(destination: Path, settings: Settings) -> None:
    """A copy is to outlive what it is a copy of. Raises NodeFailed where it lies among the archive's own files."""
    own = [settings.data.resolve()]
    if not settings.storage_location.startswith("s3://"):
        own.append(Path(settings.storage_location))
    for folder in own:
        if destination.is_relative_to(folder):
            raise NodeFailed(
                f"{destination} lies in the archive's own folder {folder} and would be lost with it",
                "name a folder on another disk, better of another machine",
            )
    there = next(folder for folder in (destination, *destination.parents) if folder.exists())
    if any(folder.exists() and folder.stat().st_dev == there.stat().st_dev for folder in own):
        print(f"pacs: {destination} is on the archive's own disk and is lost with it", file=sys.stderr)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where `pacs backup` copied to.")],
    snapshot: Annotated[str, typer.Option(help="Name of the snapshot; the newest when none is named.")] = "",
) -> None:
    """Put a backup back into an archive that has no index; the node must be stopped.

    What came after the backup is not in it; objects that are still in the store are adopted when the node starts.
    """
    from pacs.archive import backup as backups
    from pacs.node import alone, open_objects

    settings = read_settings()
    found = {folder.name: folder for folder in backups.snapshots(source.absolute())}
    if not found or (snapshot and snapshot not in found):
        what = f"snapshot {snapshot}" if snapshot else "finished snapshot"
        raise NodeFailed(f"there is no {what} in {source}", f"there are: {', '.join(found) or 'none'}")
    folder = found[snapshot or max(found)]
    with alone(settings, "command"):
        store = open_objects(settings)
        said = backups.restore(source.absolute(), folder, settings.database_url, store, show)
    show("", is_last=True)
    print(f"{folder.name}: {said.objects} objects and the index of {said.taken_at} are back; start the node.")
