"""Segmentations over the images they are of (PS3.3 C.8.20): tinted in the colour of each segment, outlined, named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from pacs.errors import Unreadable
from pacs.render.cielab import Colour, read_colour
from pacs.render.codecs import decode_frame
from pacs.render.description import PixelDescription, integers, text
from pacs.render.header import FrameHeader, item, items, read_header
from pacs.render.lettering import Bytes, clean, font, font_size
from pacs.render.overlay import outline
from pacs.render.planes import Plane, plane_of, resampled
from pacs.render.values import Attached

_TINT = 0.4
_SEGMENTS_MAX = 64
_LETTERS_MAX = 40
# told apart by people who see colours differently too (Okabe and Ito)
_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment in one plane; `weight` is 0 to 1 for each pixel of the image."""

    label: str
    colour: Colour
    weight: NDArray[np.float32]


def segments(attached: Attached, header: FrameHeader, rows: int, columns: int) -> list[Segment]:
    """The segments in the attached frames, at most 64, on the grid of the frame of `header`.

    Raises Unreadable, also where theirs is another one and they do not say where in the patient it lies.
    """
    dataset = read_header(bytes(attached.header), attached.transfer_syntax_uid)
    description = PixelDescription.from_dataset(dataset, attached.transfer_syntax_uid, attached.pixel_data_vr)
    onto = plane_of(header, rows, columns)
    described = {(integers(entry, "SegmentNumber") or [0])[0]: entry for entry in items(dataset, "SegmentSequence")}
    groups = items(dataset, "PerFrameFunctionalGroupsSequence")
    shared = item(dataset, "SharedFunctionalGroupsSequence")
    found: list[Segment] = []
    for number, frame in attached.frames:
        pixels = decode_frame(description, bytes(frame), number)
        group = groups[number - 1] if number <= len(groups) else None
        own = FrameHeader(dataset, number, not description.big_endian)
        placed = _placing(plane_of(own, description.rows, description.columns), onto, description, (rows, columns))
        for segment, weight in _weights(dataset, group, shared, pixels):
            about = described.get(segment, Dataset())
            label = text(about, "SegmentLabel") or str(segment)
            colour = read_colour(about, "RecommendedDisplayCIELabValue") or _COLOURS[segment % len(_COLOURS)]
            shown = placed(weight)
            if shown.any() and len(found) < _SEGMENTS_MAX:
                found.append(Segment(label, colour, shown))
    return found


def _placing(
    own: Plane | None, onto: Plane | None, description: PixelDescription, size: tuple[int, int]
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What brings the weights of a frame onto the grid of the image."""
    if own is not None and onto is not None and not own.is_grid_of(onto):
        return lambda weight: resampled(weight, own, onto)
    if (description.rows, description.columns) != size:
        raise Unreadable(
            "the segmentation has a grid of its own and does not say where in the patient it lies",
            "open it in a viewer",
        )
    return lambda weight: weight


def _weights(
    dataset: Dataset, group: Dataset | None, shared: Dataset | None, pixels: NDArray[np.generic]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """(segment number, weights) of one frame: one of a binary or fractional one, one a label of a label map."""
    kind = text(dataset, "SegmentationType")
    if kind == "LABELMAP":
        for label in np.unique(pixels)[: _SEGMENTS_MAX + 1]:
            if int(label):
                yield int(label), (pixels == label).astype(np.float32)
        return
    identified = [
        found for one in (group, shared) if one is not None if (found := item(one, "SegmentIdentificationSequence"))
    ]
    segment = (integers(identified[0], "ReferencedSegmentNumber") or [1])[0] if identified else 1
    top = (integers(dataset, "MaximumFractionalValue") or [255])[0] if kind == "FRACTIONAL" else 1
    yield segment, np.clip(pixels.astype(np.float32) / max(top, 1), 0.0, 1.0)


def tinted(shown: Bytes, found: Sequence[Segment], part: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> Bytes:
    """The picture in colour, with every segment over it; `part` cuts out what the picture shows."""
    picture = (np.repeat(shown[:, :, None], 3, axis=2) if shown.ndim == 2 else shown).astype(np.float32)
    for segment in found:
        weight = part(segment.weight)
        strength = np.where(outline(weight >= 0.5), 1.0, weight * _TINT)[:, :, None].astype(np.float32)
        picture += strength * (np.array(segment.colour, np.float32) - picture)
    return np.asarray(np.rint(picture), np.uint8)


def named(picture: Bytes, found: Sequence[Segment]) -> Bytes:
    """The picture with the names of its segments in its lower left corner, each in its colour."""
    entries = list(dict.fromkeys((segment.label, segment.colour) for segment in found))
    size = font_size(picture.shape[0])
    lines_max = max(int(picture.shape[0] / 2 / (size * 1.3)), 1)
    canvas = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(canvas)
    for place, (label, colour) in enumerate(reversed(entries[:lines_max]), 1):
        at = (size // 2, picture.shape[0] - size // 2 - round(place * size * 1.3))
        words = f"\u2022 {clean(label)[:_LETTERS_MAX]}"
        draw.text(at, words, fill=colour, font=font(size), stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(canvas)
