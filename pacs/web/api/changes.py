"""The change feed: the event log by cursor, filtered, waiting for what comes where asked to: /api/changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import UID, Operation, Parameter, fields_of, gives, whole, words_of
from pacs.access.principals import Principal
from pacs.archive.events import EventLog, event_document
from pacs.errors import QueryRefused
from pacs.model import Event, EventKind
from pacs.web.api.queries import whole_number
from pacs.web.dicomweb.answers import checked_uid, json_answer
from pacs.web.dicomweb.media_types import JSON
from pacs.web.live import WATCHERS_MAX, LiveFeed

LIMIT_DEFAULT = 100
DIGITS_MAX = 18
LIMIT_MAX = 1000
WAIT_S_MAX = 30


_WHOLE = whole(maximum=10**18 - 1)
_SAYS = Operation(
    "What happened since, as a feed",
    (
        gives(
            {"changes": [fields_of(Event, at=datetime, payload=dict)], "next": int},
            "the events, and the cursor to go on from",
        ),
    ),
    (
        Parameter("after", "the cursor: `next` of the answer before; 0 is the beginning", _WHOLE),
        Parameter("limit", f"how many, at most {LIMIT_MAX}", whole(1, 10**18 - 1, LIMIT_DEFAULT)),
        Parameter("wait", f"seconds to wait for something to happen, at most {WAIT_S_MAX}", _WHOLE),
        Parameter("kinds", "kinds of events, with commas between them", words_of(list(EventKind))),
        Parameter("study", "events of one study", UID),
    ),
    refusals=(400,),
)


class Bell:
    """Rings when anything happens; one for each client that waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def tell(self, events: Sequence[Event]) -> None:
        """From the thread that follows the log."""
        try:
            self._loop.call_soon_threadsafe(self._rung.set)
        except RuntimeError:  # the loop has ended
            return

    async def heard(self, timeout_s: float) -> None:
        """Return when it has rung since the last call, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return
        self._rung.clear()


def routes(events: EventLog, feed: LiveFeed) -> list[Route]:
    """GET /api/changes."""

    async def changes(request: Request, principal: Principal) -> Response:
        asked = _Asked(request, principal)
        page = await in_thread(asked.page, events)
        if page["changes"] or not asked.wait_s or feed.watchers >= WATCHERS_MAX:
            return json_answer(page, media_type=JSON)
        deadline = time.monotonic() + asked.wait_s
        bell = Bell()
        feed.add(bell)
        try:
            await in_thread(feed.begin)
            while True:  # once more before the first wait: it may have come before the bell was there
                page = await in_thread(asked.page, events)
                left = deadline - time.monotonic()
                if page["changes"] or left <= 0:
                    return json_answer(page, media_type=JSON)
                await bell.heard(left)
        finally:
            feed.remove(bell)

    return [Route(("GET",), "/api/changes", changes, Action.QUERY, says=_SAYS)]


class _Asked:
    """What a client asks. Raises QueryRefused."""

    def __init__(self, request: Request, principal: Principal) -> None:
        parameters = request.query_params
        self.after = whole_number("after", parameters.get("after", "0"), DIGITS_MAX)
        self.limit = min(whole_number("limit", parameters.get("limit", str(LIMIT_DEFAULT)), DIGITS_MAX), LIMIT_MAX)
        if self.limit < 1:
            raise QueryRefused("limit is 0", f"give 1 to {LIMIT_MAX}")
        self.wait_s = min(whole_number("wait", parameters.get("wait", "0"), DIGITS_MAX), WAIT_S_MAX)
        names = [name for name in parameters.get("kinds", "").split(",") if name]
        unknown = sorted(set(names) - set(EventKind))
        if unknown:
            raise QueryRefused(f"there are no events {', '.join(unknown)[:100]}", f"there are {', '.join(EventKind)}")
        self.kinds = [EventKind(name) for name in names]
        study = parameters.get("study", "")
        studies = None if not study else frozenset({checked_uid(study, "study")})
        allowed = principal.study_instance_uids
        self.studies = studies if allowed is None else allowed if studies is None else allowed & studies

    def page(self, events: EventLog) -> dict[str, Any]:
        """The changes, and the `next` to go on from: behind everything that was looked at. Blocks."""
        latest = events.latest()
        found = events.after(self.after, self.limit, kinds=self.kinds, studies=self.studies)
        reached = found[-1].number if found else self.after
        if len(found) < self.limit:
            reached = max(reached, latest)
        return {"changes": [event_document(event) for event in found], "next": reached}
