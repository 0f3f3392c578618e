"""The process of `pacs.render.beside`: `python -m pacs.render.plain_process DESCRIPTOR SIZE`, asked through stdin.

A picture is made of the bytes that lie in the shared memory, and lies there afterwards in their place.
"""

from __future__ import annotations

import contextlib
import mmap
import signal
import socket
import sys
from typing import Final

import msgspec

from pacs.errors import SuretError
from pacs.render.plain import render_plain
from pacs.render.values import JPEG, PlainGrey, RenderParameters

MESSAGE_MAX: Final = 64 << 10
GREETING: Final = b"ready"


class Wanted(msgspec.Struct, frozen=True):
    """A picture of the frame of `length` bytes that lies at `place` in the shared memory, where `room` bytes are."""

    place: int
    length: int
    room: int
    plain: PlainGrey
    parameters: RenderParameters


class Made(msgspec.Struct, frozen=True):
    """The JPEG that lies at `place` now. A `length` of 0: none was made of it here."""

    place: int
    length: int = 0
    width: int = 0
    height: int = 0


def made(memory: memoryview, wanted: Wanted) -> Made:
    """Make it. What is in the way is told by whoever makes the picture then."""
    with contextlib.suppress(SuretError):
        picture = render_plain(wanted.plain, memory[wanted.place : wanted.place + wanted.length], wanted.parameters)
        if picture is not None and picture.media_type == JPEG and len(picture.data) <= wanted.room:
            memory[wanted.place : wanted.place + len(picture.data)] = picture.data
            return Made(wanted.place, len(picture.data), picture.width, picture.height)
    return Made(wanted.place)


def serve(pipe: socket.socket, memory: memoryview) -> None:
    """Say that it is ready, then make pictures until the other end is closed."""
    questions, answers = msgspec.msgpack.Decoder(Wanted), msgspec.msgpack.Encoder()
    pipe.send(GREETING)
    while question := pipe.recv(MESSAGE_MAX):
        pipe.send(answers.encode(made(memory, questions.decode(question))))


def main() -> None:
    """Serve whoever started this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the node's, which ends this
    descriptor, size = int(sys.argv[1]), int(sys.argv[2])
    serve(socket.socket(fileno=0), memoryview(mmap.mmap(descriptor, size)))


if __name__ == "__main__":
    main()
