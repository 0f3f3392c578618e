"""The short form of R3 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.disk_full import RIG, full_at_commit, index_runs_out, node_runs_out
from tests.support.peers import absent

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.fixture(autouse=True)
def _small_disks() -> None:
    if why := RIG.needs():
        absent("a small disk", why)


@pytest.mark.parametrize("seed", [0, 4, 5], ids=["watermark", "brim", "inodes"])
def test_a_full_disk_refuses_serves_deletes_nothing_and_passes(tmp_path: Path, seed: int) -> None:
    outcome = node_runs_out(seed, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["refused"] >= 20


@pytest.mark.brief
def test_an_index_on_a_disk_that_others_filled_still_commits(tmp_path: Path) -> None:
    assert index_runs_out(1, tmp_path / "rig").violations == ()


@pytest.mark.brief
@pytest.mark.parametrize("checkpoint_pages", [1000, 10], ids=["commit", "checkpoint"])
def test_a_disk_that_fills_at_commit_loses_nothing(tmp_path: Path, checkpoint_pages: int) -> None:
    outcome = full_at_commit(1, tmp_path / "rig", checkpoint_pages=checkpoint_pages, rounds=2)
    assert outcome.violations == ()
    assert 0 < outcome.details["acknowledged"] < outcome.details["sent"]


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_rig_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
