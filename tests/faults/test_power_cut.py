"""The short form of R2: a few cuts on each file system, and every mutant of ext4."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.power_cut import EXT4, XFS, on_ext4, on_xfs
from tests.faults.rig import Rig
from tests.support.peers import absent

CUTS = 3
SEED = 20261123

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


def _able(rig: Rig) -> None:
    reason = rig.needs()
    if reason:
        absent(f"what {rig.name} needs", reason)


@pytest.mark.brief
def test_no_power_cut_on_ext4_loses_what_was_acknowledged(tmp_path: Path) -> None:
    _able(EXT4)
    outcome = on_ext4(SEED, tmp_path, cuts=CUTS)
    assert outcome.violations == ()
    assert outcome.details["acknowledged"] > 100
    assert outcome.details["refused"] == 0


def test_no_power_cut_on_xfs_loses_what_was_acknowledged(tmp_path: Path) -> None:
    _able(XFS)
    outcome = on_xfs(SEED, tmp_path, cuts=CUTS)
    assert outcome.violations == ()
    assert outcome.details["acknowledged"] > 100


@pytest.mark.parametrize("mutant", EXT4.mutants)
def test_it_sees_an_archive_that_breaks_the_promise(mutant: str, tmp_path: Path) -> None:
    _able(EXT4)
    assert EXT4.mutants[mutant](SEED, tmp_path).violations
