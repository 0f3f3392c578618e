"""Stops pynetdicom's association reactor for certain while a request waits for its response.

pynetdicom's own pause looks at a flag that is true for a moment in every turn of the reactor, running or not. A reactor
that is held up in that moment takes the response off the queue, and the sender waits for it until its timeout.
"""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["park_reactor"]

_LOOK_S = 0.05  # an association that ended meanwhile has no reactor to park


class _Checkpoint(threading.Event):
    """The event that a reactor waits for in every turn; `parked` is set only while it really waits."""

    def __init__(self) -> None:
        super().__init__()
        self.parked = threading.Event()
        self._change = threading.Lock()

    def set(self) -> None:
        """Let the reactor go on."""
        with self._change:
            self.parked.clear()
            super().set()

    def wait(self, timeout: float | None = None) -> bool:
        """Called by the reactor in every turn."""
        with self._change:
            if not self.is_set():
                self.parked.set()
        return super().wait(timeout)


def park_reactor(association: Any) -> None:
    """Return when the reactor of `association` (pynetdicom) stands still; it goes on after the next `send_*()`."""
    checkpoint = association._reactor_checkpoint
    if not isinstance(checkpoint, _Checkpoint):
        # the reactor passes the old one at once, since that is set, and finds this one in its next turn
        checkpoint = association._reactor_checkpoint = _Checkpoint()
    checkpoint.clear()
    while not checkpoint.parked.wait(_LOOK_S):
        if not association.is_alive():
            return
