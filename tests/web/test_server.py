"""The server on a real port: starting, stopping, slow and greedy clients."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from pacs.access.gate import Route
from pacs.access.grants import Action
from pacs.access.principals import Principal, Role
from pacs.archive.spool import Buffers
from pacs.errors import NodeFailed
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from pacs.web.dicomweb.bodies import Pieces, StreamedAnswer
from pacs.web.server import ConnectionLimits, WebServer
from tests.support.factories import ct_slice, part10
from tests.support.web import STOW_HEADERS, Site, multipart, open_site

SLOW = WebSettings(port=0, body_deadline_s=0.4, rate_floor_bytes_per_s=1000, header_bytes_max=8192)
LIMITS = ConnectionLimits(header_deadline_s=0.4, header_bytes_max=8192, stall_deadline_s=0.5)


async def _echo(request: Request, principal: Principal) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _endless(request: Request, principal: Principal) -> Response:
    async def pieces() -> Pieces:
        while True:
            yield bytes(1 << 20)

    return StreamedAnswer(pieces(), media_type="application/octet-stream")


async def _breaks_off(request: Request, principal: Principal) -> Response:
    async def pieces() -> Pieces:
        yield bytes(1000)
        raise OSError("disk gone")

    return StreamedAnswer(pieces(), media_type="application/octet-stream", length=5000)


LEAVES = (
    Route(("POST",), "/echo", _echo, Action.PUBLIC, body_bytes_max=None),
    Route(("GET",), "/endless", _endless, Action.PUBLIC),
    Route(("GET",), "/breaks-off", _breaks_off, Action.PUBLIC),
)


@contextmanager
def served(site: Site, limits: ConnectionLimits = LIMITS, settings: WebSettings = SLOW) -> Iterator[WebServer]:
    server = WebServer(site.app, settings, limits)
    server.start()
    try:
        yield server
    finally:
        server.stop(2)
        assert not server.alive


@pytest.fixture
def slow_site(tmp_path: Path, workers: DecodeWorkers) -> Iterator[Site]:
    with open_site(tmp_path, workers, web=SLOW, leaves=LEAVES) as made:
        yield made


@pytest.fixture
def server(slow_site: Site) -> Iterator[WebServer]:
    with served(slow_site) as running:
        yield running


def connect(server: WebServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def closed_within(connection: socket.socket, seconds: float) -> bytes:
    """What came until the server closed; fails when it does not."""
    connection.settimeout(seconds)
    got = b""
    try:
        while data := connection.recv(65536):
            got += data
    except ConnectionResetError:
        return got
    except TimeoutError:
        raise AssertionError(f"still open after {seconds} s, got {got[:200]!r}") from None
    return got


def test_it_answers_and_stops(slow_site: Site) -> None:
    with served(slow_site) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/livez")
        response = connection.getresponse()
        assert response.status == 200
        assert response.getheader("server") is None
        connection.close()
        port = server.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_a_taken_port_is_said_in_one_line(server: WebServer, slow_site: Site) -> None:
    with pytest.raises(NodeFailed) as failed:
        WebServer(slow_site.app, WebSettings(port=server.port))
    assert str(server.port) in failed.value.message
    assert "PACS_WEB__PORT" in failed.value.hint


def test_stopping_before_starting_gives_the_port_back(slow_site: Site) -> None:
    server = WebServer(slow_site.app, SLOW)
    server.stop()
    WebServer(slow_site.app, WebSettings(port=server.port)).stop()


@pytest.mark.parametrize("sent", [b"", b"G", b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"\r\n"])
def test_slow_and_silent_heads_are_closed(server: WebServer, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent)
        assert closed_within(connection, 5) == b""


def test_dripping_does_not_move_the_deadline(server: WebServer) -> None:
    with connect(server) as connection:
        begun = time.monotonic()
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            while _open(connection) and time.monotonic() - begun < 10:
                connection.sendall(b"X-Drip: 1\r\n")
                time.sleep(0.05)
        assert time.monotonic() - begun < 5


def _open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    finally:
        connection.settimeout(10)


def test_the_second_request_of_a_connection_has_the_same_deadline(server: WebServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        time.sleep(0.6)  # idle between requests is no offence
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127")
        assert b"200 OK" not in closed_within(connection, 5)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 9000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(2000)) + b"\r\n",
        b"GET /" + b"y" * 9000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 60000,
    ],
)
def test_large_heads_are_431(server: WebServer, head: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(head)
        assert closed_within(connection, 5).startswith(b"HTTP/1.1 431 ")


def test_slow_bodies_are_408(server: WebServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Suret: 1\r\nContent-Length: 100\r\n\r\nabc")
        answer = closed_within(connection, 5)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b'"hint"' in answer


def test_a_body_at_the_least_rate_is_waited_for(server: WebServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Suret: 1\r\nContent-Length: 4000\r\n\r\n")
        for _ in range(10):
            connection.sendall(b"x" * 400)
            time.sleep(0.1)  # 1 s in all, which the deadline alone would not allow
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_slow_stow_leaves_nothing_behind(server: WebServer, slow_site: Site) -> None:
    token = slow_site.accounts.token("scanner", Role.SERVICE)
    body = multipart([part10(ct_slice())])
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {STOW_HEADERS['Content-Type']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with connect(server) as connection:
        connection.sendall(head.encode() + body[:800])
        assert closed_within(connection, 5).startswith(b"HTTP/1.1 408 ")
    assert list(slow_site.archive.store.incoming.iterdir()) == []


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(server: WebServer, slow_site: Site) -> None:
    token = slow_site.accounts.token("scanner", Role.SERVICE)
    head = (
        f"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/dicom\r\nContent-Length: 1000000\r\n\r\n"
    )
    slow_site.archive.buffers = Buffers(0)  # what is on its way is seen in its file
    incoming = slow_site.archive.store.incoming
    with connect(server) as connection:
        connection.sendall(head.encode() + part10(ct_slice(rows=500, columns=500))[:300_000])
        until(lambda: len(list(incoming.iterdir())) == 1)
    until(lambda: list(incoming.iterdir()) == [])


def until(true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_a_refused_sender_hears_why_although_it_is_still_sending(server: WebServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/dicom-web/studies", body=bytes(3_000_000), headers={"X-Suret": "1"})
    response = connection.getresponse()
    assert response.status == 401
    assert b"hint" in response.read()
    connection.close()


def test_who_does_not_read_is_cut_off(server: WebServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(1.5)
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while data := connection.recv(1 << 20):
                got += len(data)
                assert got < 1 << 28, "the server still sends"


def test_an_answer_that_breaks_off_is_never_taken_for_whole(server: WebServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/breaks-off")
    response = connection.getresponse()
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


def test_one_address_does_not_take_every_connection(slow_site: Site) -> None:
    limits = ConnectionLimits(header_deadline_s=5, connections_per_address_max=3)
    with served(slow_site, limits) as server:
        kept = [connect(server) for _ in range(3)]
        with connect(server) as refused:
            assert closed_within(refused, 5) == b""
        kept.pop().close()

        def answered() -> bool:
            with connect(server) as connection:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                return closed_within(connection, 5).startswith(b"HTTP/1.1 200 ")

        until(answered)
        for connection in kept:
            connection.close()


def test_hundreds_of_silent_connections_keep_nobody_waiting(slow_site: Site) -> None:
    with served(slow_site, ConnectionLimits(header_deadline_s=5)) as server:
        silent = [connect(server) for _ in range(200)]
        threads_before = threading.active_count()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
        assert threading.active_count() <= threads_before + 2
        connection.close()
        for one in silent:
            one.close()
