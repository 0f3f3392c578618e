"""A folder in memory: faster, and apart from what else the disk has to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

MEMORY_BYTES = 64 << 20


@contextlib.contextmanager
def in_memory(folder: Path, memory_bytes: int = MEMORY_BYTES) -> Iterator[Path]:
    """A folder in memory, for faults to which it is all one whether a disk is behind the calls; `folder` itself where
    memory has not so many bytes to spare."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < memory_bytes:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="suret-faults-", dir=memory) as made:
        yield Path(made)
