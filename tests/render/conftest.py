"""One pool of real decode workers for the whole folder: a worker takes a second to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pacs.render.workers import DecodeWorkers


@pytest.fixture(scope="session")
def decode_workers() -> Iterator[DecodeWorkers]:
    with DecodeWorkers(2) as workers:
        yield workers
