"""The part `retrieve`: frames, metadata, whole series and pictures of 250 CT slices (G9, G10, G12, G13)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Final

from tests.bench.ingest import workload
from tests.bench.ingest.load import send
from tests.bench.peers import NODE, Server, rotated
from tests.bench.report import Verdict, spread
from tests.bench.service.candidates import LEAST, ORTHANC_WEB, refuse_absent, web
from tests.bench.service.client import Answered, Web, ask, read_long
from tests.bench.service.rates import Measured, p95_ms, per_second, ratio, text, values
from tests.bench.session import Failed, Outcome, Part, Session

SLICES: Final = 250
FRAME_BYTES: Final = 512 * 512 * 2
MANY: Final = 8
SECONDS: Final = 2
SERIES_TIMES: Final = 4
PICTURES: Final = 4000  # paths a run; no two runs have one in common, so that nobody can answer from a cache
ANY_FRAMES: Final = 'multipart/related; type="application/octet-stream"; transfer-syntax=*'
ANY_OBJECTS: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'
FRAME, METADATA, SERIES, PICTURE = "frame 512²", "series metadata", "whole series", "rendered JPEG"
_OURS, _THEIRS = NODE.name, ORTHANC_WEB.name
_LEAST_PATH: Final = f"/{SLICES}/{workload.CT.dataset_bytes}"


class _Asked:
    """The paths of one series at one candidate."""

    def __init__(self, web: Web, uids: Sequence[dict[str, str]]) -> None:
        self.web = web
        self.series = f"/studies/{uids[0]['study']}/series/{uids[0]['series']}"
        instances = [f"{self.series}/instances/{one['instance']}" for one in uids]
        self.frames = [f"{path}/frames/1" for path in instances]
        self._pictures = (
            f"{path}/rendered?window={40 + number / 100:.2f},400,linear"
            for number, path in enumerate(itertools.cycle(instances))
        )

    def check(self, first_frame: bytes) -> None:
        """Raise Failed where an answer is not what it has to be; builds what is kept afterwards."""
        status, body, headers = self.web.get(self.frames[0], ANY_FRAMES)
        self._expect(FRAME, status, first_frame in body)
        status, body, headers = self.web.get(f"{self.series}/metadata", "application/dicom+json")
        self._expect(METADATA, status, body.count(b'"00080018"') >= SLICES)
        for path in itertools.islice(self._pictures, 2):
            status, body, headers = self.web.get(path, "image/jpeg")
            self._expect(PICTURE, status, body.startswith(b"\xff\xd8") and headers["content-type"] == "image/jpeg")
        self.whole()

    def _expect(self, what: str, status: int, good: bool) -> None:
        if status != 200 or not good:
            raise Failed(f"{self.web.name}: {what}: status {status}, or another answer than was asked for")

    def frame(self, clients: int, seconds: int) -> Answered:
        return ask(self.web, self.frames, ANY_FRAMES, clients, seconds)

    def metadata(self, clients: int, seconds: int) -> Answered:
        browser = Web(self.web.server, self.web.root, {**self.web.headers, "Accept-Encoding": "gzip"})
        return ask(browser, [f"{self.series}/metadata"], "application/dicom+json", clients, seconds)

    def picture(self, clients: int, seconds: int) -> Answered:
        paths = list(itertools.islice(self._pictures, PICTURES))
        return ask(self.web, paths, "image/jpeg", clients, seconds)

    def whole(self, times: int = 1) -> Answered:
        return read_long(self.web, self.series, ANY_OBJECTS, SLICES * workload.CT.dataset_bytes, times)


def run(session: Session) -> Outcome:
    """Ask both for everything in turns. Raises Failed."""
    refuse_absent()
    seconds = 1 if session.quick else SECONDS
    encoded = workload.datasets(workload.CT, SLICES)
    frame = encoded[0][-FRAME_BYTES:]
    found: list[Measured] = []
    with ExitStack() as running:
        both = []
        for candidate in (NODE, ORTHANC_WEB):
            server = running.enter_context(Server(candidate, session.folder / candidate.name))
            asked = _Asked(web(server), _send(server, encoded))
            asked.check(frame)
            both.append(asked)
        del encoded
        least = Web(running.enter_context(Server(LEAST, session.folder / LEAST.name)), "", {})
        for number in session.numbers():
            least_found = read_long(least, _LEAST_PATH, "*/*", SLICES * workload.CT.dataset_bytes, SERIES_TIMES)
            found.append(Measured(LEAST.name, SERIES, 1, number, least_found))
            for asked in rotated(both, number):
                name = asked.web.name
                found += [
                    Measured(name, FRAME, 1, number, asked.frame(1, seconds)),
                    Measured(name, FRAME, MANY, number, asked.frame(MANY, seconds)),
                    Measured(name, PICTURE, 1, number, asked.picture(1, seconds)),
                    Measured(name, PICTURE, MANY, number, asked.picture(MANY, seconds)),
                    Measured(name, METADATA, 1, number, asked.metadata(1, seconds)),
                    Measured(name, SERIES, 1, number, asked.whole(SERIES_TIMES)),
                ]
    return Outcome({"runs": [asdict(run) for run in found]}, text(found), _verdicts(found))


def _send(server: Server, encoded: list[bytes]) -> list[dict[str, str]]:
    """Store the slices as one series by C-STORE; their UIDs."""
    messages = workload.messages(workload.CT, encoded, server.candidate.pdu_bytes)
    names = next(workload.runs())
    for message in messages:
        message.series = 0
        message.rename(names)
    send(server.peer, messages, 1)
    return [message.uids() for message in messages]


def _verdicts(runs: Sequence[Measured]) -> tuple[Verdict, ...]:
    def over_orthanc(
        name: str, what: str, clients: int, floor: float, goal: float, limit: float | None = None
    ) -> Verdict:
        reached = ratio(runs, _OURS, _THEIRS, what, clients, per_second)
        return Verdict(name, f"{what} over Orthanc's plugin, {clients} clients", reached, floor, goal, limit)

    p95 = spread(values(runs, _OURS, FRAME, MANY, p95_ms).values())
    return (
        over_orthanc("G9", FRAME, 1, 4, 8),
        over_orthanc("G9", FRAME, MANY, 4, 8),
        Verdict("G9", f"{FRAME}, p95 in ms, {MANY} clients", p95, float("inf"), 3, at_most=True),
        over_orthanc("G10", METADATA, 1, 20, 80),
        over_orthanc("G12", SERIES, 1, 2.5, 5, ratio(runs, LEAST.name, _THEIRS, SERIES, 1, per_second).median),
        over_orthanc("G13", PICTURE, 1, 2, 4),
        over_orthanc("G13", PICTURE, MANY, 2, 4),
    )


PARTS = {"retrieve": Part("frames, metadata, a whole series and pictures against Orthanc's DICOMweb plugin", run)}
