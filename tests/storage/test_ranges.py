from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import StorageFailed
from storage.filesystem import FolderStore
from storage.protocol import ByteRange
from storage.ranges import file_range

CONTENT = bytes(range(200))
SMALL = st.integers(0, 250)


@given(SMALL, st.none() | SMALL, st.lists(st.tuples(st.sampled_from(["read", "seek", "readall"]), SMALL), max_size=8))
def test_a_range_of_a_file_behaves_as_those_bytes_alone(
    offset: int, length: int | None, steps: list[tuple[str, int]]
) -> None:
    expected = io.BytesIO(CONTENT[offset:] if length is None else CONTENT[offset : offset + length])
    descriptor = os.memfd_create("range")
    os.write(descriptor, CONTENT)

    with file_range(descriptor, len(CONTENT), ByteRange(offset, length)) as stream:
        for step, count in steps:
            for each in (stream, expected):
                if step == "seek":
                    each.seek(count)
            if step != "seek":
                wanted = count if step == "read" else -1
                assert stream.read(wanted) == expected.read(wanted)
            assert stream.tell() == expected.tell()


def test_a_file_that_became_shorter_ends_early_and_does_not_hang(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(CONTENT)
    with file_range(os.open(file, os.O_RDONLY), len(CONTENT), None) as stream:
        os.truncate(file, 50)
        assert stream.read() == CONTENT[:50]


def test_a_disk_that_fails_is_a_failure_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    store = FolderStore(tmp_path)
    key = "objects/2026/one.dcm"
    (store.incoming / "one").write_bytes(CONTENT)
    store.put(key, store.incoming / "one", {})
    monkeypatch.setattr(os, "pread", fail)
    monkeypatch.setattr(os, "preadv", fail)
    for byte_range in (None, ByteRange(10, 20)):
        for wanted in (-1, 7):
            with store.open(key, byte_range) as stream, pytest.raises(StorageFailed, match="Input/output"):
                stream.read(wanted)
