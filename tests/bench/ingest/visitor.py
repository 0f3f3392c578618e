"""A visitor of the web side: `python -m tests.bench.ingest.visitor URL TOKEN PATH…` asks for each path in turn until it
is told to end by a line on its standard input, then prints the milliseconds of every answer as JSON.

A process of its own, so that a busy sender does not make its clock late.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time
from itertools import cycle
from urllib.parse import urlsplit

PAUSE_S = 0.01
TIMEOUT_S = 30


def main(url: str, token: str, paths: list[str]) -> None:
    """Ask until told to end."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    taken: list[float] = []
    for path in cycle(paths):
        began = time.perf_counter()
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}", "Accept": "*/*"})
        answer = connection.getresponse()
        answer.read()
        taken.append(1e3 * (time.perf_counter() - began))
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status}")
        if select.select([sys.stdin], [], [], PAUSE_S)[0]:
            break
    print(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
