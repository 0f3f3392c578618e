from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from pacs.archive import spool
from pacs.errors import OutOfResources
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice, part10


class _FullDisk:
    """`os` whose disk takes a new name and no byte, as tmpfs does when it is full."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, _descriptor: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _open_below(folder: Path) -> int:
    """How many descriptors of this process are of files below `folder`: others' come and go with the collector."""
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found += os.readlink(descriptor).startswith(f"{folder}/")
    return found


@pytest.mark.parametrize("side", [16, 1024], ids=["in memory", "in a file"])
def test_a_disk_that_is_full_at_the_first_byte_leaves_no_file_and_no_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    content = part10(ct_slice(rows=side, columns=side))
    assert (len(content) > spool.BUFFER_BYTES) == (side == 1024)
    with open_archive(tmp_path) as archive:
        monkeypatch.setattr(spool, "os", _FullDisk())
        before = _open_below(tmp_path)
        for _ in range(20):
            with pytest.raises(OutOfResources):
                send(archive, content)
        assert _open_below(tmp_path) == before
        assert list(archive.store.incoming.iterdir()) == []
