"""Which frames are taken away from one of an angiography before it is shown (PS3.3 C.7.6.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.12."
ANGIOGRAPHY: Final = frozenset({f"{_STORAGE}1", f"{_STORAGE}1.1", f"{_STORAGE}2", f"{_STORAGE}2.1", f"{_STORAGE}3"})
"""X-ray angiographic and radiofluoroscopic images."""

_MASKS_MAX: Final = 16
_VIEWING_MODE, _MASKS, _OPERATION = "00281090", "00286100", "00286101"
_RANGE, _FRAMES, _OFFSET = "00286102", "00286110", "00286120"


def mask_frames(metadata: Mapping[str, Any], frame: int, frames: int) -> tuple[int, ...]:
    """The frames that `frame` of so many has as masks, where the object is to be seen subtracted (Recommended Viewing
    Mode SUB); empty where it is not, or where they are not there."""
    if _values(metadata, _VIEWING_MODE)[:1] != ["SUB"]:
        return ()
    for one in metadata.get(_MASKS, {}).get("Value", ()):
        ranges = _numbers(one, _RANGE)
        pairs = list(zip(ranges[::2], ranges[1::2], strict=False)) or [(1, frames)]
        found = next(((low, high) for low, high in pairs if low <= frame <= high), None)
        if found is not None:
            wanted = _named(one, frame, found[0])
            return tuple(number for number in wanted if 1 <= number <= frames)[:_MASKS_MAX]
    return ()


def _named(one: Mapping[str, Any], frame: int, first: int) -> list[int]:
    offset = next(iter(_numbers(one, _OFFSET)), 1)
    match _values(one, _OPERATION)[:1]:
        case ["AVG_SUB"]:
            return _numbers(one, _FRAMES)
        case ["TID"]:
            return [frame - offset]
        case ["REV_TID"]:
            return [first - offset - (frame - first)]
    return []


def _values(dataset: Mapping[str, Any], tag: str) -> list[Any]:
    return list((dataset or {}).get(tag, {}).get("Value", ()))


def _numbers(dataset: Mapping[str, Any], tag: str) -> list[int]:
    return [value for value in _values(dataset, tag) if isinstance(value, int)]
