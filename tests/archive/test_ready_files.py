"""Files made ready are empty, nobody else's, there for a stream of arrivals only, and gone afterwards."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pacs.archive import ready_files
from pacs.archive.ready_files import COUNT, ReadyFiles
from tests.support.dimse import wait_until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ready"


@pytest.fixture
def ready(folder: Path) -> Iterator[ReadyFiles]:
    made = ReadyFiles(folder)
    yield made
    made.close()


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*")}


def test_an_arrival_by_itself_makes_its_own(ready: ReadyFiles, folder: Path) -> None:
    assert ready.take() is None
    time.sleep(2 * ready_files.STREAM_S)
    assert ready.take() is None
    assert not folder.exists()


def test_a_stream_finds_empty_files_with_an_objects_mode_that_are_given_once(ready: ReadyFiles, folder: Path) -> None:
    ready.take()
    assert ready.take() is None
    assert wait_until(lambda: len(_names(folder)) == COUNT)
    taken = [file for file in (ready.take() for _ in range(COUNT)) if file is not None]
    assert len({path for path, _ in taken}) == len(taken) == COUNT
    for path, descriptor in taken:
        status = os.fstat(descriptor)
        assert (status.st_size, stat.S_IMODE(status.st_mode)) == (0, 0o440)
        assert status.st_ino == path.stat().st_ino
        os.close(descriptor)
    assert ready.statistics()["files_taken"] == COUNT


def test_what_nobody_took_goes_after_a_pause_and_comes_again(
    ready: ReadyFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(ready_files, "IDLE_S", 0.1)
    monkeypatch.setattr(ready_files.secrets, "token_hex", lambda _: made.append("") or f"{len(made)}")
    for number in (1, 2):
        ready.take()
        ready.take()
        assert wait_until(lambda number=number: len(made) == number * COUNT and not _names(folder))  # type: ignore[misc]


def test_what_was_left_goes_at_the_start_and_what_is_left_at_the_end(folder: Path) -> None:
    folder.mkdir()
    (folder / "left.part").touch()
    ready = ReadyFiles(folder)
    assert not _names(folder)
    ready.take()
    ready.take()
    assert wait_until(lambda: len(_names(folder)) == COUNT)
    ready.close()
    assert not _names(folder)


def test_where_none_can_be_made_each_arrival_makes_its_own(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("a file stands where the folder should be")
    ready = ReadyFiles(tmp_path / "ready")
    with capture_logs() as told:
        assert wait_until(lambda: ready.take() is None and ready.statistics()["files_failures"] > 2)
        ready.close()
    assert [line["event"] for line in told] == ["no_files_made_ready"]
