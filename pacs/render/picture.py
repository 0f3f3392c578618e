"""A frame to a picture: the order of PS3.4 N.2 and PS3.18 8.3.5.1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.errors import Unreadable
from pacs.render import colour, geometry, grayscale, profile
from pacs.render.annotation import annotation_lines
from pacs.render.codecs import decode_frame, decoded_photometric_interpretation
from pacs.render.description import PixelDescription, integers
from pacs.render.header import FrameHeader
from pacs.render.lettering import font_size, written
from pacs.render.mask import difference, difference_window
from pacs.render.native import Pixels, as_stored
from pacs.render.overlay import groups, overlays
from pacs.render.picture_file import Shown, encode
from pacs.render.segments import named, segments, tinted
from pacs.render.shutter import image_shutter, shade
from pacs.render.values import Attached, Picture, RenderParameters, Viewport


def render_frame(
    dataset: Dataset,
    description: PixelDescription,
    frame: bytes,
    frame_number: int,
    parameters: RenderParameters,
    attached: Sequence[Attached] = (),
) -> Picture:
    """Decode one frame (1-based) and make a picture of it, less attached masks, with attached segmentations over it.

    Raises Unreadable, QueryRefused.
    """
    pixels = image_pixels(description, frame, frame_number)
    header = FrameHeader(dataset, frame_number, little_endian=not description.big_endian)
    viewport = parameters.viewport
    if description.samples_per_pixel > 1:
        interpretation = decoded_photometric_interpretation(description, frame)
        part = geometry.crop(pixels, viewport) if viewport else pixels
        if description.samples_per_pixel != 3:
            raise Unreadable(f"{interpretation} has no picture", "fetch the object as it is stored")
        shown = colour.to_rgb(description, interpretation, part)
    elif description.photometric_interpretation == "PALETTE COLOR":
        shown = colour.from_palette(header, description, geometry.crop(pixels, viewport) if viewport else pixels)
    else:
        masks = [
            image_pixels(description, bytes(part), number)
            for other in attached
            if other.kind == "mask"
            for number, part in other.frames
        ]
        shown = (
            _subtracted(header, description, pixels, masks, parameters)
            if masks
            else _grey(header, description, pixels, parameters)
        )
    shown = _covered(shown, header, description, frame, frame_number, viewport)
    own = b""
    if shown.ndim == 3:
        shown, own = profile.coloured(shown, profile.object_profile(dataset), parameters.profile)
    found = [
        one
        for other in attached
        if other.kind == "segmentation"
        for one in segments(other, header, description.rows, description.columns)
    ]
    if found:
        shown = tinted(shown, found, lambda weight: geometry.crop(weight, viewport) if viewport else weight)
    shown = geometry.scaled(shown, *geometry.size(shown.shape[0], shown.shape[1], geometry.aspect(header), viewport))
    shown = named(shown, found) if found else shown
    if parameters.annotation:
        lines = annotation_lines(dataset, parameters.annotation, frame_number, description.number_of_frames)
        shown = written(shown, lines, font_size(shown.shape[0]))
    return encode(shown, parameters, own)


def image_pixels(description: PixelDescription, frame: bytes, frame_number: int) -> Pixels:
    """The pixels of a frame; samples that stand higher in their words than they should are brought down.

    High Bit is one less than Bits Stored today (PS3.5 8.1.1); old objects put other things into the low bits.
    """
    shift = description.high_bit + 1 - description.bits_stored
    if not 0 < shift <= description.bits_allocated - description.bits_stored or description.floating:
        return decode_frame(description, frame, frame_number)
    words = whole_words(description, frame, frame_number)
    return as_stored(description, words >> words.dtype.type(shift))


def whole_words(description: PixelDescription, frame: bytes, frame_number: int) -> Pixels:
    """A frame with every bit that is allocated, unsigned."""
    bits = description.bits_allocated
    full = replace(description, bits_stored=bits, high_bit=bits - 1, pixel_representation=0)
    return decode_frame(full, frame, frame_number)


def _grey(
    header: FrameHeader,
    description: PixelDescription,
    pixels: Pixels,
    parameters: RenderParameters,
) -> Shown:
    """The window is found on the whole frame, and applied to the part of it that is asked for."""
    modality = grayscale.modality_transform(header, description)
    voi = grayscale.voi_transform(header, description, modality, parameters.window, pixels)
    part = geometry.crop(pixels, parameters.viewport) if parameters.viewport else pixels
    return grayscale.apply(
        part,
        lambda values: voi(modality(values)),
        grayscale.inverted(header, description),
        grayscale.padding(header, description),
    )


def _subtracted(
    header: FrameHeader,
    description: PixelDescription,
    pixels: Pixels,
    masks: Sequence[Pixels],
    parameters: RenderParameters,
) -> Shown:
    """The window that the object has is that of its frames, not of what is left of them, and is not used."""
    values = difference(header, description, pixels, masks)
    voi = grayscale.window_transform(*(parameters.window or difference_window(values)))
    part = geometry.crop(values, parameters.viewport) if parameters.viewport else values
    return grayscale.apply(part, voi, grayscale.inverted(header, description))


def _covered(
    shown: Shown,
    header: FrameHeader,
    description: PixelDescription,
    frame: bytes,
    frame_number: int,
    viewport: Viewport | None,
) -> Shown:
    """The image under its own shutter, and its own overlays over both (PS3.4 N.2)."""

    def part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return geometry.crop(mask, viewport) if viewport else mask

    shutter = image_shutter(header, description.rows, description.columns)
    if shutter is not None:
        shown = painted(shown, part(shutter.covered), shutter.shade)
    if groups(header.dataset):

        def words() -> Pixels:
            return whole_words(description, frame, frame_number)

        covering = integers(header.dataset, "ShutterOverlayGroup")  # a plane that hides lies beneath those that mark
        found = list(overlays(header.dataset, description, frame_number, words))
        for overlay in sorted(found, key=lambda one: one.group not in covering):
            white = (255, 255, 255)
            shown = painted(shown, part(overlay.mask), shade(header.dataset) if overlay.group in covering else white)
    return shown


def painted(shown: Shown, mask: NDArray[np.bool_], shade: tuple[int, int, int]) -> Shown:
    """The picture with `shade` where the mask is; grey stays grey as long as the shade is grey."""
    if shown.ndim == 2 and len(set(shade)) > 1:
        shown = np.repeat(shown[:, :, None], 3, axis=2)
    shown = np.array(shown)
    shown[mask] = shade if shown.ndim == 3 else shade[0]
    return shown
