"""A disk with a volatile cache, as a file system of one file: what was written stays in the cache until a flush.

    python -m tests.faults.volatile_disk FOLDER SEED

Writing a word into the file `control` beside the file `disk` orders a flush, a cut (a seeded half of the cached blocks
survives) or the restoring of what survived. One thread serves everything, so a cut falls between two writes.
"""

from __future__ import annotations

import errno
import random
import stat
import sys
import time
from typing import Any

from mfusepy import FUSE, FuseOSError, Operations

SIZE = 256 << 20
BLOCK = 4096


class VolatileDisk(Operations):  # type: ignore[misc]  # without types
    """The operations of FUSE that a loop device and `mkfs` need."""

    use_ns = True

    def __init__(self, seed: int) -> None:
        self._media = bytearray(SIZE)
        self._cache: dict[int, bytearray] = {}
        self._survived = self._media
        self._choose = random.Random(seed)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """One folder, the disk, the control."""
        now = time.time_ns()
        times = {"st_atime": now, "st_mtime": now, "st_ctime": now}
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2, **times}
        if path in ("/disk", "/control"):
            return {
                "st_mode": stat.S_IFREG | 0o600,
                "st_nlink": 1,
                "st_size": SIZE if path == "/disk" else 0,
                **times,
            }
        raise FuseOSError(errno.ENOENT)

    def readdir(self, path: str, fh: int) -> list[str]:
        """The names."""
        return [".", "..", "disk", "control"]

    def open(self, path: str, flags: int) -> int:
        """Anybody may."""
        return 0

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """The size is what it is; opening the control truncates it."""
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """The cache first, then what is below it."""
        if path != "/disk":
            return b""
        end = min(offset + size, SIZE)
        data = bytearray(self._media[offset:end])
        for number in range(offset // BLOCK, (end + BLOCK - 1) // BLOCK):
            block = self._cache.get(number)
            if block is not None:
                begin, stop = max(offset, number * BLOCK), min(end, (number + 1) * BLOCK)
                data[begin - offset : stop - offset] = block[begin - number * BLOCK : stop - number * BLOCK]
        return bytes(data)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Into the cache, block by block."""
        if path == "/control":
            getattr(self, f"_{data.decode().strip()}")()
            return len(data)
        done = 0
        while done < len(data):
            number, inside = divmod(offset + done, BLOCK)
            part = data[done : done + BLOCK - inside]
            block = self._cache.get(number)
            if block is None:
                block = self._cache[number] = self._media[number * BLOCK : (number + 1) * BLOCK]
            block[inside : inside + len(part)] = part
            done += len(part)
        return done

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """What a FLUSH of the device arrives as."""
        self._flush()
        return 0

    def _flush(self) -> None:
        for number, block in self._cache.items():
            self._media[number * BLOCK : (number + 1) * BLOCK] = block
        self._cache.clear()

    def _cut(self) -> None:
        self._survived = bytearray(self._media)
        for number, block in self._cache.items():
            if self._choose.random() < 0.5:
                self._survived[number * BLOCK : (number + 1) * BLOCK] = block

    def _restore(self) -> None:
        self._media, self._survived = self._survived, bytearray()
        self._cache.clear()


if __name__ == "__main__":
    FUSE(VolatileDisk(int(sys.argv[2])), sys.argv[1], foreground=True, nothreads=True, direct_io=True)
