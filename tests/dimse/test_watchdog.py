from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from pacs.dimse.connection import Connection, ConnectionEnded
from pacs.dimse.watchdog import Watchdog


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname(), timeout=10)
        ours, _ = server.accept()
    connection = Connection(ours, "127.0.0.1", 65536)
    yield connection, peer
    connection.close()
    peer.close()


@pytest.fixture
def watchdog(pair: tuple[Connection, socket.socket]) -> Iterator[Watchdog]:
    watchdog = Watchdog(stall_s=0.4, rate_floor=10_000, window_s=0.6, period_s=0.05)
    watchdog.watch(pair[0])
    watchdog.start()
    yield watchdog
    watchdog.stop()


def _drip(peer: socket.socket, piece: bytes, every_s: float, over: threading.Event) -> threading.Thread:
    def run() -> None:
        while not over.wait(every_s):
            try:
                peer.sendall(piece)
            except OSError:
                return

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _read_for(connection: Connection, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.chunk(65536)


@pytest.mark.usefixtures("watchdog")
def test_dripped_bytes_do_not_renew_a_deadline(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    over = threading.Event()
    dripping = _drip(peer, b"x", 0.02, over)
    connection.expect_within(0.3)
    with pytest.raises(ConnectionEnded, match="took too long"):
        _read_for(connection, 10)
    over.set()
    dripping.join()


@pytest.mark.usefixtures("watchdog")
def test_a_trickle_inside_a_message_ends(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    over = threading.Event()
    dripping = _drip(peer, b"x" * 10, 0.05, over)
    connection.expect_message()
    with pytest.raises(ConnectionEnded, match="too slowly"):
        _read_for(connection, 10)
    over.set()
    dripping.join()


@pytest.mark.usefixtures("watchdog")
def test_silence_inside_a_message_ends(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    peer.sendall(bytes(60_000))
    connection.expect_message()
    with pytest.raises(ConnectionEnded, match="silent"):
        _read_for(connection, 10)


@pytest.mark.usefixtures("watchdog")
def test_a_steady_sender_and_a_busy_node_are_left_alone(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    over = threading.Event()
    steady = _drip(peer, bytes(2000), 0.05, over)  # 40 kB/s
    connection.expect_message()
    _read_for(connection, 1.5)
    over.set()
    steady.join()
    time.sleep(0.8)  # the node is at work: whatever the peer does, it does not wait for it
    peer.sendall(b"y")
    assert bytes(connection.chunk(65536)).strip(b"\0") in (b"", b"y")
    connection.expect_nothing()
    time.sleep(0.8)
    assert connection.expired == ""


def test_a_forgotten_connection_is_no_longer_looked_at(pair: tuple[Connection, socket.socket], watchdog: Watchdog):
    connection, _ = pair
    watchdog.forget(connection)
    connection.expect_within(0.05)
    time.sleep(0.3)
    assert connection.expired == ""
