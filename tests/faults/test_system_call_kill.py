"""The short form of R1b: some points of each scenario, and every mutant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.system_call_kill import RIG, run
from tests.faults.work import SCENARIOS
from tests.support.peers import program

POINTS = 10
SEED = 20261123

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.fixture(autouse=True)
def _strace() -> None:
    program("strace", "strace")


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=[pytest.mark.brief] if name == "store" else []) for name in SCENARIOS]
)
def test_a_kill_at_any_system_call_keeps_the_promise(scenario: str, tmp_path: Path) -> None:
    outcome = run(SEED, tmp_path, scenario=scenario, at_most=POINTS)
    assert outcome.violations == ()
    assert outcome.trials >= POINTS // 2, f"the points were not reached: {outcome}"
    if scenario == "hashed":
        assert (outcome.details["digests"], outcome.details["deaths"]) == (1, 1)
        assert outcome.details["files"] > 0


@pytest.mark.parametrize("mutant", RIG.mutants)
def test_it_sees_an_archive_that_breaks_the_promise(mutant: str, tmp_path: Path) -> None:
    assert RIG.mutants[mutant](SEED, tmp_path).violations
