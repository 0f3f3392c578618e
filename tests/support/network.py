"""The network side of a node in this process: its port, its associations to peers and its jobs, over one archive."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom import AE

from pacs.access.peer import Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive import jobs
from pacs.archive.archive import Archive
from pacs.archive.jobs import Job, JobState
from pacs.archive.runner import Backoff, JobRunner, Kind
from pacs.dimse.commitment import CommitmentService
from pacs.dimse.commitment_jobs import CommitmentJobs
from pacs.dimse.listener import Listener
from pacs.dimse.outbound import Outbound
from pacs.model import utc_now
from pacs.settings import DimseSettings
from tests.support.dimse import wait_until

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

    def know(self, ae_title: str, port: int, *verbs: Verb, **more: Any) -> None:
        """Register a peer of this machine."""
        self.peers.add(ae_title, "127.0.0.1", port, verbs or (Verb.STORE,), by=OPERATOR, **more)

    def jobs(self, kind: str = "") -> list[Job]:
        """Every job, the newest first."""
        with self.archive.index.read() as connection:
            return jobs.listing(connection, kind=kind)

    def ends(self, kind: str, state: JobState = JobState.DONE) -> Job:
        """The only job of the kind, once it is in `state`."""

        def ended() -> bool:
            found = self.jobs(kind)
            return len(found) == 1 and found[0].state is state

        assert wait_until(ended, 20), self.jobs(kind)
        return self.jobs(kind)[0]


def kinds_of(archive: Archive, peers: Peers, outbound: Outbound) -> list[Kind]:
    """Everything a node does by jobs, tried again at once."""
    found = CommitmentJobs(archive, peers, outbound, CommitmentService(archive, peers)).kinds()
    return [Kind(kind.name, kind.perform, kind.at_once_max, QUICK) for kind in found]


@contextmanager
def networked(archive: Archive, *, run: bool = True, **settings: Any) -> Iterator[Network]:
    """The network side over `archive`; without `run` jobs wait."""
    peers = Peers(archive.index, utc_now)
    dimse = DimseSettings(**{"port": 0, "connect_timeout_s": 3.0, "response_timeout_s": 5.0, **settings})
    listener, outbound = Listener(archive, peers, dimse), Outbound(dimse)
    runner = JobRunner(archive, kinds_of(archive, peers, outbound), lambda _: 2)
    parts: list[Any] = [listener, outbound, *([runner] if run else [])]
    for part in parts:
        part.start()
    try:
        yield Network(archive, peers, listener, outbound, runner)
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
