"""What is done with objects, and what is to be remembered of it: proofs, scrubs, backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core

SCRUB_PART_S = 5.0


def _object_prove(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.damage import prove  # not at the top: most commands only ask the node that runs

    state = prove(core.archive, arguments["object_key"])
    return state.value if state is not None else "unknown"


def _scrub_part(core: Core, arguments: Arguments) -> Any:
    """A part of a pass by hand, short enough for one exchange; `until` bounds it to what was there at its start."""
    from pacs.archive.digests import at_once
    from pacs.archive.keys import key_after
    from pacs.archive.scrub import Share, scrub

    share = core.settings.archive.scrub_share
    part = scrub(
        core.archive,
        after=arguments["after"],
        before=key_after(datetime.fromisoformat(arguments["until"])),
        copies=core.copies(arguments["from"]),
        pace=Share(share) if arguments["gently"] else at_once,
        seconds_max=SCRUB_PART_S,
    )
    return asdict(part)


def _scrub_done(core: Core, arguments: Arguments) -> Any:
    """A pass by hand over everything has come to its end: the node need not begin one before the next is due."""
    from pacs.archive import duties

    began = datetime.fromisoformat(arguments["started_at"])
    done = duties.Progress(started_at=began, finished_at=core.archive.clock())
    core.archive.index.write(lambda connection: duties.keep(connection, duties.Duty.SCRUB_ALL, done))


def _backup_done(core: Core, arguments: Arguments) -> Any:
    """A backup has been finished: remembered, so that `pacs doctor` can say how old the last one is."""
    from pacs.archive import duties

    started_at = datetime.fromisoformat(arguments["started_at"])
    done = duties.Progress(arguments["destination"], started_at, core.archive.clock())
    core.archive.index.write(lambda connection: duties.keep(connection, duties.Duty.BACKUP, done))


COMMANDS: Final[Mapping[str, Command]] = {
    "object.prove": _object_prove,
    "scrub.part": _scrub_part,
    "scrub.done": _scrub_done,
    "backup.done": _backup_done,
}
