"""The process of `pacs.render.beside`: `python -m pacs.render.plain_process DESCRIPTOR SIZE`, asked through stdin.

A picture is made of the bytes that lie in the shared memory, and lies there afterwards in their place.
"""

from __future__ import annotations

import contextlib
import socket
from typing import Final

import msgspec

from pacs.accompany import accompany
from pacs.errors import SuretError
from pacs.render.plain import render_plain
from pacs.render.values import JPEG, PlainGrey, RenderParameters

MESSAGE_MAX: Final = 64 << 10


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
    """Make pictures until the other end is closed."""
    questions, answers = msgspec.msgpack.Decoder(Wanted), msgspec.msgpack.Encoder()
    while question := pipe.recv(MESSAGE_MAX):
        pipe.send(answers.encode(made(memory, questions.decode(question))))


if __name__ == "__main__":
    accompany(serve, writes=True)
