"""Asking other archives, fetching from them, sending to them, and the queue of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command, outbound
from pacs.errors import SettingsInvalid

if TYPE_CHECKING:
    from pacs.archive.jobs import Priority
    from pacs.exchange.queue import Queue
    from pacs.node import Core


def _query(core: Core, arguments: Arguments) -> Any:
    from pacs.attributes import Level
    from pacs.dimse.query import RemoteQuery

    with outbound(core) as opened:
        peer, level = core.peers.get(arguments["source"]), Level[arguments["level"]]
        return RemoteQuery(opened).find(peer, level, arguments["keys"], arguments["limit"])


def _queue(core: Core) -> Queue:
    from pacs.exchange.queue import Queue

    return Queue(core.archive, core.peers)


def _send(core: Core, arguments: Arguments) -> Any:
    return _queue(core).send(
        arguments["destination"],
        arguments["study_instance_uid"],
        by=OPERATOR,
        series_uids=arguments["series"],
        priority=_priority(arguments["priority"]),
        commitment=arguments["commitment"],
    )


def _fetch(core: Core, arguments: Arguments) -> Any:
    return _queue(core).fetch(
        arguments["source"],
        arguments["study_instance_uid"],
        by=OPERATOR,
        series_uids=arguments["series"],
        with_=arguments["way"],
    )


def _priority(name: str) -> Priority:
    from pacs.archive.jobs import Priority

    if name.upper() not in Priority.__members__:
        raise SettingsInvalid(f"priority {name!r}: expected high, medium or low", "correct it and try again")
    return Priority[name.upper()]


def _queue_list(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.jobs import JobState

    return _queue(core).show(
        by=OPERATOR,
        states=[JobState(state) for state in arguments["states"]],
        kind=arguments.get("kind", ""),
        destination=arguments.get("destination", ""),
        study_instance_uid=arguments.get("study_instance_uid", ""),
        limit=arguments["limit"],
    )


def _queue_show(core: Core, arguments: Arguments) -> Any:
    return _queue(core).one(arguments["id"], by=OPERATOR)


def _queue_pauses(core: Core, _arguments: Arguments) -> Any:
    return _queue(core).pauses(by=OPERATOR)


def _queue_pause(core: Core, arguments: Arguments) -> Any:
    _queue(core).pause(arguments["kind"], arguments["destination"], by=OPERATOR)


def _queue_resume(core: Core, arguments: Arguments) -> Any:
    _queue(core).resume(arguments["kind"], arguments["destination"], by=OPERATOR)


def _queue_retry(core: Core, arguments: Arguments) -> Any:
    _queue(core).retry(arguments["id"], by=OPERATOR)


def _queue_cancel(core: Core, arguments: Arguments) -> Any:
    _queue(core).cancel(arguments["id"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "query": _query,
    "send": _send,
    "fetch": _fetch,
    "queue.list": _queue_list,
    "queue.show": _queue_show,
    "queue.pauses": _queue_pauses,
    "queue.pause": _queue_pause,
    "queue.resume": _queue_resume,
    "queue.retry": _queue_retry,
    "queue.cancel": _queue_cancel,
}
