"""Clients of HTTP: wrk for many short answers, and one that reads long answers to their end.

wrk is used because it costs the two cores least: a client in Python would be a good part of what is measured.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.peers import Server
from tests.bench.session import Failed
from tests.support.process import clean_environment

WRK: Final = ("wrk", "wrk")
TIMEOUT_S: Final = 30
BUFFER_BYTES: Final = 1 << 20

_SCRIPT: Final = """
local requests, number = {}, 0

function init(arguments)
  for path in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end

function request()
  number = number % #requests + 1
  return requests[number]
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"answers": %d, "seconds": %f, "p50_ms": %f, "p95_ms": %f, "bytes": %d, "errors": %d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    summary.bytes, errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
"""


@dataclass(frozen=True, slots=True)
class Web:
    """A server as its clients see it: `root` is where DICOMweb begins; `headers` go with every request."""

    server: Server
    root: str
    headers: Mapping[str, str]

    @property
    def name(self) -> str:
        """Whose it is."""
        return self.server.candidate.name

    def get(self, path: str, accept: str) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers (names in lower case) of one answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.web_port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", self.root + path, headers={**self.headers, "Accept": accept})
            answer = connection.getresponse()
            return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()


@dataclass(frozen=True, slots=True)
class Answered:
    """What clients met: answers a second of all of them together, and milliseconds of one answer."""

    per_second: float
    p50_ms: float
    p95_ms: float
    bytes_per_second: float


def ask(web: Web, paths: Sequence[str], accept: str, clients: int, seconds: int) -> Answered:
    """So many clients ask for `paths` one after the other, again and again, on connections that stay.

    Raises Failed where an answer is not a success.
    """
    folder = web.server.folder
    script, listed = folder / "clients.lua", folder / "paths.txt"
    script.write_text(_SCRIPT, encoding="utf-8")
    listed.write_text("\n".join(web.root + path for path in paths) + "\n", encoding="utf-8")
    headers = [f"--header={name}: {value}" for name, value in {**web.headers, "Accept": accept}.items()]
    address = f"http://127.0.0.1:{web.server.web_port}"
    command = [
        WRK[0], "--threads=1", f"--connections={clients}", f"--duration={seconds}s", f"--timeout={TIMEOUT_S}s",
        *headers, f"--script={script}", address, "--", str(listed),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    if done.returncode or not done.stdout.strip():
        raise Failed(f"{web.name}: wrk: {done.stderr or done.stdout}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if not found["answers"] and not found["errors"] and seconds < TIMEOUT_S:
        return ask(web, paths, accept, clients, 4 * seconds)  # one answer takes longer than that
    if found["errors"] or not found["answers"]:
        raise Failed(f"{web.name}: {found['errors']} of {found['answers']} answers to {paths[0]} failed")
    return Answered(
        found["answers"] / found["seconds"], found["p50_ms"], found["p95_ms"], found["bytes"] / found["seconds"]
    )


def read_long(web: Web, path: str, accept: str, bytes_min: int, times: int) -> Answered:
    """One client reads the answer to `path` to its end, `times` in turn. Raises Failed where it is too short."""
    taken: list[float] = []
    buffer = memoryview(bytearray(BUFFER_BYTES))
    total = 0
    connection = http.client.HTTPConnection("127.0.0.1", web.server.web_port, timeout=TIMEOUT_S)
    try:
        for _ in range(times):
            began = time.perf_counter()
            connection.request("GET", web.root + path, headers={**web.headers, "Accept": accept})
            answer = connection.getresponse()
            size = 0
            while count := answer.readinto(buffer):
                size += count
            taken.append(time.perf_counter() - began)
            if answer.status != http.HTTPStatus.OK or size < bytes_min:
                raise Failed(f"{web.name}: {path}: status {answer.status}, {size} bytes of at least {bytes_min}")
            total += size
    finally:
        connection.close()
    ordered = sorted(1e3 * one for one in taken)
    return Answered(
        times / sum(taken), ordered[len(ordered) // 2], ordered[-1 - len(ordered) // 20], total / sum(taken)
    )
