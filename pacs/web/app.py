"""The route table of the node's HTTP, and the application around it: guard → gate → endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pacs.access.accounts import Accounts
from pacs.access.gate import Gate, Route
from pacs.access.overview import Overviews
from pacs.access.peers import Peers
from pacs.access.preferences import Preferences
from pacs.access.sessions import Sessions
from pacs.archive.archive import Archive
from pacs.archive.correction import Corrections
from pacs.archive.deletion import Deletions
from pacs.archive.performed import PerformedSteps
from pacs.archive.reading import Readings
from pacs.archive.scheduled import ScheduledSteps
from pacs.render.workers import DecodeWorkers
from pacs.settings import Settings
from pacs.web import health, live, pages
from pacs.web.api import (
    administration,
    changes,
    corrections,
    deletions,
    doubt,
    extended_query_tags,
    modality_worklist,
    openapi,
    performed_steps,
    preferences,
    reading,
    session,
    worklist,
    written,
)
from pacs.web.api.export import Exports
from pacs.web.api.uploads import UploadRoutes
from pacs.web.dicomweb import qido, stow
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import ROOT
from pacs.web.dicomweb.capabilities import Capabilities
from pacs.web.dicomweb.ups import UpsRoutes
from pacs.web.dicomweb.wado import Wado
from pacs.web.guard import Guard
from pacs.web.health import Figures, Metrics, Probes
from pacs.web.live import LiveFeed


def create_app(
    archive: Archive,
    accounts: Accounts,
    sessions: Sessions,
    workers: DecodeWorkers,
    settings: Settings,
    *,
    peers: Peers,
    leaves: Sequence[Route] = (),
    version: str = "",
    ready: Callable[[], bool] = lambda: True,
    gauges: Mapping[str, Figures] | None = None,
    pages_folder: Path = pages.FOLDER,
) -> Guard:
    """The ASGI application of a node. `leaves` are routes of parts the web does not know.

    `gauges` give figures for /metrics, by the name of the part they are of. Raises TypeError for a leaf that is no
    `Route`.
    """
    web = settings.web
    feed = LiveFeed(archive.events)
    metrics = Metrics(archive, {**(gauges or {}), "live": lambda: {"watchers": feed.watchers}})
    accesses = Accesses(archive.index, archive.clock)
    table = [
        *qido.routes(archive, web, accesses),
        *Wado(archive, workers, settings, accesses).routes(),
        *stow.routes(archive, workers, web),
        *session.routes(accounts, sessions, web, version),
        *preferences.routes(Preferences(archive.index, archive.clock)),
        *reading.routes(Readings(archive)),
        *doubt.routes(archive.index),
        *worklist.routes(archive.index, archive.clock, accesses),
        *modality_worklist.routes(ScheduledSteps(archive)),
        *performed_steps.routes(PerformedSteps(archive)),
        *live.routes(feed, accounts, sessions),
        *changes.routes(archive.events, feed),
        *UpsRoutes(archive, feed, accounts, sessions, web).routes(),
        *UploadRoutes(archive, workers, web).routes(),
        *Exports(archive, workers).routes(),
        *deletions.routes(Deletions(archive)),
        *corrections.routes(Corrections(archive)),
        *written.routes(archive),
        *extended_query_tags.routes(archive.extended),
        *administration.peer_routes(peers),
        *administration.account_routes(accounts, sessions, Overviews(archive.index, archive.clock, sessions)),
        *health.routes(Probes(archive, ready), metrics),
        *leaves,
        *pages.routes(pages_folder),
    ]
    table = [*Capabilities(table, web).routes(), *table]
    table = [*openapi.routes(table), *table]
    return Guard(Gate(table, accounts, sessions, forgiving=ROOT), web, metrics.observe)
