"""The part `single`: one frame of an object of 1,000 compressed frames, the same decoded, and a slab through a volume.

Of this node alone: seconds of a request, the median of each round. `cold` is asked for the first time, `kept` again.
"""

from __future__ import annotations

import statistics
import time
import urllib.request
from collections.abc import Iterable, Sequence
from typing import Final

from pydicom.uid import JPEGLSLossless

from tests.bench.peers import NODE, Server
from tests.bench.report import spread
from tests.bench.service.candidates import web
from tests.bench.service.client import Web
from tests.bench.session import Failed, Outcome, Part, Session
from tests.support.factories import ct_series, part10, us_cine

FRAMES: Final = 1000
AT_ONCE: Final = 20
SLICES: Final = 200
AS_STORED: Final = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
DECODED: Final = 'multipart/related; type="application/octet-stream"'
STORED_FRAME, DECODED_FRAME, KEPT_FRAME = "frame as stored", "frame decoded, cold", "frame decoded, kept"
SLAB, KEPT_SLAB = "MPR slab, cold", "MPR slab, again"


def run(session: Session) -> Outcome:
    """Store a cine and a CT series, then ask. Raises Failed."""
    found: dict[str, list[float]] = {name: [] for name in (STORED_FRAME, DECODED_FRAME, KEPT_FRAME, SLAB, KEPT_SLAB)}
    with Server(NODE, session.folder / NODE.name) as server:
        asked = web(server)
        cine = us_cine(frames=FRAMES, rows=240, columns=320, transfer_syntax=JPEGLSLossless)
        series = ct_series(SLICES, study="ct", rows=256, columns=256)
        for dataset in (cine, *series):
            _store(server, asked, part10(dataset))
        frame = f"/studies/{cine.StudyInstanceUID}/series/{cine.SeriesInstanceUID}/instances"
        frame += f"/{cine.SOPInstanceUID}/frames/"
        volume = f"/studies/{series[0].StudyInstanceUID}/series/{series[0].SeriesInstanceUID}/renderedmpr"
        for number in session.numbers():
            chosen = [f"{frame}{1 + (number * AT_ONCE + place) * 37 % FRAMES}" for place in range(AT_ONCE)]
            found[STORED_FRAME].append(_median(asked, chosen, AS_STORED))
            found[DECODED_FRAME].append(_median(asked, chosen, DECODED))
            found[KEPT_FRAME].append(_median(asked, chosen, DECODED))
            slabs = [f"{volume}?orientation=a&mprslab={10 + number}"]
            found[SLAB].append(_median(asked, slabs, "image/jpeg"))
            found[KEPT_SLAB].append(_median(asked, slabs, "image/jpeg"))
    return Outcome({"seconds": found}, "\n".join(_lines(found)))


def _store(server: Server, asked: Web, file: bytes) -> None:
    url = f"http://127.0.0.1:{server.web_port}/dicom-web/studies"
    request = urllib.request.Request(url, file, {**asked.headers, "Content-Type": "application/dicom"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        if answer.status != 200:
            raise Failed(f"the node did not store an object: {answer.status}")


def _median(asked: Web, paths: Sequence[str], accept: str) -> float:
    seconds = []
    for path in paths:
        began = time.perf_counter()
        status, body, _ = asked.get(path, accept)
        seconds.append(time.perf_counter() - began)
        if status != 200 or not body:
            raise Failed(f"{path}: status {status}")
    return statistics.median(seconds)


def _lines(found: dict[str, list[float]]) -> Iterable[str]:
    for name, seconds in found.items():
        yield f"{name:24} {spread([1000 * one for one in seconds])} ms"


PARTS = {"single": Part("single frames of 1,000, stored and decoded, and a slab through 200 slices", run)}
