"""The machine: its clock, and the walls around the decoding processes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select, text

from pacs.doctor.finding import Finding, unseen, well, wrong
from pacs.doctor.look import Look
from pacs.index.schema import event
from pacs.model import from_microseconds
from pacs.render.workers import DecodeWorkers

CLOCK_DIFFERENCE_MAX = timedelta(seconds=5)

_STA_UNSYNC = 0x0040
_libc = ctypes.CDLL(None, use_errno=True)


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), of which only the status is read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def _is_synchronised() -> bool | None:
    state = _Timex()
    return None if _libc.adjtimex(ctypes.byref(state)) < 0 else not state.status & _STA_UNSYNC


def clock(look: Look) -> Iterator[Finding]:
    """Is the time right? It dates every study's arrival."""
    synchronised = _is_synchronised()
    if synchronised is None:
        yield unseen("the kernel does not tell whether the clock is synchronised")
    elif synchronised:
        yield well("the clock is synchronised")
    else:
        yield wrong(
            "the clock of this machine is not synchronised",
            "run a time service: `sudo apt-get install chrony`, or timedatectl set-ntp true",
        )
    if look.index is None or not look.index.revision()[0]:
        return
    with look.index.read() as connection:
        newest = connection.execute(select(func.max(event.c.at))).scalar()
        there = None
        if not look.index.is_sqlite:
            there = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    if newest is not None and from_microseconds(newest) - look.now > CLOCK_DIFFERENCE_MAX:
        yield wrong(
            f"the newest event is dated {from_microseconds(newest):%Y-%m-%d %H:%M:%S} UTC, which is still to come",
            "the clock was wrong then or is wrong now: set it right; images are safe, their times of arrival are not",
        )
    if there is not None and abs(there - look.now) > CLOCK_DIFFERENCE_MAX:
        yield wrong("the clocks of this machine and of the database differ", "let both follow the same time service")


def sandbox(look: Look) -> Iterator[Finding]:
    """Are the processes that decode strangers' pixels shut in?"""
    limits = look.settings.archive
    workers = DecodeWorkers(1, memory_bytes=limits.decode_memory_bytes, cpu_seconds=limits.decode_cpu_s)
    try:
        measures = workers.sandbox_report
    finally:
        workers.close()
    missing = [f"{measure.name} ({measure.detail})" for measure in measures if not measure.holds]
    if missing:
        yield wrong(
            f"the kernel refuses walls around the decoding processes: {', '.join(missing)}",
            "allow unprivileged user namespaces and seccomp here (kernel.unprivileged_userns_clone, the container's "
            "security options); until then a decoder that is broken into is held by fewer walls",
        )
    else:
        yield well(f"the decoding processes are shut in by {len(measures)} walls")
