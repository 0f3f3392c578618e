from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from pacs.dimse.connection import Connection, ConnectionEnded

CAPACITY = 4096


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname(), timeout=10)
        ours, _ = server.accept()
    connection = Connection(ours, "127.0.0.1", CAPACITY)
    yield connection, peer
    connection.close()
    peer.close()


def test_bytes_come_out_as_they_went_in_however_they_are_taken(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    dice = random.Random(7)
    sent = dice.randbytes(300_000)
    sender = threading.Thread(target=peer.sendall, args=(sent,))
    sender.start()
    received = bytearray()
    while len(received) < len(sent):
        left = len(sent) - len(received)
        if dice.random() < 0.5:
            received += connection.take(min(left, dice.randrange(1, CAPACITY + 1)))
        else:
            received += connection.chunk(min(left, dice.randrange(1, 9000)))
    sender.join()
    assert received == sent
    assert connection.received == len(sent)


def test_polling_never_waits_and_takes_what_is_there(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    connection.poll()
    assert connection.available == 0
    assert connection.peek_header() is None
    peer.sendall(b"\5\0\0\0\0\4rest")
    while connection.available < 10:
        connection.poll()
    assert connection.peek_header() == (5, 4)
    assert connection.take(10) == b"\5\0\0\0\0\4rest"


def test_a_full_buffer_is_polled_without_harm(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    peer.sendall(bytes(CAPACITY) + b"x")
    while connection.available < CAPACITY:
        connection.poll()
    connection.poll()
    assert connection.take(CAPACITY) == bytes(CAPACITY)
    assert connection.take(1) == b"x"


def test_the_end_of_the_peer_is_told(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    peer.close()
    with pytest.raises(ConnectionEnded, match="closed"):
        connection.take(1)


def test_who_waits_is_woken_with_the_reason(pair: tuple[Connection, socket.socket]):
    connection, _ = pair
    timer = threading.Timer(0.05, connection.expire, ["too slow"])
    timer.start()
    with pytest.raises(ConnectionEnded, match="too slow"):
        connection.take(1)
    timer.join()


def test_who_sends_to_a_peer_that_takes_nothing_is_woken(pair: tuple[Connection, socket.socket]):
    connection, _ = pair
    timer = threading.Timer(0.05, connection.expire, ["too slow"])
    timer.start()
    with pytest.raises(ConnectionEnded, match="too slow"):
        connection.send(bytes(50_000_000), 60)
    timer.join()


def test_lingering_lets_the_peer_read_the_last_word(pair: tuple[Connection, socket.socket]):
    connection, peer = pair
    peer.sendall(bytes(100_000))  # unread bytes would turn a plain close into a reset
    connection.send(b"goodbye", 5)
    waiting = threading.Thread(target=lambda: (connection.linger(5), connection.close()))
    waiting.start()
    received = b""
    while piece := peer.recv(100):
        received += piece
    assert received == b"goodbye"
    peer.close()
    waiting.join(5)
    assert not waiting.is_alive()
