"""Orthanc as Debian ships it, as the peer of a node: it sends, answers queries, and does storage commitment."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.peers import PDU_DEFAULT, Candidate, Server, orthanc
from tests.support.peers import program

AE_TITLE = "ORTHANC"


class Orthanc:
    """A running Orthanc; `api` is its REST interface."""

    def __init__(self, server: Server) -> None:
        self.dimse_port, self.web_port = server.port, server.web_port

    def api(self, path: str, body: Any = None, method: str = "") -> Any:
        """What a request answers, parsed; POST where there is a body."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.web_port}{path}"
        request = urllib.request.Request(url, data, method=method or ("GET" if data is None else "POST"))
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content[:1] in (b"[", b"{") else content

    def upload(self, files: list[Path]) -> list[str]:
        """Put files in; Orthanc's own identifiers of the instances."""
        return [str(self.api("/instances", file.read_bytes())["ID"]) for file in files]

    def know(self, ae_title: str, port: int) -> None:
        """Register a modality of this machine."""
        self.api(f"/modalities/{ae_title}", {"AET": ae_title, "Host": "127.0.0.1", "Port": port}, "PUT")


@contextmanager
def running_orthanc(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """An Orthanc over `folder`, with `settings` of its JSON; leaves the test where it is not installed."""
    program("Orthanc", "orthanc")
    candidate = Candidate("orthanc", "the peer", AE_TITLE, PDU_DEFAULT, orthanc(**settings))
    with Server(candidate, folder) as server:
        found = Orthanc(server)
        deadline = time.monotonic() + 30
        while True:
            try:
                found.api("/system")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield found
