"""Orders through kills and power cuts, in short, and the proof that both rigs see one that is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import order_cuts
from tests.faults.job_kills import MUTANTS, RIG, run
from tests.support.peers import absent

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


@pytest.mark.timeout(600)
def test_no_power_cut_loses_an_order(tmp_path: Path) -> None:
    _able()
    outcome = order_cuts.cut_loop(SEED, tmp_path, cuts=3)
    assert outcome.violations == ()
    assert outcome.details["acknowledged"] > 60


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", order_cuts.MUTANTS)
def test_it_sees_an_order_that_was_answered_before_it_was_on_the_disk(mutant: str, tmp_path: Path) -> None:
    _able()
    assert order_cuts.RIG.mutants[mutant](SEED, tmp_path).violations


def _able() -> None:
    reason = order_cuts.RIG.needs()
    if reason:
        absent(f"what {order_cuts.RIG.name} needs", reason)
