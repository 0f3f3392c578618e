"""Pictures made beside the event loop are those that it makes itself; where none are made there, it does."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import numpy as np
import psutil
import pytest

from pacs import companion
from pacs.render import beside as module
from pacs.render.beside import PLACE_BYTES, PLACES, Fill, PictureProcess, PicturesBeside
from pacs.render.plain import render_plain
from pacs.render.values import PNG, Picture, PlainGrey, RenderParameters

ROWS, COLUMNS = 40, 30
PLAIN = PlainGrey(ROWS, COLUMNS, 16, 16, 1, 2.0, -5.0, (40.0, 80.0, "linear"), False, None, 1.0)
FRAME = np.random.default_rng(7).integers(-60, 90, (ROWS, COLUMNS), np.int16).tobytes()


def _fill(memory: memoryview) -> bool:
    memory[:] = FRAME
    return True


def _not_at_hand(_memory: memoryview) -> bool:
    return False


@pytest.fixture
def process() -> Iterator[PictureProcess]:
    made = PictureProcess(dict(os.environ))
    yield made
    made.close()


async def _ready(process: PictureProcess) -> None:
    for _ in range(1000):
        if process.has_room():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not start")


async def _asked(process: PictureProcess, parameters: RenderParameters, fill: Fill = _fill) -> Picture | None:
    answer = process.ask(fill, len(FRAME), PLAIN, parameters)
    return None if answer is None else await answer


def test_its_pictures_are_those_of_the_event_loop(process: PictureProcess) -> None:
    ways = [RenderParameters(window=(center, 70, "linear"), quality=80) for center in range(10)]

    async def trial() -> None:
        assert not process.has_room()  # nobody waits for its start
        await _ready(process)
        assert [await _asked(process, way) for way in ways] == [render_plain(PLAIN, FRAME, way) for way in ways]
        together = [process.ask(_fill, len(FRAME), PLAIN, way) for way in ways[:PLACES]]
        assert not process.has_room()
        assert process.waiting == PLACES
        assert [await answer for answer in together if answer] == [
            render_plain(PLAIN, FRAME, way) for way in ways[:PLACES]
        ]
        assert process.has_room()
        assert process.waiting == 0

    asyncio.run(trial())


def test_what_it_does_not_make_is_left_to_others_and_takes_no_room(process: PictureProcess) -> None:
    async def trial() -> None:
        await _ready(process)
        for _ in range(2 * PLACES):
            assert await _asked(process, RenderParameters(), _not_at_hand) is None
            assert await _asked(process, RenderParameters(media_type=PNG)) is None
            assert process.ask(_fill, PLACE_BYTES + 1, PLAIN, RenderParameters()) is None
        assert await _asked(process, RenderParameters()) == render_plain(PLAIN, FRAME, RenderParameters())

    asyncio.run(trial())


def test_one_that_dies_or_hangs_leaves_nobody_waiting_and_is_begun_again_later(
    process: PictureProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trial() -> None:
        for way in (signal.SIGKILL, signal.SIGSTOP):
            monkeypatch.setattr(companion, "RESTART_S", 0.0)
            await _ready(process)
            monkeypatch.setattr(companion, "RESTART_S", 60.0)
            monkeypatch.setattr(module, "ANSWER_S", 0.1)
            assert process.pid is not None
            held = psutil.Process(process.pid)
            held.suspend()
            answer = process.ask(_fill, len(FRAME), PLAIN, RenderParameters())
            held.send_signal(way)
            assert answer is not None
            assert await answer is None
            assert process.pid is None
            assert not process.has_room()
        assert (process.deaths, process.made, process.refused) == (2, 0, 2)

    asyncio.run(trial())


def test_it_serves_the_event_loop_that_wanted_it_and_ends_when_it_is_closed(process: PictureProcess) -> None:
    asyncio.run(_ready(process))

    async def another() -> bool:
        return process.has_room()

    assert not asyncio.run(another())
    pid = process.pid
    assert pid is not None
    process.close()
    assert not psutil.pid_exists(pid)
    assert not asyncio.run(another())
    assert process.pid is None


def test_one_who_asks_alone_is_not_sent_away_and_several_share_alike() -> None:
    beside = PicturesBeside(dict(os.environ), count=1)

    async def trial() -> None:
        assert beside.free(1) is None
        assert beside.free(4) is None  # nobody waits for its start
        await _ready(beside._processes[0])
        process = beside.free(4)
        assert process is not None
        answers = []
        while beside.free(4) is not None:
            answers.append(process.ask(_fill, len(FRAME), PLAIN, RenderParameters()))
        assert len(answers) == 2
        for answer in answers:
            assert answer is not None
            await answer
        assert beside.statistics() == {"processes": 1, "running": 1, "deaths": 0, "made": 2, "refused": 0}

    asyncio.run(trial())
    beside.close()
    assert PicturesBeside({}, count=0).free(9) is None
    assert PicturesBeside({}, count=0).statistics()["processes"] == 0
