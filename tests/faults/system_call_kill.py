"""R1b: kill -9 on entry of every system call of the store path, one run a call, then a restart and the oracle.

python -m tests.faults --rig system-call-kill --seed 7
"""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.driver import Driver
from tests.faults.memory_folder import in_memory
from tests.faults.rig import Outcome, Rig
from tests.faults.system_calls import NAMES, Point, points
from tests.faults.work import MATRIX, SCENARIOS, SENDS, SMALL_MATRIX
from tests.support.peers import SYSTEM_PATH

SLICE_KILLS = 25  # of the points of a scenario, by the seed: all of them would take many minutes
MUTANTS = {
    "success-before-commit": "store",
    "publish-before-commit": "store",
    "event-in-a-second-transaction": "store",
    "counters-in-a-second-transaction": "store",
    "key-reuse": "series",
    "recovery-deletes": "recover",
    "hash-before-the-last-bytes": "hashed",
    "digest-of-a-dead-hasher": "hashed",
}


class Bench:
    """The driver and the folders of one slice: `start` is what every run begins with, `data` what it works on;
    `unharmed` is what the last survey's scenario told of itself."""

    def __init__(self, driver: Driver, folder: Path, seed: int) -> None:
        self.driver, self.folder, self.seed = driver, folder, seed
        self.data, self.log, self.trace = folder / "data", folder / "acknowledged", folder / "trace"
        self.unharmed: dict[str, int] = {}
        self._start, self._start_log = folder / "start", folder / "acknowledged-at-start"
        ended = driver.work("prepare", self._start, self._start_log, seed=seed, hour=-2)
        assert not ended.broken, ended.broken

    def renew(self) -> None:
        """Put everything back to the start."""
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.copytree(self._start, self.data)
        shutil.copyfile(self._start_log, self.log)

    def survey(self, scenario: str, mutant: str = "", names: str = NAMES) -> list[Point]:
        """Run the scenario unharmed; the points at which it can be struck."""
        self.renew()
        trace = ["-y", "-o", str(self.trace), "-e", f"trace={names}"]
        ended = self.driver.work(scenario, self.data, self.log, seed=self.seed, mutant=mutant, trace=trace)
        assert not ended.broken, ended.broken
        self.unharmed = ended.result
        return points(self.trace, self.data)

    def restart(self, scenario: str, mutant: str = "", **options: Any) -> list[str]:
        """What the oracle says after a restart."""
        again = SENDS[scenario]
        ended = self.driver.work(
            "restart",
            self.data,
            self.log,
            seed=self.seed + 1,
            mutant=mutant,
            again=again,
            matrix=MATRIX.get(scenario, SMALL_MATRIX),
            **options,
        )
        if ended.broken:
            return [f"the restart failed: {ended.broken}"]
        return list(ended.result["violations"])


def kill_at(bench: Bench, scenario: str, at: Sequence[Point], mutant: str = "") -> Iterator[tuple[bool, list[str]]]:
    """Kill the scenario at each point; whether it died, and what the oracle said then."""
    for point in at:
        bench.renew()
        trace = ["-o", "/dev/null", *point.injection("signal=SIGKILL")]
        ended = bench.driver.work(scenario, bench.data, bench.log, seed=bench.seed, mutant=mutant, trace=trace)
        died = ended.signal == signal.SIGKILL and not ended.hung
        if not died and ended.broken:
            yield died, [f"{scenario}, {point}: {ended.broken}"]
            continue
        # a mutant of the start is one there as well
        yield died, [f"{scenario}, {point}: {found}" for found in bench.restart(scenario, mutant)]


def run(seed: int, folder: Path, *, scenario: str = "", mutant: str = "", at_most: int = 1 << 30) -> Outcome:
    """One scenario (by the seed, unless named) killed at every point in a seeded order, at most so often."""
    scenario = scenario or list(SCENARIOS)[seed % len(SCENARIOS)]
    killed, missed, violations = 0, 0, []
    with in_memory(folder) as fast, Driver(folder) as driver:
        bench = Bench(driver, fast, seed)
        survey = bench.survey(scenario, mutant)
        chosen = random.Random(seed).sample(survey, min(at_most, len(survey)))
        for died, found in kill_at(bench, scenario, chosen, mutant):
            killed += died
            missed += not died
            violations += [f"seed {seed}: {violation}" for violation in found]
            if violations:
                break
    whole = int(at_most >= len(survey) and not violations)
    return Outcome(killed, tuple(violations), {"not reached": missed, "whole passes": whole, **bench.unharmed})


def needs() -> str:
    return "" if shutil.which("strace", path=SYSTEM_PATH) else "strace is not installed"


RIG = Rig(
    name="system-call-kill",
    noun="kills",
    goal=5_000,
    slice=partial(run, at_most=SLICE_KILLS),
    mutants={name: partial(run, scenario=scenario, mutant=name) for name, scenario in MUTANTS.items()},
    needs=needs,
)
