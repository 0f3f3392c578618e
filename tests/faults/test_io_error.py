"""The short form of R4: some failing calls of each scenario and error, all short writes, and every mutant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.io_error import ERRORS, RIG, run, short_writes
from tests.support.peers import program

POINTS = 10
SEED = 20261123

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.fixture(autouse=True)
def _strace() -> None:
    program("strace", "strace")


@pytest.mark.parametrize("scenario", [pytest.param("store", marks=pytest.mark.brief), "duplicate", "recover", "hashed"])
def test_nothing_is_acknowledged_that_a_failing_call_took(scenario: str, tmp_path: Path) -> None:
    outcome = run(SEED, tmp_path, scenario=scenario, errors=ERRORS, at_most=POINTS)
    assert outcome.violations == ()
    assert outcome.trials >= POINTS // 2, f"the points were not reached: {outcome}"


def test_a_short_write_is_gone_on_with(tmp_path: Path) -> None:
    outcome = short_writes(SEED, tmp_path)
    assert outcome.violations == ()
    assert outcome.trials > 2


@pytest.mark.parametrize("mutant", RIG.mutants)
def test_it_sees_an_archive_that_breaks_the_promise(mutant: str, tmp_path: Path) -> None:
    assert RIG.mutants[mutant](SEED, tmp_path).violations
