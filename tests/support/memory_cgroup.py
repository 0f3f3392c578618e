"""A memory cgroup around a process and its children, of whichever version this kernel has (cgroups(7))."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Self

V1 = Path("/sys/fs/cgroup/memory")
V2 = Path("/sys/fs/cgroup")
GONE_WITHIN_S = 20.0


def missing() -> str:
    """Why no memory cgroup can be made here; "" where one can."""
    try:
        with MemoryCgroup(64 << 20):
            return ""
    except OSError as error:
        return f"no memory cgroup can be made here ({error}); run as root where the memory controller is on"


class MemoryCgroup:
    """At most `limit_bytes` of memory for every process that is added, without swap. Leave it when they have ended."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._one = (V1 / "memory.limit_in_bytes").exists()
        self._folder = (V1 if self._one else V2) / f"suret-{os.getpid()}-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        if not self._one and "memory" not in (V2 / "cgroup.subtree_control").read_text().split():
            (V2 / "cgroup.subtree_control").write_text("+memory")
        self._folder.mkdir()
        try:
            self._write("memory.limit_in_bytes" if self._one else "memory.max", self._limit)
            with contextlib.suppress(OSError):  # a kernel without accounts of swap
                self._write(*(("memory.memsw.limit_in_bytes", self._limit) if self._one else ("memory.swap.max", 0)))
        except OSError:
            self._folder.rmdir()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        deadline = time.monotonic() + GONE_WITHIN_S
        while True:
            try:
                self._folder.rmdir()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def add(self, pid: int) -> None:
        """Take the process in; what it starts from now on is in as well."""
        self._write("cgroup.procs", pid)

    @property
    def kills(self) -> int:
        """How many processes the kernel ended here for want of memory."""
        return self._counts("memory.oom_control" if self._one else "memory.events").get("oom_kill", 0)

    @property
    def peak_bytes(self) -> int:
        """The most memory ever in use, the file system's cache included; 0 where the kernel does not say."""
        file = self._folder / ("memory.max_usage_in_bytes" if self._one else "memory.peak")
        return int(file.read_text()) if file.exists() else 0

    def _counts(self, name: str) -> dict[str, int]:
        lines = (line.split() for line in (self._folder / name).read_text().splitlines())
        return {words[0]: int(words[1]) for words in lines if len(words) == 2}

    def _write(self, name: str, value: int) -> None:
        (self._folder / name).write_text(str(value))
