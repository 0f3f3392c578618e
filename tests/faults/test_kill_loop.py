"""The short form of R1 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.acknowledged import Acknowledged
from tests.faults.instances import Template, digest_of
from tests.faults.kill_loop import MUTANTS, RIG, run
from tests.faults.oracle import oracle
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series

KILLS = 20
SEED = 20261123


@pytest.mark.timeout(600)
def test_no_kill_loses_tears_doubles_or_orphans(tmp_path: Path) -> None:
    tally = run(tmp_path, KILLS, SEED, print)
    assert tally.violations == ()
    assert tally.kills == KILLS
    assert tally.refused == {}
    # How many images were hashed beside the node depends on the machine; `hashed` of the system calls sees to that.
    assert tally.instances > KILLS, f"hardly anything was sent: {tally}"


def test_the_oracle_sees_what_a_broken_node_would_leave(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_archive(folder) as archive:
        for dataset in ct_series(3):
            send(archive, dataset)
        [first, second, third] = archive.instances(ct_series(1)[0].StudyInstanceUID)
    acknowledged = Acknowledged()
    lost = Template().make(1)
    acknowledged.note(lost.sop_instance_uid, digest_of(lost.dataset), 0)
    acknowledged.digests[first.sop_instance_uid] = {first.dataset_sha256}
    torn = folder / "store" / second.object_key
    torn.chmod(0o600)
    torn.write_bytes(torn.read_bytes()[:-2])
    (folder / "store" / third.object_key).unlink()
    found = oracle(folder, acknowledged)
    assert any(lost.sop_instance_uid in line and "lost" in line for line in found)
    assert any(second.object_key in line and "differ" in line for line in found)
    assert any(third.object_key in line and "not in storage" in line for line in found)
    assert not any(first.object_key in line for line in found)


@pytest.mark.rig
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_it_sees_a_node_that_breaks_the_promise(mutant: str, tmp_path: Path) -> None:
    assert RIG.mutants[mutant](1, tmp_path).violations
