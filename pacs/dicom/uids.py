"""Unique identifiers: validity, and what each transfer syntax means for the bytes (PS3.5 chapters 9 and 10).

The names come from pydicom's UID dictionary; terms newer than it are in the tables below.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pydicom._uid_dict import UID_dictionary

IMPLEMENTATION_CLASS_UID: Final = "2.25.311584075753905204358528894708559635347"
IMPLEMENTATION_VERSION_NAME: Final = "SURET_0_1"

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
EXPLICIT_VR_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
RLE_LOSSLESS: Final = "1.2.840.10008.1.2.5"

DRAWN_OVER_IMAGES: Final = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.4",  # segmentations
        "1.2.840.10008.5.1.4.1.1.66.7",
        "1.2.840.10008.5.1.4.1.1.481.2",  # RT dose
    }
)
"""SOP classes of objects that have pixels, but are read over images and are none themselves."""

_UID = re.compile(r"[0-9.]{1,64}")


def valid_uid(text: str) -> bool:
    """Whether `text` is 1 to 64 digits and dots: what may become a key or a URL segment, lenient on leading zeros."""
    return _UID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How a data set is written: `encapsulated` means pixel data in fragments, `video` one stream for all frames."""

    uid: str
    name: str
    implicit: bool = False
    big_endian: bool = False
    deflated: bool = False
    encapsulated: bool = False
    video: bool = False

    @property
    def native(self) -> bool:
        """Pixel data are uncompressed values, not fragments."""
        return not self.encapsulated


_IMPLICIT = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.20"})
_DEFLATED = frozenset({DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_NATIVE = frozenset(
    {
        *_IMPLICIT,
        *_DEFLATED,
        EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
        "1.2.840.10008.1.2.4.94",  # JPIP: the pixel data are behind a URL
        "1.2.840.10008.1.2.4.204",
        "1.2.840.10008.1.2.7.1",  # SMPTE ST 2110: the pixel data are a live stream
        "1.2.840.10008.1.2.7.2",
        "1.2.840.10008.1.2.7.3",
    }
)
_VIDEO = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?")
_NEWER_TRANSFER_SYNTAXES = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
_NEWER_STORAGE_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.9.100.1": "Waveform Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.9.100.2": "Waveform Acquisition Presentation State Storage",
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage",
    "1.2.840.10008.5.1.4.1.1.66.8": "Height Map Segmentation Storage",
}
_NOT_STORED = ("Storage Commitment", "Media Storage Directory", "Stored Print")


def _transfer_syntax(uid: str, name: str) -> TransferSyntax:
    return TransferSyntax(
        uid,
        name,
        implicit=uid in _IMPLICIT,
        big_endian=uid == EXPLICIT_VR_BIG_ENDIAN,
        deflated=uid in _DEFLATED,
        encapsulated=uid not in _NATIVE,
        video=_VIDEO.fullmatch(uid) is not None,
    )


TRANSFER_SYNTAXES: Final = MappingProxyType(
    {
        uid: _transfer_syntax(uid, name)
        for uid, name in (
            *((uid, entry[0]) for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"),
            *_NEWER_TRANSFER_SYNTAXES.items(),
        )
    }
)
"""UID to transfer syntax, all of PS3.6 Table A-1."""

STORAGE_SOP_CLASSES: Final = MappingProxyType(
    {
        uid: entry[0].removesuffix(" SOP Class")
        for uid, entry in UID_dictionary.items()
        if entry[1] == "SOP Class" and "Storage" in entry[0] and not entry[0].startswith(_NOT_STORED)
    }
    | _NEWER_STORAGE_CLASSES
)
"""UID to name of every storage SOP class, retired ones included (PS3.4 B.5)."""


def transfer_syntax(uid: str) -> TransferSyntax:
    """What `uid` means; an unknown one is taken as Explicit VR Little Endian with fragments (PS3.5 A.4)."""
    return TRANSFER_SYNTAXES.get(uid) or TransferSyntax(uid, uid, encapsulated=True)
