"""Associations that the node asks for: as SCU of what peers offer, and as SCP that has to call back (PS3.8 9.2, PS3.7).

`Outbound.associate` opens one, `OutboundAssociation` speaks on it. Everybody who sends goes through here, so that the
number of associations is bounded, deadlines hold, and a node that stops ends them all.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pacs.access.peer import ORDINARY, PeerOptions
from pacs.access.principals import NODE, Principal
from pacs.dimse.connection import Connection, NotSecured
from pacs.dimse.pdu import (
    HEADER,
    Roles,
    abort_by_user,
)
from pacs.dimse.proposal import CONTEXTS_MAX
from pacs.dimse.requestor import (
    AssociationLost,
    NoAssociation,
    OutboundAssociation,
    Proposal,
    Response,
    Serve,
)
from pacs.dimse.tls import Certificates, TlsConnection
from pacs.dimse.watchdog import Watchdog
from pacs.settings import DimseSettings

__all__ = [
    "AssociationLost",
    "NoAssociation",
    "Outbound",
    "OutboundAssociation",
    "Proposal",
    "Response",
    "Serve",
]

BUFFER_BYTES_MIN: Final = 256 * 1024


class Outbound:
    """Opens associations to peers, from any thread. `start`, then `drain` and `stop`; not started again."""

    def __init__(self, settings: DimseSettings) -> None:
        """Raises NodeFailed when there are certificates that cannot be used."""
        self._settings = settings
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(settings.outbound_associations_max)
        self._ended = threading.Condition(self._lock)
        self._open: set[Connection] = set()
        self._stopping = False
        self._watchdog = Watchdog(settings.idle_timeout_s, settings.rate_floor_bytes_per_s)
        self._certificates = Certificates(settings) if settings.tls_certificate else None

    @property
    def ae_title(self) -> str:
        """The node's own AE title."""
        return self._settings.ae_title

    def start(self) -> None:
        """Begin to look after deadlines."""
        self._watchdog.start()

    def drain(self, timeout_s: float) -> None:
        """Open no new association, let those that are open go on for at most `timeout_s`."""
        with self._lock:
            self._stopping = True
            self._ended.wait_for(lambda: not self._open, timeout_s)

    def stop(self) -> None:
        """End every association that is still open."""
        with self._lock:
            self._stopping = True
            rest = list(self._open)
        for connection in rest:
            connection.send_last(abort_by_user())
            connection.expire("the node is stopping")
        with self._lock:
            self._ended.wait_for(lambda: not self._open, 5)
        self._watchdog.stop()

    @property
    def stopping(self) -> bool:
        """Whether no new association is opened any more."""
        return self._stopping

    def associate(
        self,
        host: str,
        port: int,
        called: str,
        proposals: Sequence[Proposal],
        *,
        options: PeerOptions = ORDINARY,
        calling: str = "",
        roles: Mapping[str, Roles] = MappingProxyType({}),
        extended: Mapping[str, bytes] = MappingProxyType({}),
        principal: Principal = NODE,
        serve: Serve | None = None,
    ) -> OutboundAssociation:
        """An established association with the peer `called`, to be used as a context manager, which releases it.

        At most 128 `proposals`. `options` are those of a registered peer: over TLS, to which certificate. `calling` is
        the node's own title unless given. `roles` are what the node wants to be
        by SOP class, where that is not SCU; `extended` what it proposes in SOP class extended negotiation. `serve`
        answers what the peer asks meanwhile, in the name of `principal`. Raises NoAssociation.
        """
        if not 1 <= len(proposals) <= CONTEXTS_MAX:
            raise ValueError(f"{len(proposals)} presentation contexts do not fit an association")
        where = f"{called} at {host}:{port}"
        if not self._slots.acquire(timeout=self._settings.connect_timeout_s):
            raise NoAssociation(f"too many associations are open to reach {where}", "try again later", "too_many")
        connection: Connection | None = None
        try:
            connection = self._connect(host, port, called, options)
            self._secure(connection, where, options)
            association = OutboundAssociation(connection, self._settings, called, principal, serve, self.forget)
            association.establish(calling or self.ae_title, proposals, roles, extended, where)
        except BaseException:
            if connection is None:
                self._slots.release()
            else:
                self.forget(connection)
            raise
        return association

    def _connect(self, host: str, port: int, called: str, options: PeerOptions) -> Connection:
        if options.tls and self._certificates is None:
            raise NoAssociation(
                f"{called} has to be called over TLS, and this node has no certificate",
                "set PACS_DIMSE__TLS_CERTIFICATE",
                "no_certificate",
                transient=False,
            )
        stream, address = self._reach(host, port, called)
        capacity = max(BUFFER_BYTES_MIN, self._settings.pdu_bytes_max + HEADER.size, self._settings.command_bytes_max)
        if options.tls and self._certificates is not None:
            connection: Connection = TlsConnection(stream, address, capacity, self._certificates, accepted=False)
        else:
            connection = Connection(stream, address, capacity)
        with self._lock:
            if self._stopping:
                connection.close()
                raise NoAssociation("the node is stopping", "try again when it runs", "stopping")
            self._open.add(connection)
            self._watchdog.watch(connection)
        return connection

    def _reach(self, host: str, port: int, called: str) -> tuple[socket.socket, str]:
        """A connected socket and the address behind it. Raises NoAssociation, also where the peer is gone at once."""
        try:
            stream = socket.create_connection((host, port), self._settings.connect_timeout_s)
            try:
                stream.settimeout(None)
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return stream, str(stream.getpeername()[0])
            except OSError:
                stream.close()
                raise
        except OSError as error:
            raise NoAssociation(
                f"{called} at {host}:{port} cannot be reached: {error.strerror or error}",
                "check its address and port, and that it runs and is reachable from here",
                "unreachable",
            ) from None

    def _secure(self, connection: Connection, where: str, options: PeerOptions) -> None:
        connection.expect_within(self._settings.connect_timeout_s)
        try:
            connection.secure()
        except NotSecured as failed:
            raise NoAssociation(
                f"{where}: {failed}", "check its certificate, this node's and the authorities", "not_secured"
            ) from None
        connection.expect_nothing()
        if options.certificate_sha256 not in ("", connection.certificate_sha256):
            raise NoAssociation(
                f"{where} shows another certificate than the one that is registered",
                "see `pacs ae list`",
                "other_certificate",
                transient=False,
            )

    def forget(self, connection: Connection) -> None:
        """Close a connection and give back its place."""
        self._watchdog.forget(connection)
        connection.close()
        with self._lock:
            known = connection in self._open
            self._open.discard(connection)
            self._ended.notify_all()
        if known:
            self._slots.release()
