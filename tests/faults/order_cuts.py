"""The power goes while orders are taken: sends to other archives and requests for storage commitment.

    python -m tests.faults --rig orders-power-cut --seed 7

As the power cuts under senders of instances, on the same disk: every order that was answered has to be in the index
after the file system has replayed its journal, the job as well as the request behind it.
"""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path

from tests.faults.acknowledged import attempts
from tests.faults.disks import LoopDisk, missing
from tests.faults.driver import Driver
from tests.faults.rig import Outcome, Rig

CUTS_A_SLICE = 15
SENDERS = (1, 2, 4)
ANSWERS = (20, 300)  # before a cut
DELAY_S = 0.02  # at most, between an answer and the cut


def cut_loop(seed: int, folder: Path, *, cuts: int = CUTS_A_SLICE, mutant: str = "") -> Outcome:
    """Cut after cut on one disk, and after each a look at every order; stops at the first violation."""
    choose, log = random.Random(seed), folder / "acknowledged"
    violations: list[str] = []
    done = 0
    with Driver(folder, private=True) as driver:
        disk = LoopDisk(driver, folder, "ext4")
        data = disk.mounted / "data"
        while done < cuts and not violations:
            done += 1
            ended = driver.work(
                "orders",
                data,
                log,
                seed=choose.randrange(1 << 30),
                mutant=mutant,
                kill_after=(choose.randint(*ANSWERS), choose.uniform(0, DELAY_S)),
                first=done,
                senders=choose.choice(SENDERS),
            )
            disk.take_power()
            disk.give_power()
            if not ended.signal:
                violations.append(f"seed {seed}, cut {done}: the orders ended by themselves: {ended.broken}")
                break
            kept = driver.work("orders_kept", data, log)
            found = [kept.broken] if kept.broken else kept.result["violations"]
            violations += [f"seed {seed}, cut {done}: {violation}" for violation in found]
    return Outcome(done, tuple(violations), {"acknowledged": len(attempts(log))})


MUTANTS = ("wal-normal", "success-before-commit")
RIG = Rig(
    name="orders-power-cut",
    noun="cuts",
    goal=500,
    slice=cut_loop,
    mutants={mutant: partial(cut_loop, mutant=mutant) for mutant in MUTANTS},
    needs=partial(missing, "mkfs.ext4"),
)
