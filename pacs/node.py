"""The roof: the one place that names concrete classes, builds a node of them, starts and stops it in order.

Start: lock → back-end probes → migrations → recovery → listeners → ready. Stop: not ready → drain → stop → release.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

import pacs
from pacs.access.accounts import Accounts
from pacs.access.outbound import Policy
from pacs.access.passwords import PasswordRefused
from pacs.access.peers import Peers
from pacs.access.sessions import Sessions
from pacs.archive.archive import Archive
from pacs.archive.damage import Prover
from pacs.archive.housekeeping import Housekeeper
from pacs.archive.limits import IngestLimits, Retention, UploadLimits
from pacs.archive.recovery import recover
from pacs.archive.reindex import LEARNT_AFTER, Reindexer
from pacs.archive.runner import JobRunner
from pacs.archive.scrub import Scrubber
from pacs.archive.transcode import Transcoder
from pacs.archive.workitems import Workitems
from pacs.dimse import echo, jobs
from pacs.dimse.listener import Listener
from pacs.dimse.outbound import Outbound
from pacs.dimse.query import RemoteQuery
from pacs.errors import NodeFailed, NodeRunning, SettingsInvalid
from pacs.exchange.exchange import Exchange
from pacs.exchange.webhooks import WebhookJobs, Webhooks
from pacs.index.engine import Index
from pacs.index.rollback import keep_copy
from pacs.model import Clock, utc_now
from pacs.render.workers import DecodeWorkers
from pacs.settings import Settings
from pacs.triage.hook import TriageHook
from pacs.triage.registry import Registry
from pacs.web.app import create_app
from pacs.web.server import WebServer
from storage.errors import StorageError
from storage.mounts import MOUNTS, NETWORK_FILE_SYSTEMS, file_system_of
from storage.open import S3Options, open_store
from storage.protocol import ObjectStore

log = structlog.get_logger()

COMMAND_PATIENCE_S = 10.0
LOCK_POLL_S = 0.05
WEB_DRAIN_S_MIN = 10.0


# --- the lock -----------------------------------------------------------------------------------------------------


class NodeLock:
    """`PACS_DATA/lock`: held by the one process that may write the index, released by the kernel when it ends."""

    def __init__(self, data: Path) -> None:
        self._path = data / "lock"
        self._descriptor = -1

    def take(self, purpose: str) -> None:
        """Take it for `purpose` ("node" or "command"); a command that holds it is waited for a little.

        Raises NodeRunning when a node holds it, or a command for too long.
        """
        deadline = time.monotonic() + COMMAND_PATIENCE_S
        while not self._try(purpose):
            holder = self.holder()
            if holder.startswith("node") or time.monotonic() > deadline:
                raise NodeRunning(
                    f"{self._path.parent} is in use by another process ({holder or 'unknown'})",
                    "stop it, or give this one a PACS_DATA of its own",
                )
            time.sleep(LOCK_POLL_S)

    def holder(self) -> str:
        """What the last holder wrote into it: its purpose and process id."""
        try:
            return self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def release(self) -> None:
        """Give it up."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _try(self, purpose: str) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{purpose} {os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return True


# --- the parts that exist with and without listeners --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Core:
    """What a command needs of a node, whether it runs or not."""

    settings: Settings
    archive: Archive
    accounts: Accounts
    peers: Peers
    registry: Registry

    def copies(self, location: str = "") -> list[ObjectStore]:
        """The second store at `location`, else of the settings, to repair from; none where none is named.

        Raises NodeFailed when it is not there.
        """
        location = location or self.settings.archive.repair_from
        return [_open_objects(self.settings, location, make=False)] if location else []


@contextmanager
def alone(settings: Settings, purpose: str) -> Iterator[None]:
    """With the node lock held, so that nobody else writes the index. Raises NodeRunning, NodeFailed."""
    prepare_data(settings.data)
    lock = NodeLock(settings.data)
    lock.take(purpose)
    try:
        refuse_network_file_system(settings)
        yield
    finally:
        lock.release()


@contextmanager
def open_core(settings: Settings, purpose: str, clock: Clock = utc_now, *, copy_first: bool = True) -> Iterator[Core]:
    """The core over `settings`, alone: with the node lock held, the back ends probed and the index migrated, of which
    a copy is kept before it is changed.

    Raises NodeRunning, NodeFailed.
    """
    with ExitStack() as stack:
        stack.enter_context(alone(settings, purpose))
        index = Index(settings.database_url)
        stack.callback(index.close)
        store = open_objects(settings)
        try:
            store.check()
        except StorageError as error:
            raise NodeFailed(f"the object store is not usable: {error}", "correct PACS_STORAGE") from error
        if copy_first:
            keep_copy(index, settings.data.resolve())
        index.migrate()
        derived = settings.data.resolve() / "derived"
        archive = Archive(
            index,
            store,
            derived=derived,
            limits=ingest_limits(settings),
            clock=clock,
            retention=retention(settings),
            derived_frames_bytes_max=settings.archive.derived_frames_bytes_max,
            upload_limits=UploadLimits(
                bytes_max=settings.archive.upload_bytes_max,
                count_max=settings.archive.uploads_per_account_max,
                kept=timedelta(hours=settings.archive.upload_hours),
            ),
            prepared=True,
        )
        stack.callback(archive.close_prepared)
        accounts, peers = Accounts(index, clock), Peers(index, clock)
        registry = Registry(index, clock, allow_loopback=settings.triage.allow_loopback)
        yield Core(settings, archive, accounts, peers, registry)


def ingest_limits(settings: Settings) -> IngestLimits:
    """What bounds an arrival, and the watermarks."""
    archive = settings.archive
    return IngestLimits(
        settings.dimse.instance_bytes_max,
        archive.free_bytes_min,
        archive.free_percent_min,
        archive.warn_bytes_min,
        archive.warn_percent_min,
        archive.ballast_bytes,
    )


def retention(settings: Settings) -> Retention:
    """How long what is out of sight can be brought back."""
    undo, rejected = settings.archive.undo_days, settings.archive.rejected_days
    return Retention(timedelta(days=undo), timedelta(days=rejected) if rejected else None)


def open_objects(settings: Settings) -> ObjectStore:
    """The object store of `settings`. Raises NodeFailed."""
    return _open_objects(settings, settings.storage_location)


def _open_objects(settings: Settings, location: str, *, make: bool = True) -> ObjectStore:
    s3 = settings.s3
    options = S3Options(s3.endpoint_url, s3.region, s3.access_key_id, s3.secret_access_key.get_secret_value())
    try:
        return open_store(location, settings.data.resolve(), options, make=make)
    except StorageError as error:
        name = "PACS_STORAGE" if make else "PACS_ARCHIVE__REPAIR_FROM"
        raise NodeFailed(f"the object store cannot be opened: {error}", f"correct {name}") from error


def prepare_data(data: Path) -> None:
    """Make PACS_DATA, for its owner alone. Raises NodeFailed when this account should not write there."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = data.stat().st_uid
    except OSError as error:
        raise NodeFailed(
            f"PACS_DATA {data} cannot be made: {error.strerror}", "choose a folder you may write to"
        ) from error
    if os.geteuid() == 0 and owner != 0:
        raise NodeFailed(
            f"PACS_DATA {data} belongs to user id {owner}; files made by root would lock that user out",
            f"run this as that user: sudo -u '#{owner}' pacs …",
        )
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        raise NodeFailed(f"PACS_DATA {data} may not be written by this user", "run this as the folder's owner")


def refuse_network_file_system(settings: Settings, mounts: Path = MOUNTS) -> None:
    """Raise NodeFailed when the SQLite file would be on a file system shared over a network."""
    if not settings.database_url.startswith("sqlite:///"):
        return
    file = Path(settings.database_url.removeprefix("sqlite:///"))
    kind = file_system_of(file.resolve(), mounts)
    if kind in NETWORK_FILE_SYSTEMS:  # SQLite's locks and its write-ahead log cannot be trusted there
        raise NodeFailed(
            f"the index {file} is on {kind}, where SQLite may lose data",
            "put PACS_DATA on a local disk, or give PACS_DATABASE as postgresql://…",
        )
    if kind == "overlay":
        log.warning("index_goes_with_the_container", path=str(file), hint="mount a volume at PACS_DATA")


# --- the node -----------------------------------------------------------------------------------------------------


class Node:
    """One running node. `build` makes it; `start`, then `stop`, then `close` (each once)."""

    def __init__(self, core: Core, sessions: Sessions, workers: DecodeWorkers, closing: ExitStack) -> None:
        settings = core.settings
        self.core = core
        self.ready = False
        self.first_password: str | None = None
        self._closing = closing
        self._workers = workers
        self._running = ExitStack()
        self._housekeeper = Housekeeper(
            core.archive,
            quiet=timedelta(seconds=settings.archive.study_quiet_s),
            grace=timedelta(hours=settings.archive.garbage_grace_hours),
        )
        self._prover = Prover(core.archive)
        self._scrubber = Scrubber(
            core.archive,
            period=timedelta(days=settings.archive.scrub_days),
            share=settings.archive.scrub_share,
            copies=core.copies(),
        )
        self._reindexer = Reindexer(
            core.archive,
            share=settings.archive.reindex_share,
            learnt_after=timedelta() if core.archive.index.is_sqlite else LEARNT_AFTER,
        )
        self.hook = TriageHook(core.archive, core.accounts, core.registry, settings.triage, self._root)
        self.outbound = Outbound(settings.dimse)
        transcoder = Transcoder(core.archive, workers.decode)
        self.runner = JobRunner(
            core.archive,
            [
                *jobs.kinds(core.archive, settings.dimse, core.peers, self.outbound, transcoder),
                *WebhookJobs(core.archive, _webhook_policy(settings)).kinds(),
            ],
            self._at_once_to,
        )
        query = RemoteQuery(self.outbound)
        webhooks = Webhooks(core.archive, allow_loopback=settings.webhooks.allow_loopback)
        self._exchange = Exchange(core.archive, core.peers, webhooks, query.find, self.runner.wake)
        self.listener = Listener(core.archive, core.peers, settings.dimse, self.outbound, transcoder)
        self.web = WebServer(
            create_app(
                core.archive,
                core.accounts,
                sessions,
                workers,
                settings,
                peers=core.peers,
                leaves=[
                    *self.hook.routes(),
                    *self._exchange.routes(),
                    *echo.routes(core.peers, self.outbound),
                ],
                version=pacs.__version__,
                ready=lambda: self.ready,
                gauges={
                    "dimse": self.listener.statistics,
                    "ai_tasks": self.hook.statistics,
                    "jobs": self.runner.statistics,
                    "scrub": self._scrubber.statistics,
                    "reindex": self._reindexer.statistics,
                    "room": core.archive.room.statistics,
                    "prepared": core.archive.prepared,
                    "refused": core.archive.refusals.statistics,
                    "pictures": workers.beside.statistics,
                    "decoders": workers.statistics,
                },
            ),
            settings.web,
        )

    def start(self) -> None:
        """Recover what the last end left open, then listen. From here on `first_password` is the one that was made.

        Raises NodeFailed, SettingsInvalid and leaves nothing running.
        """
        recover(self.core.archive, adopt_hours=self.core.settings.archive.adopt_hours)
        self.first_password = self._ensure_administrator()
        Workitems(self.core.archive).tell_of_restart()
        with ExitStack() as running:
            parts = (
                self._prover,
                self._housekeeper,
                self._scrubber,
                self._reindexer,
                self.hook,
                self.web,
                self.listener,
                self.outbound,
                self.runner,
                self._exchange,
            )
            for part in parts:
                part.start()
                running.callback(_logged(part.stop))
            self._running = running.pop_all()
        self.ready = True
        log.info("ready", dimse_port=self.listener.port, web_port=self.web.port, version=pacs.__version__)

    def _ensure_administrator(self) -> str | None:
        try:
            return self.core.accounts.ensure_administrator(self.core.settings.admin_password.get_secret_value())
        except PasswordRefused as refused:
            raise SettingsInvalid(f"admin_password (PACS_ADMIN_PASSWORD): {refused.message}", refused.hint) from refused

    def _at_once_to(self, ae_title: str) -> int:
        """How many jobs may be at work for a peer."""
        peer = self.core.peers.registered(ae_title)
        return peer.options.at_once_max if peer is not None else 1

    def _root(self) -> str:
        """The node's HTTP address as other programs reach it."""
        return self.core.settings.web.public_url.rstrip("/") or f"http://127.0.0.1:{self.web.port}"

    def status(self) -> dict[str, Any]:
        """Where it listens, whether it is ready, what helps it, and what was refused and why."""
        return {
            "ready": self.ready,
            "dimse_port": self.listener.port if self.ready else 0,
            "web_port": self.web.port,
            "processors": len(os.sched_getaffinity(0)),
            "prepared": self.core.archive.prepared(),
            "refused": self.core.archive.refusals.told(),
            "pictures": self._workers.beside.statistics(),
            "decoders": self._workers.statistics(),
        }

    def failure(self) -> str:
        """Why it cannot go on, empty while it can."""
        if self.core.archive.index.broken:
            return "stable storage failed under the index"
        return "" if self.web.alive else "the web server ended"

    def stop(self) -> None:
        """Refuse what is new, let running operations finish within the drain limit, end the rest."""
        self.ready = False
        log.info("stopping")
        deadline = time.monotonic() + self.core.settings.dimse.drain_timeout_s
        self.listener.drain(deadline - time.monotonic())
        self.runner.stop()  # what it is at is given back, and done after the next start
        self.outbound.drain(max(0.0, deadline - time.monotonic()))
        self.web.stop(max(WEB_DRAIN_S_MIN, deadline - time.monotonic()))
        self._running.close()

    def close(self) -> None:
        """Give back the ports, the workers, the index and the node lock."""
        self.web.stop()
        self._closing.close()
        log.info("stopped")


def _webhook_policy(settings: Settings) -> Policy:
    allowed = settings.webhooks
    return Policy(allowed.allow_loopback, allowed.allowed_hosts, "PACS_WEBHOOKS__ALLOWED_HOSTS")


def build(settings: Settings, clock: Clock = utc_now) -> Node:
    """A node over `settings`, not yet listening. Raises NodeRunning, NodeFailed and leaves nothing open."""
    with ExitStack() as closing:
        core = closing.enter_context(open_core(settings, "node", clock))
        limits = settings.archive
        workers = DecodeWorkers(
            limits.decode_workers, memory_bytes=limits.decode_memory_bytes, cpu_seconds=limits.decode_cpu_s
        )
        closing.callback(workers.close)
        sessions = Sessions(
            core.archive.index,
            clock,
            idle=timedelta(seconds=settings.web.session_idle_s),
            longest=timedelta(seconds=settings.web.session_max_s),
        )
        return Node(core, sessions, workers, closing.pop_all())
    raise AssertionError("unreachable: the block above returns or raises")


def _logged(stop: Callable[[], Any]) -> Callable[[], None]:
    """`stop`, whose failure is logged and keeps nothing else from being stopped."""

    def stop_part() -> None:
        try:
            stop()
        except Exception:
            log.exception("stop_failed", part=getattr(stop, "__qualname__", str(stop)))

    return stop_part
