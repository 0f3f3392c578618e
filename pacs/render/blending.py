"""One image in colours over another in grey, where both lie in the patient (PS3.3 C.11.14, PS3.4 N.2.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.errors import Unreadable
from pacs.render import colour
from pacs.render.description import PixelDescription, text
from pacs.render.header import FrameHeader, items, number, read_header
from pacs.render.native import Pixels
from pacs.render.picture import image_pixels
from pacs.render.picture_file import Shown
from pacs.render.planes import Plane, plane_of, stacked
from pacs.render.values import Attached

Tones = Callable[[Dataset, Dataset, PixelDescription, int, Pixels], Shown]
"""Grey of the pixels of a frame (image, its description, number) as an item of the Blending Sequence wants it."""


def blending_item(state: Dataset, position: str) -> Dataset:
    """The item about the images that are UNDERLYING or SUPERIMPOSED. Raises Unreadable."""
    for one in items(state, "BlendingSequence"):
        if text(one, "BlendingPosition") == position:
            return one
    raise Unreadable("this state does not say what it lays over what", "send it again, whole")


def blended(
    state: FrameHeader,
    header: FrameHeader,
    description: PixelDescription,
    under: Shown,
    superimposed: Sequence[Attached],
    tones: Tones,
) -> Shown:
    """The grey picture `under` of the frame of `header`, with the superimposed frames over it in the state's palette.

    They count as far as Relative Opacity says; where none of them lies the picture stays as it is. Raises Unreadable.
    """
    onto = plane_of(header, description.rows, description.columns)
    picture = np.repeat(under[:, :, None], 3, axis=2).astype(np.float32)
    if onto is None:
        raise Unreadable("the underlying image does not say where in the patient it lies", "show it by itself")
    opacity = number(state.dataset, "RelativeOpacity")
    if opacity is None or not 0.0 <= opacity <= 1.0:
        raise Unreadable("the state does not say how much of each image is to be seen", "send it again, whole")
    grey, there = stacked(_slices(state.dataset, superimposed, tones), onto)
    shades = np.rint(grey).astype(np.uint8)
    over = colour.from_whole_palette(state, replace(description, pixel_representation=0), shades).astype(np.float32)
    picture[there] += opacity * (over[there] - picture[there])
    return np.asarray(np.rint(picture), np.uint8)


def _slices(
    state: Dataset, superimposed: Sequence[Attached], tones: Tones
) -> Iterator[tuple[NDArray[np.float32], Plane]]:
    """Grey values of one frame after the other, and where it lies."""
    wanted = blending_item(state, "SUPERIMPOSED")
    for other in superimposed:
        dataset = read_header(bytes(other.header), other.transfer_syntax_uid)
        description = PixelDescription.from_dataset(dataset, other.transfer_syntax_uid, other.pixel_data_vr)
        if not description.photometric_interpretation.startswith("MONOCHROME"):
            raise Unreadable("the superimposed image is in colour, and has no place in a palette", "show it by itself")
        for frame_number, frame in other.frames:
            header = FrameHeader(dataset, frame_number, not description.big_endian)
            own = plane_of(header, description.rows, description.columns)
            if own is None:
                raise Unreadable(
                    "the superimposed image does not say where in the patient it lies", "show it by itself"
                )
            pixels = image_pixels(description, bytes(frame), frame_number)
            yield tones(wanted, dataset, description, frame_number, pixels).astype(np.float32), own
