"""What a blending presentation state lays over what (PS3.3 C.11.14), out of the metadata of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.errors import NotAcceptable, Unreadable
from pacs.model import StoredInstance
from pacs.render.values import VOLUME_BYTES_MAX
from pacs.web.dicomweb.pictures import Other, Subject
from pacs.web.dicomweb.referenced import Json, first, images_of, items, referenced_frames

_SLICES_MAX: Final = 256
_BY_THEMSELVES: Final = "ask for its images by themselves"
_BLENDING, _POSITION, _REGISTRATION, _STUDY = "00700402", "00700405", "00700404", "0020000D"
_ORIGIN, _DIRECTIONS, _SPACING, _REFERENCE_FRAME = "00200032", "00200037", "00280030", "00200052"
_THICKNESS, _BETWEEN, _ROWS, _COLUMNS = "00180050", "00180088", "00280010", "00280011"
_MACROS: Final = {_ORIGIN: "00209113", _DIRECTIONS: "00209116"}  # of the others: Pixel Measures
_MEASURES: Final = "00289110"

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Slice:
    """A frame, its corners (4, 3) in mm of the patient, the unit vector across it and its thickness (0: not told)."""

    image: StoredInstance
    frame: int
    corners: Vector
    normal: Vector
    thickness: float
    reference_frame: str


class Blended:
    """The frames of the underlying images of a state, and for each of them what is superimposed.

    Raises NotAcceptable, Unreadable, with the reason, for what is not blended here.
    """

    def __init__(self, archive: Archive, state: StoredInstance) -> None:
        self._archive = archive
        self._state = state
        self._metadata: dict[str, Json] = {}
        metadata = archive.instance_metadata(state)
        sets = {str(first(one, _POSITION)): one for one in items(metadata, _BLENDING)}
        if set(sets) != {"UNDERLYING", "SUPERIMPOSED"}:
            raise Unreadable("this state does not say what it lays over what", "send it again, whole")
        if items(metadata, _REGISTRATION):
            raise NotAcceptable("this state blends by a registration, which is not made here", _BY_THEMSELVES)
        if any(first(one, _STUDY) not in (None, state.study_instance_uid) for one in sets.values()):
            raise NotAcceptable("this state blends images of another study, which is not made here", _BY_THEMSELVES)
        here = images_of(archive, state.study_instance_uid)
        self.underlying = list(referenced_frames(here, sets["UNDERLYING"]))
        self._superimposed = list(referenced_frames(here, sets["SUPERIMPOSED"]))

    def subjects(self, wanted: Sequence[tuple[StoredInstance, int]]) -> Iterator[Subject]:
        """What there is to be seen of each of these underlying frames."""
        over = [self._slice(image, frame) for image, frame in self._superimposed]
        if not over:
            raise Unreadable("none of the images that this state superimposes is here", "send the images too")
        corners = np.stack([one.corners for one in over])
        thickness = np.array([one.thickness for one in over])
        for image, frame in wanted:
            under = self._slice(image, frame)
            if {one.reference_frame for one in over} != {under.reference_frame} or not under.reference_frame:
                raise NotAcceptable("this state blends images that share no frame of reference", _BY_THEMSELVES)
            away = (corners - under.corners[0]) @ under.normal
            reach = np.maximum(thickness, under.thickness) / 2 * (1 + 1e-3)
            reach[reach == 0] = np.inf
            meets = (away.min(axis=1) <= reach) & (away.max(axis=1) >= -reach)
            met = [over[place] for place in np.flatnonzero(meets)]
            if len(met) > _SLICES_MAX or sum(_bytes(one.image) for one in met) > VOLUME_BYTES_MAX:
                raise NotAcceptable("this state superimposes too much for one picture", _BY_THEMSELVES)
            frames: dict[str, list[_Slice]] = {}
            for one in met:
                frames.setdefault(one.image.sop_instance_uid, []).append(one)
            others = [
                Other("superimposed", found[0].image, tuple(one.frame for one in found)) for found in frames.values()
            ]
            yield Subject(image, frame, (Other("presentation", self._state), *others))

    def _slice(self, image: StoredInstance, frame: int) -> _Slice:
        uid = image.sop_instance_uid
        if uid not in self._metadata:
            self._metadata[uid] = self._archive.instance_metadata(image)
        metadata = self._metadata[uid]
        own = metadata.get("52009230", {}).get("Value", [])[frame - 1 : frame]
        groups = [group for group in (*own, *items(metadata, "52009229")[:1]) if group]

        def numbers(tag: str, count: int) -> Vector | None:
            for place in (*(one for group in groups for one in items(group, _MACROS.get(tag, _MEASURES))), metadata):
                found: list[Any] = place.get(tag, {}).get("Value", [])
                if len(found) >= count and all(isinstance(value, int | float) for value in found):
                    return np.array(found[:count], np.float64)
            return None

        origin, directions, spacing = numbers(_ORIGIN, 3), numbers(_DIRECTIONS, 6), numbers(_SPACING, 2)
        if origin is None or directions is None or spacing is None:
            raise Unreadable("an image to be blended does not say where in the patient it lies", _BY_THEMSELVES)
        thicknesses = [numbers(tag, 1) for tag in (_THICKNESS, _BETWEEN)]
        across = directions[:3] * spacing[1] * (first(metadata, _COLUMNS) or 1)
        down = directions[3:] * spacing[0] * (first(metadata, _ROWS) or 1)
        return _Slice(
            image,
            frame,
            origin + np.array([0 * across, across, down, across + down]),
            np.cross(directions[:3], directions[3:]),
            max(float(found[0]) if found is not None else 0.0 for found in thicknesses),
            str(first(metadata, _REFERENCE_FRAME) or ""),
        )


def _bytes(image: StoredInstance) -> int:
    """About as many as a frame of it has."""
    return image.size // frame_table(image).number_of_frames
