"""The AI hook of one node: two threads, one from events to tasks, one from tasks to services, and its HTTP routes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.accounts import Accounts
from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Body, Operation, gives
from pacs.access.outbound import Policy
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.errors import SuretError
from pacs.settings import TriageSettings
from pacs.triage import tasks
from pacs.triage.dispatcher import Dispatcher
from pacs.triage.follower import Follower
from pacs.triage.registry import Registry
from pacs.triage.results import Receipt, Result, ResultConflict, ResultInvalid, Results

log = structlog.get_logger()

RESULT_BYTES_MAX = 1 << 20
PERIOD_S = 1.0
BREATH_S = 0.2  # while images stream in there is an event for each; they are read a few at a time
FAILURE_PAUSE_S = 5.0
STOP_S = 5.0


class TriageHook:
    """`start`, then `stop`. `root` gives the node's HTTP address as services reach it."""

    def __init__(
        self,
        archive: Archive,
        accounts: Accounts,
        registry: Registry,
        settings: TriageSettings,
        root: Callable[[], str],
    ) -> None:
        self._archive = archive
        self._follower = Follower(archive, accounts, registry)
        policy = Policy(settings.allow_loopback, settings.allowed_hosts)
        self._dispatcher = Dispatcher(archive, accounts, registry, policy, root)
        self._results = Results(archive, accounts, registry)
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._loop, args=(self._follow,), name="ai-follower", daemon=True),
            threading.Thread(target=self._loop, args=(self._dispatch,), name="ai-dispatcher", daemon=True),
        ]

    def start(self) -> None:
        """Begin to follow and to deliver."""
        self._dispatcher.recover()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is not delivered is delivered after the next start."""
        self._stopping.set()
        self._dispatcher.changed.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(STOP_S)
        self._dispatcher.join(STOP_S)

    def statistics(self) -> dict[str, int]:
        """How many tasks are in each state."""
        with self._archive.index.read() as connection:
            return tasks.counts(connection)

    def routes(self) -> list[Route]:
        """The HTTP routes of the hook."""
        return [
            Route(
                methods=("POST",),
                path="/ai/v1/tasks/{task}/result",
                endpoint=self._take_result,
                action=Action.ANSWER_TASK,
                task="task",
                body_bytes_max=RESULT_BYTES_MAX,
                says=Operation(
                    "Hand in the result of an AI task",
                    (gives(Receipt, "whether it was used, and if not why"),),
                    body=Body(Result),
                    refusals=(409,),
                ),
            )
        ]

    async def _take_result(self, request: Request, principal: Principal) -> Response:
        body = await request.body()
        try:
            receipt = await in_thread(self._results.take, request.path_params["task"], body, principal)
        except ResultInvalid as error:
            return _refusal(400, error)
        except ResultConflict as error:
            return _refusal(409, error)
        return JSONResponse(asdict(receipt))

    def _follow(self) -> None:
        if self._follower.step(PERIOD_S):
            self._dispatcher.changed.set()
        self._stopping.wait(BREATH_S)

    def _dispatch(self) -> None:
        self._dispatcher.changed.clear()
        if not self._dispatcher.step():
            self._dispatcher.changed.wait(PERIOD_S)

    def _loop(self, step: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                step()
            except Exception:
                log.exception("ai_hook_failed", step=step.__name__)
                self._stopping.wait(FAILURE_PAUSE_S)


def _refusal(status: int, error: SuretError) -> JSONResponse:
    return JSONResponse({"error": error.message, "hint": error.hint}, status)
