from __future__ import annotations

import io
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

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
