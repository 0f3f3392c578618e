"""Opening the index of SQLite."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from pacs.errors import NodeFailed
from pacs.index.engine import Index


def test_an_index_whose_name_may_go_with_the_power_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(NodeFailed, match="cannot be synced"):
        Index(f"sqlite:///{tmp_path / 'index.db'}")
