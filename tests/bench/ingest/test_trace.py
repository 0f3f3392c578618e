"""The clocks find their places in the product, and their parts add up to the whole."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.bench.ingest import trace, workload
from tests.bench.ingest.breakdown import breakdown, read
from tests.bench.ingest.candidates import TRACED
from tests.bench.ingest.load import send
from tests.bench.peers import Server

COUNT = 8


@pytest.mark.parametrize("point", [*trace.PARTS, *trace.SYNCS])
def test_every_point_is_still_there(point: str) -> None:
    holder, name = trace.place(point)
    assert callable(getattr(holder, name))


def test_a_part_does_not_count_what_is_inside_it() -> None:
    clocks = trace.Clocks()
    inner = clocks.timed(lambda _: "inner", lambda: time.sleep(0.05))
    outer = clocks.timed(lambda _: trace.INSTANCE, lambda: inner())
    inner()  # outside an instance: not counted
    outer()
    (times,) = clocks.instances
    assert times["inner"][0] >= 0.05
    assert times[trace.INSTANCE][0] < times["inner"][0]


def test_threads_do_not_mix() -> None:
    clocks = trace.Clocks()
    both = threading.Barrier(2, timeout=10)
    outer = clocks.timed(lambda _: trace.INSTANCE, lambda: both.wait())
    threads = [threading.Thread(target=outer) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [list(times) for times in clocks.instances] == [[trace.INSTANCE]] * 2


def test_a_node_with_clocks_tells_every_part(tmp_path: Path) -> None:
    messages = workload.messages(workload.CT, workload.datasets(workload.CT, COUNT), 131072)
    run = next(workload.runs())
    for message in messages:
        message.rename(run)
    with Server(TRACED, tmp_path / "traced") as server:
        timed = send(server.peer, messages, 1, server.cpu_s)
    record = read(tmp_path / "traced")
    assert len(record["instances"]) == COUNT
    parts = breakdown(record, 0, COUNT)
    expected = {*trace.PARTS.values(), trace.FILE_SYNC, trace.FOLDER_SYNC}
    assert {part.name for part in parts} == expected
    assert sum(part.ms for part in parts) * COUNT <= 1e3 * timed.seconds
