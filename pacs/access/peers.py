"""DICOM peers: who may open an association, and who tried without being known."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import Connection, delete, insert, select, update

from pacs.access import audit
from pacs.access.activity import Activities
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.peer import ORDINARY, DuplicatePolicy, Peer, PeerOptions, Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.dicom.charset import character_set
from pacs.dicom.uids import TRANSFER_SYNTAXES
from pacs.errors import NotFound, NotPermitted, SettingsInvalid
from pacs.index.engine import Index
from pacs.index.schema import peer, unknown_caller
from pacs.model import Clock, from_microseconds, to_microseconds
from pacs.settings import valid_ae_title

log = structlog.get_logger()

LOOPBACK_VERBS: Final = frozenset(Verb)
UNKNOWN_CALLERS_MAX: Final = 1000

_PEERS_LIFE_S: Final = 5.0
_ADDRESSES_LIFE_S: Final = 60.0
_FLUSH_EVERY_S: Final = 1.0
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class UnknownCaller:
    """Somebody who asked for an association and is not registered; `attempts` counts every time."""

    ae_title: str
    address: str
    called_ae_title: str
    attempts: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _Attempt:
    """Attempts of one caller that are not in the index yet."""

    called_ae_title: str
    attempts: int
    first_at: int
    last_at: int


class Peers:
    """The register of peers in `index`. Recognising one costs no query: the register is kept for a few seconds."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, Peer] = {}
        self._kept_until = 0.0
        self._addresses: dict[str, tuple[float, frozenset[str]]] = {}
        self._attempts: OrderedDict[tuple[str, str], _Attempt] = OrderedDict()
        self._flushed_at = 0.0
        self.activities = Activities(index, clock)

    # The register ------------------------------------------------------------------------------------------------

    def list(self) -> Sequence[Peer]:
        """Every registered peer by AE title."""
        with self._index.read() as connection:
            rows = connection.execute(select(peer).order_by(peer.c.ae_title)).all()
        return [_peer(row) for row in rows]

    def registered(self, ae_title: str) -> Peer | None:
        """The peer with the title `ae_title`, as known a few seconds ago at most."""
        return self._register().get(ae_title)

    def get(self, ae_title: str) -> Peer:
        """The peer with the title `ae_title`. Raises NotFound."""
        with self._index.read() as connection:
            row = connection.execute(select(peer).where(peer.c.ae_title == ae_title)).first()
        if row is None:
            raise _no_such_peer(ae_title)
        return _peer(row)

    def add(
        self,
        ae_title: str,
        host: str,
        port: int,
        verbs: Iterable[Verb],
        *,
        by: Principal,
        options: PeerOptions = ORDINARY,
    ) -> None:
        """Register a peer. Raises NotPermitted, and SettingsInvalid for malformed values or a title that is taken."""
        _require_manager(by)
        allowed = _checked(ae_title, host, port, verbs, options)

        def work(connection: Connection) -> bool:
            taken = connection.execute(select(peer.c.port).where(peer.c.ae_title == ae_title)).first()
            if taken is not None:
                return False
            values = {"ae_title": ae_title, **_values(host, port, allowed, options)}
            connection.execute(insert(peer).values(**values, created_at=to_microseconds(self._clock())))
            connection.execute(delete(unknown_caller).where(unknown_caller.c.ae_title == ae_title))
            self._record(connection, "peer_added", by, _told(ae_title, host, port, allowed, options))
            return True

        if not self._index.write(work):
            hint = "change or remove that peer"
            message = f"the AE title {ae_title} is registered already"
            raise SettingsInvalid(message, hint, "peer_exists", {"ae_title": "peer_exists"})
        self._forget()

    def update(
        self,
        ae_title: str,
        host: str,
        port: int,
        verbs: Iterable[Verb],
        *,
        by: Principal,
        options: PeerOptions = ORDINARY,
    ) -> None:
        """Put other values in place of all those of a registered peer. Raises NotPermitted, NotFound,
        SettingsInvalid."""
        _require_manager(by)
        allowed = _checked(ae_title, host, port, verbs, options)

        def work(connection: Connection) -> bool:
            values = _values(host, port, allowed, options)
            changed = connection.execute(update(peer).where(peer.c.ae_title == ae_title).values(**values)).rowcount
            if changed:
                self._record(connection, "peer_changed", by, _told(ae_title, host, port, allowed, options))
            return bool(changed)

        if not self._index.write(work):
            raise _no_such_peer(ae_title)
        self._forget()

    def remove(self, ae_title: str, *, by: Principal) -> None:
        """Forget a peer. Raises NotPermitted, NotFound."""
        _require_manager(by)

        def work(connection: Connection) -> bool:
            removed = connection.execute(delete(peer).where(peer.c.ae_title == ae_title)).rowcount
            if removed:
                self._record(connection, "peer_removed", by, ae_title)
            return bool(removed)

        if not self._index.write(work):
            raise _no_such_peer(ae_title)
        self._forget()

    def _record(self, connection: Connection, action: str, by: Principal, detail: str) -> None:
        audit.record(
            connection, self._clock(), code=AuditCode.SECURITY_ALERT, action=action, principal=by, detail=detail
        )

    def _forget(self) -> None:
        with self._lock:
            self._kept_until = 0.0

    # Callers -----------------------------------------------------------------------------------------------------

    def recognise(self, calling_ae_title: str, address: str) -> Principal | None:
        """The principal behind a calling AE title and a source address; None when the node does not know it.

        Every well-formed title is known from this machine itself; from elsewhere title and address must both be those
        of a registered peer. What is registered of a title holds for calls from this machine too, but for the verbs.
        """
        if not valid_ae_title(calling_ae_title):
            return None
        source = _plain_address(address)
        known = self.registered(calling_ae_title)
        if ipaddress.ip_address(source).is_loopback:
            return Principal(PrincipalKind.PEER, calling_ae_title, verbs=LOOPBACK_VERBS, address=source, peer=known)
        if known is None or (known.options.check_address and source not in self._addresses_of(known.host)):
            return None
        return Principal(PrincipalKind.PEER, calling_ae_title, verbs=known.verbs, address=source, peer=known)

    def _register(self) -> dict[str, Peer]:
        with self._lock:
            if time.monotonic() < self._kept_until:
                return self._kept
        register = {known.ae_title: known for known in self.list()}
        with self._lock:
            self._kept, self._kept_until = register, time.monotonic() + _PEERS_LIFE_S
        return register

    def _addresses_of(self, host: str) -> frozenset[str]:
        with self._lock:
            until, addresses = self._addresses.get(host, (0.0, frozenset[str]()))
        if time.monotonic() < until:
            return addresses
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            log.warning("peer_host_not_resolved", host=host, error=str(error))
            return frozenset()
        addresses = frozenset(_plain_address(str(entry[4][0])) for entry in found)
        with self._lock:
            self._addresses[host] = (time.monotonic() + _ADDRESSES_LIFE_S, addresses)
        return addresses

    # Unknown callers ---------------------------------------------------------------------------------------------

    def note_unknown(self, calling_ae_title: str, called_ae_title: str, address: str) -> None:
        """Keep for the administrator that somebody unknown asked for an association. Never waits for the index."""
        key = (_shown(calling_ae_title), _plain_address(address))
        moment = to_microseconds(self._clock())
        with self._lock:
            attempt = self._attempts.setdefault(key, _Attempt("", 0, moment, moment))
            attempt.called_ae_title = _shown(called_ae_title)
            attempt.attempts += 1
            attempt.last_at = moment
            if len(self._attempts) > UNKNOWN_CALLERS_MAX:
                self._attempts.popitem(last=False)
            due = time.monotonic() - self._flushed_at >= _FLUSH_EVERY_S
        if due:
            attempts = self._take_attempts()
            written = self._index.submit(lambda connection: _write_attempts(connection, attempts))
            written.add_done_callback(lambda done: self._put_back(attempts) if done.exception() else None)

    def unknown_callers(self) -> Sequence[UnknownCaller]:
        """Everybody unknown who asked for an association, the latest first."""
        attempts = self._take_attempts()
        # also with nothing left to write: what was submitted before it is then in the index
        self._index.write(lambda connection: _write_attempts(connection, attempts))
        with self._index.read() as connection:
            rows = connection.execute(select(unknown_caller).order_by(unknown_caller.c.last_at.desc())).all()
        return [
            UnknownCaller(
                row.ae_title,
                row.address,
                row.called_ae_title,
                row.attempts,
                from_microseconds(row.first_at),
                from_microseconds(row.last_at),
            )
            for row in rows
        ]

    def _put_back(self, attempts: dict[tuple[str, str], _Attempt]) -> None:
        """Keep what the index did not take for the next time."""
        log.warning("unknown_callers_not_written", callers=len(attempts))
        with self._lock:
            for key, attempt in attempts.items():
                newer = self._attempts.setdefault(key, attempt)
                if newer is not attempt:
                    newer.attempts += attempt.attempts
                    newer.first_at = attempt.first_at
            while len(self._attempts) > UNKNOWN_CALLERS_MAX:
                self._attempts.popitem(last=False)

    def _take_attempts(self) -> dict[tuple[str, str], _Attempt]:
        with self._lock:
            taken, self._attempts = dict(self._attempts), OrderedDict()
            self._flushed_at = time.monotonic()
        return taken


def _write_attempts(connection: Connection, attempts: dict[tuple[str, str], _Attempt]) -> None:
    """Add to the table and keep it bounded, the longest silent go first."""
    columns = unknown_caller.c
    for (ae_title, address), attempt in attempts.items():
        changed = connection.execute(
            update(unknown_caller)
            .where(columns.ae_title == ae_title, columns.address == address)
            .values(
                called_ae_title=attempt.called_ae_title,
                attempts=columns.attempts + attempt.attempts,
                last_at=attempt.last_at,
            )
        ).rowcount
        if not changed:
            connection.execute(
                insert(unknown_caller).values(
                    ae_title=ae_title,
                    address=address,
                    called_ae_title=attempt.called_ae_title,
                    attempts=attempt.attempts,
                    first_at=attempt.first_at,
                    last_at=attempt.last_at,
                )
            )
    newest = select(columns.last_at).order_by(columns.last_at.desc()).offset(UNKNOWN_CALLERS_MAX).limit(1)
    connection.execute(delete(unknown_caller).where(columns.last_at <= newest.scalar_subquery()))


def _peer(row: Any) -> Peer:
    return Peer(
        row.ae_title,
        row.host,
        row.port,
        frozenset(Verb(verb) for verb in row.verbs.split(",") if verb),
        from_microseconds(row.created_at),
        msgspec.json.decode(row.options, type=PeerOptions) if row.options else ORDINARY,
    )


def _values(host: str, port: int, verbs: frozenset[Verb], options: PeerOptions) -> dict[str, Any]:
    return {"host": host, "port": port, "verbs": _joined(verbs), "options": msgspec.json.encode(options).decode()}


def _checked(ae_title: str, host: str, port: int, verbs: Iterable[Verb], options: PeerOptions) -> frozenset[Verb]:
    allowed = frozenset(verbs)
    no_titles = [title for title in options.move_destinations if not valid_ae_title(title)]
    unknown_syntaxes = sorted(set(options.transfer_syntaxes) - set(TRANSFER_SYNTAXES))
    limits = (options.associations_max, options.idle_timeout_s, options.at_once_max, options.bytes_per_s_max or None)
    mistakes = [
        (field, mistake)
        for wrong, field, mistake in (
            (
                not valid_ae_title(ae_title),
                "ae_title",
                f"AE title {ae_title!r}: expected 1 to 16 printable ASCII characters without a backslash",
            ),
            (
                not host or not host.isprintable() or " " in host,
                "host",
                f"host {host!r}: expected a name or an address",
            ),
            (not 1 <= port <= 65535, "port", f"port {port}: expected 1 to 65535"),
            (not allowed, "verbs", f"verbs: expected at least one of {', '.join(verb.value for verb in Verb)}"),
            (
                not _character_set_known(options.character_set),
                "character_set",
                f"character set {options.character_set!r}: expected defined terms such as ISO_IR 144 or ISO_IR 192",
            ),
            (
                no_titles,
                "move_destinations",
                f"move destinations {', '.join(map(repr, no_titles))}: expected AE titles",
            ),
            (
                unknown_syntaxes,
                "transfer_syntaxes",
                f"transfer syntaxes {', '.join(unknown_syntaxes)}: expected UIDs of PS3.6",
            ),
            (
                options.certificate_sha256 and _SHA256.fullmatch(options.certificate_sha256) is None,
                "certificate_sha256",
                "certificate: expected its SHA-256, 64 hexadecimal digits in lower case",
            ),
            (
                options.certificate_sha256 and not options.tls,
                "certificate_sha256",
                "certificate: one is shown over TLS only; require TLS as well",
            ),
            (
                options.duplicates is DuplicatePolicy.SUPERSEDE and not options.tls,
                "duplicates",
                "duplicates: who may supersede images has to call over TLS; require TLS as well",
            ),
            (
                not options.check_address and not options.certificate_sha256,
                "check_address",
                "address: who may call from everywhere has to be known by a certificate; name its SHA-256 as well",
            ),
            (any(limit is not None and limit <= 0 for limit in limits), "limits", "limits: expected numbers over 0"),
        )
        if wrong
    ]
    if mistakes:
        message = "\n".join(mistake for _, mistake in mistakes)
        fields = {field: f"peer_{field}" for field, _ in mistakes}
        raise SettingsInvalid(message, "correct these and try again", "peer_wrong", fields)
    return allowed


def _character_set_known(terms: str) -> bool:
    return not terms or all(character_set(term).known for term in terms.split("\\"))


def _require_manager(principal: Principal) -> None:
    if not may(principal, Action.MANAGE_PEERS):
        raise NotPermitted("you may not change the register of peers", "ask an administrator")


def _no_such_peer(ae_title: str) -> NotFound:
    return NotFound(
        f"no peer has the AE title {ae_title}", "see the registered ones with `pacs ae list`", "peer_unknown"
    )


def _told(ae_title: str, host: str, port: int, verbs: frozenset[Verb], options: PeerOptions) -> str:
    """What the audit keeps of a peer that is registered or changed: its description last, which has spaces."""
    return f"{ae_title} {host}:{port} {_joined(verbs)} {options.description}".rstrip()


def _joined(verbs: frozenset[Verb]) -> str:
    return ",".join(verb.value for verb in Verb if verb in verbs)


def _shown(text: str) -> str:
    """Text of a stranger, safe to keep and to show."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:16])


def _plain_address(address: str) -> str:
    """An address in its usual form; IPv4 that came through an IPv6 socket is written as IPv4."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)
