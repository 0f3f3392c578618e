"""Letters, lines and outlines on pictures. The font is read when the module is: later nothing can be opened."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Bytes = NDArray[np.uint8]

_FONT = Path(__file__).with_name("fonts").joinpath("DejaVuSans.ttf").read_bytes()
SIZE_MIN, SIZE_MAX = 8, 48


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, `size` pixels high."""
    return ImageFont.truetype(io.BytesIO(_FONT), size, layout_engine=ImageFont.Layout.BASIC)


def font_size(height: int, lines: int = 40) -> int:
    """The size in which about `lines` lines go onto a picture of `height` pixels, within what can be read."""
    return min(max(height // lines, SIZE_MIN), SIZE_MAX)


def clean(text: str) -> str:
    """`text` without what is no letter: controls, and marks that turn the direction of writing."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def written(picture: Bytes, lines: Sequence[str], size: int) -> Bytes:
    """The picture with `lines` in its top left corner, white with a black edge; what is too wide is cut at the edge."""
    if not lines:
        return picture
    canvas = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(canvas)
    white: int | tuple[int, int, int] = 255 if canvas.mode == "L" else (255, 255, 255)
    black: int | tuple[int, int, int] = 0 if canvas.mode == "L" else (0, 0, 0)
    for number, line in enumerate(lines):
        place = (size // 2, size // 2 + number * round(size * 1.3))
        draw.text(place, clean(line), fill=white, font=font(size), stroke_width=1, stroke_fill=black)
    return np.asarray(canvas)
