"""The worker process by itself, over a bare pipe."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from pacs.render import wire
from pacs.render.values import RenderParameters
from tests.support.process import ROOT
from tests.support.render import EXPLICIT_VR_LITTLE_ENDIAN, header_of

Running = tuple[socket.socket, subprocess.Popen[bytes]]


@pytest.fixture
def running() -> Iterator[Running]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "pacs.render.worker", str(1 << 30), "20"]
    with ours, theirs:
        process = subprocess.Popen(command, cwd=ROOT, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        theirs.close()
        try:
            yield ours, process
        finally:
            process.kill()
            process.wait()


def ask(pipe: socket.socket, header: bytes, frame: bytes, *, number: int = 1) -> wire.Answer:
    task = wire.Task("decode", EXPLICIT_VR_LITTLE_ENDIAN, number, "OW", len(header), RenderParameters())
    wire.send(pipe, task, header, frame)
    return wire.receive_answer(pipe, 1 << 20, time.monotonic() + 60)[0]


def test_it_greets_serves_and_ends_with_its_parent(running: Running) -> None:
    pipe, process = running
    greeting, _ = wire.receive_answer(pipe, 0, time.monotonic() + 60)
    assert isinstance(greeting, wire.Ready)
    assert isinstance(ask(pipe, header_of(), bytes(32)), wire.FrameDecoded)
    assert isinstance(ask(pipe, b"", b""), wire.Failed)
    assert isinstance(ask(pipe, header_of(), bytes(32)), wire.FrameDecoded)
    pipe.close()
    assert process.wait(60) == 0


def test_an_answer_does_not_quote_the_object(running: Running) -> None:
    pipe, _ = running
    wire.receive_answer(pipe, 0, time.monotonic() + 60)
    name = b"\x10\x00\x10\x00PN\x08\x00Doe^Jane"
    rows = b"\x28\x00\x10\x00LO\x08\x00Doe^Jane"
    for header in (name + b"\xff" * 7, rows, name + header_of()):
        answer = ask(pipe, header, b"")
        assert isinstance(answer, wire.Failed)
        assert "Doe" not in answer.message + answer.hint
