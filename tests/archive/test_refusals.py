"""Whatever fails beneath an arrival, at whichever step: a reason that passes, counted, and audited once that can be."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.refusals import Refusals
from pacs.errors import ArrivalRefused, StoreFailed
from pacs.index.schema import audit
from pacs.index.writer import Writer
from pacs.model import Outcome, utc_now
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice, part10

OUT_OF_RESOURCES = 0xA700


def _failing(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def _system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _sqlite(name: str) -> OperationalError:
    error = sqlite3.OperationalError("told")
    error.sqlite_errorname = name  # type: ignore[attr-defined]
    return OperationalError("SELECT 1", {}, error)


STEPS = {
    "room is looked at": ("os.statvfs", _system(errno.EIO), "disk_failed"),
    "its file is made": ("pacs.archive.spool.os.open", _system(errno.EMFILE), "too_many_files"),
    "its file is written": ("pacs.archive.spool.os.write", _system(errno.EROFS), "read_only"),
    "another thread is begun": (
        "concurrent.futures.ThreadPoolExecutor.submit",
        RuntimeError("can't start new thread"),
        "",
    ),
    "it is walked": ("pacs.archive.ingest.walk", MemoryError(), "no_memory"),
    "its file is synced": ("storage.filesystem.os.fsync", _system(errno.EIO), "disk_failed"),
    "it is named": ("storage.filesystem.move_without_replacement", _system(errno.EDQUOT), "no_room"),
    "the index is read": ("pacs.archive.ingest.register", _sqlite("SQLITE_IOERR_READ"), "disk_failed"),
    "another holds the index": ("pacs.archive.ingest.register", _sqlite("SQLITE_BUSY"), "index_held"),
    "the index is damaged": ("pacs.archive.ingest.register", _sqlite("SQLITE_CORRUPT"), "index_unreadable"),
    "the index is full": ("pacs.archive.ingest.register", _sqlite("SQLITE_FULL"), "no_room"),
    "the index is not opened": (
        "pacs.index.engine.sqlite3.connect",
        _sqlite("SQLITE_CANTOPEN").orig,
        "index_not_opened",
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_passes_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    place, error, code = STEPS[step]
    code = code or "no_memory"
    # in another thread only what is too large for memory is settled
    content = part10(ct_slice(rows=1024 if "thread" in step else 16, columns=1024))
    with open_archive(tmp_path) as archive:
        if code == "index_not_opened":
            archive.index._writing.dispose()  # type: ignore[union-attr]
            archive.index._writer._let_go()  # type: ignore[union-attr]
        monkeypatch.setattr(place, _failing(error))  # type: ignore[arg-type]
        with pytest.raises(ArrivalRefused) as refused:
            send(archive, content)
        monkeypatch.undo()
        assert (refused.value.code, refused.value.status) == (code, OUT_OF_RESOURCES)
        assert archive.refusals.statistics()[code] == 1
        assert sum(archive.refusals.statistics().values()) == 1
        assert archive.refusals.told()[code]["count"] == 1
        assert list(archive.store.incoming.iterdir()) == []
        archive.refusals.write_down()
        assert [detail.partition(" ")[0] for detail in _audited(archive)] == [code]
        assert send(archive, content).outcome is Outcome.STORED


def test_a_mistake_of_ours_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_archive(tmp_path) as archive:
        monkeypatch.setattr("pacs.archive.ingest.walk", _failing(ValueError("ours")))
        with pytest.raises(ValueError, match="ours"):
            send(archive, part10(ct_slice()))
        assert archive.refusals.told() == {}


def test_refusals_are_audited_once_the_index_takes_records_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_archive(tmp_path) as archive:
        refusals = Refusals(archive.index, utc_now)
        for _ in range(3):
            with pytest.raises(StoreFailed):
                refusals.tell(_system(errno.EIO), OPERATOR, "dimse")
        monkeypatch.setattr(Writer, "_transaction", _failing(_sqlite("SQLITE_IOERR_WRITE")))
        with pytest.raises(StoreFailed):
            refusals.write_down()
        with pytest.raises(StoreFailed):
            refusals.tell(_system(errno.EIO), OPERATOR, "dimse")
        monkeypatch.undo()
        refusals.write_down()
        refusals.write_down()
        [detail] = _audited(archive)
        assert detail.startswith("disk_failed instances=4 protocol=dimse since=")


def _audited(archive: Archive) -> list[str]:
    told = select(audit.c.detail).where(audit.c.action == "instances_refused", audit.c.outcome == "failure")
    with archive.index.read() as connection:
        return list(connection.execute(told).scalars())
