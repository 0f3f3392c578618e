from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from pacs.archive.housekeeping import settle_studies
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice

QUIET = timedelta(seconds=30)


def test_a_study_does_not_wait_for_a_clock_that_stepped_back(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 8, tzinfo=UTC)
    with open_archive(tmp_path, clock=lambda: now) as archive:
        send(archive, ct_slice(number=1))
        now -= timedelta(minutes=10)
        assert settle_studies(archive, QUIET) == 0  # another node's clock may be that far ahead
        now -= timedelta(days=1)
        assert settle_studies(archive, QUIET) == 1
        send(archive, ct_slice(number=2))
        assert settle_studies(archive, QUIET) == 0
        now += QUIET
        assert settle_studies(archive, QUIET) == 1
