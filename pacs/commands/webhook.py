"""Where others hear of what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.exchange.webhooks import Webhooks
    from pacs.node import Core


def _webhooks(core: Core) -> Webhooks:
    from pacs.exchange.webhooks import Webhooks

    return Webhooks(core.archive, allow_loopback=core.settings.webhooks.allow_loopback)


def _webhook_add(core: Core, arguments: Arguments) -> Any:
    return _webhooks(core).add(arguments["id"], arguments["url"], arguments["kinds"], by=OPERATOR)


def _webhook_list(core: Core, _arguments: Arguments) -> Any:
    return [
        {"id": one.id, "url": one.url, "kinds": [*one.kinds], "position": one.position, "disabled": one.disabled}
        for one in _webhooks(core).listing()
    ]


def _webhook_remove(core: Core, arguments: Arguments) -> Any:
    _webhooks(core).remove(arguments["id"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "webhook.add": _webhook_add,
    "webhook.list": _webhook_list,
    "webhook.remove": _webhook_remove,
}
