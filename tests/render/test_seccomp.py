"""The system call filter: numbers as the kernel's headers have them, and a filter run by hand."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from pacs.render import seccomp
from tests.support.peers import absent

HEADERS = (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm-generic/unistd.h"))
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, FAIL, KILL = 0x7FFF0000, 0x00050001, 0x80000000


@pytest.mark.parametrize("column", [0, 1], ids=["x86-64", "arm64"])
def test_the_numbers_are_the_kernels(column: int) -> None:
    header = HEADERS[column]
    if not header.is_file():
        absent(str(header), "sudo apt-get install --no-install-recommends linux-libc-dev")
    found = dict(re.findall(r"#define (?:__NR|__NR3264)_(\w+)\s+(\d+)", header.read_text(encoding="ascii")))
    for name, numbers in seccomp._ALLOWED.items():
        assert int(found[name]) == numbers[column], name


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_lets_the_listed_calls_through_and_no_other(machine: str) -> None:
    column, architecture = seccomp._MACHINES[machine]
    program = seccomp._program(column, architecture)
    allowed = {numbers[column] for numbers in seccomp._ALLOWED.values()}
    for number in range(600):
        assert decide(program, number, architecture) == (ALLOW if number in allowed else FAIL)
    assert decide(program, 0x40000000, architecture) == FAIL
    assert decide(program, min(allowed), 0x40000003) == KILL


def decide(program: bytes, number: int, architecture: int) -> int:
    """Run the classic BPF program over struct seccomp_data."""
    data = struct.pack("=II", number, architecture)
    instructions = list(struct.iter_unpack("=HBBI", program))
    accumulator = position = 0
    while True:
        code, if_true, if_false, operand = instructions[position]
        position += 1
        if code == RETURN:
            return int(operand)
        if code == LOAD:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        else:
            holds = accumulator == operand if code == EQUAL else accumulator >= operand
            position += if_true if holds else if_false
