"""Pages of one search are of one moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from pacs.access.principals import Principal
from pacs.index.criteria import Query

MOMENT_S = 600.0
MOMENTS_MAX = 2000


class Moments:
    """Up to which row the pages of a search are told of, so that what comes in between does not move them.

    A page from the middle is of the moment at which its caller asked for the first one, MOMENT_S long. Thread safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def of(self, principal: Principal, query: Query) -> int | None:
        """The last row of that moment; None for the first page, and where it is not known any more."""
        if not query.offset:
            return None
        with self._lock:
            last_row, at = self._known.get(_search(principal, query), (None, 0.0))
        return last_row if time.monotonic() - at < MOMENT_S else None

    def keep(self, principal: Principal, query: Query) -> None:
        """Remember the last row of `query` for the pages that follow."""
        if query.last_row is None:
            return
        key = _search(principal, query)
        with self._lock:
            self._known[key] = (query.last_row, time.monotonic())
            self._known.move_to_end(key)
            if len(self._known) > MOMENTS_MAX:
                self._known.popitem(last=False)


def _search(principal: Principal, query: Query) -> Hashable:
    """What all pages of a search have in common."""
    return principal, replace(query, returns=(), limit=None, offset=0, last_row=None)
