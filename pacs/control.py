"""How commands reach a node, running or not: asked over a Unix socket or run in place.

One process alone writes the index. While a node runs, a command asks it through a socket that only the node's own
user may open, one JSON object a line each way; else the command takes the node lock and does the work itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from pacs.commands import COMMANDS, Arguments, Command
from pacs.errors import NodeFailed, NodeRunning, SuretError
from pacs.settings import Settings

if TYPE_CHECKING:
    from pacs.node import Core

PATH_BYTES_MAX = 107  # sun_path of unix(7), less its NUL
LINE_BYTES_MAX = 1 << 20
EXCHANGE_TIMEOUT_S = 60.0
PATIENCE_S = 10.0
LOOK_EVERY_S = 5.0
FAILURE_PAUSE_S = 1.0
FOLDER_PREFIX = "suret-"

log = structlog.get_logger()


def perform(settings: Settings, command: str, arguments: Arguments, *, timeout_s: float | None = None) -> Any:
    """Do `command` by the running node, or here when none runs. Raises whatever the command raises, NodeRunning."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(NoNode):
            return ask(settings.data, command, arguments, timeout_s)
        # Not at the top: a node's libraries cost seconds of a small machine, which asking a running node need not.
        from pacs.node import open_core

        try:
            with open_core(settings, "command") as core:
                return COMMANDS[command](core, arguments)
        except NodeRunning as busy:
            # A node that is starting or stopping holds the lock but answers no commands yet, or no longer.
            if time.monotonic() > deadline:
                raise NodeRunning(busy.message, "it answers no commands; try again when it is ready") from busy
        time.sleep(0.1)


# --- the socket ---------------------------------------------------------------------------------------------------


class NoNode(Exception):
    """Nobody listens where `PACS_DATA/control` points."""


def ask(data: Path, command: str, arguments: Arguments, timeout_s: float | None = None) -> Any:
    """Ask the node that runs over `data`. Raises NoNode; SuretError with the node's own words when it refuses."""
    try:
        path = (data / "control").read_text(encoding="utf-8").strip()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    except OSError as error:
        raise NoNode from error
    with connection:
        connection.settimeout(timeout_s or EXCHANGE_TIMEOUT_S)
        try:
            connection.connect(path)
            connection.sendall(_line({"command": command, "arguments": dict(arguments)}))
            with connection.makefile("rb") as stream:
                answer = stream.readline(LINE_BYTES_MAX)
        except TimeoutError as error:
            raise NodeFailed("the node did not answer", "look at its log") from error
        except OSError as error:
            raise NoNode from error
    if not answer.endswith(b"\n"):
        raise NoNode
    said = json.loads(answer)
    if "error" in said:
        raise SuretError(said["error"], said["hint"])
    return said["answer"]


class ControlServer:
    """Answers commands while a node runs: `start`, then `stop`.

    `more` are commands which only a running node has. The socket is in a folder of mode 0700 under the first of
    `folders` that is short enough; its path is kept in `PACS_DATA/control`.
    """

    def __init__(self, core: Core, more: Mapping[str, Command], folders: Sequence[Path] = ()) -> None:
        self._core = core
        self._commands = {**COMMANDS, **more}
        self._folders = (*folders, Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - a 0700 folder is made in it
        self._pointer = core.settings.data / "control"
        self._folder: Path | None = None
        self._listening: socket.socket | None = None
        self._waker, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)

    def start(self) -> None:
        """Listen. Raises NodeFailed when no place for the socket is found."""
        self._forget_the_dead()
        self._listening = self._open()
        self._thread.start()

    def stop(self) -> None:
        """Listen no more; commands that run are finished by their own threads."""
        self._waker.send(b"x")
        if self._thread.is_alive():
            self._thread.join()
        for end in (self._listening, self._waker, self._woken):
            if end is not None:
                end.close()
        self._pointer.unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> socket.socket:
        """Listen in a new folder, or leave everything as it is. Raises NodeFailed, OSError."""
        with contextlib.ExitStack() as undo:
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            undo.callback(listening.close)
            folder = self._make_folder()
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            path = folder / "control"
            listening.bind(str(path))
            path.chmod(0o600)
            listening.listen(16)
            listening.setblocking(False)
            fresh = self._pointer.with_name("control.new")
            fresh.write_text(f"{path}\n", encoding="utf-8")
            fresh.replace(self._pointer)
            undo.pop_all()
        self._folder = folder
        return listening

    def _reopen_if_removed(self) -> None:
        """A runtime folder is removed when its user logs out, and temporary folders are swept."""
        assert self._listening is not None
        assert self._folder is not None
        if not (self._folder / "control").exists():
            log.warning("control_socket_removed", folder=str(self._folder))
            gone, self._listening = self._listening, self._open()
            gone.close()

    def _make_folder(self) -> Path:
        for parent in self._folders:
            if len(os.fsencode(parent / f"{FOLDER_PREFIX}xxxxxxxx" / "control")) > PATH_BYTES_MAX:
                continue
            with contextlib.suppress(OSError):
                return Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=parent))  # mode 0700
        raise NodeFailed("there is no folder for the control socket", "set TMPDIR to a folder this user may write to")

    def _forget_the_dead(self) -> None:
        """Remove what a node that was killed left behind."""
        try:
            folder = Path(self._pointer.read_text(encoding="utf-8").strip()).parent
            if folder.name.startswith(FOLDER_PREFIX) and folder.lstat().st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            return

    def _serve(self) -> None:
        while (listening := self._listening) is not None:
            ready = self._ready(LOOK_EVERY_S, self._woken, listening)
            if self._woken.fileno() in ready:
                return
            try:
                if ready:
                    self._accept(listening)
                else:
                    self._reopen_if_removed()
            except (OSError, RuntimeError, NodeFailed) as error:  # no descriptor, thread or room at the moment
                log.warning("control_failed", error=type(error).__name__, cause=str(error))
                if self._ready(FAILURE_PAUSE_S, self._woken):
                    return

    def _ready(self, timeout_s: float, *ends: socket.socket) -> set[int]:
        poll = select.poll()  # select() knows no descriptor above 1023
        for end in ends:
            poll.register(end, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(timeout_s * 1000)}

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, ConnectionError):  # the caller has gone already
            return
        try:
            threading.Thread(target=self._answer, args=(connection,), name="control-command", daemon=True).start()
        except RuntimeError:
            connection.close()
            raise

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(EXCHANGE_TIMEOUT_S)
            if _caller(connection) not in (os.geteuid(), 0):
                log.warning("control_refused", uid=_caller(connection))
                return
            with connection.makefile("rb") as stream:
                line = stream.readline(LINE_BYTES_MAX)
            if line.endswith(b"\n"):
                connection.sendall(_line(self._do(line)))

    def _do(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            name, arguments = request["command"], request["arguments"]
            command = self._commands[name]
        except (ValueError, KeyError, TypeError):
            return {"error": "the node does not know this command", "hint": "use a `pacs` of the node's release"}
        try:
            answer = command(self._core, arguments)
        except SuretError as error:
            return {"error": error.message, "hint": error.hint}
        except Exception:
            log.exception("command_failed", command=name)
            return {"error": f"{name} failed", "hint": "the node's log says why"}
        log.info("command", command=name)
        return {"answer": answer}


def _caller(connection: socket.socket) -> int:
    """The user id of the process at the other end (SO_PEERCRED of unix(7))."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"
