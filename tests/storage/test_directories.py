from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.directories import Directories


def test_a_directory_in_use_stays_open_when_it_is_no_longer_kept(tmp_path: Path) -> None:
    directories = Directories(tmp_path, anchor=True, capacity=1)
    first = directories.open("a")
    descriptor = first.descriptor

    directories.open("b")

    assert os.path.samestat(os.fstat(descriptor), (tmp_path / "a").stat())
    del first
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_a_directory_is_opened_once(tmp_path: Path) -> None:
    directories = Directories(tmp_path, anchor=True)

    assert directories.open("a/b") is directories.open("a/b")
    assert directories.open_anew("a/b") is not directories.open("a/b")


def test_only_an_anchoring_one_makes_directories(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Directories(tmp_path, anchor=False).open("a/b")

    assert list(tmp_path.iterdir()) == []


def test_many_threads_share_few_descriptors(tmp_path: Path) -> None:
    directories = Directories(tmp_path, anchor=True, capacity=2)

    def write(number: int) -> None:
        directory = directories.open(f"hour/{number % 7}")
        os.close(os.open(str(number), os.O_CREAT | os.O_EXCL, dir_fd=directory.descriptor))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(400)))

    found = {int(file.name): int(file.parent.name) for file in tmp_path.glob("hour/*/*")}
    assert found == {number: number % 7 for number in range(400)}
