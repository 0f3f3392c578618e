"""The short form of R11 on the wires, and nodes that take a part for the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.cut_transfer import MUTANTS, run, short_samples

pytestmark = pytest.mark.rig

SEED = 20261125


@pytest.mark.timeout(300)
def test_no_cut_transfer_is_taken_and_every_whole_one_is(tmp_path: Path, test_data: Path) -> None:
    outcome = run(SEED, tmp_path, short_samples()[::16], 3)
    assert outcome.violations == ()
    assert outcome.trials > 1000


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", MUTANTS)
def test_a_node_that_takes_a_part_for_the_whole_is_seen(name: str, tmp_path: Path, test_data: Path) -> None:
    violations = MUTANTS[name](SEED, tmp_path).violations
    assert any("is there" in line or "STOW answers" in line for line in violations), violations
