"""The limit of long answers: `python -m tests.bench.service.least PORT WEB_PORT` answers GET /COUNT/BYTES with COUNT
times BYTES out of memory, on one connection at a time. PORT only tells that it listens.
"""

from __future__ import annotations

import socket
import sys

HEAD_MAX = 65536


def main(port: int, web_port: int) -> None:
    """Serve until ended."""
    told = socket.create_server(("127.0.0.1", port))
    with told, socket.create_server(("127.0.0.1", web_port)) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _serve(connection)


def _serve(connection: socket.socket) -> None:
    while request := connection.recv(HEAD_MAX):
        count, size = map(int, request.split(b" ", 2)[1].strip(b"/").split(b"/"))
        piece = bytes(range(256)) * (size // 256 + 1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * size))
        for _ in range(count):
            connection.sendall(memoryview(piece)[:size])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
