"""The short form of R5 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.bit_rot import RIG, archive_rots, disk_rots, index_rots, log_rots, node_rots
from tests.faults.small_disk import needs

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.mark.parametrize("seed", [1, 2], ids=["running, sent again", "stopped, from a copy"])
def test_damaged_objects_are_named_never_served_and_healed(tmp_path: Path, seed: int) -> None:
    outcome = node_rots(seed, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["named"] == outcome.details["damaged"] > 0


@pytest.mark.brief
@pytest.mark.parametrize("seed", range(3))
def test_a_rebuild_never_makes_damage_good(tmp_path: Path, seed: int) -> None:
    assert archive_rots(seed, tmp_path / "rig").violations == ()


def test_a_lost_page_of_the_index_is_named_and_the_objects_tell_it_again(tmp_path: Path) -> None:
    outcome = index_rots(1, tmp_path / "rig", pages=2)
    assert outcome.violations == ()
    assert outcome.details["damaging"] > 0


def test_a_lost_page_of_the_log_loses_no_image(tmp_path: Path) -> None:
    assert log_rots(1, tmp_path / "rig").violations == ()


@pytest.mark.skipif(bool(needs()), reason=needs())
@pytest.mark.brief
def test_a_scrub_finds_what_the_page_cache_hides(tmp_path: Path) -> None:
    outcome = disk_rots(1, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["hidden_by_the_cache"] > 0


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_rig_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
