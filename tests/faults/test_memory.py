"""The short form of R13, and nodes that keep what passes through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.memory import MUTANTS, short_form
from tests.support.memory_cgroup import missing
from tests.support.peers import absent

pytestmark = pytest.mark.rig

SEED = 20261125


@pytest.fixture(autouse=True)
def _cgroup() -> None:
    if reason := missing():
        absent("a memory cgroup", reason)


@pytest.mark.timeout(300)
def test_giants_and_bombs_pass_through_a_node_with_little_memory(tmp_path: Path) -> None:
    outcome = short_form(SEED, tmp_path)
    assert outcome.violations == (), outcome
    assert outcome.trials == 12


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_node_that_keeps_what_passes_is_seen(name: str, tmp_path: Path) -> None:
    assert MUTANTS[name](SEED, tmp_path).violations
