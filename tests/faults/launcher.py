"""Nodes forked from a process that has loaded the product: a start costs what the node does, not what Python loads.

    with Launcher(folder) as launcher:
        node = LaunchedNode(folder / "node", launcher, mutant="success-before-commit").start()

Each is a process group of its own with its own environment, folder and log, as `pacs serve` started from a shell. It
starts its decode workers when something is to be decoded, and hashes passwords cheaply: a kill is about neither, and
both would take most of a start. It ends with the launcher.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self

from tests.faults.driver import PR_SET_PDEATHSIG
from tests.support.process import ROOT, NodeProcess, clean_environment

POLL_S = 0.005


class Launcher:
    """The process, seen from a rig; for one thread."""

    def __init__(self, folder: Path) -> None:
        self._log = (folder / "launcher.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.launcher"],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def launch(self, log: Path, folder: Path, environment: Mapping[str, str], mutant: str) -> Launched:
        """Start a node."""
        answer = self.ask(log=str(log), folder=str(folder), environment=dict(environment), mutant=mutant)
        return Launched(self, int(answer))

    def ask(self, **order: Any) -> Any:
        """One order, one answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the launcher ended with code {self._process.wait()}; see {self._log.name}")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()
        self._log.close()


class Launched:
    """A node's process, which is the launcher's child: what `NodeProcess` needs of `subprocess.Popen`."""

    def __init__(self, launcher: Launcher, pid: int) -> None:
        self._launcher, self.pid = launcher, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._launcher.ask(ended=self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code. Raises subprocess.TimeoutExpired."""
        deadline = time.monotonic() + (timeout or float("inf"))
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(f"node {self.pid}", timeout or 0)
            time.sleep(POLL_S)
        return code

    def terminate(self) -> None:
        """SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)


class LaunchedNode(NodeProcess):
    """A node that a launcher starts, spoiled by `mutant` unless that is ""."""

    def __init__(
        self, folder: Path, launcher: Launcher, settings: Mapping[str, str] | None = None, *, mutant: str = ""
    ) -> None:
        super().__init__(folder, settings)
        self._launcher, self._mutant = launcher, mutant

    def _launch(self, log: IO[bytes]) -> Launched:  # type: ignore[override]  # as much of a Popen as is used
        return self._launcher.launch(Path(str(log.name)), self.folder, self.environment, self._mutant)


# In the process itself ----------------------------------------------------------------------------------------------


def main() -> None:
    """Take orders until standard input ends."""
    import pacs.node  # noqa: F401 - loaded here, once, for every node
    from tests.faults import mutants  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    gc.collect()
    gc.freeze()  # what is never collected is shared with the children
    for line in sys.stdin:
        order = json.loads(line)
        if "ended" in order:
            ended, status = os.waitpid(order["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork() or _be_node(order)
        print(json.dumps(answer), file=answers, flush=True)


def _be_node(order: Mapping[str, Any]) -> NoReturn:
    code = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        log, nothing = os.open(order["log"], os.O_WRONLY | os.O_APPEND), os.open(os.devnull, os.O_RDONLY)
        for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, target)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        _serve(order["mutant"])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _serve(mutant: str) -> NoReturn:
    from pacs import cli, node
    from pacs.access import accounts
    from pacs.render.workers import DecodeWorkers
    from tests.faults import mutants

    class LateWorkers(DecodeWorkers):
        """Begins with slots in which no worker could be started: each is tried again when it is needed."""

        _begun = False

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._begun = True

        def _start(self) -> Any:
            return super()._start() if self._begun else None

    accounts.PasswordHasher = partial(accounts.PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)  # type: ignore[attr-defined, assignment]
    node.DecodeWorkers = LateWorkers  # type: ignore[attr-defined]
    mutants.apply(mutant)
    cli.main(["serve"])


if __name__ == "__main__":
    main()
