"""A site of its own for every test; decode workers shared by all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs.render.workers import DecodeWorkers
from tests.support.web import Site, open_site


@pytest.fixture(scope="session")
def workers() -> Iterator[DecodeWorkers]:
    with DecodeWorkers(1) as made:
        yield made


@pytest.fixture
def site(tmp_path: Path, workers: DecodeWorkers) -> Iterator[Site]:
    with open_site(tmp_path, workers) as made:
        yield made


@pytest.fixture(scope="module")
def module_site(tmp_path_factory: pytest.TempPathFactory, workers: DecodeWorkers) -> Iterator[Site]:
    """A site shared by the tests of a file that only read."""
    with open_site(tmp_path_factory.mktemp("site"), workers) as made:
        yield made
