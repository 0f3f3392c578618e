"""A system call filter for a process that only computes and talks over a pipe it already has (seccomp(2), BPF).

Calls on the list go through; any other fails with EPERM, so a library that tries something unneeded gets an error and
not its death. A call for another machine architecture kills the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from types import MappingProxyType

# name: number on x86-64, number on arm64 (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h)
_ALLOWED = MappingProxyType(
    {
        "read": (0, 63),
        "write": (1, 64),
        "close": (3, 57),
        "fstat": (5, 80),
        "lseek": (8, 62),
        "mmap": (9, 222),
        "mprotect": (10, 226),
        "munmap": (11, 215),
        "brk": (12, 214),
        "rt_sigaction": (13, 134),
        "rt_sigprocmask": (14, 135),
        "rt_sigreturn": (15, 139),
        "sched_yield": (24, 124),
        "mremap": (25, 216),
        "madvise": (28, 233),
        "nanosleep": (35, 101),
        "getpid": (39, 172),
        "sendto": (44, 206),
        "recvfrom": (45, 207),
        "exit": (60, 93),
        "getrusage": (98, 165),
        "sigaltstack": (131, 132),
        "gettid": (186, 178),
        "futex": (202, 98),
        "sched_getaffinity": (204, 123),
        "restart_syscall": (219, 128),
        "clock_gettime": (228, 113),
        "clock_nanosleep": (230, 115),
        "exit_group": (231, 94),
        "tgkill": (234, 131),
        "getrandom": (318, 278),
        "prlimit64": (302, 261),
        "rseq": (334, 293),
    }
)
# machine: (column of the table above, AUDIT_ARCH_*)
_MACHINES = MappingProxyType({"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)})

_LOAD_WORD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _RETURN = 0x20, 0x15, 0x35, 0x06
_KILL_PROCESS, _FAIL, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4
_X32_BIT = 0x40000000
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def install() -> None:
    """Filter every later call of this thread and those it starts; needs PR_SET_NO_NEW_PRIVS. Raises OSError."""
    machine = platform.machine()
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no system call table for {machine}")
    code = _program(*_MACHINES[machine])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _program(column: int, architecture: int) -> bytes:
    numbers = sorted(pair[column] for pair in _ALLOWED.values())
    tests = [
        # a jump counts instructions from the next one; the last is ALLOW, the one before it FAIL
        _instruction(_JUMP_EQUAL, number, if_true=len(numbers) - index, if_false=0)
        for index, number in enumerate(numbers)
    ]
    return b"".join(
        (
            _instruction(_LOAD_WORD, _ARCHITECTURE_OFFSET),
            _instruction(_JUMP_EQUAL, architecture, if_true=1, if_false=0),
            _instruction(_RETURN, _KILL_PROCESS),
            _instruction(_LOAD_WORD, _NUMBER_OFFSET),
            _instruction(_JUMP_GREATER_EQUAL, _X32_BIT, if_true=len(numbers), if_false=0),
            *tests,
            _instruction(_RETURN, _FAIL | errno.EPERM),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _instruction(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
