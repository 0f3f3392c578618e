"""Disks from which the power can be taken: what was never synced is gone, and nobody had time to say goodbye.

They live in the mount namespace of a driver, so that they go when it does.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.faults.driver import Driver
from tests.support.peers import SYSTEM_PATH

FORMAT = {
    "ext4": ("600M", ["mkfs.ext4", "-q", "-F"], "loop,commit=300"),
    "xfs": ("600M", ["mkfs.xfs", "-q", "-f"], "loop"),
}
"""Size, program and mount options; commit=300: the journal is not written by itself while a cut is made."""


def missing(*programs: str) -> str:
    """Why such disks cannot be made here, "" when they can."""
    if os.geteuid() != 0:
        return "loop devices need root"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    absent = [name for name in ("mount", "unshare", *programs) if shutil.which(name, path=SYSTEM_PATH) is None]
    return f"{', '.join(absent)} not installed" if absent else ""


class LoopDisk:
    """A file system on a loop device over a file in memory: the page cache above the device is what a cut takes."""

    def __init__(self, driver: Driver, folder: Path, kind: str) -> None:
        size, make, self._options = FORMAT[kind]
        self._driver, memory, self.mounted = driver, folder / "memory", folder / "disk"
        self._image, self._cut = memory / "image", memory / "cut"
        for made in (memory, self.mounted):
            made.mkdir()
        driver.run("mount", "-t", "tmpfs", "-o", "size=2g", "suret-faults", memory)
        driver.run("truncate", "-s", size, self._image)
        driver.run(*make, self._image)
        self._mount()

    def take_power(self) -> None:
        """Keep what the device has at this moment, nothing else."""
        self._driver.run("cp", "--sparse=always", self._image, self._cut)

    def give_power(self) -> None:
        """Mount what was kept; the file system replays its journal."""
        self._driver.run("umount", self.mounted)
        self._driver.run("mv", self._cut, self._image)
        self._mount()

    def _mount(self) -> None:
        self._driver.run("mount", "-o", self._options, self._image, self.mounted)


class CachedDisk:
    """ext4 on a disk with a volatile cache (volatile_disk.py): a cut takes a random half of the unflushed blocks."""

    def __init__(self, driver: Driver, folder: Path, seed: int, *, options: str = "commit=300") -> None:
        self._driver, self._device, self.mounted = driver, folder / "device", folder / "disk"
        self._options = f"loop,{options}"
        for made in (self._device, self.mounted):
            made.mkdir()
        driver.background(sys.executable, "-m", "tests.faults.volatile_disk", self._device, str(seed))
        driver.wait_for(self._device / "disk")
        driver.run("mkfs.ext4", "-q", "-F", self._device / "disk")
        driver.write(self._device / "control", "flush")
        self._mount()

    def take_power(self) -> None:
        """The one thread that serves writes decides what survived."""
        self._driver.write(self._device / "control", "cut")

    def give_power(self) -> None:
        """Go on with what survived."""
        self._driver.run("umount", self.mounted)
        self._driver.write(self._device / "control", "restore")
        self._mount()

    def _mount(self) -> None:
        self._driver.run("mount", "-o", self._options, self._device / "disk", self.mounted)


Disk = LoopDisk | CachedDisk
