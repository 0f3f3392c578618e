"""R2b: the power goes, and the drive had a volatile cache: unflushed blocks are lost or not, in any order.

python -m tests.faults --rig drive-cache --seed 7
"""

from __future__ import annotations

import ctypes.util
from functools import partial
from pathlib import Path

from tests.faults.disks import CachedDisk, missing
from tests.faults.power_cut import cut_loop
from tests.faults.rig import Outcome, Rig

CUTS_A_SLICE = 8


def run(seed: int, folder: Path, *, cuts: int = CUTS_A_SLICE, mutant: str = "", options: str = "commit=300") -> Outcome:
    """One slice: cut after cut on one disk, mounted with `options`."""
    make = partial(CachedDisk, seed=seed, options=options)
    return cut_loop(seed, folder, make, cuts=cuts, mutant=mutant)


def needs() -> str:
    """Why it cannot run here, or ""."""
    if not Path("/dev/fuse").exists() or ctypes.util.find_library("fuse3") is None:
        return "there is no FUSE 3"
    return missing("mkfs.ext4", "fusermount3")


RIG = Rig(
    name="drive-cache",
    noun="cuts",
    goal=500,
    slice=run,
    mutants={
        "no-fsync": partial(run, mutant="no-fsync", cuts=3),
        "wal-normal": partial(run, mutant="wal-normal", cuts=5),
        "no-barrier": partial(run, options="commit=300,barrier=0", cuts=20),  # of the rig: no flush is asked for
    },
    needs=needs,
)
