"""The HTTP of the exchange: send and fetch, the queue, other archives asked, rules of routing, webhooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import (
    DATA_SET,
    DICOM_JSON,
    JSON,
    Answer,
    Body,
    Json,
    Operation,
    Parameter,
    done,
    fields_of,
    gives,
    whole,
    words_of,
)
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.archive.conditions import RuleInvalid
from pacs.archive.jobs import JobState, Priority
from pacs.attributes import Level
from pacs.errors import MediaTypeRefused, NotFound, QueryRefused, SuretError
from pacs.exchange.queue import Queue
from pacs.exchange.rules import Routes
from pacs.exchange.webhooks import Webhook, Webhooks

Find = Callable[[Peer, Level, Mapping[str, str]], list[dict[str, Any]]]
"""Asks another archive: the matches as DICOM JSON. Raises SuretError."""

SHOWN_MAX = 1000


class NewSend(msgspec.Struct, forbid_unknown_fields=True):
    """The body that orders a send."""

    destination: str
    series: list[str] = []
    priority: str = "high"
    commitment: bool | None = None


class NewFetch(msgspec.Struct, forbid_unknown_fields=True):
    """The body that orders a fetch."""

    study_instance_uid: str
    series: list[str] = []
    priority: str = "high"
    way: str = ""


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """The body that registers an address; no kinds: it is told of everything."""

    id: str
    url: str
    kinds: list[str] = []


class Pause(msgspec.Struct, forbid_unknown_fields=True):
    """The body that pauses: "" stands for every kind or destination."""

    kind: str = ""
    destination: str = ""


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """The body that asks another archive: keys by keyword."""

    level: str = "STUDY"
    keys: dict[str, str] = {}


_ORDERED = gives({"job": str}, "ordered: the job that does it", 202)
_KIND_AND_PLACE = (
    Parameter("kind", "jobs of one kind"),
    Parameter("destination", "jobs for one AE title"),
)
_OF_THE_QUEUE = (
    Parameter("state", "states, with commas between them", words_of(list(JobState))),
    *_KIND_AND_PLACE,
    Parameter("study", "jobs of one study"),
    Parameter("limit", f"how many; at most {SHOWN_MAX} are given", whole(default=100)),
)
_JOB = {
    **dict.fromkeys(("id", "kind", "destination", "study_instance_uid", "patient_name", "study_date"), str),
    **dict.fromkeys(
        ("by", "priority", "last_error", "last_error_code", "created_at", "not_before", "finished_at"), str
    ),
    "series": list[str],
    "state": JobState,
    "progress": dict[str, int],
    "attempts": int,
}
_RULE = Json({"type": "object", "required": ["id", "to"], "description": "docs/operations.md, Routing"}, "RoutingRule")


class ExchangeRoutes:
    """The endpoints over one queue."""

    def __init__(self, queue: Queue, rules: Routes, peers: Peers, find: Find) -> None:
        self._queue = queue
        self._rules = rules
        self._peers = peers
        self._find = find

    def routes(self) -> list[Route]:
        """What the node mounts."""
        forward, manage = Action.FORWARD, Action.MANAGE_ARCHIVE
        return [
            Route(
                ("POST",),
                "/api/studies/{study}/sends",
                self._send,
                forward,
                study="study",
                says=Operation("Send a study, or series of it", (_ORDERED,), body=Body(NewSend)),
            ),
            Route(
                ("GET",),
                "/api/destinations",
                self._destinations,
                forward,
                says=Operation(
                    "Where can be sent to", (gives({"destinations": [{"ae_title": str, "description": str}]}),)
                ),
            ),
            Route(
                ("POST",),
                "/api/archives/{ae_title}/queries",
                self._query,
                forward,
                says=Operation(
                    "Ask another archive",
                    (Answer(200, "the matches", (DICOM_JSON,), [DATA_SET]),),
                    body=Body(Question),
                    refusals=(404, 502),
                ),
            ),
            Route(
                ("POST",),
                "/api/archives/{ae_title}/fetches",
                self._fetch,
                forward,
                says=Operation("Fetch a study from another archive", (_ORDERED,), body=Body(NewFetch), refusals=(404,)),
            ),
            Route(
                ("GET",),
                "/api/queue",
                self._show,
                forward,
                says=Operation(
                    "The queue, the newest job first", (gives({"jobs": [_JOB]}),), _OF_THE_QUEUE, refusals=(400,)
                ),
            ),
            Route(
                ("GET",),
                "/api/queue/pauses",
                self._pauses,
                forward,
                says=Operation(
                    "What is paused", (gives({"pauses": [{"kind": str, "destination": str, "since": datetime}]}),)
                ),
            ),
            Route(
                ("POST",),
                "/api/queue/pauses",
                self._pause,
                manage,
                says=Operation("Begin no more jobs of a kind, for a destination", (done(),), body=Body(Pause)),
            ),
            Route(
                ("DELETE",),
                "/api/queue/pauses",
                self._resume,
                manage,
                says=Operation("Take a pause back", (done(),), _KIND_AND_PLACE, refusals=(404,)),
            ),
            Route(
                ("GET",),
                "/api/queue/{job}",
                self._one,
                forward,
                says=Operation("One job", (gives(_JOB),), refusals=(404,)),
            ),
            Route(
                ("POST",),
                "/api/queue/{job}/retry",
                self._retry,
                manage,
                says=Operation("Try a job again", (done(),), refusals=(404,)),
            ),
            Route(
                ("POST",),
                "/api/queue/{job}/cancel",
                self._cancel,
                manage,
                says=Operation("Take a job back", (done(),), refusals=(404,)),
            ),
            Route(
                ("GET",),
                "/api/routes",
                self._list_rules,
                manage,
                says=Operation("Rules of routing", (gives({"routes": [_RULE]}),)),
            ),
            Route(
                ("POST",),
                "/api/routes",
                self._add_rule,
                manage,
                says=Operation("Put a rule in force", (gives({"id": str}, "in force", 201),), body=Body(_RULE)),
            ),
            Route(
                ("DELETE",),
                "/api/routes/{rule}",
                self._remove_rule,
                manage,
                says=Operation("Take a rule away", (done(),), refusals=(404,)),
            ),
        ]

    async def _send(self, request: Request, principal: Principal) -> Response:
        new = await _body(request, NewSend)
        identifier = await in_thread(
            self._queue.send,
            new.destination,
            request.path_params["study"],
            by=principal,
            series_uids=new.series,
            priority=_priority(new.priority),
            commitment=new.commitment,
        )
        return JSONResponse({"job": identifier}, 202)

    async def _fetch(self, request: Request, principal: Principal) -> Response:
        new = await _body(request, NewFetch)
        identifier = await in_thread(
            self._queue.fetch,
            request.path_params["ae_title"],
            new.study_instance_uid,
            by=principal,
            series_uids=new.series,
            with_=new.way,
            priority=_priority(new.priority),
        )
        return JSONResponse({"job": identifier}, 202)

    async def _destinations(self, request: Request, principal: Principal) -> Response:
        peers: Sequence[Peer] = await in_thread(self._peers.list)
        return JSONResponse(
            {"destinations": [{"ae_title": peer.ae_title, "description": peer.options.description} for peer in peers]}
        )

    async def _query(self, request: Request, principal: Principal) -> Response:
        asked = await _body(request, Question)
        ae_title = request.path_params["ae_title"]
        peer = self._peers.registered(ae_title)
        if peer is None:
            raise NotFound(f"no peer has the AE title {ae_title}", "register it with `pacs ae add`", "peer_unknown")
        if asked.level not in Level.__members__:
            raise QueryRefused(f"level {asked.level!r}: expected {', '.join(Level.__members__)}")
        try:
            found = await in_thread(self._find, peer, Level[asked.level], asked.keys)
        except QueryRefused:
            raise
        except SuretError as failed:  # of the other archive, not of whoever asks
            return JSONResponse({"error": failed.message, "hint": failed.hint}, 502)
        return JSONResponse(found, media_type=DICOM_JSON)

    async def _show(self, request: Request, principal: Principal) -> Response:
        asked = request.query_params
        states = [state for state in asked.get("state", "").split(",") if state]
        unknown = sorted(set(states) - set(JobState))
        if unknown or not asked.get("limit", "100").isdigit():
            raise QueryRefused("state or limit is not understood", f"states are {', '.join(JobState)}")
        found = await in_thread(
            self._queue.show,
            by=principal,
            states=[JobState(state) for state in states],
            kind=asked.get("kind", ""),
            destination=asked.get("destination", ""),
            study_instance_uid=asked.get("study", ""),
            limit=min(int(asked.get("limit", "100")), SHOWN_MAX),
        )
        return JSONResponse({"jobs": found})

    async def _one(self, request: Request, principal: Principal) -> Response:
        return JSONResponse(await in_thread(self._queue.one, request.path_params["job"], by=principal))

    async def _pauses(self, request: Request, principal: Principal) -> Response:
        return JSONResponse({"pauses": await in_thread(self._queue.pauses, by=principal)})

    async def _pause(self, request: Request, principal: Principal) -> Response:
        pause = await _body(request, Pause)
        await in_thread(self._queue.pause, pause.kind, pause.destination, by=principal)
        return Response(None, 204)

    async def _resume(self, request: Request, principal: Principal) -> Response:
        asked = request.query_params
        await in_thread(self._queue.resume, asked.get("kind", ""), asked.get("destination", ""), by=principal)
        return Response(None, 204)

    async def _retry(self, request: Request, principal: Principal) -> Response:
        await in_thread(self._queue.retry, request.path_params["job"], by=principal)
        return Response(None, 204)

    async def _cancel(self, request: Request, principal: Principal) -> Response:
        await in_thread(self._queue.cancel, request.path_params["job"], by=principal)
        return Response(None, 204)

    async def _list_rules(self, request: Request, principal: Principal) -> Response:
        return JSONResponse({"routes": await in_thread(self._rules.documents)})

    async def _add_rule(self, request: Request, principal: Principal) -> Response:
        document = await _body(request, dict[str, Any])
        try:
            rule = await in_thread(self._rules.add, document, by=principal)
        except RuleInvalid as invalid:
            raise QueryRefused(invalid.message, invalid.hint) from None
        return JSONResponse({"id": rule.id}, 201)

    async def _remove_rule(self, request: Request, principal: Principal) -> Response:
        await in_thread(self._rules.remove, request.path_params["rule"], by=principal)
        return Response(None, 204)


def webhook_routes(webhooks: Webhooks) -> list[Route]:
    """Who else is told of what happens."""

    async def show(request: Request, principal: Principal) -> Response:
        found = await in_thread(webhooks.listing)
        hidden = {"secret"}
        shown = [{k: v for k, v in msgspec.to_builtins(one).items() if k not in hidden} for one in found]
        return JSONResponse({"webhooks": shown})

    async def add(request: Request, principal: Principal) -> Response:
        new = await _body(request, NewWebhook)
        secret = await in_thread(webhooks.add, new.id, new.url, new.kinds, by=principal)
        return JSONResponse({"id": new.id, "secret": secret}, 201)

    async def remove(request: Request, principal: Principal) -> Response:
        await in_thread(webhooks.remove, request.path_params["id"], by=principal)
        return Response(None, 204)

    return [
        Route(
            ("GET",),
            "/api/webhooks",
            show,
            Action.MANAGE_ARCHIVE,
            says=Operation(
                "Addresses that are told of what happens",
                (gives({"webhooks": [fields_of(Webhook, without=("secret",))]}),),
            ),
        ),
        Route(
            ("POST",),
            "/api/webhooks",
            add,
            Action.MANAGE_ARCHIVE,
            says=Operation(
                "Tell an address of what happens",
                (gives({"id": str, "secret": str}, "the secret that signs, shown this once", 201),),
                body=Body(NewWebhook),
                refusals=(409,),
            ),
        ),
        Route(
            ("DELETE",),
            "/api/webhooks/{id}",
            remove,
            Action.MANAGE_ARCHIVE,
            says=Operation("Tell it no more", (done(),), refusals=(404,)),
        ),
    ]


async def _body(request: Request, shape: Any) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
        raise MediaTypeRefused("the body is not JSON", f"send it as {JSON}")
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise QueryRefused("the body is not understood", str(error)) from None


def _priority(name: str) -> Priority:
    if name.upper() not in Priority.__members__:
        raise QueryRefused(f"priority {name!r}: expected high, medium or low")
    return Priority[name.upper()]
