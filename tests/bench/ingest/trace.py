"""The node with clocks around its parts, put there from outside: `python -m tests.bench.ingest.trace` is `pacs serve`.

Every clock counts the time of its part without the parts inside it, an instance at a time, and the processor's seconds
of its thread. When the node ends they are written to breakdown.json in the current folder: `instances`, a list of
part → (seconds, processor seconds) in the order of the answers.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

RECORD = "breakdown.json"
INSTANCE: Final = "rest of the handler"
PARTS: Final = {
    "pacs.dimse.store:StorageProvider.store": INSTANCE,
    "pacs.dimse.association:Association.receive_data_set": "receive",
    "pacs.dimse.association:Association.respond": "answer",
    "pacs.archive.archive:Archive.receive": "admit, open spool file",
    "pacs.archive.ingest:Reception.write": "take a piece",
    "pacs.archive.ingest:Reception.commit": "checks, digests",
    "pacs.archive.spool:Spool.write_down": "file made and written",
    "pacs.archive.ingest:walk": "walk",
    "pacs.archive.digests:DatasetDigest.finish": "hash",
    "storage.filesystem:FolderStore.put": "put, beside its syncs",
    "storage.filesystem:move_without_replacement": "rename",
    "pacs.index.writer:Writer.write": "wait for others' transactions",
    "pacs.index.writer:Writer._commit": "transaction, beside its parts",
    "pacs.archive.ingest:register": "statements",
    "sqlalchemy.engine:RootTransaction.commit": "COMMIT with its sync",
}
"""Where the clocks go, and what the time is called. Who leads a transaction has the statements of others in his."""
SYNCS: Final = ("os:fsync", "os:fdatasync")
FILE_SYNC, FOLDER_SYNC = "file fsync", "folder fsync"


class Clocks:
    """Exclusive times by thread; an instance begins and ends with the INSTANCE part."""

    def __init__(self) -> None:
        self.instances: list[dict[str, tuple[float, float]]] = []
        self._local = threading.local()

    def timed(self, part: Callable[[tuple[Any, ...]], str], function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` with a clock; `part` names it by the arguments."""

        @functools.wraps(function)
        def clocked(*arguments: Any, **named: Any) -> Any:
            name = part(arguments)
            stack = self._stack()
            if not stack and name != INSTANCE:
                return function(*arguments, **named)  # not on behalf of an instance
            stack.append((0.0, 0.0))  # what the parts inside it take
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
                inner_wall, inner_cpu = stack.pop()
                if stack:
                    stack[-1] = (stack[-1][0] + wall, stack[-1][1] + cpu)
                times = self._local.times
                own_wall, own_cpu = times.get(name, (0.0, 0.0))
                times[name] = (own_wall + wall - inner_wall, own_cpu + cpu - inner_cpu)
                if not stack:
                    self.instances.append(dict(times))
                    times.clear()

        return clocked

    def write(self, path: Path) -> None:
        """Save what was measured."""
        path.write_text(json.dumps({"instances": self.instances}), encoding="utf-8")

    def _stack(self) -> list[tuple[float, float]]:
        if not hasattr(self._local, "stack"):
            self._local.stack, self._local.times = [], {}
        stack: list[tuple[float, float]] = self._local.stack
        return stack


def place(point: str) -> tuple[Any, str]:
    """The object that holds a point of the tables above and the name in it. Raises AttributeError when it is gone."""
    module, _, path = point.partition(":")
    holder: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for step in outer:
        holder = getattr(holder, step)
    getattr(holder, name)
    return holder, name


def put_clocks(clocks: Clocks) -> None:
    """Wrap every point of the tables."""
    for point, part in PARTS.items():
        holder, name = place(point)
        setattr(holder, name, clocks.timed(lambda _arguments, part=part: part, getattr(holder, name)))  # type: ignore[misc]
    for point in SYNCS:
        holder, name = place(point)
        setattr(holder, name, clocks.timed(_kind_of_sync, getattr(holder, name)))


def _kind_of_sync(arguments: tuple[Any, ...]) -> str:
    return FOLDER_SYNC if stat.S_ISDIR(os.fstat(arguments[0]).st_mode) else FILE_SYNC


def main() -> None:
    """Serve until SIGTERM, then write the record."""
    from pacs.cli import main as pacs

    clocks = Clocks()
    put_clocks(clocks)
    record = Path.cwd() / RECORD
    try:
        pacs(["serve"])
    finally:
        clocks.write(record)


if __name__ == "__main__":
    main()
