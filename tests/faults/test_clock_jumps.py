"""The short form of R14 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.clock_jumps import RIG, archive_jumps, node_jumps

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.mark.brief
@pytest.mark.parametrize("seed", range(2))
def test_jumps_lose_nothing_and_use_no_key_twice(tmp_path: Path, seed: int) -> None:
    outcome = archive_jumps(seed, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["keys"] > outcome.details["acknowledged"] > 0


def test_a_running_node_takes_a_clock_that_jumps(tmp_path: Path) -> None:
    assert node_jumps(1, tmp_path / "rig").violations == ()


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_rig_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
