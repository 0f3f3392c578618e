"""The short form of R7 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.database_outage import RIG, away_for_long, cut_commits, server_restarts

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.mark.parametrize(
    "kind",
    [
        "before",
        pytest.param("answer-lost", marks=pytest.mark.brief),
        "answer-torn",
        "late",
        "session-ended",
        "session-killed",
    ],
)
def test_a_cut_commit_is_answered_with_what_the_server_did(tmp_path: Path, kind: str) -> None:
    outcome = cut_commits(1, tmp_path / "rig", kind=kind, cuts=2)
    assert outcome.violations == ()
    assert outcome.trials == 2


def test_a_server_that_restarts_takes_nothing_with_it(tmp_path: Path) -> None:
    assert server_restarts(1, tmp_path / "rig").violations == ()


def test_a_server_that_is_away_for_long_in_a_commit_stops_nobody(tmp_path: Path) -> None:
    assert away_for_long(1, tmp_path / "rig").violations == ()


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_rig_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
