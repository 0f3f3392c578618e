"""What comes is the same in memory and in a file, and nothing stays behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pacs.archive.spool import BUFFER_BYTES, Buffers, Spool, renamed
from storage.memory import MemoryStore

HEAD = b"head"


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    """A store that has nothing to settle."""
    return MemoryStore(tmp_path)


@pytest.mark.parametrize("buffers", [Buffers(1, 100), Buffers(0)], ids=["in memory", "in a file"])
@pytest.mark.parametrize("length", [0, 1, 96, 97, 500])
def test_the_file_is_head_and_data_set(tmp_path: Path, store: MemoryStore, buffers: Buffers, length: int) -> None:
    dataset = os.urandom(length)
    spool = Spool(tmp_path / "a.part", HEAD, buffers)
    for at in range(0, length, 7):
        spool.append(dataset[at : at + 7])
    assert (spool.size, spool.dataset_length) == (len(HEAD) + length, length)
    assert spool.in_memory == (not spool.path.exists())
    assert bytes(spool.dataset() or b"") == (dataset if spool.in_memory else b"")
    assert spool.read(length // 2, length - length // 2) == dataset[length // 2 :]
    spool.settle(store)
    assert spool.path.read_bytes() == HEAD + dataset
    spool.discard(keep=True)
    assert spool.path.exists()


def test_without_keep_the_file_goes_and_the_buffer_comes_back(tmp_path: Path, store: MemoryStore) -> None:
    buffers = Buffers(1, 100)
    for length in (10, 200):
        spool = Spool(tmp_path / "a.part", HEAD, buffers)
        assert spool.in_memory
        spool.append(bytes(length))
        spool.settle(store)
        spool.discard(keep=False)
        spool.discard(keep=False)
        assert list(tmp_path.iterdir()) == []


def test_when_all_buffers_are_in_use_the_next_object_goes_into_its_file(tmp_path: Path) -> None:
    buffers = Buffers(2)
    spools = [Spool(tmp_path / f"{number}.part", HEAD, buffers) for number in range(3)]
    assert [spool.in_memory for spool in spools] == [True, True, False]
    for spool in spools:
        spool.discard(keep=False)


@pytest.mark.parametrize("length", [10, 2 * BUFFER_BYTES + 1])
def test_another_head_before_the_same_data_set(tmp_path: Path, store: MemoryStore, length: int) -> None:
    buffers, dataset = Buffers(), os.urandom(length)
    old = Spool(tmp_path / "a.part", HEAD, buffers)
    old.append(dataset)
    new = renamed(old, tmp_path / "b.part", b"another head", buffers)
    old.discard(keep=False)
    new.settle(store)
    assert new.path.read_bytes() == b"another head" + dataset
    new.discard(keep=True)
