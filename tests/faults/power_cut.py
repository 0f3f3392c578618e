"""R2: the power goes while modalities send: the page cache is lost, the file system replays its journal.

    python -m tests.faults --rig power-cut-ext4 --seed 7

The archive runs in a process of its own on a loop device over a file in memory. It is killed and the file copied at
once: what sits only in the page cache above the device is not in the copy. The copy is mounted, the archive started
on it, and what was acknowledged (written down elsewhere) has to be there. Then the next cut, on the same disk.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.acknowledged import attempts
from tests.faults.disks import Disk, LoopDisk, missing
from tests.faults.driver import Driver
from tests.faults.instances import UID_ROOT
from tests.faults.rig import Outcome, Rig
from tests.faults.work import DIGESTS

CUTS_A_SLICE = 15
SENDERS = (1, 1, 2, 4, 8)  # one sender: nobody else's sync carries its names to the disk
# until SQLite writes its log over from the start: it no longer grows then
WARM_UP: dict[str, Any] = {"senders": 4, "instances": 60}
ANSWERS = (20, 400)  # before a cut; SQLite's log grows for the first hundred or so, which syncs names by the way
PREPARED = 0.5  # share of cuts under an archive with a hasher, which a lone sender's large images meet
DELAY_S = 0.02  # at most, between an answer and the cut


def cut_loop(seed: int, folder: Path, make: Callable[[Driver, Path], Disk], *, cuts: int, mutant: str = "") -> Outcome:
    """Cut after cut on one disk, the oracle after each; stops at the first violation."""
    choose, log = random.Random(seed), folder / "acknowledged"
    violations: list[str] = []
    done = 0
    with Driver(folder, private=True) as driver:
        disk = make(driver, folder)
        data = disk.mounted / "data"
        driver.work("flood", data, log, seed=seed, mutant=mutant, first=1, **WARM_UP)
        while done < cuts and not violations:
            done += 1
            senders, kill_after = choose.choice(SENDERS), (choose.randint(*ANSWERS), choose.uniform(0, DELAY_S))
            ended = driver.work(
                "flood",
                data,
                log,
                seed=choose.randrange(1 << 30),
                mutant=mutant,
                kill_after=kill_after,
                first=_next_number(log),
                senders=senders,
                prepared=choose.random() < PREPARED,
            )
            disk.take_power()
            try:
                disk.give_power()
            except RuntimeError as error:
                violations.append(f"seed {seed}, cut {done}: the file system is lost: {error}")
                break
            if not ended.signal:
                violations.append(f"seed {seed}, cut {done}: the sender ended by itself: {ended.broken}")
                break
            violations += [
                f"seed {seed}, cut {done}, {senders} senders: {found}" for found in _restart(driver, data, log)
            ]
    told = attempts(log)
    refused = sum(attempt.status != 0 for attempt in told)
    if refused:  # a full disk takes nothing, so cuts on it would count and prove nothing
        violations.append(f"seed {seed}: {refused} refused on a disk that should have room")
    digests = log.with_name(DIGESTS)
    hashed = digests.stat().st_size if digests.exists() else 0
    details = {"acknowledged": len(told) - refused, "refused": refused, "hashed elsewhere": hashed}
    return Outcome(done, tuple(violations), details)


def _restart(driver: Driver, data: Path, log: Path) -> list[str]:
    ended = driver.work("restart", data, log)
    if ended.broken:
        return [f"the archive does not start: {ended.broken}"]
    return list(ended.result["violations"])


def _next_number(log: Path) -> int:
    highest = max((int(attempt.sop_instance_uid.removeprefix(UID_ROOT)) for attempt in attempts(log)), default=0)
    return highest - 10**11 + 100


def _slice(kind: str, seed: int, folder: Path, *, cuts: int = CUTS_A_SLICE, mutant: str = "") -> Outcome:
    return cut_loop(seed, folder, lambda driver, where: LoopDisk(driver, where, kind), cuts=cuts, mutant=mutant)


on_ext4, on_xfs = partial(_slice, "ext4"), partial(_slice, "xfs")

EXT4 = Rig(
    name="power-cut-ext4",
    noun="cuts",
    goal=2_000,
    slice=on_ext4,
    mutants={
        name: partial(on_ext4, mutant=name, cuts=cuts)
        for name, cuts in (
            ("no-fsync", 5),
            ("no-directory-fsync", 50),
            ("wal-normal", 5),
            ("success-before-commit", 20),
            ("publish-before-commit", 20),
            ("key-reuse", 5),
        )
    },
    needs=partial(missing, "mkfs.ext4"),
)
XFS = Rig(
    name="power-cut-xfs",
    noun="cuts",
    goal=1_000,
    slice=on_xfs,
    mutants={name: partial(on_xfs, mutant=name, cuts=5) for name in ("no-fsync", "wal-normal", "key-reuse")},
    needs=partial(missing, "mkfs.xfs"),
)
