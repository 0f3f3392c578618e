"""Making the index anew takes as long as it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs.archive.recovery import rebuild
from pacs.index import engine
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series


def test_a_rebuild_may_be_longer_than_any_other_transaction(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_IN_TRANSACTION_MS", 500)
    monkeypatch.setattr(engine, "STATEMENT_MS", 500)
    with open_archive(tmp_path, database=database) as archive:
        for dataset in ct_series(2):
            send(archive, dataset)
        keys = list(archive.store.list("objects/"))

        def slowly(*_: object) -> Iterator[str]:
            for key in keys:
                time.sleep(1.2)
                yield key

        monkeypatch.setattr(archive.store, "list", slowly)
        assert rebuild(archive).stored == 2
