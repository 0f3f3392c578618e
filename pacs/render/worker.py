"""The decode worker process: `python -m pacs.render.worker MEMORY_BYTES CPU_SECONDS`, its pipe on standard input.

It loads and tries every decoder, shuts itself in, says so, and serves one task after the other until the parent is
gone.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import socket
import sys
from collections.abc import Sequence

import numpy as np
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from pacs.errors import NotAcceptable, QueryRefused, Unreadable
from pacs.render import profile, sandbox, wire
from pacs.render.codecs import DECODERS, EXPLICIT_VR_LITTLE_ENDIAN, decode_frame, decoded_photometric_interpretation
from pacs.render.description import PixelDescription
from pacs.render.encoders import (
    ENCODERS,
    encode_frame,
    encoded_photometric_interpretation,
    encoded_planar_configuration,
)
from pacs.render.header import read_header
from pacs.render.native import Pixels
from pacs.render.picture import render_frame, whole_words
from pacs.render.picture_file import encode
from pacs.render.plain import plain_grey
from pacs.render.presentation import render_presented
from pacs.render.unpacked import UNPACKABLE, unpack
from pacs.render.values import ANNOTATIONS, MEDIA_TYPES, PROFILES, Attached, Picture, RenderParameters, Viewport
from pacs.render.volume import render_volume

_TOO_MUCH_MEMORY = "decoding this frame needs more memory than a frame may take"
_AS_STORED = "fetch the object as it is stored"


def main(memory_bytes: int, cpu_seconds: int) -> None:
    """Serve the pipe on descriptor 0 until it closes."""
    pipe = socket.socket(fileno=0)
    # a failure to load was still seen; a decoder's complaints, which may quote a patient's data, go nowhere
    os.dup2(1, 2)
    _rehearse()
    measures = sandbox.shut_doors(memory_bytes)
    wire.send(pipe, wire.Ready(measures))
    while True:
        try:
            task, body = wire.receive_task(pipe)
        except wire.WireClosed:
            return
        sandbox.allow_cpu_seconds(cpu_seconds)
        wire.send(pipe, *_answer(task, memoryview(body)))


def _rehearse() -> None:
    """Go once through every decoder and encoder: what they load at their first use cannot be opened later."""
    dataset = Dataset()
    dataset.Rows = dataset.Columns = 8
    dataset.BitsAllocated = 16
    for uid, decoders in DECODERS.items():
        description = PixelDescription.from_dataset(dataset, uid)
        for decode in decoders:
            with contextlib.suppress(Exception):  # no frame that any of them knows
                decode(description, b"\xff\xd8\xff\xff")
    dataset.Modality = "OT"
    header = DicomBytesIO()
    header.is_implicit_VR, header.is_little_endian = False, True
    write_dataset(header, dataset)
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    for uid in ENCODERS:
        with contextlib.suppress(NotAcceptable):  # sixteen bits, which JPEG Baseline has no form for
            description = PixelDescription.from_dataset(dataset, EXPLICIT_VR_LITTLE_ENDIAN)
            encode_frame(description, pixels, "MONOCHROME2", uid)
    colours = np.zeros((8, 8, 3), np.uint8)
    for name in PROFILES:
        profile.coloured(colours, profile.known_profile("srgb"), name)
    for media_type in MEDIA_TYPES:
        parameters = RenderParameters(viewport=Viewport(4, 4), media_type=media_type, annotation=ANNOTATIONS)
        picture = encode(colours, parameters)
        if media_type in UNPACKABLE:
            unpack(picture.data, media_type)
        task = wire.Task("render", EXPLICIT_VR_LITTLE_ENDIAN, 1, "OB", len(header.getvalue()), parameters)
        _serve(task, header.getvalue(), bytes(range(128)))
    for name in python_encoding.values():
        with contextlib.suppress(LookupError):
            codecs.lookup(name)


def _answer(task: wire.Task, body: memoryview) -> tuple[wire.Answer, bytes]:
    try:
        return _serve(task, *_parts(task, body))
    except Unreadable as error:
        return wire.Failed(error.message, error.hint), b""
    except QueryRefused as error:
        return wire.Failed(error.message, error.hint, refused=True), b""
    except NotAcceptable as error:
        return wire.Failed(error.message, error.hint, unfit=True), b""
    except MemoryError:
        return wire.Failed(_TOO_MUCH_MEMORY, _AS_STORED, spent=True), b""
    except Exception as error:  # whatever a decoder raised: the class tells enough, its text may quote the data
        reason = f"the frame could not be decoded ({type(error).__name__})"
        return wire.Failed(reason, _AS_STORED, spent=True), b""


def _parts(task: wire.Task, body: memoryview) -> tuple[bytes, bytes, list[Attached]]:
    """Header, frame and what is attached, out of the body of a task."""
    position = 0

    def take(length: int) -> bytes:
        nonlocal position
        part = bytes(body[position : position + length] if length >= 0 else body[position:])
        position += len(part)
        return part

    header, frame = take(task.header_length), take(task.frame_length)
    attached = [
        Attached(
            head.kind,
            take(head.header_length),
            head.transfer_syntax_uid,
            head.pixel_data_vr,
            tuple((number, take(length)) for number, length in head.frames),
        )
        for head in task.attached
    ]
    return header, frame, attached


def _serve(
    task: wire.Task, header: bytes, frame: bytes, attached: Sequence[Attached] = ()
) -> tuple[wire.Answer, bytes]:
    if task.action == "volume" and task.view is not None:
        picture = render_volume(attached, task.view, task.parameters)
        return wire.PictureMade(picture.media_type, picture.width, picture.height), picture.data
    if task.action == "unpack":
        return _unpacked(frame, task.transfer_syntax_uid)
    dataset = read_header(header, task.transfer_syntax_uid)
    description = PixelDescription.from_dataset(dataset, task.transfer_syntax_uid, task.pixel_data_vr)
    if task.action == "describe":
        return wire.FrameDescribed(*plain_grey(dataset, description, task.frame_number)), b""
    if task.action == "render":
        picture = _picture(task, dataset, description, frame, attached)
        return wire.PictureMade(picture.media_type, picture.width, picture.height), picture.data
    beside = _overlays_in_pixels(dataset)
    if task.action == "encode" and beside:
        raise NotAcceptable("overlays lie in the pixel data, beside the pixels", _AS_STORED)
    pixels = (whole_words if beside else decode_frame)(description, frame, task.frame_number)
    if task.action == "encode":
        return _encoded(description, pixels, frame, task.target_transfer_syntax_uid)
    single_bits = description.bits_allocated == 1
    answer = wire.FrameDecoded(
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples_per_pixel,
        bits_allocated=1 if single_bits else description.dtype.itemsize * 8,
        bits_stored=description.bits_stored,
        pixel_representation=description.pixel_representation,
        photometric_interpretation=decoded_photometric_interpretation(description, frame),
        floating=description.floating,
    )
    values = np.packbits(pixels.reshape(-1), bitorder="little") if single_bits else np.ascontiguousarray(pixels)
    return answer, values.tobytes()


def _unpacked(data: bytes, media_type: str) -> tuple[wire.Answer, bytes]:
    pixels, frame_time_ms = unpack(data, media_type)
    frames, rows, columns, samples = pixels.shape
    answer = wire.PictureUnpacked(frames, rows, columns, samples, pixels.dtype.itemsize * 8, frame_time_ms)
    return answer, np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


def _overlays_in_pixels(dataset: Dataset) -> bool:
    """Old objects have overlays in the bits above the stored ones (PS3.5 8.1.2), which no codec would carry."""
    return any(
        (group, 0x0100) in dataset and (group, 0x3000) not in dataset and dataset[group, 0x0100].value != 1
        for group in range(0x6000, 0x6020, 2)
    )


def _encoded(
    description: PixelDescription, pixels: Pixels, frame: bytes, transfer_syntax_uid: str
) -> tuple[wire.Answer, bytes]:
    interpretation = decoded_photometric_interpretation(description, frame)
    data = encode_frame(description, pixels, interpretation, transfer_syntax_uid)
    answer = wire.FrameEncoded(
        bits_allocated=description.bits_allocated,
        bits_stored=description.bits_stored,
        pixel_representation=description.pixel_representation,
        photometric_interpretation=encoded_photometric_interpretation(interpretation, transfer_syntax_uid),
        planar_configuration=encoded_planar_configuration(transfer_syntax_uid),
    )
    return answer, data


def _picture(
    task: wire.Task, dataset: Dataset, description: PixelDescription, frame: bytes, attached: Sequence[Attached]
) -> Picture:
    for other in attached:
        if other.kind == "presentation":
            rest = [one for one in attached if one is not other]
            return render_presented(dataset, description, frame, task.frame_number, task.parameters, other, rest)
    return render_frame(dataset, description, frame, task.frame_number, task.parameters, attached)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
