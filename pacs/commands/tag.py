"""Extended query tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core


def _tag_add(core: Core, arguments: Arguments) -> Any:
    named = (arguments["tag"], arguments["vr"], arguments["private_creator"], arguments["level"])
    return msgspec.to_builtins(core.archive.extended.add(*named, by=OPERATOR))


def _tag_list(core: Core, _arguments: Arguments) -> Any:
    return msgspec.to_builtins(core.archive.extended.listing())


def _tag_errors(core: Core, arguments: Arguments) -> Any:
    return msgspec.to_builtins(core.archive.extended.errors(arguments["tag"], by=OPERATOR))


def _tag_enable(core: Core, arguments: Arguments) -> Any:
    core.archive.extended.enable(arguments["tag"], arguments["enabled"], by=OPERATOR)


def _tag_remove(core: Core, arguments: Arguments) -> Any:
    core.archive.extended.remove(arguments["tag"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "tag.add": _tag_add,
    "tag.list": _tag_list,
    "tag.errors": _tag_errors,
    "tag.enable": _tag_enable,
    "tag.remove": _tag_remove,
}
