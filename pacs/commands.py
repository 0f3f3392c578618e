"""The table of commands that change a node, running or not; what runs in place and over the socket is the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from pacs.access.peer import ORDINARY, PeerOptions, Verb
from pacs.access.principals import OPERATOR, Role
from pacs.errors import NotFound, SettingsInvalid

if TYPE_CHECKING:
    from pacs.archive.jobs import Priority
    from pacs.dimse.outbound import Outbound
    from pacs.exchange.queue import Queue
    from pacs.exchange.rules import Routes
    from pacs.exchange.webhooks import Webhooks
    from pacs.node import Core

Arguments = Mapping[str, Any]
Command = Callable[["Core", Arguments], Any]

SCRUB_PART_S = 5.0


def _user_add(core: Core, arguments: Arguments) -> Any:
    core.accounts.create(arguments["name"], Role(arguments["role"]), arguments["password"], by=OPERATOR)


def _user_list(core: Core, _arguments: Arguments) -> Any:
    return [
        {"name": account.name, "role": account.role.value, "disabled": account.disabled}
        for account in core.accounts.listing()
    ]


def _user_password(core: Core, arguments: Arguments) -> Any:
    core.accounts.set_password(arguments["name"], arguments["password"], by=OPERATOR)


def _user_disable(core: Core, arguments: Arguments) -> Any:
    core.accounts.set_disabled(arguments["name"], arguments["disabled"], by=OPERATOR)


def _user_role(core: Core, arguments: Arguments) -> Any:
    core.accounts.set_role(arguments["name"], Role(arguments["role"]), by=OPERATOR)


def _user_unlock(core: Core, arguments: Arguments) -> Any:
    core.accounts.unlock(arguments["name"], by=OPERATOR)


def _user_token(core: Core, arguments: Arguments) -> Any:
    role = arguments.get("role")
    return core.accounts.token(arguments["name"], Role(role) if role else None)


def _user_revoke(core: Core, arguments: Arguments) -> Any:
    return core.accounts.revoke_tokens(arguments["name"], by=OPERATOR)


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


@contextmanager
def _outbound(core: Core) -> Iterator[Outbound]:
    from pacs.dimse.outbound import Outbound  # not at the top: most commands only ask the node that runs

    outbound = Outbound(core.settings.dimse)
    outbound.start()
    try:
        yield outbound
    finally:
        outbound.stop()


def _ae_echo(core: Core, arguments: Arguments) -> Any:
    from pacs.dimse.echo import ask

    with _outbound(core) as outbound:
        return ask(core.peers.get(arguments["ae_title"]), outbound)


def _query(core: Core, arguments: Arguments) -> Any:
    from pacs.attributes import Level
    from pacs.dimse.query import RemoteQuery

    with _outbound(core) as outbound:
        peer, level = core.peers.get(arguments["source"]), Level[arguments["level"]]
        return RemoteQuery(outbound).find(peer, level, arguments["keys"], arguments["limit"])


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


def _ai_service_add(core: Core, arguments: Arguments) -> Any:
    identifier, url, card = arguments["id"], arguments["url"], arguments["card"]
    return core.registry.add_service(identifier, url, card, by=OPERATOR, replace=arguments.get("replace", False))


def _ai_service_list(core: Core, _arguments: Arguments) -> Any:
    return [
        {"id": service.id, "url": service.url, "card": service.card, "disabled": service.disabled}
        for service in core.registry.services()
    ]


def _ai_service_remove(core: Core, arguments: Arguments) -> Any:
    core.registry.remove_service(arguments["id"], by=OPERATOR)


def _ai_rule_add(core: Core, arguments: Arguments) -> Any:
    return core.registry.add_rule(arguments["rule"], by=OPERATOR).id


def _ai_rule_list(core: Core, _arguments: Arguments) -> Any:
    return core.registry.rule_documents()


def _ai_rule_remove(core: Core, arguments: Arguments) -> Any:
    core.registry.remove_rule(arguments["id"], by=OPERATOR)


def _mwl_add(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.scheduled import ScheduledSteps  # not at the top: most commands only ask the node that runs

    return ScheduledSteps(core.archive).add(arguments["document"], by=OPERATOR)


def _mwl_list(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.scheduled import START, ScheduledSteps
    from pacs.dicom.keys import Keys

    keys = arguments["keys"]
    found = ScheduledSteps(core.archive).matching(keys, Keys(keys, (START,)))
    return [entry for entry, _ in zip(found, range(arguments["limit"]), strict=False)]


def _mwl_remove(core: Core, arguments: Arguments) -> Any:
    from pacs.archive.scheduled import ScheduledSteps

    ScheduledSteps(core.archive).remove(arguments["study_instance_uid"], arguments["step_id"], by=OPERATOR)


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


def _routes(core: Core) -> Routes:
    from pacs.exchange.rules import Routes

    return Routes(core.archive)


def _route_add(core: Core, arguments: Arguments) -> Any:
    return _routes(core).add(arguments["rule"], by=OPERATOR).id


def _route_list(core: Core, _arguments: Arguments) -> Any:
    return _routes(core).documents()


def _route_remove(core: Core, arguments: Arguments) -> Any:
    _routes(core).remove(arguments["id"], by=OPERATOR)


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


def _taken_back(name: str) -> Command:
    """What can be undone is asked of the archive alone."""

    def command(core: Core, arguments: Arguments) -> Any:
        from pacs.archive.asked import ASKED  # not at the top: most commands only ask the node that runs

        return msgspec.to_builtins(ASKED[name](core.archive, arguments))

    return command


def _audit(core: Core, arguments: Arguments) -> Any:
    from pacs.access.trail import Trail, Wanted, codes_of  # not at the top: most commands only ask the node that runs

    trail = Trail(core.archive.index, core.archive.clock)
    wanted = msgspec.convert({**arguments["wanted"], "kinds": codes_of(arguments["kinds"])}, Wanted)
    return msgspec.to_builtins(trail.read(wanted, arguments["limit"], by=OPERATOR))


def _backup_done(core: Core, arguments: Arguments) -> Any:
    """A backup has been finished: remembered, so that `pacs doctor` can say how old the last one is."""
    from pacs.archive import duties

    started_at = datetime.fromisoformat(arguments["started_at"])
    done = duties.Progress(arguments["destination"], started_at, core.archive.clock())
    core.archive.index.write(lambda connection: duties.keep(connection, duties.Duty.BACKUP, done))


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "user.add": _user_add,
        "user.list": _user_list,
        "user.password": _user_password,
        "user.disable": _user_disable,
        "user.role": _user_role,
        "user.unlock": _user_unlock,
        "user.token": _user_token,
        "user.revoke": _user_revoke,
        "ae.add": _ae_add,
        "ae.list": _ae_list,
        "ae.log": _ae_log,
        "ae.echo": _ae_echo,
        "ae.remove": _ae_remove,
        "ae.unknown": _ae_unknown,
        "ae.approve": _ae_approve,
        "ai.service.add": _ai_service_add,
        "ai.service.list": _ai_service_list,
        "ai.service.remove": _ai_service_remove,
        "ai.rule.add": _ai_rule_add,
        "ai.rule.list": _ai_rule_list,
        "ai.rule.remove": _ai_rule_remove,
        "mwl.add": _mwl_add,
        "mwl.list": _mwl_list,
        "mwl.remove": _mwl_remove,
        "object.prove": _object_prove,
        "scrub.part": _scrub_part,
        "scrub.done": _scrub_done,
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
        "route.add": _route_add,
        "route.list": _route_list,
        "route.remove": _route_remove,
        "tag.add": _tag_add,
        "tag.list": _tag_list,
        "tag.errors": _tag_errors,
        "tag.enable": _tag_enable,
        "tag.remove": _tag_remove,
        "webhook.add": _webhook_add,
        "webhook.list": _webhook_list,
        "webhook.remove": _webhook_remove,
        **{
            name: _taken_back(name)
            for name in (
                *("delete", "reject", "undelete", "erase", "deletions"),
                *("correct", "merge", "move", "uncorrect", "corrections"),
            )
        },
        "audit": _audit,
        "backup.done": _backup_done,
    }
)
