"""The short form of R16 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.restore_drill import RIG, drill

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


def test_what_was_acknowledged_before_a_backup_is_in_it(tmp_path: Path) -> None:
    outcome = drill(1, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["copied"] > 20


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_rig_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
