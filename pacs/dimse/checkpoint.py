"""Stops pynetdicom's association reactor for certain while a request waits for its response.

pynetdicom's own pause looks at a flag that is true for a moment in every turn of the reactor, running or not. A reactor
that is held up in that moment takes the response off the queue, and the sender waits for it until its timeout.
"""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["steady_reactor"]

_LOOK_S = 0.05  # an association that ended meanwhile has no reactor to park


class _Checkpoint(threading.Event):
    """The event that a reactor waits for in every turn; `parked` is set only while it really waits."""

    def __init__(self, association: Any) -> None:
        super().__init__()
        self.parked = threading.Event()
        self._association = association
        self._change = threading.Lock()
        self.set()

    def set(self) -> None:
        """Let the reactor go on."""
        with self._change:
            self.parked.clear()
            super().set()

    def clear(self) -> None:
        """Stop the reactor; return when it stands still or has ended. A reactor that calls this itself goes on."""
        super().clear()
        if threading.current_thread() is self._association:
            return
        while not self.parked.wait(_LOOK_S):
            if not self._association.is_alive():
                return

    def wait(self, timeout: float | None = None) -> bool:
        """Called by the reactor in every turn."""
        with self._change:
            if not self.is_set():
                self.parked.set()
        return super().wait(timeout)


def steady_reactor(association: Any) -> None:
    """Let every later `send_*()` of `association` (pynetdicom) wait until its reactor stands still."""
    if not isinstance(association._reactor_checkpoint, _Checkpoint):
        # the reactor passes the old one at once, since that is set, and finds this one in its next turn
        association._reactor_checkpoint = _Checkpoint(association)
