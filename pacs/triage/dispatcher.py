"""Delivers tasks: claims what is due, sends it from a few threads, records what came of it, ends what is too late."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from pacs.access.accounts import Accounts
from pacs.access.outbound import TOTAL_TIMEOUT_S, Answer, OutboundFailed, OutboundRefused, Policy, post
from pacs.access.principals import NODE
from pacs.archive.archive import Archive
from pacs.triage import tasks, webhook
from pacs.triage.registry import Registry, Service
from pacs.triage.tasks import Task, TaskState

log = structlog.get_logger()

LEASE = timedelta(seconds=TOTAL_TIMEOUT_S + 15)
DELIVERIES_MAX = 8
DELIVERIES_PER_SERVICE_MAX = 2
"""A service that hangs keeps so many threads busy and no more; the others go on."""

GONE = 410


class Dispatcher:
    """Sends what is due. `step` is called by one thread; deliveries run in threads of their own."""

    def __init__(
        self, archive: Archive, accounts: Accounts, registry: Registry, policy: Policy, root: Callable[[], str]
    ) -> None:
        self._archive = archive
        self._accounts = accounts
        self._registry = registry
        self._policy = policy
        self._root = root
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._threads: set[threading.Thread] = set()
        self.changed = threading.Event()

    def recover(self) -> None:
        """Deliveries of the process before this one are due at once, where no other process may be at them."""
        if self._archive.index.is_sqlite:
            self._archive.index.write(tasks.give_back_leases)

    def step(self) -> bool:
        """End what is overdue and begin one delivery; whether there was one to begin."""
        now = self._archive.clock()
        with self._archive.index.read() as connection:
            overdue = tasks.any_overdue(connection, now)
            due = tasks.next_due(connection, now, self._busy_services()) if self._has_room() else None
        if overdue:
            self._end_overdue()
        if due is None:
            return False
        task = self._archive.index.write(lambda connection: tasks.claim(connection, due, now, LEASE))
        if task is not None:
            self._begin(task)
        return True

    def join(self, timeout_s: float) -> None:
        """Wait for the deliveries that are under way; a lease brings back what is cut off."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(timeout_s / max(1, len(threads)))

    def _has_room(self) -> bool:
        with self._lock:
            return self._busy.total() < DELIVERIES_MAX

    def _busy_services(self) -> list[str]:
        with self._lock:
            return [service for service, number in self._busy.items() if number >= DELIVERIES_PER_SERVICE_MAX]

    def _begin(self, task: Task) -> None:
        thread = threading.Thread(target=self._run, args=(task,), name=f"ai-{task.service_id}", daemon=True)
        with self._lock:
            self._busy[task.service_id] += 1
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: the lease brings the task back
            self._ended(task, thread)
            raise

    def _ended(self, task: Task, thread: threading.Thread) -> None:
        with self._lock:
            self._busy[task.service_id] -= 1
            self._threads.discard(thread)

    def _run(self, task: Task) -> None:
        try:
            self._deliver(task)
        except Exception:
            log.exception("ai_delivery_failed", task=task.id)  # the lease brings it back
        finally:
            self._ended(task, threading.current_thread())
            self.changed.set()

    def _deliver(self, task: Task) -> None:
        service = self._registry.service(task.service_id)
        if service is None or service.disabled:
            self._retry(task, "the service is disabled", None)
            return
        try:
            answer = self._send(task, service)
        except (OutboundRefused, OutboundFailed) as error:
            self._retry(task, str(error), None)
            return
        if 200 <= answer.status < 300:
            self._archive.index.write(lambda connection: tasks.delivered(connection, task))
            log.info("ai_task_delivered", task=task.id, service=task.service_id, attempt=task.attempts)
            return
        if answer.status == GONE:
            self._registry.disable_service(service.id, by=NODE)
            log.warning("ai_service_gone", service=service.id)
        self._retry(task, f"HTTP {answer.status}", answer.retry_after_s)

    def _send(self, task: Task, service: Service) -> Answer:
        now = self._archive.clock()
        expires = webhook.token_expires_at(task, now)
        token = self._accounts.task_token(task.study_instance_uid, task.id, expires)
        body = webhook.message(task, self._root(), token, expires, now)
        return post(service.url, body, webhook.headers(service.secret, task, now, body), self._policy)

    def _retry(self, task: Task, why: str, retry_after_s: float | None) -> None:
        delay = timedelta(seconds=webhook.retry_delay_s(task.attempts, retry_after_s))
        not_before = self._archive.clock() + delay
        self._archive.index.write(lambda connection: tasks.not_delivered(connection, task, not_before, why))
        log.warning("ai_task_not_delivered", task=task.id, service=task.service_id, attempt=task.attempts, cause=why)

    def _end_overdue(self) -> None:
        def work(connection: Connection) -> dict[TaskState, list[str]]:
            ended = tasks.end_overdue(connection, self._archive.clock())
            for identifiers in ended.values():
                for identifier in identifiers:
                    self._accounts.end_task_reading(connection, identifier)
            return ended

        for state, identifiers in self._archive.index.write(work).items():
            for identifier in identifiers:
                log.warning("ai_task_ended", task=identifier, state=state.value)
