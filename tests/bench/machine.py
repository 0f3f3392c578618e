"""The machine a bench runs on: a network of its own, and what has to be known to read the figures."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pacs
from storage.mounts import file_system_of
from tests.bench.peers import versions
from tests.support.process import ROOT

MTU = 1500
"""An Ethernet's: loopback's own 64 KiB stall senders with Nagle on."""

BUSY_LOAD = 0.5
_NETWORK_VARIABLE = "SURET_BENCH_NETWORK"
_SHARED = "shared: loopback as it is"


def isolate_network() -> None:
    """Go on in a network namespace of our own with an Ethernet's MTU; the program begins again in it."""
    if _NETWORK_VARIABLE in os.environ:
        return
    os.environ[_NETWORK_VARIABLE] = _SHARED
    unshare = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    setup = [*unshare, "sh", "-c", f'ip link set lo up mtu {MTU} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*setup, "true"], capture_output=True, check=False).returncode:
        print("no network namespace of its own: figures of peers with Nagle on suffer")
        return
    os.environ[_NETWORK_VARIABLE] = f"namespace of its own, MTU {MTU}"
    os.execvp(setup[0], [*setup, sys.executable, "-m", "tests.bench", *sys.argv[1:]])


@contextmanager
def mtu(size: int) -> Iterator[bool]:
    """Loopback with another MTU for a while; False where the network is shared with others, and nothing changes."""
    isolated = os.environ.get(_NETWORK_VARIABLE, _SHARED) != _SHARED
    if isolated:
        _set_mtu(size)
    try:
        yield isolated
    finally:
        if isolated:
            _set_mtu(MTU)


def _set_mtu(size: int) -> None:
    subprocess.run(["ip", "link", "set", "lo", "mtu", str(size)], check=True, capture_output=True)


def commit() -> str:
    """The commit of the tree that is measured; says so when files differ from it."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    revision = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return revision + (" with uncommitted changes" if git("status", "--porcelain", "--", "pacs", "storage") else "")


def circumstances(folder: Path, revision: str) -> dict[str, str]:
    """What has to be known to read the figures; `folder` is where the data go."""
    load = os.getloadavg()[0]
    found = {
        "suret": f"{pacs.__version__}, commit {revision}",
        **versions(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, Linux {platform.release()}",
        "python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "disk": f"{file_system_of(folder.resolve()) or 'unknown'} at {folder}",
        "network": os.environ[_NETWORK_VARIABLE],
        "load": f"{load:.2f}",
    }
    if load > BUSY_LOAD:
        found["note"] = "others are or were at work on this machine: these figures are only indicative"
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
