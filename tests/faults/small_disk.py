"""A real file system that is small: it can be filled to the brim, or left without inodes, and be given room again."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import random
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MIB = 1 << 20


class SmallDisk:
    """A mounted file system of `kind` ("ext4" over a loop device, or "tmpfs"); ``with SmallDisk(…) as disk``."""

    def __init__(self, folder: Path, kind: str, mebibytes: int, *, inodes: int = 0) -> None:
        self.path = folder / "disk"
        self._image = folder / "disk.img"
        self._kind, self._mebibytes, self._inodes = kind, mebibytes, inodes

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True)
        if self._kind == "tmpfs":
            inodes = f",nr_inodes={self._inodes}" if self._inodes else ""
            _run("mount", "-t", "tmpfs", "-o", f"size={self._mebibytes}m{inodes}", "tmpfs", str(self.path))
            return self
        with self._image.open("wb") as image:
            image.truncate(self._mebibytes * MIB)
        count = ("-N", str(self._inodes)) if self._inodes else ()
        _run("mkfs.ext4", "-q", "-F", "-m", "0", *count, str(self._image))
        _run("mount", "-o", "loop", str(self._image), str(self.path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        gc.collect()  # a folder store closes its directories when nobody holds it any more
        deadline = time.monotonic() + 10
        while subprocess.run(["umount", str(self.path)], capture_output=True, timeout=30, check=False).returncode:
            if time.monotonic() > deadline:  # a process that is just being reaped holds it
                _run("umount", "-l", str(self.path))
                break
            time.sleep(0.1)
        self._image.unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """What an ordinary program may still write."""
        answer = os.statvfs(self.path)
        return answer.f_bavail * answer.f_frsize

    @property
    def free_inodes(self) -> int:
        """How many files may still be made."""
        return os.statvfs(self.path).f_favail

    def fill(self, leave: int = 0) -> None:
        """Take all room but `leave` bytes, with a ballast file."""
        with (self.path / "ballast").open("ab") as ballast:
            step = max(0, self.free_bytes - leave)
            while step >= 4096:
                try:
                    os.posix_fallocate(ballast.fileno(), os.fstat(ballast.fileno()).st_size, step)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2
                else:
                    step = min(step, self.free_bytes - leave)

    def take_inodes(self, leave: int = 0) -> None:
        """Make empty files until only `leave` more can be made."""
        folder = self.path / "inodes"
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            for number in range(max(0, self.free_inodes - leave)):
                (folder / f"{time.monotonic_ns()}-{number}").touch()

    def flip(self, content: bytes, choose: random.Random) -> None:
        """Flip a bit in the first block of the file that holds `content` and no other file begins with, on the device
        of an ext4, under everything memory holds of it."""
        offset = choose.randrange(4096)
        at = self._image.read_bytes().index(content[:4096]) + offset
        with self._image.open("r+b") as device:
            device.seek(at)
            device.write(bytes([content[offset] ^ 1 << choose.randrange(8)]))

    def relieve(self) -> None:
        """Give back what `fill` and `take_inodes` took."""
        (self.path / "ballast").unlink(missing_ok=True)
        if (self.path / "inodes").is_dir():
            for file in list((self.path / "inodes").iterdir()):
                file.unlink()


def needs() -> str:
    """Why no small disk can be made here, "" when it can."""
    return "" if os.geteuid() == 0 else "mounting a small file system needs root"


def _run(*command: str) -> None:
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    subprocess.run(command, check=True, timeout=60, capture_output=True, env={**os.environ, "PATH": path})
