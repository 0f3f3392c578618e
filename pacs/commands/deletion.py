"""What can be undone: deletions and corrections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core


def _taken_back(name: str) -> Command:
    """What can be undone is asked of the archive alone."""

    def command(core: Core, arguments: Arguments) -> Any:
        from pacs.archive.asked import ASKED  # not at the top: most commands only ask the node that runs

        return msgspec.to_builtins(ASKED[name](core.archive, arguments))

    return command


COMMANDS: Final[Mapping[str, Command]] = {
    name: _taken_back(name)
    for name in (
        *("delete", "reject", "undelete", "erase", "deletions"),
        *("correct", "merge", "move", "uncorrect", "corrections"),
    )
}
