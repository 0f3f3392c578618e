"""A real archive of SQLite and a folder, and a listener over it."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.render.workers import DecodeWorkers
from tests.support.archives import open_archive
from tests.support.dimse import listening


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """The log events of the test."""
    with structlog.testing.capture_logs() as events:
        yield events


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as archive:
        yield archive


@pytest.fixture
def listener(archive: Archive) -> Iterator[Listener]:
    with listening(archive) as listener:
        yield listener


@pytest.fixture(scope="session")
def decode_workers() -> Iterator[DecodeWorkers]:
    """One real decode worker for the whole folder: it takes a second to start."""
    with DecodeWorkers(1) as workers:
        yield workers
