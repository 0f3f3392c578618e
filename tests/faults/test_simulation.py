"""The short form of R10 for every commit: histories without a violation, one seed one trace, and every mutant seen."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.faults.simulated.database import template
from tests.faults.simulated.instances import instance
from tests.faults.simulated.life import Node, World
from tests.faults.simulated.mutants import MUTANTS
from tests.faults.simulated.oracle import Model, judge
from tests.faults.simulated.scheduler import Faults, Trace
from tests.faults.simulation import MUTANT_HISTORIES, RIG, quiet, results, scratch
from tests.support.archives import send

pytestmark = pytest.mark.rig

HISTORIES = 2000
ENOUGH_S = 8.0
SEED = 1
RARE = ("adopt-unsecured", "object-deleted-first", "retry-fsync")
"""Mutants that want two certain things one after the other, which is one history in some hundred."""


SOON = ("success-before-commit", "no-fsync", "wal-normal", "key-reuse")
"""Mutants that are seen at once, for every commit."""


@pytest.mark.brief
def test_no_history_breaks_the_promise() -> None:
    ends = time.monotonic() + ENOUGH_S
    found = results(SEED, Trace())
    for result in islice(found, HISTORIES):
        assert result.violations == (), f"python -m tests.faults.simulation --seed {result.seed} --histories 1 --trace"
        if time.monotonic() > ends:
            break
    found.close()


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(name, marks=[pytest.mark.brief] if name in SOON else [])
        for name in sorted(set(MUTANTS) - set(RARE))
    ],
)
def test_a_broken_node_is_seen(mutant: str, tmp_path: Path) -> None:
    outcome = RIG.mutants[mutant](SEED, tmp_path)
    assert outcome.violations, f"not seen in {outcome.trials} histories"
    assert outcome.trials <= MUTANT_HISTORIES


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", RARE)
def test_a_rarely_broken_node_is_seen(mutant: str, tmp_path: Path) -> None:
    assert RIG.mutants[mutant](SEED, tmp_path).violations


def test_one_seed_gives_one_trace_in_every_process() -> None:
    def digest(hash_seed: str) -> str:
        command = [sys.executable, "-m", "tests.faults.simulation", "--seed", "77", "--histories", "12"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        told = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=True).stdout
        return told.splitlines()[-1]

    here = Trace()
    found = results(77, here)
    assert all(result.violations == () for result in islice(found, 12))
    found.close()
    assert digest("1") == digest("2") == f"0 violations, trace {here.digest}"


# Histories that once lost something, by hand --------------------------------------------------------------------


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with scratch() as folder, quiet():
        yield World(SEED, folder, template(folder), Trace(keep=True))


def _begin(node: Node, file: bytes = b"") -> None:
    node.open()
    node.recover()
    if file:
        send(node.archive, file)


def test_an_object_adopted_after_a_kill_survives_the_power_cut_after_it(world: World) -> None:
    """Killed between rename and fsync of the directory, the name is in memory only; adopting it made it a promise."""
    item, model = instance(1, 0), Model()
    model.sending(item)
    killed = Node(world, Faults(world.choose, dies_at=0, dies_in="fsync moved"))
    with killed.process():
        assert not killed.run(lambda: _begin(killed, item.file))
        killed.crash(power=False)
    adopting = Node(world, Faults(world.choose))
    with adopting.process():
        assert adopting.run(lambda: _begin(adopting))
        adopting.crash(power=True, manner="none")
    last = Node(world, Faults(world.choose))
    with last.process():
        assert last.run(lambda: _begin(last))
        judge(last.archive, model)
        [stored] = last.archive.instances(item.study_instance_uid)
        last.stop()
    assert stored.sop_instance_uid == item.sop_instance_uid
    assert model.violations == []
