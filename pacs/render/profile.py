"""Colour profiles of pictures (PS3.18 8.3.5.1.5, PS3.3 C.11.15): embedded as they are, left out, or converted to."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.render.values import JPEG, PNG

_JPEG_CHUNK = 65519
_ICC_BYTES_MAX = 4 << 20
# (white point and primaries as CIE xy, gamma): ROMM RGB by ISO 22028-2, Display P3 by SMPTE EG 432-1
_MADE = {
    "rommrgb": ([0.3457, 0.3585], [0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001], 1.8),
    "displayp3": ([0.3127, 0.3290], [0.680, 0.320, 0.265, 0.690, 0.150, 0.060], 2.2),
}


def object_profile(dataset: Dataset) -> bytes:
    """The ICC profile that the image has (0028,2000), empty where it has none that is one."""
    value = dataset.get("ICCProfile")
    sound = isinstance(value, bytes) and 128 < len(value) <= _ICC_BYTES_MAX and value[36:40] == b"acsp"
    return value[: int.from_bytes(value[:4], "big")] if sound else b""


@cache
def known_profile(name: str) -> bytes:
    """The profile of a colour space by its name in the `iccprofile` parameter."""
    if name in _MADE:
        white, primaries, gamma = _MADE[name]
        return bytes(imagecodecs.cms_profile("rgb", whitepoint=white, primaries=primaries, gamma=gamma))
    return bytes(imagecodecs.cms_profile(name))


def coloured(shown: NDArray[np.uint8], own: bytes, wanted: str) -> tuple[NDArray[np.uint8], bytes]:
    """RGB pixels, and the profile to embed in their picture.

    That is the object's own, which leaves the pixels as they are, or none, or that of the colour space `wanted`, with
    the pixels converted to it. An image without a profile counts as sRGB.
    """
    if wanted == "no":
        return shown, b""
    if wanted in ("", "yes"):
        return shown, own or (known_profile("srgb") if wanted else b"")
    target = known_profile(wanted)
    if not own and wanted == "srgb":
        return shown, target
    source = own or known_profile("srgb")
    converted = imagecodecs.cms_transform(
        np.ascontiguousarray(shown), source, target, colorspace="rgb", outcolorspace="rgb"
    )
    return np.asarray(converted, np.uint8), target


def embedded(data: bytes, media_type: str, profile: bytes) -> bytes:
    """An encoded picture with the profile in it (ICC.1 Annex B); of a type that carries none, the picture as it is."""
    if media_type == JPEG:
        chunks = [profile[start : start + _JPEG_CHUNK] for start in range(0, len(profile), _JPEG_CHUNK)]
        segments = b"".join(
            struct.pack(">HH12sBB", 0xFFE2, len(chunk) + 16, b"ICC_PROFILE\0", number, len(chunks)) + chunk
            for number, chunk in enumerate(chunks, 1)
        )
        # behind the JFIF segment, which has to be the first
        at = 4 + struct.unpack(">H", data[4:6])[0] if data[2:4] == b"\xff\xe0" else 2
        return data[:at] + segments + data[at:]
    if media_type == PNG:
        body = b"iCCPICC profile\0\0" + zlib.compress(profile)
        chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        return data[:33] + chunk + data[33:]  # behind the signature and IHDR
    return data
