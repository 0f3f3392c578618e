"""A frame to a picture: the order of PS3.4 N.2 and PS3.18 8.3.5.1."""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.errors import Unreadable
from pacs.render import colour, geometry, grayscale
from pacs.render.codecs import decode_frame, decoded_photometric_interpretation
from pacs.render.description import PixelDescription
from pacs.render.header import FrameHeader
from pacs.render.native import Pixels
from pacs.render.values import JPEG, QUALITY_DEFAULT, Picture, RenderParameters, Viewport

__all__ = ["Picture", "RenderParameters", "Viewport", "encode", "render_frame"]


def render_frame(
    dataset: Dataset, description: PixelDescription, frame: bytes, frame_number: int, parameters: RenderParameters
) -> Picture:
    """Decode one frame (1-based) and make a picture of it. Raises Unreadable, QueryRefused."""
    pixels = decode_frame(description, frame, frame_number)
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
        shown = _grey(header, description, pixels, parameters)
    if viewport:
        shown = geometry.fit(shown, viewport.width, viewport.height)
    return encode(shown, parameters)


def _grey(
    header: FrameHeader,
    description: PixelDescription,
    pixels: Pixels,
    parameters: RenderParameters,
) -> NDArray[np.uint8]:
    """The window is found on the whole frame, and applied to the part of it that is asked for."""
    modality = grayscale.modality_transform(header, description)
    voi = grayscale.voi_transform(header, description, modality, parameters.window, pixels)
    part = geometry.crop(pixels, parameters.viewport) if parameters.viewport else pixels
    return grayscale.apply(part, lambda values: voi(modality(values)), grayscale.inverted(header, description))


def encode(shown: NDArray[np.uint8], parameters: RenderParameters) -> Picture:
    """Grey (rows, columns) or RGB (rows, columns, 3) as JPEG or PNG."""
    image = np.ascontiguousarray(shown)
    if parameters.media_type == JPEG:
        # chroma in full: thin coloured lines and text of an ultrasound screen would smear
        data = imagecodecs.jpeg8_encode(image, level=parameters.quality or QUALITY_DEFAULT, subsampling="444")
    else:
        data = imagecodecs.png_encode(image, level=1)
    return Picture(parameters.media_type, bytes(data), image.shape[1], image.shape[0])
