"""The rules that send by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.exchange.rules import Routes
    from pacs.node import Core


def _routes(core: Core) -> Routes:
    from pacs.exchange.rules import Routes

    return Routes(core.archive)


def _route_add(core: Core, arguments: Arguments) -> Any:
    return _routes(core).add(arguments["rule"], by=OPERATOR).id


def _route_list(core: Core, _arguments: Arguments) -> Any:
    return _routes(core).documents()


def _route_remove(core: Core, arguments: Arguments) -> Any:
    _routes(core).remove(arguments["id"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "route.add": _route_add,
    "route.list": _route_list,
    "route.remove": _route_remove,
}
