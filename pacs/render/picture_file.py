"""Finished pictures as files: JPEG, PNG, GIF."""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pacs.render import profile
from pacs.render.values import GIF, JPEG, QUALITY_DEFAULT, Picture, RenderParameters

Shown = NDArray[np.uint8]


def encode(shown: Shown, parameters: RenderParameters, icc_profile: bytes = b"") -> Picture:
    """Grey (rows, columns) or RGB (rows, columns, 3) as JPEG, PNG or GIF, with the profile in it where there is one."""
    image = np.ascontiguousarray(shown)
    if parameters.media_type == JPEG:
        # chroma in full: thin coloured lines and text of an ultrasound screen would smear
        data = imagecodecs.jpeg8_encode(image, level=parameters.quality or QUALITY_DEFAULT, subsampling="444")
    elif parameters.media_type == GIF:
        data = _gif(image)
    else:
        data = imagecodecs.png_encode(image, level=1)
    if icc_profile:
        data = profile.embedded(bytes(data), parameters.media_type, icc_profile)
    return Picture(parameters.media_type, bytes(data), image.shape[1], image.shape[0])


def _gif(image: Shown) -> bytes:
    """Grey exactly, colour in the 256 shades that come closest."""
    if image.ndim == 2:
        return bytes(imagecodecs.gif_encode(image))
    reduced = Image.fromarray(image).quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    shades = np.zeros((256, 3), np.uint8)
    palette = np.array(reduced.getpalette("RGB"), np.uint8).reshape(-1, 3)
    shades[: len(palette)] = palette
    return bytes(imagecodecs.gif_encode(np.asarray(reduced), colormap=shades))
