"""Secrets that callers carry: how they are made, what is kept of them, and how long an answer about one is believed."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from pacs.model import Clock

T = TypeVar("T")

SECRET_BYTES = 32
SECRET_CHARACTERS_MAX = 256
TOKEN_PREFIX = "suret_"  # noqa: S105 - lets scanners for leaked secrets recognise one

REMEMBERED_FOR = timedelta(seconds=1)
REMEMBERED_MAX = 4096


def new_secret() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest(secret: str) -> str:
    """What the index keeps of a secret: SHA-256 in hexadecimal (a random secret needs no slow hash)."""
    return hashlib.sha256(secret.encode()).hexdigest()


class ShortMemory(Generic[T]):
    """Answers of `look_up`, believed for a second at most, so that a revoked secret is refused within a second."""

    def __init__(self, look_up: Callable[[str], T], clock: Clock) -> None:
        self._look_up = look_up
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, tuple[datetime, T]] = OrderedDict()
        self._generation = 0

    def peek(self, key: str) -> T | None:
        """The answer believed now, or None; never looks up, so it never blocks."""
        found = self._answers.get(key)
        # A clock set back must not make an answer last longer.
        if found is not None and timedelta(0) <= self._clock() - found[0] < REMEMBERED_FOR:
            return found[1]
        return None

    def __call__(self, key: str) -> T:
        """The answer believed now, or the one looked up now."""
        remembered = self.peek(key)
        if remembered is not None:
            return remembered
        now, generation = self._clock(), self._generation
        answer = self._look_up(key)
        with self._lock:
            if generation == self._generation:  # nothing was revoked while we looked
                self._answers[key] = (now, answer)
                self._answers.move_to_end(key)
                if len(self._answers) > REMEMBERED_MAX:
                    self._answers.popitem(last=False)
        return answer

    def forget(self) -> None:
        """Believe nothing any more; called after every change."""
        with self._lock:
            self._generation += 1
            self._answers.clear()
