"""Object keys: write-once, in the order of arrival, and nothing out of the data set in them."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime, timedelta
from functools import lru_cache

from ulid import ULID

from pacs.model import EPOCH, Clock, to_microseconds

PREFIX = "objects/"
RANDOM_BITS = 80


class ArrivalOrder:
    """Gives ULIDs that always rise in this process, within one millisecond and when the clock steps back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> ULID:
        """A ULID above every one given before."""
        drawn = ((to_microseconds(self._clock()) // 1000) << RANDOM_BITS) | secrets.randbits(RANDOM_BITS - 1)
        with self._lock:
            # Above the last by a random step, so that keys cannot be guessed and two nodes never meet.
            self._last = drawn if drawn > self._last else self._last + 1 + secrets.randbits(32)
            return ULID(self._last.to_bytes(16))


def key_at(moment: datetime) -> str:
    """Every key of an object that came in the hour of `moment`, or later, sorts behind this; every earlier, before."""
    return f"{PREFIX}{moment:%Y/%m/%d/%H}"


def key_after(moment: datetime) -> str:
    """Every key of an object that came before `moment` sorts before this."""
    return key_at(moment + timedelta(hours=1))


def object_key(ulid: ULID) -> str:
    """``objects/YYYY/MM/DD/hh/ULID.dcm``: the hour of arrival and the ULID."""
    return f"{_hour_folder(ulid.milliseconds // 3_600_000)}{ulid}.dcm"


@lru_cache(maxsize=8)
def _hour_folder(hour: int) -> str:
    """The folder of an hour, counted since 1970."""
    return f"{PREFIX}{EPOCH + timedelta(hours=hour):%Y/%m/%d/%H}/"
