"""Empty files made before they are needed: while others delete, a new one costs ext4 more than what is written into it.

A thread of its own makes them while objects keep coming, so that whoever takes one in does not wait for it. Nothing is
promised by them: what is synced, named and synced again is the same, and the next start removes what is left.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections import deque
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger()

COUNT: Final = 16
LOW: Final = 8
STREAM_S: Final = 0.25
"""Arrivals that follow each other so closely are a stream; a single one makes its own file."""
IDLE_S: Final = 5.0
MODE: Final = 0o440
FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

Ready = tuple[Path, int]
"""A file that nobody else has, and its descriptor, open for reading and writing."""


class ReadyFiles:
    """Up to COUNT files under `folder`, which is nobody else's; after IDLE_S without an arrival they go.

    Thread safe.
    """

    def __init__(self, folder: Path) -> None:
        """What an earlier process left goes now. Raises nothing."""
        self._folder = folder
        self._changed = threading.Condition()
        self._files: deque[Ready] = deque()
        self._asked_at = float("-inf")
        self._wanted = False
        self._thread: threading.Thread | None = None
        self._taken = 0
        self._failures = 0
        self._is_failing = False
        with contextlib.suppress(OSError):
            for left in folder.glob("*.part"):
                left.unlink(missing_ok=True)

    def take(self) -> Ready | None:
        """One of them, the caller's from now on; None where he has to make his own."""
        now = time.monotonic()
        with self._changed:
            is_stream = now - self._asked_at < STREAM_S
            self._asked_at = now
            file = self._files.popleft() if self._files else None
            self._taken += file is not None
            if is_stream and len(self._files) <= LOW and not self._wanted:
                self._wanted = True
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="ready-files", daemon=True)
                    self._thread.start()
                self._changed.notify()
        return file

    def statistics(self) -> dict[str, int]:
        """How many are there, how many were taken, and how often none could be made."""
        return {"files_ready": len(self._files), "files_taken": self._taken, "files_failures": self._failures}

    def close(self) -> None:
        """Remove what nobody took."""
        with self._changed:
            self._asked_at = float("-inf")
            self._wanted, thread = False, self._thread
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while (unused := self._wait()) is None:
            self._fill()
        for path, descriptor in unused:
            with contextlib.suppress(OSError):
                os.close(descriptor)
                path.unlink(missing_ok=True)

    def _wait(self) -> deque[Ready] | None:
        """None when there are too few; after a pause what was not used, and the thread is to end."""
        with self._changed:
            while not self._wanted:
                left = self._asked_at + IDLE_S - time.monotonic()
                if left <= 0:
                    self._thread = None
                    unused, self._files = self._files, deque()
                    return unused
                self._changed.wait(left)
            self._wanted = False
            return None

    def _fill(self) -> None:
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o750)
            while len(self._files) < COUNT:
                path = self._folder / f"{secrets.token_hex(8)}.part"
                self._files.append((path, os.open(path, FLAGS, MODE)))
            self._is_failing = False
        except OSError as error:  # each arrival makes its own, and says what is wrong
            self._failures += 1
            if not self._is_failing:  # a stream would fill the log
                log.warning("no_files_made_ready", folder=str(self._folder), cause=error.strerror)
            self._is_failing = True
