"""The short form of R9, and nodes with a door open each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.hostile_peers import MUTANTS, short_form

pytestmark = pytest.mark.rig

SEED = 20261125


@pytest.mark.timeout(300)
def test_a_hostile_crew_takes_nothing_from_a_good_modality(tmp_path: Path) -> None:
    outcome = short_form(SEED, tmp_path)
    assert outcome.violations == (), outcome
    assert outcome.trials > 100
    assert outcome.details["stored"] > 10


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_node_with_an_open_door_is_seen(name: str, tmp_path: Path) -> None:
    assert MUTANTS[name](SEED, tmp_path).violations
