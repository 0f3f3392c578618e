"""The audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core


def _audit(core: Core, arguments: Arguments) -> Any:
    from pacs.access.trail import Trail, Wanted, codes_of  # not at the top: most commands only ask the node that runs

    trail = Trail(core.archive.index, core.archive.clock)
    wanted = msgspec.convert({**arguments["wanted"], "kinds": codes_of(arguments["kinds"])}, Wanted)
    return msgspec.to_builtins(trail.read(wanted, arguments["limit"], by=OPERATOR))


COMMANDS: Final[Mapping[str, Command]] = {
    "audit": _audit,
}
