"""What was asked for, and found, a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent:
    """Up to `keys_max` keys, each for `seconds` after it was last seen. For one thread."""

    def __init__(self, seconds: float, keys_max: int) -> None:
        self._seconds = seconds
        self._keys_max = keys_max
        self._seen: OrderedDict[Hashable, float] = OrderedDict()

    def seen(self, key: Hashable) -> bool:
        """Whether `key` was seen lately; from now on it was."""
        now = time.monotonic()
        before = self._seen.pop(key, None)
        self._seen[key] = now
        if len(self._seen) > self._keys_max:
            self._seen.popitem(last=False)
        return before is not None and now - before < self._seconds


class Unchanged(Generic[T]):
    """Up to `keys_max` values, each good while `commits` of the index is what it was before they were looked up.

    For one thread.
    """

    def __init__(self, commits: Callable[[], int | None], keys_max: int) -> None:
        self._commits = commits
        self._keys_max = keys_max
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._as_of: int | None = None

    def get(self, key: Hashable) -> T | None:
        """What was kept under `key`, if that is still true."""
        commits = self._commits()
        if commits is None or commits != self._as_of:
            self._kept.clear()
            self._as_of = commits
            return None
        return self._kept.get(key)

    def put(self, key: Hashable, value: T) -> None:
        """Keep what was looked up after `get` of the same key was asked, with nothing waited for in between."""
        if self._as_of is None:
            return
        self._kept[key] = value
        if len(self._kept) > self._keys_max:
            self._kept.popitem(last=False)
