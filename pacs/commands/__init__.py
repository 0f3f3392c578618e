"""The table of commands that change a node, running or not; what runs in place and over the socket is the same.

A module a noun, each with the table of its commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pacs.commands import ae, ai, archive, audit, deletion, exchange, mwl, route, tag, user, webhook
from pacs.commands.command import Arguments, Command

__all__ = ["COMMANDS", "Arguments", "Command"]

COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        name: command
        for noun in (user, ae, ai, mwl, archive, exchange, route, tag, webhook, deletion, audit)
        for name, command in noun.COMMANDS.items()
    }
)
