"""The limits are honest: those that are durable keep what was sent, the other takes everything, and all answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.ingest import workload
from tests.bench.ingest.candidates import APPEND_SINK, DURABLE_SINK, HASHED_SINK, SEGMENT_SINK, SINKS
from tests.bench.ingest.load import send
from tests.bench.peers import NODE, Candidate, Peer, Server
from tests.bench.session import Failed
from tests.support.process import free_port

COUNT = 8
PREAMBLE = bytes(128) + b"DICM"


@pytest.fixture(params=SINKS, ids=lambda candidate: candidate.name)
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A running sink."""
    with Server(request.param, tmp_path / "sink") as server:
        yield server


@pytest.fixture(scope="module")
def messages() -> list[workload.Message]:
    """Slices with names of their own."""
    made = workload.messages(workload.CT, workload.datasets(workload.CT, COUNT), 131072)
    run = next(workload.runs())
    for message in made:
        message.rename(run)
    return made


@pytest.mark.parametrize("associations", [1, 4])
def test_every_instance_is_answered_and_the_durable_one_kept(
    sink: Server, messages: list[workload.Message], associations: int
) -> None:
    timed = send(sink.peer, messages, associations, sink.cpu_s)
    assert len(timed.latencies_s) == COUNT
    assert timed.seconds >= max(timed.latencies_s)
    sent = sorted(_data_set(message) for message in messages)
    assert _kept(sink.candidate, sink.folder) == (sent if sink.candidate.name != "sink" else [])


def _kept(sink: Candidate, folder: Path) -> list[bytes]:
    if sink in (DURABLE_SINK, HASHED_SINK):
        return sorted(path.read_bytes()[len(PREAMBLE) :] for path in (folder / "objects").glob("*.dcm"))
    if sink in (SEGMENT_SINK, APPEND_SINK):
        length = len(PREAMBLE) + workload.CT.dataset_bytes
        content = (folder / "segment").read_bytes()[: COUNT * length]
        return sorted(content[at + len(PREAMBLE) : at + length] for at in range(0, len(content), length))
    return []


def test_a_peer_that_does_not_listen_is_a_failure_and_no_figure(messages: list[workload.Message]) -> None:
    with pytest.raises(Failed, match="no association"):
        send(Peer("nobody", free_port(), "NOBODY", 131072), messages, 1)


def test_the_node_refusing_is_a_failure_and_no_figure(tmp_path: Path, messages: list[workload.Message]) -> None:
    with Server(NODE, tmp_path / "node") as server:
        stranger = Peer("stranger", server.port, "NOT_SURET", 131072)
        with pytest.raises(Failed, match="no association"):
            send(stranger, messages, 1)
        send(server.peer, messages, 4, server.cpu_s)
        assert len(list((server.folder / "data" / "store" / "objects").rglob("*.dcm"))) == COUNT


def _data_set(message: workload.Message) -> bytes:
    pieces, position = [], 0
    stream = bytes(message.stream)
    while position < len(stream):
        end = position + 6 + int.from_bytes(stream[position + 2 : position + 6])
        if not stream[position + 11] & 1:
            pieces.append(stream[position + 12 : end])
        position = end
    return b"".join(pieces)
