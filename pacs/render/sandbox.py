"""The walls around a decode worker, put up by the worker itself once everything it needs is loaded.

Limits on memory, processor time and files always hold. What else the kernel or an ordinary user's rights refuse is
reported, never hidden: `pacs doctor` and the log name it.
"""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable

from pacs.render import seccomp
from pacs.render.values import SandboxMeasure

NOBODY = 65534
_CLONE_NEWNET = 0x40000000
_CLONE_NEWUSER = 0x10000000
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_DUMPABLE = 4
_FIRST_FREE_DESCRIPTOR = 3

_libc = ctypes.CDLL(None, use_errno=True)


def shut_doors(memory_bytes: int) -> list[SandboxMeasure]:
    """Put up every wall that can be; the order matters (a namespace needs rights that are then given away)."""
    steps: tuple[tuple[str, Callable[[], None]], ...] = (
        ("network", _leave_network),
        ("user", _become_nobody),
        ("memory", lambda: _limit(resource.RLIMIT_AS, memory_bytes)),
        ("files", _limit_files),
        ("core dumps", _no_core_dumps),
        ("no new privileges", lambda: _prctl(_PR_SET_NO_NEW_PRIVS, 1)),
        ("system calls", seccomp.install),
    )
    return [_attempt(name, step) for name, step in steps]


def _attempt(name: str, step: Callable[[], None]) -> SandboxMeasure:
    try:
        step()
    except OSError as error:
        return SandboxMeasure(name, holds=False, detail=error.strerror or str(error))
    return SandboxMeasure(name, holds=True)


def allow_cpu_seconds(seconds: int) -> None:
    """Grant the coming frame `seconds` of processor time; beyond it SIGXCPU ends the process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = usage.ru_utime + usage.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 1 + seconds, hard))


def _leave_network() -> None:
    """An empty network namespace; an ordinary user first needs a user namespace to own it."""
    if _libc.unshare(_CLONE_NEWNET) and _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        raise _error()


def _become_nobody() -> None:
    """Give up root for good. An ordinary user stays who he is, which is no root either."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def _limit_files() -> None:
    """Nothing can be opened any more, and nothing written to a file that is open."""
    _limit(resource.RLIMIT_NOFILE, _FIRST_FREE_DESCRIPTOR)
    _limit(resource.RLIMIT_FSIZE, 0)


def _no_core_dumps() -> None:
    """A core file would hold a patient's picture; this also bars other processes of the same user from tracing us."""
    _limit(resource.RLIMIT_CORE, 0)
    _prctl(_PR_SET_DUMPABLE, 0)


def _limit(kind: int, value: int) -> None:
    resource.setrlimit(kind, (value, value))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0):
        raise _error()


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
