"""Memory that what is read from storage lies in until it is sent, used again: new memory costs more than the reading.

A large piece of memory that the C library gets anew for each answer is zeroed by the kernel, page by page.
"""

from __future__ import annotations

import weakref
from collections import defaultdict, deque

import numpy as np
from numpy.typing import NDArray

STEP_BYTES = 64 << 10
KEPT_BYTES_MAX = 32 << 20


class Buffers:
    """Gives buffers of any length and takes them back by itself; `kept_bytes` of them wait. Thread safe."""

    def __init__(self, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._kept_bytes_max = kept_bytes_max
        self.kept_bytes = 0
        self._free: defaultdict[int, deque[NDArray[np.uint8]]] = defaultdict(deque)

    def take(self, length: int) -> memoryview:
        """`length` bytes of anything. The memory is used again when the last view of it, or of a slice, is gone."""
        size = -(-length // STEP_BYTES) * STEP_BYTES
        try:
            memory = self._free[size].pop()  # the one used last: the processor still has it at hand
            self.kept_bytes -= size
        except IndexError:
            memory = np.empty(size, np.uint8)
        # Every view refers to `lease`, which ends with the last of them; `memory` goes on.
        lease = memory[:length]
        weakref.finalize(lease, self._give_back, memory).atexit = False
        return lease.data

    def _give_back(self, memory: NDArray[np.uint8]) -> None:
        if self.kept_bytes + memory.nbytes <= self._kept_bytes_max:
            self.kept_bytes += memory.nbytes
            self._free[memory.nbytes].append(memory)
