"""The rigs of `make faults`, one line each."""

from __future__ import annotations

from tests.faults import drive_cache, io_error, kill_loop, power_cut, system_call_kill
from tests.faults.rig import Rig

RIGS: tuple[Rig, ...] = (
    kill_loop.RIG,
    system_call_kill.RIG,
    power_cut.EXT4,
    power_cut.XFS,
    drive_cache.RIG,
    io_error.RIG,
)
