"""The limits are honest: the durable sink keeps what was sent, the other one takes everything, and both answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import workload
from tests.bench.load import Failed, Peer, send
from tests.bench.peers import CANDIDATES, NODE, Server
from tests.support.process import free_port

COUNT = 8
SINKS = {candidate.name: candidate for candidate in CANDIDATES if candidate.name.endswith("sink")}


@pytest.fixture(params=sorted(SINKS))
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A running sink."""
    with Server(SINKS[request.param], tmp_path / "sink") as server:
        yield server


@pytest.fixture(scope="module")
def messages() -> list[workload.Slice]:
    """Slices with names of their own."""
    made = workload.slices(workload.datasets(COUNT), 131072)
    run = next(workload.runs())
    for message in made:
        message.rename(run)
    return made


@pytest.mark.parametrize("associations", [1, 4])
def test_every_instance_is_answered_and_the_durable_one_kept(
    sink: Server, messages: list[workload.Slice], associations: int
) -> None:
    timed = send(sink.peer, messages, associations, sink.cpu_s)
    assert len(timed.latencies_s) == COUNT
    assert timed.seconds >= max(timed.latencies_s)
    files = list((sink.folder / "objects").glob("*.dcm"))
    assert len(files) == (COUNT if sink.candidate.name.startswith("durable") else 0)
    kept = {path.read_bytes()[132:] for path in files}
    assert kept <= {_data_set(message) for message in messages}
    assert len(kept) == len(files)


def test_a_peer_that_does_not_listen_is_a_failure_and_no_figure(messages: list[workload.Slice]) -> None:
    with pytest.raises(Failed, match="no association"):
        send(Peer("nobody", free_port(), "NOBODY", 131072), messages, 1)


def test_the_node_refusing_is_a_failure_and_no_figure(tmp_path: Path, messages: list[workload.Slice]) -> None:
    with Server(NODE, tmp_path / "node") as server:
        stranger = Peer("stranger", server.port, "NOT_SURET", 131072)
        with pytest.raises(Failed, match="no association"):
            send(stranger, messages, 1)
        send(server.peer, messages, 4, server.cpu_s)
        assert len(list((server.folder / "data" / "store" / "objects").rglob("*.dcm"))) == COUNT


def _data_set(message: workload.Slice) -> bytes:
    pieces, position = [], 0
    stream = bytes(message.stream)
    while position < len(stream):
        end = position + 6 + int.from_bytes(stream[position + 2 : position + 6])
        if not stream[position + 11] & 1:
            pieces.append(stream[position + 12 : end])
        position = end
    return b"".join(pieces)
