"""Where a fault can strike: every system call of a scenario on the store's paths, from a trace of an unharmed run.

strace counts a call by its name and by thread, so a point is a name, a path and how often the two have met.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

NAMES = (
    "openat,mkdirat,write,pwrite64,fchmod,fsync,fdatasync,ftruncate,renameat,renameat2,rename,link,linkat,"
    "unlink,unlinkat,close"
)
_CALL = re.compile(r"^(\d+)\s+(?:[\d.]+ )?(\w+)\((.*)$")
_RESUMED = re.compile(r"^(\d+)\s+(?:[\d.]+ )?<\.\.\. (\w+) resumed>(.*)$")


@dataclass(frozen=True, slots=True)
class Point:
    """The `count`-th call of `name` that has to do with `path`."""

    name: str
    path: str
    count: int

    def __str__(self) -> str:
        return f"{self.name} {self.count} on {self.path}"

    def injection(self, fault: str) -> list[str]:
        """strace's arguments to let `fault` strike here and nowhere else."""
        return ["-e", f"trace={self.name}", "-P", self.path, "-e", f"inject={self.name}:{fault}:when={self.count}"]


def points(trace: Path, folder: Path) -> list[Point]:
    """Every point of the trace (made with -y and -e trace=NAMES) on a path beneath `folder`, in order."""
    met: Counter[tuple[str, str, str]] = Counter()
    found: dict[Point, None] = {}
    for line in trace.read_text(errors="replace").splitlines():
        call = _CALL.match(line)
        path = _path_in(call[3], folder) if call else ""
        if call and path:
            met[call[1], call[2], path] += 1
            found[Point(call[2], path, met[call[1], call[2], path])] = None
    return list(found)


@dataclass(frozen=True, slots=True)
class Struck:
    """A call which strace answered with an error instead of making it."""

    name: str
    path: str
    at: float


def struck(trace: Path, folder: Path) -> list[Struck]:
    """The calls of a trace (made with -y and -ttt) that were answered by strace."""
    begun: dict[str, str] = {}
    found = []
    for line in trace.read_text(errors="replace").splitlines():
        call, resumed = _CALL.match(line), _RESUMED.match(line)
        if call:
            begun[call[1]] = line
        if "(INJECTED)" not in line:
            continue
        whole = begun[resumed[1]] if resumed else line
        name = _CALL.match(whole)
        if name:
            found.append(Struck(name[2], _path_in(name[3], folder), float(whole.split()[1])))
    return found


def _path_in(arguments: str, folder: Path) -> str:
    """The first path beneath `folder` that the arguments of a call name or that a descriptor of theirs stands for."""
    match = re.search(rf"[<\"]({re.escape(str(folder))}[^>\"]*)", arguments)
    return match[1] if match else ""
