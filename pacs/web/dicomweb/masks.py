"""Which frames are taken away from one of an angiography before it is shown (PS3.3 C.7.6.10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pacs.errors import NotAcceptable

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.12."
ANGIOGRAPHY: Final = frozenset({f"{_STORAGE}1", f"{_STORAGE}1.1", f"{_STORAGE}2", f"{_STORAGE}2.1", f"{_STORAGE}3"})
"""X-ray angiographic and radiofluoroscopic images."""

_MASKS_MAX: Final = 16
_VIEWING_MODE, _MASKS, _OPERATION = "00281090", "00286100", "00286101"
_RANGE, _FRAMES, _OFFSET, _AVERAGED = "00286102", "00286110", "00286120", "00286112"
_PRESENTATIONS, _DISPLAYS, _START, _STOP = "00289505", "00089458", "00082142", "00082143"
_IMAGES, _UID, _NUMBERS = "00081140", "00081155", "00081160"
_BY_THEMSELVES: Final = "ask for its images by themselves"

Json = Mapping[str, Any]


def mask_frames(metadata: Json, frame: int, frames: int) -> tuple[int, ...]:
    """The frames that `frame` of so many has as masks, where the object is to be seen subtracted (Recommended Viewing
    Mode SUB); empty where it is not, or where they are not there."""
    if _values(metadata, _VIEWING_MODE)[:1] != ["SUB"]:
        return ()
    found = _about(_items(metadata, _MASKS), frame, frames)
    if found is None:
        return ()
    one, first = found
    return tuple(number for number in _named(one, frame, first) if 1 <= number <= frames)[:_MASKS_MAX]


def state_mask_frames(state: Json, sop_instance_uid: str, frame: int, frames: int) -> tuple[int, ...]:
    """The same as a presentation state wants it of `frame` of an image, whatever the image says of itself (C.11.13).

    Raises NotAcceptable, with the reason, for a subtraction that is not made here.
    """

    def meant(items: Sequence[Json]) -> Iterator[Json]:
        for one in items:
            references = [entry for entry in _items(one, _IMAGES) if sop_instance_uid in _values(entry, _UID)]
            named = [_numbers(entry, _NUMBERS) for entry in references]
            if not _items(one, _IMAGES) or any(not numbers or frame in numbers for numbers in named):
                yield one

    modes = [*_values(state, _VIEWING_MODE)[:1]]
    for presentation in (state, *meant(_items(state, _PRESENTATIONS))):
        for shown in _items(presentation, _DISPLAYS):
            ends = [next(iter(_numbers(shown, tag)), 0) for tag in (_START, _STOP)]
            modes += _values(shown, _VIEWING_MODE)[:1] if ends[0] <= frame <= ends[1] else []
    found = _about(list(meant(_items(state, _MASKS))), frame, frames)
    if found is None or (modes or ["SUB"])[-1] == "NAT":
        return ()
    one, first = found
    operation = next(iter(_values(one, _OPERATION)), "NONE")
    if operation == "NONE":
        return ()
    if operation not in ("AVG_SUB", "TID", "REV_TID"):
        raise NotAcceptable("this state subtracts by an operation which is not made here", _BY_THEMSELVES)
    if max(_numbers(one, _AVERAGED), default=1) > 1:
        raise NotAcceptable("this state averages frames before it subtracts, which is not made here", _BY_THEMSELVES)
    wanted = _named(one, frame, first)
    if not wanted or len(wanted) > _MASKS_MAX or not all(1 <= number <= frames for number in wanted):
        raise NotAcceptable("this state subtracts frames that the image does not have", _BY_THEMSELVES)
    return tuple(wanted)


def _about(masks: Sequence[Json], frame: int, frames: int) -> tuple[Json, int] | None:
    """The item that speaks of the frame, and the first frame of its range."""
    for one in masks:
        ranges = _numbers(one, _RANGE)
        for low, high in list(zip(ranges[::2], ranges[1::2], strict=False)) or [(1, frames)]:
            if low <= frame <= high:
                return one, low
    return None


def _named(one: Json, frame: int, first: int) -> list[int]:
    offset = next(iter(_numbers(one, _OFFSET)), 1)
    match _values(one, _OPERATION)[:1]:
        case ["AVG_SUB"]:
            return _numbers(one, _FRAMES)
        case ["TID"]:
            return [frame - offset]
        case ["REV_TID"]:
            return [first - offset - (frame - first)]
    return []


def _items(dataset: Json, tag: str) -> list[Json]:
    return [one for one in _values(dataset, tag) if one]


def _values(dataset: Json, tag: str) -> list[Any]:
    return list((dataset or {}).get(tag, {}).get("Value", ()))


def _numbers(dataset: Json, tag: str) -> list[int]:
    return [value for value in _values(dataset, tag) if isinstance(value, int)]
