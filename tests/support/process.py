"""The node as an operator runs it: a process of its own, on free ports, over a folder of its own.

    with NodeProcess(tmp_path) as node:
        subprocess.run(["dcmsend", "-aec", node.ae_title, "127.0.0.1", str(node.dimse_port), …])

The same object may be killed and started again: ports, folder and settings stay, as after a power cut.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

ROOT = Path(__file__).resolve().parents[2]

PORTS = range(20_000, 32_000)
"""Below the range from which Linux takes ports for outgoing connections (32768 and up)."""

_reserved: list[IO[str]] = []  # an open file is a reservation; it ends with this process


class NodeNotReady(AssertionError):
    """The node ended or stayed silent instead of getting ready; the text carries the end of its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on and no other test process has taken from here.

    Raises RuntimeError when a hundred tries found none.
    """
    folder = Path(tempfile.gettempdir()) / f"suret-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    for port in random.SystemRandom().sample(PORTS, 100):
        reservation = (folder / str(port)).open("w")
        try:
            fcntl.flock(reservation, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reserved.append(reservation)
        return port
    raise RuntimeError(f"no free port among 100 tried in {PORTS}")


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment without settings of a node, importing the product from this tree, plus `variables`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PACS_")}
    return environment | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | variables


class NodeProcess:
    """`pacs serve` in a process group of its own.

    `settings` are PACS_* variables, with or without the prefix: ``{"ARCHIVE__STUDY_QUIET_S": "0.5"}``.
    `arguments` follow `pacs serve`; `program` is what Python runs, for a node that a rig spoils.
    The administrator is `admin` with `admin_password`.
    """

    admin_password = "Correct-horse-battery-1"
    module: Sequence[str] = ("pacs.cli",)
    """What `python -m` runs, with its first arguments; a rig that patches the node puts its own in the place."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        *,
        program: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "node.log"
        self.arguments = tuple(arguments)
        self.program = tuple(program)
        self.dimse_port = free_port()
        self.web_port = free_port()
        self.ae_title = "SURET"
        folder.mkdir(parents=True, exist_ok=True)
        chosen = {f"PACS_{name.removeprefix('PACS_')}": value for name, value in (settings or {}).items()}
        self.environment = clean_environment(
            **{
                "PACS_DATA": str(self.data),
                "PACS_DIMSE__PORT": str(self.dimse_port),
                "PACS_WEB__PORT": str(self.web_port),
                "PACS_ADMIN_PASSWORD": self.admin_password,
                "PACS_ARCHIVE__BALLAST_BYTES": str(1 << 20),  # many nodes share the disk
            }
            | chosen
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, str] = {}

    @property
    def web_url(self) -> str:
        """Where the node's HTTP is, without a slash at the end."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def dicomweb_url(self) -> str:
        """The root of DICOMweb (PS3.18)."""
        return f"{self.web_url}/dicom-web"

    @property
    def pid(self) -> int:
        """The process id. Raises RuntimeError when the node is not running."""
        if self._process is None:
            raise RuntimeError("the node was not started or has been stopped")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, ready or not."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 60.0) -> Self:
        """Start the node and return when `/readyz` answers 200. Raises NodeNotReady."""
        self.spawn()
        self.wait_ready(timeout_s)
        return self

    def spawn(self) -> None:
        """Start the process and return at once, ready or not (for faults that strike during start-up)."""
        if self.running:
            raise RuntimeError("the node runs already")
        with self.log.open("ab") as log:
            self._process = self._launch(log)
        atexit.register(self.kill)

    def _launch(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *(self.program or ("-m", *self.module)), "serve", *self.arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until `/readyz` answers 200. Raises NodeNotReady, after killing what is left of it."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.running:
                raise NodeNotReady(f"the node ended with code {self._reap()}\n{self.log_tail()}")
            if self._answers_ready():
                return
            time.sleep(0.05)
        self.kill()
        raise NodeNotReady(f"the node was not ready after {timeout_s} s\n{self.log_tail()}")

    def kill(self) -> None:
        """SIGKILL the whole process group; returns when it is gone. Nothing happens when nothing runs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._reap()

    def stop(self, timeout_s: float = 40.0) -> int:
        """SIGTERM; returns the exit code. Raises AssertionError when it has not ended within `timeout_s`."""
        if self._process is None:
            raise RuntimeError("the node was not started or has been stopped")
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the node ignored SIGTERM for {timeout_s} s\n{self.log_tail()}") from None
        return self._reap()

    def command(
        self, *arguments: str, input: str | None = None, timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run `pacs ARGUMENTS` with the node's settings, the node running or not; any exit code."""
        return subprocess.run(
            [sys.executable, "-m", "pacs.cli", *arguments],
            cwd=self.folder,
            env=self.environment,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def token(self, role: str = "service") -> str:
        """A bearer token of an account with `role`, made once a role by `pacs user token`."""
        if role not in self._tokens:
            done = self.command("user", "token", f"test-{role}", "--role", role)
            assert done.returncode == 0, f"pacs user token: {done.stdout}{done.stderr}\n{self.log_tail()}"
            self._tokens[role] = done.stdout.strip().splitlines()[-1]
        return self._tokens[role]

    def authorization(self, role: str = "service") -> dict[str, str]:
        """The HTTP header of a script with `role`."""
        return {"Authorization": f"Bearer {self.token(role)}"}

    def log_tail(self, bytes_max: int = 20_000) -> str:
        """The end of what the node wrote to its standard output and error."""
        if not self.log.exists():
            return "(the node wrote no log)"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - bytes_max))
            return log.read().decode("utf-8", "replace")

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None and self.running:
            self.stop()
        else:
            self.kill()

    def _answers_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _reap(self) -> int:
        assert self._process is not None
        code = self._process.wait(30)
        with contextlib.suppress(ProcessLookupError):  # workers that outlived it would hold ports and files
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None
        atexit.unregister(self.kill)
        return code
