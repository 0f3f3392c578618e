from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pacs.archive import room as room_module
from pacs.archive.archive import Archive
from pacs.archive.limits import INODES_MIN, INODES_WARN, IngestLimits
from pacs.archive.room import Level, Shortage
from pacs.errors import OutOfResources
from storage.memory import MemoryStore
from storage.protocol import Space
from tests.support.archives import open_archive

MIB = 1 << 20
LIMITS = IngestLimits(1 << 32, 5 * MIB, 5.0, 20 * MIB, 10.0)
ROOMY = Space(150 * MIB, 200 * MIB, 100_000, 200_000)


@contextmanager
def _with_space(folder: Path, monkeypatch: pytest.MonkeyPatch, *spaces: Space) -> Iterator[Archive]:
    """An archive whose objects are in memory, on whose one disk there is as much room as each look finds."""
    looks = iter(spaces)
    last = [spaces[0]]

    def space_of(_folder: Path) -> Space:
        last[0] = next(looks, last[0])
        return last[0]

    folder.joinpath("incoming").mkdir()
    monkeypatch.setattr(room_module, "space_of", space_of)
    with open_archive(folder, store=MemoryStore(folder / "incoming"), limits=LIMITS) as archive:
        yield archive


@pytest.mark.parametrize(
    ("space", "level"),
    [
        (ROOMY, None),
        (replace(ROOMY, free_bytes=20 * MIB), None),
        (replace(ROOMY, free_bytes=20 * MIB - 1), Level.LOW),
        (replace(ROOMY, free_bytes=5 * MIB), Level.LOW),
        (replace(ROOMY, free_bytes=5 * MIB - 1), Level.FULL),
        (replace(ROOMY, total_bytes=20 * MIB, free_bytes=3 * MIB // 2), Level.LOW),  # percent, where that is less
        (replace(ROOMY, free_inodes=INODES_WARN - 1), Level.LOW),
        (replace(ROOMY, free_inodes=INODES_MIN - 1), Level.FULL),
        (replace(ROOMY, free_inodes=None, total_inodes=None), None),
        (Space(None, None, None, None), None),
    ],
)
def test_two_watermarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: Space, level: Level | None) -> None:
    with _with_space(tmp_path, monkeypatch, space) as archive:
        assert [shortage.level for shortage in archive.room.shortages()] == ([] if level is None else [level])
        if level is Level.FULL:
            with pytest.raises(OutOfResources, match=r"incoming|on its way in"):
                archive.room.refuse_when_full()
        else:
            archive.room.refuse_when_full()


def test_the_spool_of_a_store_elsewhere_and_the_index_are_one_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _with_space(tmp_path, monkeypatch, replace(ROOMY, free_bytes=8 * MIB)) as archive:
        [shortage] = archive.room.shortages()
        assert shortage == Shortage(
            Level.LOW, "the folder of what is on its way in has 8 MiB left; under 5 MiB nothing is taken in any more"
        )


def test_more_and_less_room_is_logged_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    low, full = replace(ROOMY, free_bytes=9 * MIB), replace(ROOMY, free_bytes=MIB)
    with (
        _with_space(tmp_path, monkeypatch, ROOMY, low, low, full, full, ROOMY, ROOMY) as archive,
        capture_logs() as logs,
    ):
        levels = []
        for _ in range(7):
            archive.room.watch()
            levels.append(archive.room.statistics()["level"])
    assert levels == [0, 1, 1, 2, 2, 0, 0]
    assert [(line["log_level"], line["level"]) for line in logs] == [
        ("warning", "low"),
        ("error", "full"),
        ("info", "enough"),
    ]


def test_what_is_lacking_is_counted_from_the_lower_watermark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for space, lacking in (
        (ROOMY, 0),
        (replace(ROOMY, free_bytes=15 * MIB), 5 * MIB),
        (Space(None, None, None, None), 0),
    ):
        folder = tmp_path / str(lacking) / str(space.free_bytes)
        folder.mkdir(parents=True)
        with _with_space(folder, monkeypatch, space) as archive:
            assert archive.room.lacking(folder) == lacking
            assert archive.room.lacking(folder / "not there") == 0
