"""The short form of kills while jobs are done, and the proof that the rig sees an order that is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.job_kills import MUTANTS, RIG, run

pytestmark = pytest.mark.rig

KILLS = 4
SEED = 20261128


@pytest.mark.timeout(600)
def test_no_kill_loses_an_order_or_a_promise(tmp_path: Path) -> None:
    orders, violations = run(tmp_path, KILLS, SEED)
    assert violations == []
    assert len(orders.sends) >= KILLS, orders
    assert len(orders.transactions) >= KILLS, orders


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_it_sees_a_node_that_answers_before_it_has_written(mutant: str, tmp_path: Path) -> None:
    assert RIG.mutants[mutant](1, tmp_path).violations
