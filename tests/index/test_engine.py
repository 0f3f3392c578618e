"""Opening the index of SQLite."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

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


def test_an_index_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "index.db"
    Index(f"sqlite:///{file}").close()
    connect = sqlite3.connect

    def read_only(location: str, **options: Any) -> sqlite3.Connection:
        # what SQLite falls back to by itself; permissions would not keep root from writing
        return connect(location.replace("mode=rwc", "mode=ro"), **options)

    monkeypatch.setattr(sqlite3, "connect", read_only)
    with pytest.raises(NodeFailed, match="readonly"):
        Index(f"sqlite:///{file}")
