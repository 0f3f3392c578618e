"""The DICOM ports, plain and over TLS: accepts without ever waiting for a peer, limits, and ends what overstays."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import Final

import structlog

from pacs.access.activity import Activity, Reason
from pacs.access.peer import Peer
from pacs.access.peers import Peers
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder
from pacs.dimse.association import Association, Refused
from pacs.dimse.connection import Connection
from pacs.dimse.faults import described
from pacs.dimse.outbound import Outbound
from pacs.dimse.pdu import HEADER, AssociateRequest, Rejection
from pacs.dimse.registry import Services
from pacs.dimse.service import Registry
from pacs.dimse.tls import Certificates, TlsConnection
from pacs.dimse.watchdog import Watchdog
from pacs.errors import NodeFailed, SuretError
from pacs.model import Clock
from pacs.settings import DimseSettings
from pacs.troubles import trouble_of

log = structlog.get_logger()

# Below a huge page of 2 MiB, and enough for the deepest Python recursion: at 256 KiB one would end the process.
THREAD_STACK_BYTES: Final = 1792 * 1024
BUFFER_BYTES_MIN: Final = 256 * 1024
BACKLOG: Final = 256
ACCEPT_PAUSE_S: Final = 0.05
DRAIN_IDLE_S: Final = 1.0  # while stopping, an association that asks nothing for so long is ended
DRAIN_BUSY_S: Final = 5.0  # and one that asks without a pause is ended between two messages from then on
STOPPING: Final = "the node is stopping"


@dataclass(slots=True)
class _Port:
    """A port that is listened on: with `certificates` it is one for TLS."""

    listening: socket.socket
    certificates: Certificates | None
    thread: threading.Thread | None = None

    @property
    def number(self) -> int:
        return int(self.listening.getsockname()[1])

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)  # wakes accept
        if self.thread is not None:
            self.thread.join(5)
        self.listening.close()


def _listening(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens. Raises NodeFailed when the address cannot be had."""
    listening: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise NodeFailed(
            f"the DICOM port {host}:{port} cannot be opened: {error.strerror}",
            f"stop what uses it, or choose PACS_DIMSE__HOST and {setting}",
        ) from error
    return listening


class Listener:
    """The node's DICOM ports. `start`, then `drain` and `stop`; a stopped one is not started again."""

    def __init__(
        self, archive: Archive, peers: Peers, settings: DimseSettings, outbound: Outbound, transcoder: Transcoder
    ) -> None:
        self._peers = peers
        self._settings = settings
        self._services = Services(archive, peers, settings, outbound, transcoder)
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._half_open: dict[Association, None] = {}  # in order of arrival
        self._associations: dict[Association, None] = {}
        self._threads: set[threading.Thread] = set()
        self._connections: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._draining = False
        self._stopped = False
        self._ports: list[_Port] = []
        shortest = min(settings.request_timeout_s, settings.idle_timeout_s)
        self._watchdog = Watchdog(
            settings.idle_timeout_s, settings.rate_floor_bytes_per_s, period_s=min(0.5, shortest / 4)
        )

    # Life --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Listen. Raises NodeFailed when an address or the certificates cannot be had."""
        settings = self._settings
        certificates = Certificates(settings) if settings.tls_certificate else None
        try:
            self._ports.append(_Port(_listening(settings.host, settings.port, "PACS_DIMSE__PORT"), None))
            if certificates is not None:
                listening = _listening(settings.host, settings.tls_port, "PACS_DIMSE__TLS_PORT")
                self._ports.append(_Port(listening, certificates))
        except NodeFailed:
            for port in self._ports:
                port.listening.close()
            raise
        self._watchdog.start()
        for port in self._ports:
            port.thread = threading.Thread(target=self._accept, args=(port,), name="dimse-accept", daemon=True)
            port.thread.start()
        log.info(
            "dimse_listening", host=settings.host, port=self.port, tls_port=self.tls_port, ae_title=settings.ae_title
        )

    @property
    def port(self) -> int:
        """The port listened on; of use where the settings say 0."""
        assert self._ports, "the listener was not started"
        return self._ports[0].number

    @property
    def tls_port(self) -> int | None:
        """The port for DICOM over TLS; None without a certificate."""
        return self._ports[1].number if len(self._ports) > 1 else None

    def drain(self, timeout_s: float) -> None:
        """Take no new association (they hear "local limit exceeded", which senders repeat later), let messages that
        have begun come to their end for at most `timeout_s`, and abort the rest. A sender that is soon done is let
        finish; one that goes on and on is ended between two messages, when no object is lost by it."""
        with self._lock:
            self._draining = True
        begun = time.monotonic()
        deadline = begun + timeout_s
        while (now := time.monotonic()) < deadline:
            with self._lock:
                if not self._associations:
                    break
                idle = [
                    association
                    for association in self._associations
                    if association.idle_since is not None and now - association.idle_since > DRAIN_IDLE_S
                ]
                if now - begun > DRAIN_BUSY_S:
                    for association in self._associations:
                        association.over_after_message = STOPPING
            for association in idle:
                association.abort(STOPPING)
            with self._lock:
                self._ended.wait(min(0.1, deadline - now))
        with self._lock:
            rest = list(self._associations)
        for association in rest:
            association.abort(STOPPING)

    def stop(self) -> None:
        """Close the port and end every connection; returns when their threads have ended."""
        self._stopped = True
        if not self._ports:
            return
        for port in self._ports:
            port.close()
        with self._lock:
            rest = [*self._half_open, *self._associations]
            threads = list(self._threads)
        for association in rest:
            association.abort("the node has stopped")
        for thread in threads:
            thread.join(5)
        self._watchdog.stop()
        try:
            self._peers.activities.flush()
        except SuretError as error:  # the index fails: nothing else may be kept from stopping
            log.warning("activity_not_written", error=str(error))

    def statistics(self) -> dict[str, int]:
        """Counters since the start, and what is open now."""
        with self._lock:
            return {
                **self._counts,
                "connections_open": sum(self._connections.values()),
                "half_open": len(self._half_open),
                "associations_open": len(self._associations),
            }

    # Accepting ---------------------------------------------------------------------------------------------------

    def _accept(self, port: _Port) -> None:
        while not self._stopped:
            try:
                stream, peer = port.listening.accept()
            except OSError as error:
                if not self._stopped:  # out of descriptors, most likely: a stranger goes first
                    log.error("dimse_accept_failed", error=str(error))
                    self._end_oldest_half_open()
                    time.sleep(ACCEPT_PAUSE_S)
                continue
            try:
                self._take(stream, str(peer[0]), port.certificates)
            except Exception as error:
                log.error("dimse_connection_failed", address=str(peer[0]), **described(error))
                stream.close()

    def _take(self, stream: socket.socket, address: str, certificates: Certificates | None) -> None:
        settings = self._settings
        with self._lock:
            full = (
                self._connections.total() >= settings.connections_max
                or self._connections[address] >= settings.connections_per_address_max
            )
            crowded = len(self._half_open) >= settings.half_open_max
        if full:
            self.count("connections_refused")
            stream.close()
            return
        if crowded:
            self._end_oldest_half_open()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        capacity = max(BUFFER_BYTES_MIN, settings.pdu_bytes_max + HEADER.size, settings.command_bytes_max)
        if certificates is None:
            connection = Connection(stream, address, capacity)
        else:
            connection = TlsConnection(stream, address, capacity, certificates)
        connection.expect_within(settings.request_timeout_s)
        association = Association(connection, settings, self)
        thread = threading.Thread(target=self._run, args=(association,), name=f"dimse-{address}", daemon=True)
        with self._lock:
            self._connections[address] += 1
            self._half_open[association] = None
            self._threads.add(thread)
            self._counts["connections"] += 1
        self._watchdog.watch(connection)
        try:
            self._start_thread(thread)
        except RuntimeError:
            self._forget(association, thread)
            raise

    def _start_thread(self, thread: threading.Thread) -> None:
        """The size of stacks is the process's, so it is put back at once."""
        previous = threading.stack_size(THREAD_STACK_BYTES)
        try:
            thread.start()
        finally:
            threading.stack_size(previous)

    def _run(self, association: Association) -> None:
        try:
            association.run()
        finally:
            self._forget(association, threading.current_thread())

    def _forget(self, association: Association, thread: threading.Thread) -> None:
        connection = association.connection
        self._watchdog.forget(connection)
        with self._lock:
            self._half_open.pop(association, None)
            self._associations.pop(association, None)
            self._threads.discard(thread)
            self._connections[connection.address] -= 1
            if not self._connections[connection.address]:
                del self._connections[connection.address]
            self._ended.notify_all()

    def _end_oldest_half_open(self) -> None:
        """Of the address that has most of them: a crowd from elsewhere does not push out a modality's only one."""
        with self._lock:
            of_address = Counter(association.connection.address for association in self._half_open)
            oldest = max(self._half_open, key=lambda one: of_address[one.connection.address], default=None)
            if oldest is not None:
                del self._half_open[oldest]
                self._counts["half_open_ended"] += 1
        if oldest is not None:
            oldest.connection.expire("too many connections without an association")

    # What associations ask ---------------------------------------------------------------------------------------

    def admit(self, association: Association, request: AssociateRequest) -> Principal:
        """Who the peer is, once it may have an association. Raises Refused."""
        calling, called = request.calling_ae_title, request.called_ae_title
        own, address = self._settings.ae_title, association.connection.address
        if self._settings.check_called_ae_title and called != own:
            raise Refused(Rejection.CALLED_AE_TITLE, Reason.CALLED_AE_TITLE, called=called, own=own)
        principal, known = self._known(calling, address)
        if principal is None:
            self._peers.note_unknown(calling, called, address)
            if known is None:
                raise Refused(Rejection.CALLING_AE_TITLE, Reason.NOT_REGISTERED, calling=calling, address=address)
            where = {"calling": calling, "address": address, "host": known.host}
            raise Refused(Rejection.CALLING_AE_TITLE, Reason.OTHER_ADDRESS, **where)
        principal = _proven(principal, association.connection)
        with self._lock:
            self._admit(association, principal)
        return principal

    def _known(self, calling: str, address: str) -> tuple[Principal | None, Peer | None]:
        """Who calls, and what is registered of the title where it is nobody who may. Raises Refused where the index
        cannot be asked: the caller hears that it passes, and tries again."""
        try:
            principal = self._peers.recognise(calling, address)
            return principal, self._peers.registered(calling) if principal is None else None
        except Exception as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            log.error("callers_not_known", trouble=trouble.code, error=type(error).__name__)
            raise Refused(Rejection.LOCAL_LIMIT, Reason.TROUBLE, cause=trouble.words) from error

    def _admit(self, association: Association, principal: Principal) -> None:
        """Keep to the limits. Raises Refused."""
        address, settings = association.connection.address, self._settings
        if self._draining:
            raise Refused(Rejection.LOCAL_LIMIT, Reason.STOPPING)
        if len(self._associations) >= settings.associations_max:
            raise Refused(Rejection.LOCAL_LIMIT, Reason.TOO_MANY, limit=settings.associations_max)
        most = settings.associations_per_address_max
        if sum(other.connection.address == address for other in self._associations) >= most:
            raise Refused(Rejection.LOCAL_LIMIT, Reason.TOO_MANY_FROM_ADDRESS, address=address, limit=most)
        limit = principal.peer.options.associations_max if principal.peer is not None else None
        if limit and sum(other.calling_ae_title == principal.name for other in self._associations) >= limit:
            raise Refused(Rejection.LOCAL_LIMIT, Reason.TOO_MANY_FROM_TITLE, calling=principal.name, limit=limit)
        self._half_open.pop(association, None)
        self._associations[association] = None
        self._counts["associations"] += 1

    def registry(self, principal: Principal) -> Registry:
        """The services offered to `principal`."""
        return self._services.registry(principal)

    def count(self, name: str) -> None:
        """Count one more `name`."""
        with self._lock:
            self._counts[name] += 1

    @property
    def clock(self) -> Clock:
        """The node's clock."""
        return self._peers.activities.clock

    def note(self, activity: Activity) -> None:
        """Keep what a caller did."""
        self._peers.activities.note(activity)


def _proven(principal: Principal, connection: Connection) -> Principal:
    """The principal with what its connection proves. Raises Refused where that is less than was registered."""
    certificate = connection.certificate_sha256
    if principal.peer is not None:
        options = principal.peer.options
        if options.tls and not connection.encrypted:
            raise Refused(Rejection.NOT_ACCEPTED, Reason.TLS_REQUIRED, calling=principal.name)
        if options.certificate_sha256 and options.certificate_sha256 != certificate:
            raise Refused(Rejection.CALLING_AE_TITLE, Reason.OTHER_CERTIFICATE, calling=principal.name)
    return replace(principal, certified=bool(certificate))
