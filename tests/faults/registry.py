"""The rigs of `make faults`, one line each."""

from __future__ import annotations

from tests.faults import kill_loop
from tests.faults.rig import Rig

RIGS: tuple[Rig, ...] = (kill_loop.RIG,)
