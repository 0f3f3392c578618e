"""Who takes part in ingest beside this node and the others: limits, and this node with clocks in it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.peers import (
    NODE,
    ORTHANC_DEFAULT,
    ORTHANC_FASTEST,
    PDU_LARGE,
    STORESCP,
    Candidate,
    Launch,
    suret,
)


def _sink(keep: str) -> Callable[[Path, int, int], Launch]:
    def launch(folder: Path, port: int, _web_port: int) -> Launch:
        return Launch([sys.executable, "-m", "tests.bench.ingest.sink", keep, str(port), str(folder)])

    return launch


TRACED = Candidate(
    "traced", "this node with clocks around its parts", "SURET", PDU_LARGE, suret("tests.bench.ingest.trace")
)
DURABLE_SINK = Candidate("durable-sink", "the least that durable files cost", "SINK", PDU_LARGE, _sink("files"))
HASHED_SINK = Candidate(
    "hashed-sink",
    "durable files and their SHA-256: the least that our promise costs",
    "SINK",
    PDU_LARGE,
    _sink("hashed"),
)
SEGMENT_SINK = Candidate("segment-sink", "the least that durable segments cost", "SINK", PDU_LARGE, _sink("segment"))
APPEND_SINK = Candidate("append-sink", "append to one file, fdatasync, answer", "SINK", PDU_LARGE, _sink("append"))
SINK = Candidate("sink", "receive and answer, nothing else", "SINK", PDU_LARGE, _sink("nothing"))
SINKS = (DURABLE_SINK, HASHED_SINK, SEGMENT_SINK, APPEND_SINK, SINK)
EVERYBODY = (NODE, ORTHANC_DEFAULT, ORTHANC_FASTEST, STORESCP, *SINKS)
