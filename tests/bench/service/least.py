"""The limit of long answers: as many files as a series has objects, sent by the kernel out of its page cache.

`python -m tests.bench.service.least FOLDER PORT WEB_PORT` answers GET /COUNT/BYTES with COUNT different files of BYTES
each, on one connection at a time. PORT only tells that it listens.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

HEAD_MAX = 65536


def main(folder: Path, port: int, web_port: int) -> None:
    """Serve until ended."""
    folder.mkdir(parents=True, exist_ok=True)
    told = socket.create_server(("127.0.0.1", port))
    with told, socket.create_server(("127.0.0.1", web_port)) as listening:
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _serve(connection, folder)


def _serve(connection: socket.socket, folder: Path) -> None:
    while request := connection.recv(HEAD_MAX):
        count, size = map(int, request.split(b" ", 2)[1].strip(b"/").split(b"/"))
        files = [_file(folder, number, size) for number in range(count)]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (count * size))
        for path in files:
            with path.open("rb", buffering=0) as file:
                connection.sendfile(file)


def _file(folder: Path, number: int, size: int) -> Path:
    path = folder / f"{number}-{size}"
    if not path.exists():
        path.write_bytes(os.urandom(size))
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
