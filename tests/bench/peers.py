"""The candidates: each a real process over a folder of its own on one disk, all listening until the end."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from tests.bench.session import Failed
from tests.support.peers import SYSTEM_PATH
from tests.support.process import clean_environment, free_port

T = TypeVar("T")

START_S = 60.0
STOP_S = 20.0
QUIET_S = 0.1
QUIET_WAIT_S = 3.0
LARGE_BYTES = 64 * 1024
DATABASE_NAMES = ("index", "log")
"""How the files of an index begin, with their logs: this node's, Orthanc's and the sinks'."""
ADMIN_PASSWORD = "Correct-horse-battery-1"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Peer:
    """Where to send: a listening program, and the longest PDU it takes."""

    name: str
    port: int
    ae_title: str
    pdu_bytes: int


@dataclass(frozen=True, slots=True)
class Launch:
    """How a candidate is started: a command, its variables, and files that have to be there."""

    command: Sequence[str]
    variables: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that is measured. `launch(folder, port, web_port)`; `needs`: a program and the package that brings it."""

    name: str
    what: str
    ae_title: str
    pdu_bytes: int
    launch: Callable[[Path, int, int], Launch]
    needs: tuple[str, str] | None = None

    @property
    def missing(self) -> str:
        """Why it cannot take part, or nothing."""
        if self.needs is None or shutil.which(self.needs[0], path=SYSTEM_PATH):
            return ""
        return f"{self.needs[0]} is absent: sudo apt-get install --no-install-recommends {self.needs[1]}"


class Server:
    """A started candidate. Its process group ends with the context."""

    def __init__(self, candidate: Candidate, folder: Path) -> None:
        self.candidate = candidate
        self.folder = folder
        self.port, self.web_port = free_port(), free_port()
        self.peer = Peer(candidate.name, self.port, candidate.ae_title, candidate.pdu_bytes)
        self._log = folder.with_suffix(".log")
        self._variables: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        launch = self.candidate.launch(self.folder, self.port, self.web_port)
        for name, text in launch.files.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        self._variables = launch.variables
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                launch.command,
                cwd=self.folder,
                env=clean_environment(**launch.variables) | {"PATH": SYSTEM_PATH},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_listening()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_S)

    def token(self, role: str = "service") -> str:
        """A bearer token of this node. Raises Failed."""
        done = subprocess.run(
            [sys.executable, "-m", "pacs.cli", "user", "token", f"bench-{role}", "--role", role],
            cwd=self.folder,
            env=clean_environment(**self._variables),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed(f"{self.candidate.name} gives no token: {done.stderr}")
        return done.stdout.strip().splitlines()[-1]

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._process.pid

    def cpu_s(self) -> float:
        """Processor seconds used so far by the process, its children, and those of them that it has reaped."""
        total = 0
        for process in (self.pid, *_descendants(self.pid)):
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15]))  # proc(5): utime, stime, cutime, cstime
        return total / _TICKS_PER_S

    def settle(self, since: float) -> None:
        """Make the next run meet what this one met: nothing in flight, objects written since `since` out of the cache.

        `since` is a time of day in seconds. Nothing is deleted: ext4 is slow for minutes after that. Databases stay in
        memory, where those of a node at work are: a log whose blocks were dropped is read again to be written over.
        """
        os.sync()
        for path in self.folder.rglob("*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                is_object = (
                    status.st_size >= LARGE_BYTES and path.is_file() and not path.name.startswith(DATABASE_NAMES)
                )
                if status.st_mtime >= since and is_object:
                    _forget(path)
        deadline = time.monotonic() + QUIET_WAIT_S
        used = self.cpu_s()
        while time.monotonic() < deadline:
            time.sleep(QUIET_S)
            before, used = used, self.cpu_s()
            if used - before < 0.1 * QUIET_S:
                return

    def _wait_listening(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.1)
        end = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
        self.__exit__()
        raise Failed(f"{self.candidate.name} does not listen on port {self.port}\n{end}")


def _forget(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found


# The candidates ------------------------------------------------------------------------------------------------


def suret(module: str, **variables: str) -> Callable[[Path, int, int], Launch]:
    """This node by the name of its program, with settings of its own."""

    def launch(folder: Path, port: int, web_port: int) -> Launch:
        return Launch(
            [sys.executable, "-m", *module.split()],
            {
                "PACS_DATA": str(folder / "data"),
                "PACS_DIMSE__PORT": str(port),
                "PACS_WEB__PORT": str(web_port),
                "PACS_ADMIN_PASSWORD": ADMIN_PASSWORD,
            }
            | variables,
        )

    return launch


def orthanc(*, nodelay: bool = True, **more: object) -> Callable[[Path, int, int], Launch]:
    """Orthanc with its default settings and `more` of its JSON."""

    def launch(folder: Path, port: int, web_port: int) -> Launch:
        settings = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "DicomAet": "ORTHANC",
            "DicomPort": port,
            "HttpPort": web_port,
            "AuthenticationEnabled": False,
            "DicomAlwaysAllowStore": True,
        }
        return Launch(
            ["Orthanc", "orthanc.json"],
            {"TCP_NODELAY": "1"} if nodelay else {},
            {"orthanc.json": json.dumps(settings | more)},
        )

    return launch


def _storescp(folder: Path, port: int, _web_port: int) -> Launch:
    return Launch(
        ["storescp", "--fork", "-pdu", "131072", "-od", str(folder), str(port)],
        {"TCP_NODELAY": "1"},
    )


ORTHANC, DCMTK = ("Orthanc", "orthanc"), ("storescp", "dcmtk")
PDU_LARGE, PDU_DEFAULT = 128 * 1024, 16384
NODE = Candidate("suret", "this node as it is shipped", "SURET", PDU_LARGE, suret("pacs.cli serve"))
ORTHANC_DEFAULT = Candidate(
    "orthanc", "Orthanc, default settings, TCP_NODELAY=1", "ORTHANC", PDU_DEFAULT, orthanc(), ORTHANC
)
ORTHANC_OUT_OF_THE_BOX = Candidate(
    "orthanc-nagle", "Orthanc as Debian ships it: Nagle on", "ORTHANC", PDU_DEFAULT, orthanc(nodelay=False), ORTHANC
)
ORTHANC_FASTEST = Candidate(
    "orthanc-fastest",
    "Orthanc, no sync, PDU 128 KiB, 8 DICOM threads",
    "ORTHANC",
    PDU_LARGE,
    orthanc(SyncStorageArea=False, MaximumPduLength=131072, DicomThreadsCount=8),
    ORTHANC,
)
STORESCP = Candidate("storescp", "DCMTK storescp --fork: no index, no sync", "STORESCP", PDU_LARGE, _storescp, DCMTK)


def present(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those that can take part; says which are left out."""
    found = []
    for candidate in candidates:
        if candidate.missing:
            print(f"left out: {candidate.name}: {candidate.missing}")
        else:
            found.append(candidate)
    return found


def rotated(taking_part: Sequence[T], by: int) -> Sequence[T]:
    """Who begins changes from round to round."""
    by %= len(taking_part)
    return (*taking_part[by:], *taking_part[:by])


def versions() -> dict[str, str]:
    """What the other nodes say they are."""
    found = {}
    for program, package in (ORTHANC, DCMTK):
        if shutil.which(program, path=SYSTEM_PATH):
            done = subprocess.run(
                ["/usr/bin/env", program, "--version"],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PATH": SYSTEM_PATH},
            )
            found[package] = (done.stdout or done.stderr).splitlines()[0].strip("$ ")
    return found
