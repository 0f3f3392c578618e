"""How many rows an answer has in all: counting costs as much as there are, so a total is remembered for a moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from pacs.index import query as index_query
from pacs.index.criteria import Query
from pacs.index.engine import Index

KEPT_S = 2.0
SHARE_MAX = 0.05
"""Of a processor's time, what counting one question again and again may take while the index changes."""

KEPT_MAX = 1000


@dataclass(frozen=True, slots=True)
class _Total:
    rows: int
    at: float
    seconds: float
    commits: int


class Totals:
    """Counts for `index`. Thread safe.

    A total is right while nothing was committed by this node; else it may be as old as counting it took, twenty times
    over, and never older than KEPT_S.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, _Total] = OrderedDict()

    def of(self, query: Query) -> int:
        """How many rows there are without limit and offset."""
        key = replace(query, returns=(), limit=None, offset=0)
        return self.counted(key, lambda connection: index_query.count(connection, key))

    def counted(self, key: Hashable, count: Callable[[Connection], int]) -> int:
        """What `count` finds, now or a moment ago; `key` names the question."""
        commits = self._index.statistics().get("commits", -1)
        began = time.monotonic()
        with self._lock:
            known = self._known.get(key)
        if known is not None:
            kept_s = KEPT_S if known.commits == commits else min(KEPT_S, known.seconds / SHARE_MAX)
            if began - known.at < kept_s:
                return known.rows
        with self._index.read() as connection:
            rows = count(connection)
        with self._lock:
            self._known[key] = _Total(rows, began, time.monotonic() - began, commits)
            self._known.move_to_end(key)
            if len(self._known) > KEPT_MAX:
                self._known.popitem(last=False)
        return rows
