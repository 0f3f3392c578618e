"""Plain pictures made by processes beside the event loop, out of memory that they share with it.

In processes, because two threads make no more than one does: what they do without the interpreter is short. Nothing
depends on them: where none is free, is there or answers in time, whoever asked makes the picture himself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pacs.companion import Companion
from pacs.render.plain_process import MESSAGE_MAX, Made, Wanted
from pacs.render.values import JPEG, Picture, PlainGrey, RenderParameters

PLACES: Final = 4
"""How many frames lie in the memory of one process: one that it works at, and those that wait for it."""
PLACE_BYTES: Final = 512 * 512 * 2
PROCESSES_MAX: Final = 4
ANSWER_S: Final = 5.0

Fill = Callable[[memoryview], bool]
"""Puts a frame into the memory; False where that cannot be done at once."""

_encoder = msgspec.msgpack.Encoder()
_answers = msgspec.msgpack.Decoder(Made)


class PictureProcess:
    """One of them. It is started when it is first wanted, and used by the event loop that wanted it, in its thread."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        module = "pacs.render.plain_process"
        self._companion = Companion("picture_process", module, PLACES * PLACE_BYTES, environment)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._read_from = -1
        self._free: list[int] = []
        self._asked: dict[int, tuple[float, asyncio.Future[Picture | None]]] = {}
        self._watch: asyncio.TimerHandle | None = None
        self.made = 0
        self.refused = 0

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._companion.pid

    @property
    def is_running(self) -> bool:
        """Whether it can be asked."""
        return self._companion.is_greeted

    @property
    def deaths(self) -> int:
        """How often it has ended, hung or not come up."""
        return self._companion.deaths

    @property
    def waiting(self) -> int:
        """How many pictures it has still to make."""
        return len(self._asked)

    def has_room(self) -> bool:
        """Whether it takes one more picture; nobody waits for its start."""
        if self._read_from < 0:
            self._begin()
        return bool(self._free) and self._loop is asyncio.get_running_loop()

    def ask(
        self, fill: Fill, length: int, plain: PlainGrey, parameters: RenderParameters
    ) -> asyncio.Future[Picture | None] | None:
        """The JPEG of a frame of `length` bytes, None where somebody else has to make it; where there is room.

        None at once where the frame is not at hand.
        """
        assert self._companion.pipe is not None, "what has room is there"
        assert self._loop is not None, "it has an event loop"
        place = self._free.pop()
        try:
            if length > PLACE_BYTES or not fill(self._companion.memory[place : place + length]):
                self._free.append(place)
                return None
            self._companion.pipe.send(_encoder.encode(Wanted(place, length, PLACE_BYTES, plain, parameters)))
        except OSError as error:
            self._stop(str(error))
            return None
        answer: asyncio.Future[Picture | None] = self._loop.create_future()
        self._asked[place] = time.monotonic(), answer
        if self._watch is None:
            self._watch = self._loop.call_later(ANSWER_S, self._check)
        return answer

    def close(self) -> None:
        """End it for good. For any thread, once its event loop has ended, or for the event loop's."""
        self._stop("")
        self._companion.close()

    def _begin(self) -> None:
        """Start it, or listen to it once it has come up."""
        try:
            if not self._companion.is_ready():
                return
        except (OSError, ValueError) as error:
            self._companion.stop(str(error))
            return
        assert self._companion.pipe is not None, "what is ready is there"
        self._free = [number * PLACE_BYTES for number in range(PLACES)]
        self._loop = asyncio.get_running_loop()
        self._read_from = self._companion.pipe.fileno()
        self._loop.add_reader(self._read_from, self._read)

    def _read(self) -> None:
        """Take every answer that is there."""
        while self._companion.pipe is not None:
            try:
                message = self._companion.pipe.recv(MESSAGE_MAX)
                if not message:
                    raise ConnectionError("it ended")
                self._take(_answers.decode(message))
            except BlockingIOError:
                return
            except (OSError, KeyError, msgspec.DecodeError) as error:
                self._stop(str(error))

    def _take(self, made: Made) -> None:
        """Raises KeyError for what was not asked."""
        _, answer = self._asked.pop(made.place)
        picture = None
        if 0 < made.length <= PLACE_BYTES:
            data = bytes(self._companion.memory[made.place : made.place + made.length])
            picture = Picture(JPEG, data, made.width, made.height)
            self.made += 1
        else:
            self.refused += 1
        self._free.append(made.place)
        if not answer.done():
            answer.set_result(picture)

    def _check(self) -> None:
        """Nobody waits longer than ANSWER_S, and as long again at most."""
        self._watch = None
        if not self._asked or self._loop is None:
            return
        since = min(since for since, _ in self._asked.values())
        if time.monotonic() - since >= ANSWER_S:
            self._stop("it took too long")
        else:
            self._watch = self._loop.call_later(ANSWER_S, self._check)

    def _stop(self, cause: str) -> None:
        self._free = []
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._read_from >= 0 and self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._read_from)
        self._read_from = -1
        asked, self._asked = self._asked, {}
        self.refused += len(asked)
        for _, answer in asked.values():
            if not answer.done():
                answer.set_result(None)
        self._companion.stop(cause)


class PicturesBeside:
    """As many such processes as there are cores beside the event loop's, PROCESSES_MAX at most."""

    def __init__(self, environment: Mapping[str, str], count: int | None = None) -> None:
        if count is None:
            count = min(len(os.sched_getaffinity(0)) - 1, PROCESSES_MAX)
        self._processes = [PictureProcess(environment) for _ in range(count)]

    def statistics(self) -> dict[str, int]:
        """How many processes may run and do, how often one has died, and of the pictures asked how many were made there
        and how many were left to the node."""
        of = self._processes
        return {
            "processes": len(of),
            "running": sum(process.is_running for process in of),
            "deaths": sum(process.deaths for process in of),
            "made": sum(process.made for process in of),
            "refused": sum(process.refused for process in of),
        }

    def free(self, wanted: int) -> PictureProcess | None:
        """The process that makes one of the pictures `wanted` at this moment; None where the event loop does.

        Each process and the event loop have as many to make.
        """
        if wanted < 2:
            return None
        share = wanted / (len(self._processes) + 1)
        for process in self._processes:
            if process.waiting < share and process.has_room():
                return process
        return None

    def close(self) -> None:
        """End all of them for good; see PictureProcess.close."""
        for process in self._processes:
            with contextlib.suppress(OSError):
                process.close()
