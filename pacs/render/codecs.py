"""Stored frame bytes to pixels: one table from transfer syntax to decoders, tried in order.

Runs in a decode worker only. imagecodecs (libjpeg-turbo, CharLS, OpenJPEG, OpenJPH, libjxl) comes first; what it cannot
read is tried with the libraries that pydicom drives.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import imagecodecs
import numpy as np
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from rle.utils import decode_pixel_data as decode_rle

from pacs.dicom.uids import EXPLICIT_VR_BIG_ENDIAN
from pacs.errors import Unreadable
from pacs.render.codestream import Codestream, read_jpeg, read_jpeg_2000
from pacs.render.description import SUBSAMPLED, PixelDescription
from pacs.render.native import Pixels, as_stored, decode_native

Decoder = Callable[[PixelDescription, bytes], Pixels]

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
_JPEG_LOSSY = frozenset({JPEG_BASELINE, JPEG_EXTENDED})
_HINT = "the stored object is kept as it was sent; fetch it as it is stored"


def _jpeg(description: PixelDescription, data: bytes) -> Pixels:
    """Without colour conversion: naming the same space on both sides switches libjpeg's own off."""
    if description.samples_per_pixel == 1:
        return np.asarray(imagecodecs.jpeg8_decode(data))
    return np.asarray(imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="YCBCR"))


def _jpeg_lossless(description: PixelDescription, data: bytes) -> Pixels:
    return np.asarray(imagecodecs.ljpeg_decode(data))


def _jpeg_ls(description: PixelDescription, data: bytes) -> Pixels:
    return np.asarray(imagecodecs.jpegls_decode(data))


def _jpeg_2000(description: PixelDescription, data: bytes) -> Pixels:
    return np.asarray(imagecodecs.jpeg2k_decode(data))


def _htj2k(description: PixelDescription, data: bytes) -> Pixels:
    return np.asarray(imagecodecs.htj2k_decode(data))


def _jpeg_xl(description: PixelDescription, data: bytes) -> Pixels:
    return np.asarray(imagecodecs.jpegxl_decode(data))


def _rle(description: PixelDescription, data: bytes) -> Pixels:
    """PS3.5 Annex G: every byte plane of every sample is a segment of its own, most significant first."""
    decoded = decode_rle(
        data,
        version=2,
        rows=description.rows,
        columns=description.columns,
        bits_allocated=description.bits_allocated,
    )
    samples = np.frombuffer(decoded, dtype=description.dtype)
    planes = samples.reshape(description.samples_per_pixel, description.rows, description.columns)
    return planes[0] if description.samples_per_pixel == 1 else np.moveaxis(planes, 0, -1)


def _deflated(description: PixelDescription, data: bytes) -> Pixels:
    """PS3.5 A.4.13: the uncompressed frame, from its first byte on, as a raw deflate stream."""
    length = (description.pixels * description.samples_per_pixel * description.bits_allocated + 7) // 8
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, length)
    return decode_native(replace(description, transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN), inflated, 1)


def _with_pydicom(plugin: str) -> Decoder:
    def decode(description: PixelDescription, data: bytes) -> Pixels:
        options: dict[str, Any] = {
            "rows": description.rows,
            "columns": description.columns,
            "samples_per_pixel": description.samples_per_pixel,
            "photometric_interpretation": description.photometric_interpretation,
            "planar_configuration": description.planar_configuration,
            "bits_allocated": description.bits_allocated,
            "bits_stored": description.bits_stored,
            "pixel_representation": description.pixel_representation,
            "number_of_frames": 1,
            "pixel_keyword": "PixelData",
        }
        decoder = get_decoder(description.transfer_syntax_uid)
        pixels, _ = decoder.as_array(encapsulate([data]), raw=True, decoding_plugin=plugin, **options)
        return pixels

    return decode


_gdcm = _with_pydicom("gdcm")
_openjpeg = _with_pydicom("pylibjpeg")
_charls = _with_pydicom("pyjpegls")

_STANDARD = "1.2.840.10008.1.2"
DECODERS: Mapping[str, tuple[Decoder, ...]] = MappingProxyType(
    {
        JPEG_BASELINE: (_jpeg, _gdcm),
        JPEG_EXTENDED: (_jpeg,),
        f"{_STANDARD}.4.57": (_jpeg, _jpeg_lossless, _gdcm),
        f"{_STANDARD}.4.70": (_jpeg, _jpeg_lossless, _gdcm),
        f"{_STANDARD}.4.80": (_jpeg_ls, _charls, _gdcm),
        f"{_STANDARD}.4.81": (_jpeg_ls, _charls, _gdcm),
        f"{_STANDARD}.4.90": (_jpeg_2000, _openjpeg, _gdcm),
        f"{_STANDARD}.4.91": (_jpeg_2000, _openjpeg, _gdcm),
        f"{_STANDARD}.4.110": (_jpeg_xl,),
        f"{_STANDARD}.4.111": (_jpeg_xl,),
        f"{_STANDARD}.4.112": (_jpeg_xl,),
        f"{_STANDARD}.4.201": (_htj2k, _openjpeg),
        f"{_STANDARD}.4.202": (_htj2k, _openjpeg),
        f"{_STANDARD}.4.203": (_htj2k, _openjpeg),
        f"{_STANDARD}.5": (_rle,),
        f"{_STANDARD}.8.1": (_deflated,),
    }
)
EXPLICIT_VR_LITTLE_ENDIAN = f"{_STANDARD}.1"
NATIVE = frozenset({_STANDARD, EXPLICIT_VR_LITTLE_ENDIAN, f"{_STANDARD}.1.99", EXPLICIT_VR_BIG_ENDIAN})
_READERS: Mapping[str, Callable[[bytes], Codestream | None]] = MappingProxyType(
    {f"{_STANDARD}.4.{number}": read_jpeg for number in (50, 51, 57, 70, 80, 81)}
    | {f"{_STANDARD}.4.{number}": read_jpeg_2000 for number in (90, 91, 201, 202, 203)}
)
# PS3.5 8.2.3 and 8.2.4: JPEG-LS and JPEG 2000 code a sample in its precision; other JPEG leaves it as wide as it was
_SIGN_AT_PRECISION = frozenset(f"{_STANDARD}.4.{number}" for number in (80, 81, 90, 91, 201, 202, 203))
# JPEG, JPEG-LS and HTJ2K; padding or a few stray bytes may follow the marker
_ENDED = frozenset(f"{_STANDARD}.4.{number}" for number in (50, 51, 57, 70, 80, 81, 201, 202, 203))
_END_OF_IMAGE = b"\xff\xd9"
_TRAILER_MAX = 64


def decode_frame(description: PixelDescription, data: bytes, frame_number: int = 1) -> Pixels:
    """The pixels of one frame, of `description.shape` and `description.dtype`; the array may be read-only.

    Colour is not converted (see `decoded_photometric_interpretation`), palette pixels stay indices, subsampled chroma
    is replicated, bits beyond Bits Stored are cleared or carry the sign. `frame_number` (1-based) places a native
    1-bit frame in its first byte. Raises Unreadable.
    """
    if description.transfer_syntax_uid in NATIVE:
        return decode_native(description, data, frame_number)
    decoders = DECODERS.get(description.transfer_syntax_uid)
    if decoders is None:
        raise Unreadable(f"no decoder for transfer syntax {description.transfer_syntax_uid}", _HINT)
    _require_end(description, data)
    codestream = _checked_codestream(description, data)
    failures: list[str] = []
    for decode in decoders:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                pixels = decode(description, data)
        except MemoryError:
            raise
        except Exception as error:  # a decoder may raise anything; the next one is asked
            failures.append(type(error).__name__)
            continue
        if pixels.shape == description.shape:
            at_precision = description.transfer_syntax_uid in _SIGN_AT_PRECISION
            return as_stored(description, pixels, codestream.precision if codestream and at_precision else None)
        failures.append(f"shape {pixels.shape}")
    raise Unreadable(f"the compressed frame could not be decoded (tried {len(decoders)}: {', '.join(failures)})", _HINT)


def _require_end(description: PixelDescription, data: bytes) -> None:
    """Refuse a frame that was cut: libjpeg and OpenJPH fill the rest in silence, CharLS may not return."""
    if description.transfer_syntax_uid in _ENDED and _END_OF_IMAGE not in data[-_TRAILER_MAX:]:
        raise Unreadable("the compressed frame has no end: a part of it is missing", _HINT)


def _checked_codestream(description: PixelDescription, data: bytes) -> Codestream | None:
    reader = _READERS.get(description.transfer_syntax_uid)
    codestream = reader(data) if reader else None
    if codestream is None:
        return None
    says = (codestream.rows, codestream.columns, codestream.components)
    expected = (description.rows, description.columns, description.samples_per_pixel)
    if says != expected:
        raise Unreadable(
            "the compressed frame is {}x{} with {} samples, the header says {}x{} with {}".format(*says, *expected),
            _HINT,
        )
    return codestream


def decoded_photometric_interpretation(description: PixelDescription, data: bytes) -> str:
    """What the pixels that `decode_frame` gives are (PS3.3 C.7.6.3.1.2, PS3.5 8.2).

    JPEG 2000 and JPEG XL decoders undo their own colour transform; of a lossy JPEG the codestream's word counts more
    than the header's, which is often wrong.
    """
    stated = description.photometric_interpretation
    if description.samples_per_pixel != 3:
        return stated
    if stated in ("YBR_RCT", "YBR_ICT", "XYB") or description.transfer_syntax_uid.startswith(f"{_STANDARD}.4.11"):
        return "RGB"
    if description.transfer_syntax_uid in _JPEG_LOSSY:
        codestream = read_jpeg(data)
        ybr = codestream.ybr if codestream else None
        if ybr is not None:
            return "YBR_FULL" if ybr else "RGB"
    if stated in SUBSAMPLED:
        return stated.removesuffix("_422")
    return stated
