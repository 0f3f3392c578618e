"""Live updates: what the event log says goes to every open viewer at once, over a WebSocket at /ws.

One thread waits for events while anybody watches. A watcher that is slow gets fewer messages, never older ones twice:
what waits for it is a set of studies, not a queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from pacs.access.accounts import Accounts
from pacs.access.gate import Route, address_of, caller_of, in_thread
from pacs.access.grants import Action, may
from pacs.access.operation import Operation, switched
from pacs.access.principals import Principal
from pacs.access.sessions import Sessions
from pacs.archive.events import EventLog
from pacs.model import Event

log = structlog.get_logger()

WAIT_S = 1.0
GATHER_S = 0.1  # while images stream in there is an event for each; a viewer needs to hear of the study, not of each
FAILURE_PAUSE_S = 2.0
STILL_ALLOWED_EVERY_S = 1.0
ALIVE_EVERY_S = 15.0  # a page hears no ping of the protocol, so silence has to tell it that the network is gone
WATCHERS_MAX = 1000
STUDIES_WAITING_MAX = 10_000
MESSAGES_PER_S_MAX = 60

CLOSED_SIGNED_OUT = 4401  # of the application's own range (RFC 6455 7.4.2)
CLOSED_POLICY = 1008
CLOSED_TRY_AGAIN = 1013


class Watcher:
    """What waits for one socket: the studies that changed, each with the number of its last event."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, int] = {}
        self._news = asyncio.Event()
        self.overrun = False

    def tell(self, events: Sequence[Event]) -> None:
        """From the thread that follows the log."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._take, events)

    def _take(self, events: Sequence[Event]) -> None:
        for event in events:
            study = event.study_instance_uid
            if study and may(self._principal, Action.WATCH, study):
                self._waiting[study] = event.number
        self.overrun = len(self._waiting) > STUDIES_WAITING_MAX
        if self._waiting:
            self._news.set()

    async def changes(self, timeout_s: float) -> dict[str, int]:
        """The studies that changed since the last call; empty when nothing did for `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        self._news.clear()
        changed, self._waiting = self._waiting, {}
        return changed


class Told(Protocol):
    """Who is told of events."""

    def tell(self, events: Sequence[Event]) -> None:
        """From the thread that follows the log."""
        ...


class LiveFeed:
    """Follows the event log in one thread for all watchers; there is no thread while there is no watcher."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._watchers: set[Told] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def watchers(self) -> int:
        """How many watch now."""
        return len(self._watchers)

    def add(self, watcher: Told) -> None:
        """Tell `watcher` of what happens from now on, once `begin` has been called. Never waits."""
        with self._lock:
            self._watchers.add(watcher)

    def begin(self) -> int:
        """The number above which every event is told to whoever was added before. Blocks for a moment."""
        number = self._events.latest()
        with self._lock:
            if self._thread is None and self._watchers:
                thread = threading.Thread(target=self._follow, args=(number,), name="web-live", daemon=True)
                thread.start()
                self._thread = thread
        return number

    def remove(self, watcher: Told) -> None:
        """Tell it no more."""
        with self._lock:
            self._watchers.discard(watcher)

    def _follow(self, number: int) -> None:
        while True:
            with self._lock:
                watchers = tuple(self._watchers)
                if not watchers:
                    self._thread = None
                    return
            try:
                events = self._events.wait(number, WAIT_S)
            except Exception:
                log.exception("live_feed_failed")
                time.sleep(FAILURE_PAUSE_S)
                continue
            if events:
                number = events[-1].number
                with self._lock:
                    watchers = tuple(self._watchers)  # whoever came while we waited has not heard of these either
                for watcher in watchers:
                    watcher.tell(events)
                time.sleep(GATHER_S)


def routes(feed: LiveFeed, accounts: Accounts, sessions: Sessions) -> list[Route]:
    """The route of the live updates."""

    async def watch(socket: WebSocket, principal: Principal) -> None:
        if feed.watchers >= WATCHERS_MAX:
            await socket.close(CLOSED_TRY_AGAIN)
            return
        await socket.accept()
        watcher = Watcher(principal)
        listening = asyncio.create_task(_listen(socket))
        try:
            feed.add(watcher)
            number = await in_thread(feed.begin)
            await socket.send_text(_text("hello", number=number))
            await _tell(socket, watcher, listening, still_allowed(socket, accounts, sessions))
        except WebSocketDisconnect:
            pass
        finally:
            feed.remove(watcher)
            listening.cancel()

    says = Operation(
        "A WebSocket: what changes, as messages",
        (switched('`{"kind": "hello" | "study.changed" | "alive", …}`, one a message'),),
    )
    return [Route(("GET",), "/ws", watch, Action.WATCH, websocket=True, says=says)]


async def _tell(
    socket: WebSocket, watcher: Watcher, listening: asyncio.Task[bool], still_allowed: Callable[[], bool]
) -> None:
    checked = spoken = time.monotonic()
    while not listening.done():
        changes = await watcher.changes(STILL_ALLOWED_EVERY_S)
        if time.monotonic() - checked >= STILL_ALLOWED_EVERY_S:
            checked = time.monotonic()
            if not await in_thread(still_allowed):
                await socket.close(CLOSED_SIGNED_OUT)
                return
        if watcher.overrun:
            await socket.close(CLOSED_TRY_AGAIN)
            return
        for study, number in changes.items():
            await socket.send_text(_text("study.changed", study_instance_uid=study, number=number))
        if changes:
            spoken = time.monotonic()
        elif time.monotonic() - spoken >= ALIVE_EVERY_S:
            spoken = time.monotonic()
            await socket.send_text(_text("alive"))
    if listening.result():
        await socket.close(CLOSED_POLICY)


def still_allowed(
    socket: WebSocket, accounts: Accounts, sessions: Sessions, action: Action = Action.WATCH
) -> Callable[[], bool]:
    """Whether the session or token the socket was opened with is still good; watching is not using."""
    caller = caller_of(socket)
    token = socket.headers.get("authorization", "").partition(" ")[2].strip()

    def allowed() -> bool:
        if caller.session:
            return sessions.authenticate(caller.session, address_of(socket), used=False) is not None
        principal = accounts.authenticate_token(token, address_of(socket))
        return principal is not None and may(principal, action)

    return allowed


async def _listen(socket: WebSocket) -> bool:
    """Read what a viewer has no reason to send; true when it sends too much of it."""
    window, count = time.monotonic(), 0
    while (await socket.receive())["type"] != "websocket.disconnect":
        now = time.monotonic()
        window, count = (window, count + 1) if now - window < 1 else (now, 1)
        if count > MESSAGES_PER_S_MAX:
            return True
    return False


def _text(kind: str, **values: object) -> str:
    return msgspec.json.encode({"kind": kind, **values}).decode()
