"""What a command is, and what several of them need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pacs.dimse.outbound import Outbound
    from pacs.node import Core

Arguments = Mapping[str, Any]
Command = Callable[["Core", Arguments], Any]


@contextmanager
def outbound(core: Core) -> Iterator[Outbound]:
    """Associations of this command's own to other nodes."""
    from pacs.dimse.outbound import Outbound  # not at the top: most commands only ask the node that runs

    opened = Outbound(core.settings.dimse)
    opened.start()
    try:
        yield opened
    finally:
        opened.stop()
