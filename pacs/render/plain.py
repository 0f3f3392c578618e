"""Grey images that need neither decoder nor table: what a header says of them, and pictures by arithmetic alone.

The header is read in a worker; the picture is made wherever one likes, by the same steps as in `picture.py`.
"""

from __future__ import annotations

from functools import lru_cache

from pydicom.dataset import Dataset

from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from pacs.render import geometry, grayscale
from pacs.render.description import PixelDescription
from pacs.render.header import IMPLICIT_VR_LITTLE_ENDIAN, FrameHeader, item
from pacs.render.native import Pixels, decode_native
from pacs.render.overlay import groups
from pacs.render.picture_file import encode
from pacs.render.shutter import image_shutter
from pacs.render.values import PLAIN_PIXELS_MAX, Picture, PlainGrey, RenderParameters

DESCRIPTIONS_MAX = 256
PLAIN_SYNTAXES = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN})


def plain_grey(dataset: Dataset, description: PixelDescription, frame_number: int) -> tuple[PlainGrey | None, bool]:
    """What makes pictures of a frame, None where that takes more, and whether the same is true of every frame."""
    every_frame = "PerFrameFunctionalGroupsSequence" not in dataset
    header = FrameHeader(dataset, frame_number, little_endian=True)
    if (
        description.transfer_syntax_uid not in PLAIN_SYNTAXES
        or description.photometric_interpretation not in ("MONOCHROME1", "MONOCHROME2")
        or description.samples_per_pixel != 1
        or description.bits_allocated not in (8, 16)
        or description.high_bit != description.bits_stored - 1
        or description.pixels > PLAIN_PIXELS_MAX
        or groups(dataset)
        or item(dataset, "ModalityLUTSequence") is not None
    ):
        return None, True
    if image_shutter(header, description.rows, description.columns) is not None:
        return None, every_frame
    slope, intercept = grayscale.rescale(header)
    plain = PlainGrey(
        rows=description.rows,
        columns=description.columns,
        bits_allocated=description.bits_allocated,
        bits_stored=description.bits_stored,
        pixel_representation=description.pixel_representation,
        slope=slope,
        intercept=intercept,
        window=grayscale.own_window(header, description),
        inverted=grayscale.inverted(header, description),
        padding=grayscale.padding(header, description),
        aspect=geometry.aspect(header),
    )
    return plain, every_frame


def render_plain(plain: PlainGrey, frame: bytes | memoryview, parameters: RenderParameters) -> Picture | None:
    """The picture of one frame as it is stored; None where it has to be found out how it is to look, where something is
    written into it or where it would be a large one.

    Raises Unreadable, QueryRefused.
    """
    window, viewport = parameters.window or plain.window, parameters.viewport
    if window is None or parameters.annotation:
        return None
    part = _pixels(plain, frame)
    if viewport is not None:
        part = geometry.crop(part, viewport)
    rows, columns = geometry.size(part.shape[0], part.shape[1], plain.aspect, viewport)
    if rows * columns > PLAIN_PIXELS_MAX:
        return None
    modality, voi = grayscale.linear_transform(plain.slope, plain.intercept), grayscale.window_transform(*window)
    shown = grayscale.apply(part, lambda values: voi(modality(values)), plain.inverted, plain.padding)
    return encode(geometry.scaled(shown, rows, columns), parameters)


def _pixels(plain: PlainGrey, frame: bytes | memoryview) -> Pixels:
    return decode_native(_description(plain), frame, 1)


@lru_cache(DESCRIPTIONS_MAX)
def _description(plain: PlainGrey) -> PixelDescription:
    return PixelDescription(
        transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
        rows=plain.rows,
        columns=plain.columns,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        planar_configuration=0,
        bits_allocated=plain.bits_allocated,
        bits_stored=plain.bits_stored,
        high_bit=plain.bits_stored - 1,
        pixel_representation=plain.pixel_representation,
    )
