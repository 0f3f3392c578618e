"""What was asked for a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable


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
