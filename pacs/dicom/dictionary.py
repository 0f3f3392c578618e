"""Value representations: how each is written (PS3.5 7.1) and which one a tag has (PS3.6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._private_dict import private_dictionaries

# fmt: off
_SHORT = (
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO",
    "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US",
)
_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
# fmt: on

SHORT_VRS: Final[Mapping[bytes, str]] = {vr.encode(): vr for vr in _SHORT}
"""Two bytes of length (PS3.5 Table 7.1-2)."""

LONG_VRS: Final[Mapping[bytes, str]] = {vr.encode(): vr for vr in _LONG}
"""Two reserved bytes and four of length (PS3.5 Table 7.1-1)."""

TEXT_VRS: Final = frozenset({"SH", "LO", "UC", "ST", "LT", "UT", "PN"})
"""Those which Specific Character Set applies to (PS3.3 C.12.1.1.2)."""

WORD_BYTES: Final[Mapping[str, int]] = {
    "AT": 2, "OW": 2, "SS": 2, "US": 2,
    "FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4,
    "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8,
}  # fmt: skip
"""VR to the bytes of the word which byte order turns around (PS3.5 7.3); every other VR is a string of bytes."""

STANDARD_VRS: Final[Mapping[int, str]] = {tag: entry[0] for tag, entry in DicomDictionary.items()}
"""Tag to VR of PS3.6 Table 6-1; `dictionary_vr` knows the repeating groups as well."""


def _repeating_masks() -> dict[int, dict[int, str]]:
    """Mask to masked tag to VR, for the retired repeating groups and elements (50xx, 60xx, 0028,04x0 …)."""
    masks: dict[int, dict[int, str]] = {}
    for pattern, entry in RepeatersDictionary.items():
        mask = int("".join("0" if digit == "x" else "F" for digit in pattern), 16)
        masks.setdefault(mask, {})[int(pattern.replace("x", "0"), 16)] = entry[0]
    return masks


_REPEATING: Final = _repeating_masks()


@lru_cache(maxsize=4096)
def _unlisted_vr(tag: int) -> str:
    for mask, vrs in _REPEATING.items():
        vr = vrs.get(tag & mask)
        if vr is not None:
            return vr
    return "UL" if tag & 0xFFFF == 0 else "UN"


def dictionary_vr(tag: int) -> str:
    """The VR of a standard tag (``US or SS`` and the like stay as the dictionary has them), UN when unknown."""
    return STANDARD_VRS.get(tag) or _unlisted_vr(tag)


def dictionary_multiplicity(tag: int) -> str:
    """The value multiplicity of a standard tag as PS3.6 has it (``1``, ``1-n``); "1" when unknown."""
    entry = DicomDictionary.get(tag)
    return entry[1] if entry else "1"


@lru_cache(maxsize=4096)
def private_vr(creator: str, tag: int) -> str:
    """The VR of a private tag of a known creator, LO for the creator itself, UN otherwise (PS3.5 7.8.1)."""
    element = tag & 0xFFFF
    if 0x0010 <= element <= 0x00FF:
        return "LO"
    if element == 0:
        return "UL"
    entries = private_dictionaries.get(creator)
    if entries is None:
        return "UN"
    entry = entries.get(f"{tag:08X}") or entries.get(f"{tag >> 16:04X}xx{element & 0xFF:02X}")
    return entry[0].replace("_", " or ") if entry else "UN"
