"""From events to jobs: reads the event log with a cursor of its own, which moves with the jobs it added."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.archive.archive import Archive
from pacs.archive.conditions import RuleTooSlow, holds
from pacs.archive.events import PAGE, EventLog
from pacs.archive.facts import SeriesFacts, series_facts
from pacs.archive.orders import order_availability, order_send
from pacs.errors import SuretError
from pacs.exchange.rules import Extent, Routes, Rule, Target, Trigger
from pacs.exchange.webhooks import Webhooks
from pacs.model import Event, EventKind

log = structlog.get_logger()

FOLLOWER = "routing"
CURSOR_KEPT_EVERY_S = 5.0
"""Moving the cursor over events that ordered nothing is not worth a transaction each."""

PERIOD_S = 1.0
BREATH_S = 0.5  # while images stream in there is an event for each; they are read a few at a time
FAILURE_PAUSE_S = 5.0
STOP_S = 5.0

Order = Callable[[Connection], object]


class Router:
    """Orders what the rules say, and tells who wants to hear of stable studies or of every event.

    `start`, then `stop`; `added` is called when there are jobs to do.
    """

    def __init__(
        self, archive: Archive, peers: Peers, routes: Routes, webhooks: Webhooks, added: Callable[[], None]
    ) -> None:
        self._archive = archive
        self._peers = peers
        self._routes = routes
        self._webhooks = webhooks
        self._added = added
        self._stopping = threading.Event()
        self._position = self._kept = -1
        self._kept_at = 0.0
        self._thread = threading.Thread(target=self._loop, name="routing", daemon=True)

    def start(self) -> None:
        """Begin where the last one ended; the first of all begins with what comes from now on."""
        self.place()
        self._thread.start()

    def stop(self) -> None:
        """End; what was not read is read after the next start."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def place(self) -> None:
        """Find the cursor, or set it."""
        events = self._archive.events
        if not events.has_cursor(FOLLOWER):
            latest = events.latest()
            self._archive.index.write(lambda connection: EventLog.move_cursor(connection, FOLLOWER, latest))
        self._position = events.cursor(FOLLOWER)
        self._kept, self._kept_at = self._position, time.monotonic()

    def step(self, wait_s: float) -> int:
        """Deal with the next events, waiting up to `wait_s` for them; how many jobs were ordered."""
        events = self._archive.events.wait(self._position, wait_s)
        orders = [*self._orders(events), *(self._webhooks.orders(events) if events else ())]
        reached = events[-1].number if events else self._position
        due = time.monotonic() - self._kept_at >= CURSOR_KEPT_EVERY_S
        if orders or (reached > self._kept and (due or len(events) == PAGE)):
            self._keep(reached, orders)
        self._position = reached
        if orders:
            log.info("routed", jobs=len(orders))
            self._added()
        return len(orders)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.step(PERIOD_S)
            except Exception as error:
                log.error("routing_failed", cause=str(error))
                self._stopping.wait(FAILURE_PAUSE_S)
            self._stopping.wait(BREATH_S)
        if self._position > self._kept:
            try:  # else what was read would look unread for as long as the node is down
                self._keep(self._position, ())
            except SuretError as error:
                log.warning("routing_cursor_not_kept", cause=str(error))

    def _keep(self, reached: int, orders: Iterable[Order]) -> None:
        def work(connection: Connection) -> None:
            for order in orders:
                order(connection)
            EventLog.move_cursor(connection, FOLLOWER, reached)

        self._archive.index.write(work)
        self._kept, self._kept_at = reached, time.monotonic()

    # What events order -------------------------------------------------------------------------------------------

    def _orders(self, events: Sequence[Event]) -> list[Order]:
        stable = dict.fromkeys(event.study_instance_uid for event in events if event.kind is EventKind.STUDY_STABLE)
        touched: dict[str, set[str]] = {}
        for event in events:
            if event.kind is EventKind.INSTANCE_STORED:
                touched.setdefault(event.study_instance_uid, set()).add(event.series_instance_uid)
        if not stable and not touched:
            return []
        rules = self._routes.rules()
        at_the_end = [rule for rule in rules if rule.trigger is Trigger.STUDY_STABLE]
        on_the_way = [rule for rule in rules if rule.trigger is not Trigger.STUDY_STABLE]
        orders: list[Order] = []
        for study in stable:
            orders += self._of_study(study, at_the_end, None)
            orders += [self._availability(peer.ae_title, study) for peer in self._told()]
        for study, series in touched.items() if on_the_way else ():
            orders += self._of_study(study, on_the_way, series)
        return orders

    def _told(self) -> list[Peer]:
        return [peer for peer in self._peers.list() if peer.options.tells_availability]

    def _availability(self, ae_title: str, study: str) -> Order:
        at = self._archive.clock()
        return lambda connection: order_availability(connection, at, ae_title, study)

    def _of_study(self, study: str, rules: Sequence[Rule], only: set[str] | None) -> list[Order]:
        """What `rules` order of a study, judged by those of its series that are in `only`, where it is given."""
        if not rules:
            return []
        facts = series_facts(self._archive, study, {tag for rule in rules for tag in rule.tags()})
        orders: list[Order] = []
        for rule in rules:
            matched = [uid for uid, series in facts.items() if (only is None or uid in only) and _matches(rule, series)]
            if matched:
                orders += self._sends(study, rule, matched)
        return orders

    def _sends(self, study: str, rule: Rule, matched: list[str]) -> list[Order]:
        waits = rule.trigger is Trigger.SERIES_STABLE
        parts: list[list[str]] = [matched]
        if rule.send is Extent.STUDY:
            parts = [[]]
        elif waits:  # each series has its own time
            parts = [[uid] for uid in matched]
        return [self._send(study, rule, target, part, waits=waits) for target in rule.to for part in parts]

    def _send(self, study: str, rule: Rule, target: Target, series: Sequence[str], *, waits: bool) -> Order:
        at = self._archive.clock()
        apart = f" {series[0]}" if waits and series else ""
        return lambda connection: order_send(
            connection,
            at,
            target.ae_title,
            study,
            series=series,
            rule=rule.id,
            priority=target.priority,
            commitment=target.commitment,
            delay=rule.quiet if waits else timedelta(),
            subject=f"route {rule.id} {target.ae_title} {study}{apart}",
        )


def _matches(rule: Rule, series: SeriesFacts) -> bool:
    try:
        return holds(rule.match, series.facts())
    except RuleTooSlow as error:
        log.error("route_too_slow", rule=rule.id, cause=str(error))
        return False
