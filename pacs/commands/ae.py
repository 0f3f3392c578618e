"""Devices: who may call, and who called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pacs.access.peer import ORDINARY, PeerOptions, Verb
from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command, outbound
from pacs.errors import NotFound

if TYPE_CHECKING:
    from pacs.node import Core


def _ae_add(core: Core, arguments: Arguments) -> Any:
    title = arguments["ae_title"]
    known = any(peer.ae_title == title for peer in core.peers.list())
    change = core.peers.update if known else core.peers.add
    options = msgspec.convert(arguments.get("options", {}), PeerOptions)
    change(title, arguments["host"], arguments["port"], _verbs(arguments), by=OPERATOR, options=options)


def _verbs(arguments: Arguments) -> frozenset[Verb]:
    return frozenset(Verb(verb) for verb in arguments["verbs"])


def _ae_list(core: Core, _arguments: Arguments) -> Any:
    return [
        {
            "ae_title": peer.ae_title,
            "host": peer.host,
            "port": peer.port,
            "verbs": sorted(peer.verbs),
            "options": [
                f"{name}={value}"
                for name, value in msgspec.to_builtins(peer.options).items()
                if value != msgspec.to_builtins(ORDINARY)[name]
            ],
        }
        for peer in core.peers.list()
    ]


def _ae_log(core: Core, arguments: Arguments) -> Any:
    return [
        {
            "at": activity.at.isoformat(timespec="seconds"),
            "ae_title": activity.ae_title,
            "address": activity.address,
            "accepted": activity.accepted,
            "did": [f"{number} {name}" for name, number in activity.counts.items()],
            "last_refusal": activity.last_refusal,
            "ending": str(activity.ending),
        }
        for activity in core.peers.activities.latest(arguments.get("ae_title"), arguments["limit"])
    ]


def _ae_echo(core: Core, arguments: Arguments) -> Any:
    from pacs.dimse.echo import ask

    with outbound(core) as opened:
        failed = ask(core.peers.get(arguments["ae_title"]), opened)
        return "" if failed is None else str(failed)


def _ae_remove(core: Core, arguments: Arguments) -> Any:
    core.peers.remove(arguments["ae_title"], by=OPERATOR)


def _ae_unknown(core: Core, _arguments: Arguments) -> Any:
    return [
        {
            "ae_title": caller.ae_title,
            "address": caller.address,
            "called_ae_title": caller.called_ae_title,
            "attempts": caller.attempts,
            "last_at": caller.last_at.isoformat(),
        }
        for caller in core.peers.unknown_callers()
    ]


def _ae_approve(core: Core, arguments: Arguments) -> Any:
    title, address = arguments["ae_title"], arguments["address"]
    if not any((caller.ae_title, caller.address) == (title, address) for caller in core.peers.unknown_callers()):
        raise NotFound(f"no unknown caller {title} at {address} is waiting", "`pacs ae unknown` lists them")
    core.peers.add(title, address, arguments["port"], _verbs(arguments), by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "ae.add": _ae_add,
    "ae.list": _ae_list,
    "ae.log": _ae_log,
    "ae.echo": _ae_echo,
    "ae.remove": _ae_remove,
    "ae.unknown": _ae_unknown,
    "ae.approve": _ae_approve,
}
