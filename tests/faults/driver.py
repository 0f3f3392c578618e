"""The archive's core in children of a process that has loaded it, so that a fault costs no start-up.

One order a line of JSON on standard input, one answer a line on standard output. Each work runs in a forked child,
traced by strace when asked, killed after a while when asked. With `private` the process has mounts of its own, which
go with it, however it ends.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self

from tests.support.process import ROOT, clean_environment

PATIENCE_S = 60.0
LOOK_S, LOOK_MAX_S = 0.002, 0.1
"""Between two looks at a child; what is longer was spent by whoever looks in being stopped, or in waiting for the
processor, as the child was, and does not count as the child's."""
TELLS_S = 5.0
"""So long before a child that hangs is killed it is asked where each of its threads is. By a signal, not by a clock of
its own (faulthandler.dump_traceback_later): that goes off in a child which was stopped for a while and runs again, and
to look at threads while they run may end the process (signal 11)."""
PR_SET_PDEATHSIG, PR_SET_PTRACER, PR_SET_PTRACER_ANY = 1, 0x59616D61, ctypes.c_ulong(-1)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: by which signal (0: none), with what result, or why without one ("": it did not break)."""

    signal: int
    result: dict[str, Any]
    broken: str
    hung: bool


class Driver:
    """The process, seen from a rig."""

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        """Start it; what its children print goes to `folder`/driver.log."""
        self._log = (folder / "driver.log").open("ab")
        launcher = ["unshare", "--mount", "--propagation", "private"] if private else []
        self._process = subprocess.Popen(
            [*launcher, sys.executable, "-m", "tests.faults.driver"],
            cwd=ROOT,
            env=clean_environment(PYTHONHASHSEED="0"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def work(
        self,
        name: str,
        folder: Path,
        log: Path,
        *,
        seed: int = 1,
        mutant: str = "",
        trace: Sequence[str] = (),
        kill_after: tuple[int, float] | None = None,
        short_write: int = 0,
        **options: Any,
    ) -> Ended:
        """Have a child do `name`; `trace` are strace's arguments. Returns when the child is gone.

        With `kill_after` it is killed when so many more lines are in `log` and so many seconds have passed then:
        counted in answers, a fault meets the same work on a slow machine and on a fast one.
        Its `short_write`-th write into a spool file takes only half; 0: none.
        """
        answer = self._ask(
            work=name,
            folder=str(folder),
            log=str(log),
            seed=seed,
            mutant=mutant,
            trace=list(trace),
            kill_after=kill_after,
            short_write=short_write,
            options=options,
        )
        return Ended(answer["signal"], answer["result"], answer["why"], answer["hung"])

    def run(self, *command: str | Path) -> None:
        """Run a program where the driver's mounts are. Raises RuntimeError with what it said."""
        answer = self._ask(command=[str(part) for part in command])
        if answer["code"]:
            raise RuntimeError(f"{' '.join(map(str, command))}: {answer['said']}")

    def background(self, *command: str | Path) -> int:
        """Start a program there and leave it running; its process id. It ends with the driver."""
        return int(self._ask(background=[str(part) for part in command])["pid"])

    def write(self, file: Path, text: str) -> None:
        """Write to a file there."""
        self._ask(write=str(file), text=text)

    def wait_for(self, file: Path) -> None:
        """Wait until a file is there. Raises RuntimeError when it does not come."""
        self._ask(wait_for=str(file))

    def close(self) -> None:
        """End it and, with `private`, every mount it made."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended with code {self._process.wait()}; see {self._log.name}")
        answer: dict[str, Any] = json.loads(line)
        if "broken" in answer:
            raise RuntimeError(answer["broken"])
        return answer


# In the process itself ----------------------------------------------------------------------------------------------


def main() -> None:
    """Take orders until standard input ends."""
    from tests.faults import mutants, short_write, work  # noqa: F401 - loaded here, once, for every child

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the works print is no answer
    running: list[subprocess.Popen[bytes]] = []
    try:
        for line in sys.stdin:
            try:
                answer = _obey(json.loads(line), running)
            except Exception:
                answer = {"broken": traceback.format_exc()}
            print(json.dumps(answer), file=answers, flush=True)
    finally:
        for process in reversed(running):
            process.kill()
            process.wait()


def _obey(order: dict[str, Any], running: list[subprocess.Popen[bytes]]) -> dict[str, Any]:
    if "command" in order:
        done = subprocess.run(order["command"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return {"code": done.returncode, "said": done.stdout + done.stderr}
    if "background" in order:
        running.append(subprocess.Popen(order["background"], stdin=subprocess.DEVNULL))
        return {"pid": running[-1].pid}
    if "wait_for" in order:
        patience = Patience(PATIENCE_S)
        while not Path(order["wait_for"]).exists():
            if any(process.poll() is not None for process in running) or not patience.look():
                raise RuntimeError(f"{order['wait_for']} did not come")
        return {}
    if "write" in order:
        Path(order["write"]).write_text(order["text"])
        return {}
    return _child(order)


def _child(order: dict[str, Any]) -> dict[str, Any]:
    go, start = os.pipe()
    before = _lines(Path(order["log"]))
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as stacks:
        pid = os.fork()
        if pid == 0:
            os.close(start)
            faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=True)
            _be_child(order, go, told)
        os.close(go)
        tracer = _trace(pid, order["trace"]) if order["trace"] else None
        os.close(start)  # the child has waited for the end of this pipe
        if order["kill_after"] is not None:
            lines, seconds = order["kill_after"]
            _await_lines(Path(order["log"]), before + lines, pid)
            time.sleep(seconds)
            os.kill(pid, signal.SIGKILL)
        status, hung = _await(pid)
        if tracer is not None:
            patience = Patience(PATIENCE_S)
            while tracer.poll() is None:
                if not patience.look():
                    raise RuntimeError("strace did not end with the child")
        told.seek(0)
        said = json.loads(told.read() or b"{}")
        stacks.seek(0)
        where = stacks.read().decode(errors="replace")
    died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    why = f"it hung for {PATIENCE_S} s\n{where}" if hung else said.get("broken", f"signal {died}" if died else "")
    return {"signal": died, "result": said.get("result", {}), "why": why, "hung": hung}


def _be_child(order: Mapping[str, Any], go: int, told: IO[bytes]) -> NoReturn:
    from tests.faults import mutants, short_write, work

    try:
        system = ctypes.CDLL(None)
        system.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        system.prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY)
        if order["short_write"]:
            short_write.shorten(order["short_write"])
        mutants.apply(order["mutant"])
        os.read(go, 1)
        os.close(go)
        task = work.Task(Path(order["folder"]), Path(order["log"]), order["seed"], order["options"])
        said: dict[str, Any] = {"result": work.WORKS[order["work"]](task)}
    except BaseException as error:
        traceback.print_exc()
        said = {"broken": repr(error)}
    told.write(json.dumps(said).encode())
    told.flush()
    os._exit(0)


def _trace(pid: int, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-p", str(pid), *arguments], stdin=subprocess.DEVNULL)
    patience = Patience(PATIENCE_S)
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        if tracer.poll() is not None or not patience.look():
            os.kill(pid, signal.SIGKILL)
            raise RuntimeError(f"strace did not attach: {arguments}")
    return tracer


class Patience:
    """So long something is waited for, in the time of whoever waits: a rig that was stopped for a while (SIGSTOP), and
    its children with it, must not find that a child hung."""

    def __init__(self, seconds: float) -> None:
        self.left, self._last = seconds, time.monotonic()

    def look(self) -> bool:
        """Wait a little; whether there is patience left."""
        time.sleep(LOOK_S)
        now = time.monotonic()
        self.left -= min(now - self._last, LOOK_MAX_S)
        self._last = now
        return self.left > 0


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def _await_lines(log: Path, wanted: int, pid: int) -> None:
    patience = Patience(PATIENCE_S)
    while _lines(log) < wanted:
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text() or not patience.look():
            return


def _await(pid: int) -> tuple[int, bool]:
    """The child's status, and whether it hung and was killed for it."""
    patience, asked = Patience(PATIENCE_S), False
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status, False
        if patience.left < TELLS_S and not asked:
            os.kill(pid, signal.SIGUSR1)
            asked = True
        if not patience.look():
            os.kill(pid, signal.SIGKILL)
            return os.waitpid(pid, 0)[1], True


if __name__ == "__main__":
    main()
