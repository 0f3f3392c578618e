"""Another process hashes what lies in shared memory; where it does not, the node does, and the digest is the same."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from pacs import companion
from pacs.archive.hasher import Hasher
from tests.support.dimse import wait_until

SIZE = 1 << 20


@pytest.fixture
def hasher() -> Iterator[Hasher]:
    made = Hasher(SIZE)
    yield made
    made.close()


def _asked(hasher: Hasher, place: int, length: int) -> str | None:
    """The digest that the process gives; waits for its start."""
    assert wait_until(lambda: hasher.begin(place, length))
    return hasher.end()


def test_the_digest_is_that_of_what_lies_there_when_it_is_asked(hasher: Hasher) -> None:
    for place, length in ((0, SIZE), (7, 300_000), (SIZE - 1, 1), (5, 0)):
        content = os.urandom(length)
        hasher.memory[place : place + length] = content
        assert _asked(hasher, place, length) == hashlib.sha256(content).hexdigest()


def test_nobody_waits_for_its_start_or_for_another_ones_hash(hasher: Hasher) -> None:
    assert not hasher.begin(0, SIZE)
    assert wait_until(lambda: hasher.begin(0, SIZE))
    assert not hasher.begin(0, SIZE)
    assert hasher.end() == hashlib.sha256(bytes(SIZE)).hexdigest()
    assert hasher.begin(0, 1)
    hasher.end()


@pytest.mark.parametrize("while_asked", [False, True])
def test_one_that_dies_is_told_of_and_begun_again_later(
    hasher: Hasher, while_asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _asked(hasher, 0, 1)
    assert hasher.pid is not None
    process = psutil.Process(hasher.pid)
    if while_asked:
        process.suspend()
        assert hasher.begin(0, SIZE)
    process.send_signal(signal.SIGKILL)
    assert wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
    if while_asked:
        assert hasher.end() is None
    assert not hasher.begin(0, SIZE)
    assert not hasher.begin(0, SIZE)
    assert hasher.statistics() == {"hasher_ready": 0, "hasher_digests": 1, "hasher_deaths": 1}
    monkeypatch.setattr(companion, "RESTART_S", 0.0)
    assert _asked(hasher, 0, 1) == hashlib.sha256(b"\0").hexdigest()


def test_it_ends_when_it_is_closed(hasher: Hasher) -> None:
    assert _asked(hasher, 0, 1)
    pid = hasher.pid
    hasher.close()
    assert pid is not None
    assert not psutil.pid_exists(pid)
    assert not hasher.begin(0, 1)
