"""Pixels to compressed frames: one table from transfer syntax to encoder. Runs in a decode worker only.

All but JPEG Baseline are lossless, and proven so: what was encoded is decoded again and compared. The syntaxes that
allow loss (.81, .91, .112, .203) are written without any.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import imagecodecs
import jpeg_ls
import numpy as np
from rle.utils import encode_pixel_data as encode_rle

from pacs.errors import NotAcceptable, Unreadable
from pacs.render.codecs import JPEG_BASELINE, decode_frame
from pacs.render.description import PixelDescription
from pacs.render.native import Pixels

Encoder = Callable[[PixelDescription, Pixels, bool], bytes]
"""Of the description and the decoded pixels; the flag says whether the colours are red, green and blue."""

BASELINE_QUALITY = 90
BASE_RESOLUTION_MAX = 64  # of HTJ2K with RPCL options, in pixels (PS3.5 10.18)
DECOMPOSITIONS = 5
_PRECISIONS = (8, 12, 16)

_STANDARD = "1.2.840.10008.1.2"
_AS_STORED = "accept transfer-syntax=*, which gives the frame as it is stored"


def _precision(description: PixelDescription) -> int:
    """Bits of a sample in JPEG and JPEG-LS, which know no sign: all of them where there is one, so that a reader finds
    it where it always is; else one of those that every reader takes, GDCM among them."""
    if description.pixel_representation:
        return description.bits_allocated
    return next(bits for bits in _PRECISIONS if bits >= description.bits_stored)


def _unsigned(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels).view(f"<u{pixels.dtype.itemsize}")


def _jpeg_baseline(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    if description.samples_per_pixel == 1:
        return bytes(imagecodecs.jpeg8_encode(pixels, level=BASELINE_QUALITY))
    return bytes(
        imagecodecs.jpeg8_encode(
            pixels,
            level=BASELINE_QUALITY,
            colorspace="RGB" if rgb else "YCBCR",
            outcolorspace="YCBCR",
            subsampling="444",
        )
    )


def _jpeg_lossless(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    """Process 14, first-order prediction; naming one colour space on both sides leaves the samples as they are.

    Under the name of YCbCr libjpeg-turbo codes chrominance with a table that is not made for it, and loses some.
    """
    bits = _precision(description)
    if description.samples_per_pixel == 1:
        return bytes(imagecodecs.jpeg8_encode(_unsigned(pixels), lossless=True, predictor=1, bitspersample=bits))
    space = "RGB" if rgb else "UNKNOWN"
    encoded = imagecodecs.jpeg8_encode(
        _unsigned(pixels), lossless=True, predictor=1, bitspersample=bits, colorspace=space, outcolorspace=space
    )
    return bytes(encoded)


def _jpeg_ls(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    return bytes(
        jpeg_ls.encode_buffer(
            pixels.tobytes(),
            description.rows,
            description.columns,
            description.samples_per_pixel,
            _precision(description),
            interleave_mode=2,  # by pixel
        )
    )


def _jpeg_2000(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            pixels, level=0, codecformat="J2K", reversible=True, bitspersample=description.bits_stored, mct=rgb
        )
    )


def _htj2k(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    """Resolution by resolution (RPCL), each a tile-part whose length stands in front (TLM): a prefix is a preview."""
    longer = max(description.rows, description.columns)
    decompositions = max(DECOMPOSITIONS, (longer - 1).bit_length() - BASE_RESOLUTION_MAX.bit_length() + 1)
    return bytes(
        imagecodecs.htj2k_encode(
            pixels,
            reversible=True,
            rgb=rgb,
            tlm=True,
            tilepart=imagecodecs.HTJ2K.TILEPART.RESOLUTIONS,
            resolutions=decompositions,
        )
    )


def _jpeg_xl(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    if description.pixel_representation:
        raise _unfit("JPEG XL has no signed samples")
    if description.samples_per_pixel == 3 and not rgb:
        raise _unfit("JPEG XL is of red, green and blue")
    return bytes(
        imagecodecs.jpegxl_encode(
            pixels, lossless=True, usecontainer=False, bitspersample=description.bits_stored, numthreads=1
        )
    )


def _rle(description: PixelDescription, pixels: Pixels, rgb: bool) -> bytes:
    return encode_rle(
        pixels.tobytes(),
        byteorder="<",
        rows=description.rows,
        columns=description.columns,
        samples_per_pixel=description.samples_per_pixel,
        bits_allocated=description.bits_allocated,
    )


ENCODERS: Mapping[str, Encoder] = MappingProxyType(
    {
        JPEG_BASELINE: _jpeg_baseline,
        f"{_STANDARD}.4.57": _jpeg_lossless,
        f"{_STANDARD}.4.70": _jpeg_lossless,
        f"{_STANDARD}.4.80": _jpeg_ls,
        f"{_STANDARD}.4.81": _jpeg_ls,
        f"{_STANDARD}.4.90": _jpeg_2000,
        f"{_STANDARD}.4.91": _jpeg_2000,
        f"{_STANDARD}.4.110": _jpeg_xl,
        f"{_STANDARD}.4.112": _jpeg_xl,
        f"{_STANDARD}.4.201": _htj2k,
        f"{_STANDARD}.4.202": _htj2k,
        f"{_STANDARD}.4.203": _htj2k,
        f"{_STANDARD}.5": _rle,
    }
)
_BITS_MAX = MappingProxyType({JPEG_BASELINE: 8, f"{_STANDARD}.5": 32})
_BITS_MAX_DEFAULT = 16
# these code red, green and blue as luminance and chrominance without loss, which the header has to tell
_COLOUR_TRANSFORMED = frozenset(f"{_STANDARD}.4.{number}" for number in (90, 91, 201, 202, 203))


def encode_frame(
    description: PixelDescription, pixels: Pixels, photometric_interpretation: str, transfer_syntax_uid: str
) -> bytes:
    """One decoded frame in `transfer_syntax_uid`; `photometric_interpretation` is what `pixels` are.

    Raises NotAcceptable for pixels the syntax has no form for, Unreadable where the encoder lost something.
    """
    encode = ENCODERS.get(transfer_syntax_uid)
    if encode is None:
        raise _unfit("there is no encoder for this transfer syntax")
    if description.floating or description.bits_allocated == 1 or description.samples_per_pixel == 4:
        raise _unfit("floating point, single bit and four-sample pixels are not compressed here")
    if description.bits_allocated > _BITS_MAX.get(transfer_syntax_uid, _BITS_MAX_DEFAULT):
        raise _unfit(f"pixels of {description.bits_allocated} bits do not fit this transfer syntax")
    if transfer_syntax_uid == JPEG_BASELINE and description.pixel_representation:
        raise _unfit("JPEG Baseline has no signed samples")
    try:
        data = encode(description, np.ascontiguousarray(pixels), photometric_interpretation == "RGB")
    except (NotAcceptable, MemoryError):
        raise
    except Exception as error:  # a library's own; what it does not take is not for this syntax
        raise _unfit(f"the encoder does not take these pixels ({type(error).__name__})") from error
    if transfer_syntax_uid != JPEG_BASELINE:
        again = decode_frame(replace(description, transfer_syntax_uid=transfer_syntax_uid), data)
        if not np.array_equal(again, pixels):
            raise Unreadable("the frame did not survive its compression", _AS_STORED)
    return data


def encoded_photometric_interpretation(photometric_interpretation: str, transfer_syntax_uid: str) -> str:
    """What the header of an object has to say when its frames, which were `photometric_interpretation`, are encoded."""
    if photometric_interpretation == "RGB":
        if transfer_syntax_uid in _COLOUR_TRANSFORMED:
            return "YBR_RCT"
        if transfer_syntax_uid == JPEG_BASELINE:
            return "YBR_FULL"
    return photometric_interpretation


def encoded_planar_configuration(transfer_syntax_uid: str) -> int:
    """RLE has its samples plane by plane (PS3.5 G.2), every other code pixel by pixel."""
    return int(transfer_syntax_uid == f"{_STANDARD}.5")


def _unfit(reason: str) -> NotAcceptable:
    return NotAcceptable(reason, _AS_STORED)
