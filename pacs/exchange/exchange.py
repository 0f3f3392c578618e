"""The exchange of one node: the router that follows events, the queue for people, and their HTTP routes."""

from __future__ import annotations

from collections.abc import Callable

from pacs.access.gate import Route
from pacs.access.peers import Peers
from pacs.archive.archive import Archive
from pacs.exchange.queue import Queue
from pacs.exchange.routing import Router
from pacs.exchange.rules import Routes
from pacs.exchange.web import ExchangeRoutes, Find, webhook_routes
from pacs.exchange.webhooks import Webhooks


class Exchange:
    """`start`, then `stop`. `find` asks another archive; `added` is called when there are jobs to do."""

    def __init__(
        self, archive: Archive, peers: Peers, webhooks: Webhooks, find: Find, added: Callable[[], None]
    ) -> None:
        rules = Routes(archive)
        self._router = Router(archive, peers, rules, webhooks, added)
        self._http = ExchangeRoutes(Queue(archive, peers, added), rules, peers, find)
        self._webhooks = webhooks

    def start(self) -> None:
        """Begin to follow."""
        self._router.start()

    def stop(self) -> None:
        """End; what was not read is read after the next start."""
        self._router.stop()

    def routes(self) -> list[Route]:
        """What the node mounts."""
        return [*self._http.routes(), *webhook_routes(self._webhooks)]
