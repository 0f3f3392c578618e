"""The short form of the races for every commit, and the proof that they see a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.races import INSTANCES, RIG, SENDERS, hashed_race, node_race, two_writers_race

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


def test_fifty_senders_of_the_same_instances_make_one_row_each(tmp_path: Path) -> None:
    outcome = node_race(1, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["answers"] == SENDERS * INSTANCES


def test_two_senders_of_large_images_hash_their_own(tmp_path: Path) -> None:
    outcome = hashed_race(1, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["hashed elsewhere"] > 0


@pytest.mark.brief
def test_two_writers_on_one_database_make_one_row_each(tmp_path: Path) -> None:
    assert two_writers_race(1, tmp_path / "rig").violations == ()


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_race_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
