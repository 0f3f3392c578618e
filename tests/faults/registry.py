"""The rigs of `make faults`, one line each."""

from __future__ import annotations

from tests.faults import (
    bit_rot,
    clock_jumps,
    cut_transfer,
    database_outage,
    disk_full,
    drive_cache,
    hostile_peers,
    io_error,
    job_kills,
    kill_loop,
    memory,
    object_store_outage,
    order_cuts,
    power_cut,
    prefixes,
    races,
    restore_drill,
    simulation,
    system_call_kill,
)
from tests.faults.rig import Rig

RIGS: tuple[Rig, ...] = (
    simulation.RIG,
    kill_loop.RIG,
    job_kills.RIG,
    system_call_kill.RIG,
    power_cut.EXT4,
    power_cut.XFS,
    order_cuts.RIG,
    drive_cache.RIG,
    io_error.RIG,
    disk_full.RIG,
    bit_rot.RIG,
    object_store_outage.RIG,
    database_outage.RIG,
    races.RIG,
    restore_drill.RIG,
    clock_jumps.RIG,
    memory.RIG,
    hostile_peers.RIG,
    prefixes.RIG,
    cut_transfer.RIG,
)
