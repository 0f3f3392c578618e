"""UPS-RS (PS3.18 chapter 11): workitems over HTTP, the same ones that DIMSE has, and their events over a WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from pacs.access.accounts import Accounts
from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import BOOLEAN, DATA_SET, Answer, Body, Operation, Parameter, switched, whole
from pacs.access.principals import Principal
from pacs.access.sessions import Sessions
from pacs.archive import subscriptions
from pacs.archive.archive import Archive
from pacs.archive.subscriptions import FILTERED, STATE, Report
from pacs.archive.workitem_rules import TRANSACTION_UID, Status, supplied
from pacs.archive.workitems import Outcome, Workitems
from pacs.dicom.dictionary import dictionary_vr
from pacs.dicom.documents import label, read_document, tag_of
from pacs.dicom.keys import Keys, first
from pacs.dicom.native_model import native_dicom_model, read_native_model
from pacs.dicom.uids import valid_uid
from pacs.errors import AttributesRefused, NotUnderstood, OperationRefused, QueryRefused
from pacs.settings import WebSettings, valid_ae_title
from pacs.web.api.bodies import document_of
from pacs.web.api.changes import Bell
from pacs.web.api.queries import part
from pacs.web.dicomweb.answers import ACCEPT, ROOT, VARY, accepted_by, json_answer, json_type, service_url
from pacs.web.dicomweb.media_types import DICOM_JSON, DICOM_XML, JSON, parsed, parts_of
from pacs.web.dicomweb.multipart import Framing
from pacs.web.live import CLOSED_SIGNED_OUT, CLOSED_TRY_AGAIN, WATCHERS_MAX, LiveFeed, still_allowed

EVENT_CLASS: Final = "1.2.840.10008.5.1.4.34.6.4"
LIMIT_MAX: Final = 1000
LOOK_EVERY_S: Final = 1.0
PARAMETERS: Final = frozenset({"limit", "offset", "includefield", "fuzzymatching", "accept"})
"""Of a search: what is no key."""

STATUS: Final[Mapping[int, int]] = MappingProxyType(
    {
        Status.NO_SUCH_ATTRIBUTE: 400,
        Status.INVALID_VALUE: 400,
        Status.INVALID_ARGUMENT: 400,
        Status.INVALID_INSTANCE: 400,
        Status.MISSING_ATTRIBUTE: 400,
        Status.MISSING_VALUE: 400,
        Status.ONLY_CREATED_SCHEDULED: 400,
        Status.NOT_CREATED_SCHEDULED: 400,
        Status.UNKNOWN_INSTANCE: 404,
        Status.UNKNOWN_RECEIVER: 404,
    }
)
"""What a refusal is over HTTP; every other is 409, the workitem as it is now does not allow it."""

WARNINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        Outcome.CREATED_WITH_MODIFICATIONS: "The Workitem was created with modifications.",
        Outcome.ALREADY_CANCELED: "The UPS is already in the requested state of CANCELED.",
        Outcome.ALREADY_COMPLETED: "The UPS is already in the requested state of COMPLETED.",
    }
)


_FORMS = (DICOM_JSON, JSON, parts_of(DICOM_XML), DICOM_XML)
_ATTRIBUTES = Body(DATA_SET, (DICOM_JSON, JSON, DICOM_XML))
_DONE = Answer(200, "done; a Warning tells what else there is to know", (DICOM_JSON,), list[str])
_REFUSED = (400, 404, 409, 410)
_CREATE = Operation(
    "Create a workitem",
    (Answer(201, "created", (DICOM_JSON,), list[str], {"Location": "the workitem"}),),
    (Parameter("workitem", "its UID, where the body does not name it"),),
    body=_ATTRIBUTES,
    refusals=(409,),
)
_SEARCH = Operation(
    "Search for workitems",
    (Answer(200, "the matches", _FORMS, [DATA_SET]),),
    (
        Parameter("limit", "how many", whole(maximum=999_999_999)),
        Parameter("offset", "how many are left out before", whole(maximum=999_999_999)),
        Parameter("includefield", "taken, and everything is returned"),
        Parameter("fuzzymatching", "taken"),
        ACCEPT,
    ),
    refusals=(400, 406),
    any_parameters="attributes by keyword or tag, also dotted into sequences",
)
_RETRIEVE = Operation(
    "One workitem", (Answer(200, "the workitem", _FORMS, [DATA_SET]),), (ACCEPT,), refusals=(400, 404, 406, 410)
)
_UPDATE = Operation(
    "Change attributes of a workitem",
    (_DONE,),
    (Parameter("transaction-uid", "of who has claimed it"),),
    body=_ATTRIBUTES,
    refusals=_REFUSED,
)
_CHANGE_STATE = Operation("Claim, complete or cancel a workitem", (_DONE,), body=_ATTRIBUTES, refusals=_REFUSED)
_CANCEL = Operation(
    "Ask for the cancellation of a workitem",
    (Answer(202, "done, or who performs it was told; a Warning tells what else there is to know"),),
    body=Body(DATA_SET, _ATTRIBUTES.media_types, required=False),
    refusals=_REFUSED,
)
_SUBSCRIBE = Operation(
    "Subscribe to the events of a workitem, of all, or of those that match",
    (Answer(201, "subscribed", headers={"Content-Location": "the WebSocket that tells the events"}),),
    (
        Parameter("deletionlock", "whether what is completed stays", BOOLEAN),
        Parameter("filter", "keys, of the filtered subscription"),
    ),
    refusals=_REFUSED,
    any_parameters="keys, of the filtered subscription",
)
_UNSUBSCRIBE = Operation("Take a subscription back", (_DONE,), refusals=_REFUSED)
_SUSPEND = Operation("Subscribe to nothing new", (_DONE,), refusals=_REFUSED)
_WATCH = Operation("A WebSocket: the events of a subscriber", (switched("an event a message (PS3.18 8.10.5)"),))


class UpsRoutes:
    """The resources over one archive."""

    def __init__(
        self, archive: Archive, feed: LiveFeed, accounts: Accounts, sessions: Sessions, settings: WebSettings
    ) -> None:
        self._archive = archive
        self._workitems = Workitems(archive)
        self._feed = feed
        self._accounts = accounts
        self._sessions = sessions
        self._settings = settings

    def routes(self) -> list[Route]:
        """What the node mounts."""
        root, one = f"{ROOT}/workitems", f"{ROOT}/workitems/{{uid}}"
        subscriber = f"{one}/subscribers/{{aet}}"
        table: list[tuple[str, str, Callable[[Request, Principal], Any], Operation]] = [
            ("POST", root, self._create, _CREATE),
            ("GET", root, self._search, _SEARCH),
            ("GET", one, self._retrieve, _RETRIEVE),
            ("POST", one, self._update, _UPDATE),
            ("PUT", f"{one}/state", self._change_state, _CHANGE_STATE),
            ("POST", f"{one}/cancelrequest", self._request_cancel, _CANCEL),
            ("POST", subscriber, self._subscribe, _SUBSCRIBE),
            ("DELETE", subscriber, self._unsubscribe, _UNSUBSCRIBE),
            ("POST", f"{subscriber}/suspend", self._suspend, _SUSPEND),
        ]
        watch = Route(("GET",), "/ws/subscribers/{aet}", self._watch, Action.WORKLIST, websocket=True, says=_WATCH)
        return [
            Route((verb,), path, self._told(endpoint), Action.WORKLIST, says=says)
            for verb, path, endpoint, says in table
        ] + [watch]

    def _told(self, endpoint: Callable[[Request, Principal], Any]) -> Callable[[Request, Principal], Any]:
        """`endpoint`, whose refusals are answered with the status of PS3.18 and the reason in words."""

        async def answered(request: Request, principal: Principal) -> Response:
            try:
                response: Response = await endpoint(request, principal)
            except OperationRefused as refused:
                names = " ".join(label(f"{tag:08X}") for tag in refused.tags)
                words = f"{refused.message}: {names}" if names else refused.message
                status = STATUS.get(refused.status, 409)
                if refused.status == Status.UNKNOWN_INSTANCE:
                    status = await in_thread(self._missing_status, request.path_params["uid"])
                body = {"error": words, "hint": refused.hint, "code": f"{refused.status:04X}"}
                return json_answer(
                    body, media_type="application/json", status=status, warnings=[words], service=self._service(request)
                )
            return response

        return answered

    def _missing_status(self, uid: str) -> int:
        return 410 if self._workitems.was_there(uid) else 404

    def _service(self, request: Request) -> str:
        return service_url(request, self._settings)

    def _done(self, request: Request, outcome: Outcome, status: int = 200, **headers: str) -> Response:
        warnings = [WARNINGS[outcome]] if outcome in WARNINGS else []
        response = json_answer([], status=status, warnings=warnings, service=self._service(request))
        if not warnings and status != 200:
            response = Response(None, status)
        response.headers.update(headers)
        return response

    # Making and changing -----------------------------------------------------------------------------------------

    async def _create(self, request: Request, principal: Principal) -> Response:
        attributes = await self._document(request)
        named = [value or name for name, value in request.query_params.items() if _names_uid(name, value)]
        uid = named[0] if named else first(attributes, "00080018") or first(attributes, "00001000")
        attributes = {tag: body for tag, body in attributes.items() if not tag.startswith("0000")}
        made = await in_thread(self._workitems.create, uid, attributes, by=principal)
        outcome = Outcome.CREATED_WITH_MODIFICATIONS if supplied(attributes) else Outcome.DONE
        where = f"{self._service(request)}/workitems/{made}"
        return self._done(request, outcome, 201, **{"location": where, "content-location": where})

    async def _update(self, request: Request, principal: Principal) -> Response:
        changes = await self._document(request)
        given = [value or name for name, value in request.query_params.items() if _names_uid(name, value)]
        if given:
            changes[TRANSACTION_UID] = {"vr": "UI", "Value": given[:1]}
        outcome = await in_thread(self._workitems.update, _uid(request), changes, by=principal)
        return self._done(request, outcome)

    async def _change_state(self, request: Request, principal: Principal) -> Response:
        said = await self._document(request)
        state, transaction_uid = first(said, STATE), first(said, TRANSACTION_UID)
        if state not in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED"):
            raise QueryRefused("ProcedureStepState is missing or unknown", "send it with the TransactionUID")
        if not valid_uid(transaction_uid):
            raise QueryRefused("TransactionUID is missing or malformed", "send it with the ProcedureStepState")
        outcome = await in_thread(self._workitems.change_state, _uid(request), state, transaction_uid, by=principal)
        return self._done(request, outcome)

    async def _request_cancel(self, request: Request, principal: Principal) -> Response:
        said = await self._document(request) if await request.body() else {}
        outcome = await in_thread(self._workitems.request_cancel, _uid(request), said, by=principal)
        return self._done(request, outcome, 202)

    async def _document(self, request: Request) -> dict[str, Any]:
        found = parsed(request.headers.get("content-type", ""))
        if found is not None and found[0] == DICOM_XML:
            try:
                given = await in_thread(read_native_model, await request.body())
            except NotUnderstood as broken:
                raise QueryRefused(broken.message, broken.hint) from None
        else:
            given = await document_of(request)
        return await in_thread(read_document, given)

    # Looking -----------------------------------------------------------------------------------------------------

    async def _retrieve(self, request: Request, principal: Principal) -> Response:
        form = _form(request)
        return _documents([await in_thread(self._workitems.get, _uid(request))], form)

    async def _search(self, request: Request, principal: Principal) -> Response:
        form = _form(request)
        parameters = request.query_params
        asked = keys_of([(name, text) for name, text in parameters.multi_items() if name not in PARAMETERS])
        keys = Keys(asked)
        limit, offset = _whole(parameters.get("limit", ""), LIMIT_MAX), _whole(parameters.get("offset", ""), 0)
        limit = min(limit, LIMIT_MAX)
        found = await in_thread(lambda: part(self._workitems.matching(asked, keys), limit + 1, offset))
        more = ["there are more results, ask on with offset"] if len(found) > limit else []
        response = _documents(found[:limit], form)
        for text in more:
            response.headers.append("warning", f'299 {self._service(request)} "{text}"')
        return response

    # Watching ----------------------------------------------------------------------------------------------------

    async def _subscribe(self, request: Request, principal: Principal) -> Response:
        uid, aet = _uid(request), _aet(request.path_params["aet"])
        parameters = request.query_params
        lock = parameters.get("deletionlock", "false").lower()
        if lock not in ("true", "false"):
            raise QueryRefused(f"deletionlock is {lock[:16]!r}", "give true or false")
        pairs = [pair.partition("=") for text in parameters.getlist("filter") for pair in text.split(",") if pair]
        filters = [(name, text) for name, _, text in pairs]
        filters += [(name, text) for name, text in parameters.multi_items() if name not in ("deletionlock", "filter")]
        keys = keys_of(filters) if uid == FILTERED else None
        await in_thread(self._workitems.subscribe, uid, aet, lock=lock == "true", keys=keys, by=principal)
        where = self._service(request).removesuffix(ROOT).replace("http", "ws", 1)
        return Response(None, 201, {"content-location": f"{where}/ws/subscribers/{aet}"})

    async def _unsubscribe(self, request: Request, principal: Principal) -> Response:
        aet = _aet(request.path_params["aet"])
        await in_thread(self._workitems.unsubscribe, _uid(request), aet, by=principal)
        return json_answer([])

    async def _suspend(self, request: Request, principal: Principal) -> Response:
        aet = _aet(request.path_params["aet"])
        await in_thread(self._workitems.suspend, _uid(request), aet, by=principal)
        return json_answer([])

    async def _watch(self, socket: WebSocket, principal: Principal) -> None:
        """Every event that waits for the subscriber, and those that come, one a message (PS3.18 8.10.5)."""
        aet = socket.path_params["aet"]
        if not valid_ae_title(aet) or self._feed.watchers >= WATCHERS_MAX:
            await socket.close(CLOSED_TRY_AGAIN)
            return
        await socket.accept()
        allowed = still_allowed(socket, self._accounts, self._sessions, Action.WORKLIST)
        bell, ended = Bell(), asyncio.create_task(_ended(socket))
        self._feed.add(bell)
        try:
            await in_thread(self._feed.begin)
            while not ended.done():
                if not await in_thread(allowed):
                    await socket.close(CLOSED_SIGNED_OUT)
                    return
                while (report := await in_thread(self._next, aet)) is not None and not ended.done():
                    await socket.send_text(_event_text(report))
                    await in_thread(self._archive.index.write, _told(report.number))
                await bell.heard(LOOK_EVERY_S)
        except WebSocketDisconnect:
            return
        finally:
            self._feed.remove(bell)
            ended.cancel()

    def _next(self, aet: str) -> Report | None:
        with self._archive.index.read() as connection:
            return subscriptions.next_report(connection, aet)


def _form(request: Request) -> tuple[str, bool]:
    """The media type of the answer, and whether it comes in parts. Raises NotAcceptable."""
    for entry in accepted_by(request):
        if entry.anything or entry.includes(DICOM_JSON) or entry.includes(JSON):
            break
        if entry.media_type == DICOM_XML:
            return DICOM_XML, entry.multipart
    return json_type(request), False


def _documents(documents: Sequence[dict[str, Any]], form: tuple[str, bool]) -> Response:
    media_type, in_parts = form
    if media_type != DICOM_XML:
        return json_answer(documents, media_type=media_type)
    if not in_parts and len(documents) == 1:
        return Response(native_dicom_model(documents[0]), 200, {"vary": VARY}, DICOM_XML)
    framing = Framing(DICOM_XML, "workitems")
    pieces = [framing.head({"Content-Type": DICOM_XML}) + native_dicom_model(document) for document in documents]
    return Response(b"".join(pieces) + framing.tail, 200, {"vary": VARY}, framing.content_type)


def _told(number: int) -> Callable[[Any], None]:
    return lambda connection: subscriptions.told(connection, number)


async def _ended(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _event_text(report: Report) -> str:
    document = {
        "00000002": {"vr": "UI", "Value": [EVENT_CLASS]},
        "00000110": {"vr": "US", "Value": [report.number % 65536]},
        "00001000": {"vr": "UI", "Value": [report.workitem]},
        "00001002": {"vr": "US", "Value": [int(report.event_type)]},
        **report.document,
    }
    return msgspec.json.encode(document).decode()


def keys_of(given: list[tuple[str, str]]) -> dict[str, Any]:
    """The keys of a search as DICOM JSON: attributes by keyword or tag, those in sequences by a dotted path.

    Raises QueryRefused.
    """
    document: dict[str, Any] = {}
    for path, text in given:
        *above, last = path.split(".")
        inside = document
        for name in above:
            items = inside.setdefault(_tag(name, path), {"vr": "SQ", "Value": [{}]})["Value"]
            inside = items[0]
        tag = _tag(last, path)
        vr = dictionary_vr(int(tag, 16)).split(" ")[0]
        value: Any = {"Alphabetic": text} if vr == "PN" else text
        inside[tag] = {"vr": vr, "Value": [value]} if text else {"vr": vr}
    return document


def _tag(name: str, path: str) -> str:
    tag = tag_of(name)
    if tag is None:
        raise QueryRefused(f"there is no attribute {path[:64]!r}", "name attributes by keyword, as in PS3.6")
    return tag


def _names_uid(name: str, value: str) -> bool:
    """Clients name the UID as ?UID, ?workitem=UID, ?AffectedSOPInstanceUID=UID, ?transaction-uid=UID."""
    return valid_uid(value or name)


def _uid(request: Request) -> str:
    uid = str(request.path_params["uid"])
    if not valid_uid(uid):
        raise AttributesRefused(f"{uid[:64]!r} is not a UID", "UIDs are digits and dots, at most 64 characters")
    return uid


def _aet(text: str) -> str:
    if not valid_ae_title(text):
        raise QueryRefused(f"{text[:32]!r} is not an AE title", "1 to 16 characters, see PS3.5 6.2")
    return text


def _whole(text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise QueryRefused(f"{text[:32]!r} is not a whole number", "give digits only")
    return int(text)
