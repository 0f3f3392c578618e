"""The pipe between the node and a decode worker: length-prefixed messages, no pickle.

A message is `<IQ` (length of the head, length of the body), the head as MessagePack, the body as bare bytes. The worker
is not trusted: the parent checks both lengths before it allocates and the head against a closed set of types.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any, Literal

import msgspec

from pacs.render.values import PlainGrey, RenderParameters, SandboxMeasure, VolumeView

HEAD_MAX = 256 << 10
_PREFIX = struct.Struct("<IQ")


class WireBroken(Exception):
    """The other side sent what is no message."""


class WireClosed(WireBroken):
    """The other side is gone."""


class AttachedHead(msgspec.Struct, frozen=True):
    """One `Attached` of a task: lengths in bytes of its header, and number and length of each of its frames."""

    kind: Literal["presentation", "segmentation", "superimposed", "slice", "mask"]
    transfer_syntax_uid: str
    pixel_data_vr: str
    header_length: int
    frames: list[tuple[int, int]]


class Task(msgspec.Struct, frozen=True, tag=True):
    """Parent to worker; the body is `header_length` bytes of data set, the frame, and what is attached."""

    action: Literal["render", "describe", "decode", "encode", "volume", "unpack"]
    transfer_syntax_uid: str
    frame_number: int
    pixel_data_vr: str
    header_length: int
    parameters: RenderParameters
    frame_length: int = -1
    attached: list[AttachedHead] = []
    view: VolumeView | None = None
    target_transfer_syntax_uid: str = ""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Worker to parent, once: everything is loaded and these walls stand."""

    measures: list[SandboxMeasure]


class PictureMade(msgspec.Struct, frozen=True, tag=True):
    """The body is the encoded picture."""

    media_type: str
    width: int
    height: int


class FrameDescribed(msgspec.Struct, frozen=True, tag=True):
    """No body. `plain` is None for what only a worker can show; `every_frame`: the same is true of all frames."""

    plain: PlainGrey | None
    every_frame: bool


class FrameDecoded(msgspec.Struct, frozen=True, tag=True):
    """The body is the native frame."""

    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    photometric_interpretation: str
    floating: bool


class PictureUnpacked(msgspec.Struct, frozen=True, tag=True):
    """The body is the frames, one after the other."""

    number_of_frames: int
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    frame_time_ms: float


class FrameEncoded(msgspec.Struct, frozen=True, tag=True):
    """The body is the codestream."""

    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """No picture. `refused`: the request is at fault, else the object; `unfit`: there is no such form of this frame.
    `spent`: the worker should not be used again."""

    message: str
    hint: str
    refused: bool = False
    unfit: bool = False
    spent: bool = False


Answer = Ready | PictureMade | FrameDescribed | FrameDecoded | PictureUnpacked | FrameEncoded | Failed

_encoder = msgspec.msgpack.Encoder()
_answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
_tasks: msgspec.msgpack.Decoder[Task] = msgspec.msgpack.Decoder(Task)


def send(pipe: socket.socket, head: Task | Answer, *body: bytes | memoryview, deadline: float | None = None) -> None:
    """Send one message. `deadline` is on the monotonic clock, None waits for ever. Raises OSError, TimeoutError."""
    packed = _encoder.encode(head)
    pieces = (_PREFIX.pack(len(packed), sum(memoryview(part).nbytes for part in body)) + packed, *body)
    for piece in pieces:
        _bound(pipe, deadline)
        pipe.sendall(piece)


def receive_answer(pipe: socket.socket, body_max: int, deadline: float) -> tuple[Answer, bytearray]:
    """The worker's next message. Raises WireBroken, OSError, TimeoutError."""
    head, body = _receive(pipe, body_max, deadline)
    try:
        return _answers.decode(head), body
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireBroken("no known message") from error


def receive_task(pipe: socket.socket) -> tuple[Task, bytearray]:
    """The parent's next message. Raises WireBroken when the parent is gone."""
    head, body = _receive(pipe, None, None)
    return _tasks.decode(head), body


def _receive(pipe: socket.socket, body_max: int | None, deadline: float | None) -> tuple[bytearray, bytearray]:
    head_length, body_length = _PREFIX.unpack(_read(pipe, _PREFIX.size, deadline))
    if head_length > HEAD_MAX or (body_max is not None and body_length > body_max):
        raise WireBroken("a message over the limit")
    return _read(pipe, head_length, deadline), _read(pipe, body_length, deadline)


def _read(pipe: socket.socket, length: int, deadline: float | None) -> bytearray:
    buffer = bytearray(length)
    view: memoryview[Any] = memoryview(buffer)
    while view:
        _bound(pipe, deadline)
        received = pipe.recv_into(view)
        if not received:
            raise WireClosed
        view = view[received:]
    return buffer


def _bound(pipe: socket.socket, deadline: float | None) -> None:
    if deadline is None:
        return
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    pipe.settimeout(remaining)
