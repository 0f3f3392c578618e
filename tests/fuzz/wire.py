"""A peer's whole stream in memory, in place of a connection: an association runs over it without a socket or a thread.

A mistake of the node, which an association would log before it ends, is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import structlog

from pacs.access.activity import Activity
from pacs.access.principals import OPERATOR, Principal
from pacs.attributes import CATALOGUE_ALONE, UNIQUE_KEY
from pacs.dimse.association import Association
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.pdu import HEADER, AssociateRequest
from pacs.dimse.registry import Services
from pacs.dimse.service import Registry
from pacs.model import utc_now
from pacs.settings import DimseSettings

SETTINGS = DimseSettings(instance_bytes_max=1 << 20)
BUFFER_BYTES = 256 * 1024
FAILURES = frozenset({"association_failed", "store_failed", "find_failed", "retrieve_failed", "sending_failed"})


class NodeAtFault(AssertionError):
    """The node did not refuse the peer's bytes but failed over them."""


def fail_loudly(logger: Any, method: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """A processor of the log that raises what the node would have written down as its own mistake."""
    if event.get("event") in FAILURES:
        raise NodeAtFault(str(event))
    raise structlog.DropEvent


class Wire:
    """What `pacs.dimse.connection.Connection` is to an association, over bytes that have all arrived."""

    address = "127.0.0.1"
    expired = ""
    waiting = in_message = False
    limit_at = float("inf")

    def __init__(self, stream: bytes) -> None:
        self._stream = memoryview(stream)
        self._position = 0
        self.received = len(stream)
        self.sent = 0
        self.closed = False

    def secure(self) -> None:
        """Plain from the start."""

    @property
    def available(self) -> int:
        return len(self._stream) - self._position

    def take(self, count: int) -> bytes:
        assert count <= BUFFER_BYTES, f"{count} bytes at once do not fit the connection's buffer"
        if count > self.available:
            raise ConnectionEnded("the peer closed the connection")
        self._position += count
        return bytes(self._stream[self._position - count : self._position])

    def chunk(self, most: int) -> memoryview:
        assert most > 0
        if not self.available:
            raise ConnectionEnded("the peer closed the connection")
        start = self._position
        self._position = min(len(self._stream), start + most)
        return self._stream[start : self._position]

    def peek_header(self) -> tuple[int, int] | None:
        if self.available < HEADER.size:
            return None
        kind, length = HEADER.unpack_from(self._stream, self._position)
        return int(kind), int(length)

    def poll(self) -> None:
        if not self.available:
            raise ConnectionEnded("the peer closed the connection")

    def expect_within(self, seconds: float) -> None: ...

    def expect_message(self) -> None: ...

    def expect_nothing(self) -> None: ...

    def expire(self, reason: str) -> None: ...

    def linger(self, seconds: float) -> None: ...

    def send(self, data: bytes, within_s: float) -> None:
        self.sent += len(data)

    def send_last(self, data: bytes) -> None:
        self.sent += len(data)

    def close(self) -> None:
        self.closed = True


class _Archive:
    """Counts what it is given, keeps nothing, finds one row of everything asked."""

    def __init__(self) -> None:
        self.open_receptions = 0

    def receive(self, announced: Any, principal: Principal, **_: Any) -> _Reception:
        return _Reception(self)

    def find_in_pages(self, query: Any, abandoned: Any = None) -> Iterator[dict[str, str]]:
        yield {attribute.keyword: "[]" if attribute.vr == "SQ" else "1\\Ж=Я" for attribute in query.returns}

    @property
    def index(self) -> _Archive:
        return self

    def submit(self, work: Any, **_: Any) -> Future[None]:
        written: Future[None] = Future()
        written.set_result(None)
        return written

    clock = staticmethod(utc_now)
    vocabulary = CATALOGUE_ALONE

    def find(self, query: Any) -> Iterator[dict[str, str]]:
        keywords = [attribute.keyword for attribute in (*UNIQUE_KEY.values(), *query.returns)]
        yield dict.fromkeys(keywords, "1.2")


class _Nobody:
    """A register without peers."""

    def registered(self, ae_title: str) -> None: ...


class _Reception:
    def __init__(self, archive: _Archive) -> None:
        self._archive = archive

    def __enter__(self) -> _Reception:
        self._archive.open_receptions += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.open_receptions -= 1

    def write(self, data: memoryview) -> None:
        assert len(data)

    def commit(self) -> None: ...


class _Host:
    def __init__(self, archive: _Archive) -> None:
        # they have what the services ask of them
        self._services = Services(archive, _Nobody(), SETTINGS, None, None)  # type: ignore[arg-type]

    def admit(self, association: Association, request: AssociateRequest) -> Principal:
        return OPERATOR

    def registry(self, principal: Principal) -> Registry:
        return self._services.registry(principal)

    def count(self, name: str) -> None: ...

    clock = staticmethod(utc_now)

    def note(self, activity: Activity) -> None: ...


def associate(stream: bytes) -> Wire:
    """Run one association over everything a peer sends. Raises NodeAtFault, and whatever else is a mistake."""
    archive = _Archive()
    wire = Wire(stream)
    Association(wire, SETTINGS, _Host(archive)).run()  # type: ignore[arg-type]  # a Wire stands in for a Connection
    assert wire.closed, "the connection was not given back"
    assert not archive.open_receptions, "a reception was left open"
    return wire
