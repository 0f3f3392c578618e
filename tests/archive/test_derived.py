"""Derived frames: made once, kept within a bound, made anew whatever becomes of the files."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pacs.archive.derived import DerivedFrames
from pacs.errors import Unreadable

SYNTAX = "1.2.840.10008.1.2.4.202"
HEAD = 16


class Maker:
    def __init__(self, data: bytes = b"frame") -> None:
        self.data = data
        self.calls = 0

    def __call__(self) -> bytes:
        self.calls += 1
        return self.data


def files(folder: Path) -> list[Path]:
    return sorted((folder / "frames").glob("*/*"))


def test_a_frame_is_made_once_and_kept_over_a_restart(tmp_path: Path) -> None:
    make = Maker()
    frames = DerivedFrames(tmp_path, 1000)
    assert [frames.get("1.2", "a", 1, SYNTAX, make) for _ in range(3)] == [b"frame"] * 3
    assert DerivedFrames(tmp_path, 1000).get("1.2", "a", 1, SYNTAX, make) == b"frame"
    assert make.calls == 1
    for key in (("b", 1, SYNTAX), ("a", 2, SYNTAX), ("a", 1, "1.2")):
        frames.get("1.2", *key, make)
    assert make.calls == 4


def test_simultaneous_requests_share_one_making(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    calls = []

    def make() -> bytes:
        calls.append(1)
        begun.set()
        assert go_on.wait(30)
        return b"frame"

    frames = DerivedFrames(tmp_path, 0)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(frames.get, "1.2", "a", 1, SYNTAX, make)
        assert begun.wait(30)
        others = [pool.submit(frames.get, "1.2", "a", 1, SYNTAX, make) for _ in range(5)]
        while sum(future.running() for future in others) < 5:
            pass
        assert frames.get("1.2", "b", 1, SYNTAX, lambda: b"other") == b"other"  # which does not wait for it
        go_on.set()
        assert {future.result(30) for future in (first, *others)} == {b"frame"}
    assert len(calls) == 1


def test_an_error_is_everybodys_and_nothing_is_kept(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise Unreadable("no")

    frames = DerivedFrames(tmp_path, 1000)
    with pytest.raises(Unreadable):
        frames.get("1.2", "a", 1, SYNTAX, fail)
    assert frames.get("1.2", "a", 1, SYNTAX, Maker()) == b"frame"


def test_the_least_lately_asked_for_goes_first(tmp_path: Path) -> None:
    make = Maker(bytes(84))
    frames = DerivedFrames(tmp_path, 3 * (84 + HEAD))
    for number in (1, 2, 3):
        frames.get("1.2", "a", number, SYNTAX, make)
    frames.get("1.2", "a", 1, SYNTAX, make)
    frames.get("1.2", "a", 4, SYNTAX, make)
    assert (make.calls, len(files(tmp_path))) == (4, 3)
    frames.get("1.2", "a", 1, SYNTAX, make)
    assert make.calls == 4
    frames.get("1.2", "a", 2, SYNTAX, make)
    assert make.calls == 5
    assert sum(file.stat().st_size for file in files(tmp_path)) == 3 * (84 + HEAD)


def test_the_bound_holds_over_a_restart_and_for_what_is_too_large(tmp_path: Path) -> None:
    frames = DerivedFrames(tmp_path, 1000)
    for number in range(1, 6):
        frames.get("1.2", "a", number, SYNTAX, Maker(bytes(100)))
    frames.get("1.2", "b", 1, SYNTAX, Maker(bytes(2000)))
    assert len(files(tmp_path)) == 5
    smaller = DerivedFrames(tmp_path, 300)
    smaller.get("1.2", "c", 1, SYNTAX, Maker(bytes(100)))
    assert len(files(tmp_path)) == 2
    nothing = DerivedFrames(tmp_path / "none", 0)
    nothing.get("1.2", "a", 1, SYNTAX, Maker())
    assert files(tmp_path / "none") == []


@pytest.mark.parametrize("harm", ["deleted", "cut", "changed", "empty"])
def test_whatever_becomes_of_a_file_the_frame_is_right(tmp_path: Path, harm: str) -> None:
    make = Maker(bytes(range(200)))
    frames = DerivedFrames(tmp_path, 10_000)
    frames.get("1.2", "a", 1, SYNTAX, make)
    [file] = files(tmp_path)
    content = file.read_bytes()
    if harm == "deleted":
        file.unlink()
        file.parent.rmdir()
    else:
        changed = content[:-1] + b"x"
        file.write_bytes({"cut": content[:-1], "changed": changed, "empty": b""}[harm])
    assert frames.get("1.2", "a", 1, SYNTAX, make) == make.data
    assert make.calls == 2
    assert files(tmp_path)[0].read_bytes() == content


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(tmp_path: Path) -> None:
    (tmp_path / "frames").write_bytes(b"in the way")
    frames = DerivedFrames(tmp_path, 10_000)
    assert frames.get("1.2", "a", 1, SYNTAX, Maker()) == b"frame"


def test_what_was_being_written_when_the_node_ended_is_cleared_away(tmp_path: Path) -> None:
    DerivedFrames(tmp_path, 1000).get("1.2", "a", 1, SYNTAX, Maker())
    left = files(tmp_path)[0].parent / "tmpabcdef"
    left.write_bytes(b"half")
    os.utime(left)
    DerivedFrames(tmp_path, 1000).get("1.2", "a", 2, SYNTAX, Maker())
    assert left not in files(tmp_path)


def test_what_belongs_to_an_object_is_forgotten_also_what_is_being_made(tmp_path: Path) -> None:
    frames, make = DerivedFrames(tmp_path, 1000), Maker()
    for uid in ("1.2", "1.3"):
        for number in (1, 2):
            frames.get(uid, "a", number, SYNTAX, make)

    def forgotten_meanwhile() -> bytes:
        frames.forget(["1.2"])
        return b"late"

    assert frames.get("1.2", "a", 3, SYNTAX, forgotten_meanwhile) == b"late"
    assert len(files(tmp_path)) == 2
    frames.get("1.3", "a", 1, SYNTAX, make)
    assert make.calls == 4
    frames.get("1.2", "a", 3, SYNTAX, make)  # it came again
    assert len(files(tmp_path)) == 3


def test_where_room_is_lacking_nothing_is_kept_and_the_oldest_give_theirs_back(tmp_path: Path) -> None:
    lacking = [0]
    frames = DerivedFrames(tmp_path, 10_000, lambda folder: lacking[0])
    for number in range(1, 6):
        frames.get("1.2", "a", number, SYNTAX, Maker(bytes(84)))
    frames.make_room()
    assert len(files(tmp_path)) == 5
    lacking[0] = 150
    frames.get("1.2", "a", 6, SYNTAX, Maker(bytes(84)))
    frames.make_room()
    assert len(files(tmp_path)) == 3
    late = Maker(bytes(84))
    frames.get("1.2", "a", 5, SYNTAX, late)
    assert late.calls == 0
    lacking[0] = 1 << 40
    frames.make_room()
    assert files(tmp_path) == []
