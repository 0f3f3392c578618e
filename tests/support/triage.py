"""Small real HTTP services for the triage tests: one that behaves, and ones that do not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """The body as JSON."""
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed


Respond = Callable[[Delivery], tuple[int, dict[str, str]]]


@dataclass
class Service:
    """A listening service: every delivery is kept, then answered by `respond`."""

    respond: Respond
    url: str = ""
    deliveries: list[Delivery] = field(default_factory=list)
    _arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, count: int = 1, timeout_s: float = 30.0) -> list[Delivery]:
        """The deliveries once there are `count` of them."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.deliveries) >= count, timeout_s), (
                f"{len(self.deliveries)} of {count} deliveries after {timeout_s} s"
            )
            return list(self.deliveries)

    def take(self, delivery: Delivery) -> tuple[int, dict[str, str]]:
        """Keep one delivery and answer it."""
        with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()
        return self.respond(delivery)


@contextmanager
def service(respond: Respond = lambda _delivery: (202, {}), port: int = 0) -> Iterator[Service]:
    """A service on 127.0.0.1, on `port` or any."""
    running = Service(respond)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers = running.take(Delivery({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            for name, value in {"content-length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    running.url = f"http://127.0.0.1:{server.server_address[1]}/task"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def raw_service(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A service that does `answer` to the socket after the request has begun; its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                answer(connection)
            except OSError:
                pass  # the client has had enough

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=one, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/task"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for thread in (accepting, *threads):
            thread.join(10)


def verified(delivery: Delivery, secret: str) -> bool:
    """What Standard Webhooks asks of a receiver: one of the signatures is right and the time is ours."""
    message_id, timestamp = delivery.headers["webhook-id"], delivery.headers["webhook-timestamp"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((message_id.encode(), timestamp.encode(), delivery.body))
    right = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    fresh = abs(time.time() - int(timestamp)) <= 300
    given = delivery.headers["webhook-signature"].split(" ")
    return fresh and any(hmac.compare_digest(right, one) for one in given)


def result_of(message: dict[str, Any], suggestion: str = "critical", **more: Any) -> dict[str, Any]:
    """A result that answers the task in `message`."""
    data = message["data"]
    return {
        "task_id": data["task_id"],
        "service": {
            "id": "reader",
            "name": "Reader",
            "version": "1.0",
            "regulatory": "none",
            "not_for_diagnosis": True,
        },
        "status": "succeeded",
        "input_digest": data["input"]["input_digest"],
        "completed_at": "2026-11-23T08:00:00Z",
        "image_quality": "diagnostic",
        "triage": {
            "suggestion": suggestion,
            "score": 0.99,
            "text": {"en": "Dense region", "kk": "Тығыз аймақ"},
        },
        **more,
    }
