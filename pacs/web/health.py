"""Health and figures: /livez, /readyz, /metrics. They need no sign-in and say nothing of any patient."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import TimeoutError as NotInTime

import structlog
from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import Answer, Operation, gives
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.room import Level
from pacs.errors import SuretError
from storage.errors import StorageError

log = structlog.get_logger()

STORE_PROBE_EVERY_S = 30.0
DATABASE_PROBE_S = 5.0
LOOP_PROBE_S = 5.0
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

Figures = Callable[[], Mapping[str, float]]


class Metrics:
    """The figures of one node, in a registry of its own. `gauges` are asked at every scrape."""

    def __init__(self, archive: Archive, gauges: Mapping[str, Figures]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "suret_http_request_seconds",
            "Time from the head of a request to the end of its answer",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._series: dict[tuple[str, str, int], Histogram] = {}
        ProcessCollector(registry=self._registry)
        up_since = Gauge("suret_start_time_seconds", "When this node started, Unix time", registry=self._registry)
        up_since.set_to_current_time()
        figures: dict[str, Figures] = {
            "index_writer": archive.index.statistics,
            "store": lambda: _space(archive),
            **gauges,
        }
        self._registry.register(_Figures(figures))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the pattern, never the path with its UIDs."""
        series = self._series.get((method, route, status))
        if series is None:
            known = method if method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS") else "other"
            series = self._requests.labels(known, route or "none", str(status))
            if known == method:  # what a stranger makes up is not remembered
                self._series[method, route, status] = series
        series.observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _Figures(Collector):
    def __init__(self, figures: Mapping[str, Figures]) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        """One gauge a figure: suret_PART_FIGURE."""
        for part, ask in self._figures.items():
            for name, value in ask().items():
                yield GaugeMetricFamily(f"suret_{part}_{name}", f"{name.replace('_', ' ')} of {part}", value=value)


def _space(archive: Archive) -> dict[str, float]:
    space = archive.store.space()
    known = {
        "free_bytes": space.free_bytes,
        "total_bytes": space.total_bytes,
        "free_inodes": space.free_inodes,
        "total_inodes": space.total_inodes,
    }
    return {name: float(value) for name, value in known.items() if value is not None}


class Probes:
    """Whether the node can take and give objects now. Blocks; the store is probed at most every 30 seconds."""

    def __init__(self, archive: Archive, ready: Callable[[], bool]) -> None:
        self._archive = archive
        self._ready = ready
        self._lock = threading.Lock()
        self._store_probed_at = float("-inf")
        self._store_problem = ""

    def problems(self) -> list[str]:
        """What is wrong, in plain words; empty when all is well."""
        if not self._ready():
            return ["the node is starting or stopping"]
        return [problem for problem in (self._index(), self._store(), self._space()) if problem]

    def warnings(self) -> list[str]:
        """What will become a problem: a disk that is filling up."""
        try:
            return [shortage.message for shortage in self._archive.room.shortages() if shortage.level is Level.LOW]
        except StorageError:
            return []  # `problems` says it

    def _index(self) -> str:
        if self._archive.index.broken:
            return "the index takes no more writes; restart the node"
        try:
            self._archive.index.submit(lambda c: c.execute(select(1)).close()).result(DATABASE_PROBE_S)
        except NotInTime:
            return f"the index did not answer within {DATABASE_PROBE_S:g} s"
        except Exception as error:
            log.warning("index_probe_failed", error=str(error))
            return "the index does not take writes"
        return ""

    def _store(self) -> str:
        with self._lock:
            if time.monotonic() - self._store_probed_at >= STORE_PROBE_EVERY_S:
                try:
                    self._archive.store.check()
                    self._store_problem = ""
                except StorageError as error:
                    log.warning("store_probe_failed", error=str(error))
                    self._store_problem = "the object store does not take and give objects"
                self._store_probed_at = time.monotonic()
            return self._store_problem

    def _space(self) -> str:
        try:
            self._archive.room.refuse_when_full()
        except SuretError as full:
            return full.message
        except StorageError as error:
            return f"the room left in the object store is not known: {error}"
        return ""


_READINESS = {"ready": bool, "problems": list[str], "warnings": list[str]}


def routes(probes: Probes, metrics: Metrics) -> list[Route]:
    """The three routes of a monitoring system."""

    async def livez(request: Request, principal: Principal) -> Response:
        # A thread that comes back proves that the pool is not stuck, and the answer that the event loop is not.
        try:
            async with asyncio.timeout(LOOP_PROBE_S):
                await in_thread(int)
        except TimeoutError:
            return JSONResponse({"alive": False}, 503)
        return JSONResponse({"alive": True})

    async def readyz(request: Request, principal: Principal) -> Response:
        problems, warnings = await in_thread(probes.problems), await in_thread(probes.warnings)
        answer = {"ready": not problems, "problems": problems, "warnings": warnings}
        return JSONResponse(answer, 503 if problems else 200)

    async def show(request: Request, principal: Principal) -> Response:
        return Response(await in_thread(metrics.text), media_type=METRICS_TYPE)

    return [
        Route(
            ("GET",),
            "/livez",
            livez,
            Action.PUBLIC,
            says=Operation(
                "Whether the process lives",
                (gives({"alive": bool}), gives({"alive": bool}, "it does not answer itself any more", 503)),
            ),
        ),
        Route(
            ("GET",),
            "/readyz",
            readyz,
            Action.PUBLIC,
            says=Operation(
                "Whether the node takes and gives objects",
                (gives(_READINESS), gives(_READINESS, "something is in the way; `problems` say what", 503)),
            ),
        ),
        Route(
            ("GET",),
            "/metrics",
            show,
            Action.PUBLIC,
            says=Operation("Figures for Prometheus", (Answer(200, "the text format", (METRICS_TYPE,)),)),
        ),
    ]
