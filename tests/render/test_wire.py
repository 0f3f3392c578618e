"""The pipe: whole messages, lies about lengths, nonsense, silence."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from pacs.render import wire
from pacs.render.values import PNG, RenderParameters, SandboxMeasure, Viewport

Pipe = tuple[socket.socket, socket.socket]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def soon() -> float:
    return time.monotonic() + 10


def test_a_task_arrives_as_it_was_sent(pipe: Pipe) -> None:
    parameters = RenderParameters((40, 400, "sigmoid"), Viewport(5, 6, None, 1.5, -3.0, 4.0), 7, PNG)
    task = wire.Task("render", "1.2", 3, "OW", 2, parameters)
    wire.send(pipe[0], task, b"ab", memoryview(b"cde"), deadline=soon())
    assert wire.receive_task(pipe[1]) == (task, b"abcde")


@pytest.mark.parametrize(
    "answer",
    [
        wire.Ready([SandboxMeasure("network", holds=False, detail="no")]),
        wire.PictureMade("image/png", 1, 2),
        wire.FrameDecoded(1, 2, 3, 8, 8, 0, "RGB", floating=False),
        wire.Failed("a", "b", refused=True, spent=True),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_an_answer_arrives_as_it_was_sent(pipe: Pipe, answer: wire.Answer) -> None:
    wire.send(pipe[0], answer, b"xy")
    assert wire.receive_answer(pipe[1], 2, soon()) == (answer, b"xy")


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack("<IQ", wire.HEAD_MAX + 1, 0),
        struct.pack("<IQ", 1, 101),
        struct.pack("<IQ", 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
        struct.pack("<IQ", 3, 0) + b"\xff\xff\xff",
        struct.pack("<IQ", 4, 0) + b"\x81\xa1\xff\x00",
    ],
)
def test_lies_and_nonsense_are_no_message(pipe: Pipe, sent: bytes) -> None:
    pipe[0].sendall(sent)
    with pytest.raises(wire.WireBroken):
        wire.receive_answer(pipe[1], 100, soon())


def test_an_end_in_the_middle(pipe: Pipe) -> None:
    pipe[0].sendall(struct.pack("<IQ", 1, 100)[:5])
    pipe[0].close()
    with pytest.raises(wire.WireClosed):
        wire.receive_answer(pipe[1], 100, soon())


def test_silence_ends_at_the_deadline(pipe: Pipe) -> None:
    with pytest.raises(TimeoutError):
        wire.receive_answer(pipe[1], 100, time.monotonic() + 0.05)
    with pytest.raises(TimeoutError):
        wire.send(pipe[0], wire.Failed("", ""), bytes(10 << 20), deadline=time.monotonic() + 0.05)
