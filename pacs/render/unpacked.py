"""Pictures of the consumer's formats as plain values; run in a worker only."""

from __future__ import annotations

import io
import struct

import imagecodecs
import numpy as np
from PIL import Image, ImageSequence

from pacs.errors import Unreadable
from pacs.render.codestream import read_jpeg
from pacs.render.native import Pixels
from pacs.render.values import FRAME_BYTES_MAX, GIF, JPEG, PNG

UNPACKABLE = (PNG, GIF, JPEG)
_TOO_LARGE = "the picture is too large to be unpacked here"
_SAMPLES_MAX = 4
_GIF_FRAMES_MAX = 10_000


def unpack(data: bytes, media_type: str) -> tuple[Pixels, float]:
    """The picture as (frames, rows, columns, samples), 1 or 3 samples of 8 or 16 bits, and the time of a frame in
    milliseconds, 0 where it does not move. What shines through is laid on white. Raises Unreadable."""
    if media_type == GIF:
        return _gif(data)
    columns, rows, sample_bytes = _size(data, media_type)
    if not 0 < columns * rows * _SAMPLES_MAX * sample_bytes <= FRAME_BYTES_MAX:
        raise Unreadable(_TOO_LARGE)
    pixels: Pixels = imagecodecs.png_decode(data) if media_type == PNG else imagecodecs.jpeg8_decode(data)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.shape[2] in (2, 4) and media_type == PNG:
        pixels = _on_white(pixels)
    if pixels.shape[2] not in (1, 3):
        raise Unreadable("the picture is neither gray nor RGB")
    return pixels[np.newaxis], 0.0


def _size(data: bytes, media_type: str) -> tuple[int, int, int]:
    if media_type == PNG and data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 25:
        columns, rows, depth = struct.unpack_from(">IIB", data, 16)
        return columns, rows, (depth + 7) // 8
    frame = read_jpeg(data) if media_type == JPEG else None
    if frame is None or frame.precision != 8:
        raise Unreadable("the picture is not in the format that it is said to be in")
    return frame.columns, frame.rows, 1


def _on_white(pixels: Pixels) -> Pixels:
    highest = np.iinfo(pixels.dtype).max
    colour, alpha = pixels[..., :-1], pixels[..., -1:].astype(np.uint32)
    if int(alpha.min()) == highest:
        return colour
    laid = (colour.astype(np.uint32) * alpha + highest * (highest - alpha) + highest // 2) // highest
    return laid.astype(pixels.dtype)


def _gif(data: bytes) -> tuple[Pixels, float]:
    with Image.open(io.BytesIO(data), formats=("GIF",)) as image:
        count = getattr(image, "n_frames", 1)
        if count > _GIF_FRAMES_MAX or count * image.width * image.height * 3 > FRAME_BYTES_MAX:
            raise Unreadable(_TOO_LARGE)
        pixels = np.empty((count, image.height, image.width, 3), np.uint8)
        durations = []
        for number, frame in enumerate(ImageSequence.Iterator(image)):
            with Image.new("RGBA", image.size, "white") as ground:
                ground.alpha_composite(frame.convert("RGBA"))
                pixels[number] = np.asarray(ground)[..., :3]
            durations.append(float(frame.info.get("duration", 0)))
    return pixels, sum(durations) / len(durations) if count > 1 else 0.0
