"""The network side of a node in this process: its port, its associations to peers and its jobs, over one archive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from pacs.access.outbound import Policy
from pacs.access.peer import PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive import job_queue
from pacs.archive.archive import Archive
from pacs.archive.jobs import Job, JobState
from pacs.archive.runner import Backoff, JobRunner, Kind
from pacs.archive.transcode import Transcoder
from pacs.dimse.jobs import kinds as jobs_of_network
from pacs.dimse.listener import Listener
from pacs.dimse.outbound import Outbound
from pacs.dimse.query import RemoteQuery
from pacs.errors import Busy
from pacs.exchange.exchange import Exchange
from pacs.exchange.queue import Queue
from pacs.exchange.rules import Routes
from pacs.exchange.webhooks import WebhookJobs, Webhooks
from pacs.model import utc_now
from pacs.render.values import DecodedFrame, RenderJob
from pacs.settings import DimseSettings
from tests.support.dimse import listener_of, wait_until

COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"

QUICK = Backoff(first_s=0.05, longest_s=0.2, failures_max=5)


@dataclass
class Network:
    """What `networked` gives; `kinds` are performed by `runner`."""

    archive: Archive
    peers: Peers
    listener: Listener
    outbound: Outbound
    runner: JobRunner
    queue: Queue
    routes: Routes

    def know(self, ae_title: str, port: int, **options: Any) -> None:
        """Register a peer of this machine that may do everything."""
        self.peers.add(ae_title, "127.0.0.1", port, list(Verb), by=OPERATOR, options=PeerOptions(**options))

    def jobs(self, kind: str = "") -> list[Job]:
        """Every job, the newest first."""
        with self.archive.index.read() as connection:
            return job_queue.listing(connection, kind=kind)

    def ends(self, kind: str, state: JobState = JobState.DONE) -> Job:
        """The only job of the kind, once it is in `state`."""

        def ended() -> bool:
            found = self.jobs(kind)
            return len(found) == 1 and found[0].state is state

        assert wait_until(ended, 20), self.jobs(kind)
        return self.jobs(kind)[0]


def _no_decoder(_job: RenderJob) -> DecodedFrame:
    raise Busy("there is no decoder in this test")


@contextmanager
def networked(archive: Archive, *, run: bool = True, **settings: Any) -> Iterator[Network]:
    """The network side over `archive`; without `run` jobs wait."""
    peers = Peers(archive.index, utc_now)
    dimse = DimseSettings(**{"port": 0, "connect_timeout_s": 3.0, "response_timeout_s": 5.0, **settings})
    outbound = Outbound(dimse)
    listener = listener_of(archive, peers, dimse, outbound)
    kinds = jobs_of_network(archive, dimse, peers, outbound, Transcoder(archive, _no_decoder))
    kinds += WebhookJobs(archive, Policy(allow_loopback=True)).kinds()
    quick = [Kind(kind.name, kind.perform, kind.at_once_max, QUICK) for kind in kinds]
    runner = JobRunner(archive, quick, lambda _: 2)
    webhooks = Webhooks(archive, allow_loopback=True)
    exchange = Exchange(archive, peers, webhooks, RemoteQuery(outbound).find, runner.wake)
    parts: list[Any] = [listener, outbound, *([runner, exchange] if run else [])]
    for part in parts:
        part.start()
    try:
        yield Network(archive, peers, listener, outbound, runner, Queue(archive, peers, runner.wake), Routes(archive))
    finally:
        for part in reversed(parts):
            part.stop()


@dataclass
class Reports:
    """A commitment SCU's ear: the N-EVENT-REPORTs that came, and what it answers to each in turn, then success."""

    answers: list[int] = field(default_factory=list)
    came: list[tuple[int, Dataset]] = field(default_factory=list)
    roles: list[Any] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def take(self, event: Any) -> tuple[int, None]:
        """The handler of pynetdicom."""
        self.came.append((event.request.EventTypeID, event.event_information))
        self.roles.append(event.assoc.requestor.role_selection)
        status = self.answers.pop(0) if self.answers else 0
        if status == 0:
            self.arrived.set()
        return status, None


@contextmanager
def scp(
    ae_title: str,
    contexts: Sequence[tuple[str, dict[str, Any]]],
    *handlers: tuple[Any, Callable[..., Any]],
    port: int = 0,
) -> Iterator[int]:
    """A pynetdicom SCP of these classes (with the options of add_supported_context); its port."""
    entity = AE(ae_title=ae_title)
    for abstract_syntax, options in contexts:
        entity.add_supported_context(abstract_syntax, **options)
    server: Any = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=list(handlers))
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        server.shutdown()


class Store:
    """A storage SCP of pynetdicom: what came, and what it answers to the n-th in turn, then success. It aborts the
    association where the answer is None."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.came: list[Dataset] = []
        self.syntaxes: list[str] = []
        self.hold = threading.Event()
        self.hold.set()

    def take(self, event: Any) -> int:
        """The handler of C-STORE."""
        self.hold.wait(30)
        answer = self.answers.pop(0) if self.answers else 0
        if answer is None:
            event.assoc.abort()
            return 0xA700
        if answer == 0:
            self.came.append(event.dataset)
            self.syntaxes.append(str(event.context.transfer_syntax))
        return answer

    def uids(self) -> list[str]:
        """The SOP Instance UIDs of what it took, in order."""
        return [str(dataset.SOPInstanceUID) for dataset in self.came]


@contextmanager
def storing(store: Store, ae_title: str = "THERE", *, port: int = 0, more: Sequence[Any] = ()) -> Iterator[int]:
    """A storage SCP that takes every class in every syntax; `more` are further contexts with their handlers."""
    contexts: list[Any] = [
        (context.abstract_syntax, {"transfer_syntax": ALL_TRANSFER_SYNTAXES})
        for context in AllStoragePresentationContexts
    ]
    handlers: list[Any] = [(evt.EVT_C_STORE, store.take)]
    for context, handler in more:
        contexts.append(context)
        handlers.append(handler)
    with scp(ae_title, contexts, *handlers, port=port) as listens_on:
        yield listens_on
