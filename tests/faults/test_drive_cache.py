"""The short form of R2b: a few cuts, and every mutant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.drive_cache import RIG, run
from tests.support.peers import absent

CUTS = 3
SEED = 20261123

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


@pytest.fixture(autouse=True)
def _able() -> None:
    reason = RIG.needs()
    if reason:
        absent("what drive-cache needs", reason)


def test_no_cut_with_a_volatile_cache_loses_what_was_acknowledged(tmp_path: Path) -> None:
    outcome = run(SEED, tmp_path, cuts=CUTS)
    assert outcome.violations == ()
    assert outcome.details["acknowledged"] > 50


@pytest.mark.parametrize("mutant", RIG.mutants)
def test_it_sees_an_archive_or_a_disk_that_breaks_the_promise(mutant: str, tmp_path: Path) -> None:
    assert RIG.mutants[mutant](SEED, tmp_path).violations
