"""The images that an object references (PS3.3 C.11.11, 10.3), out of its metadata in DICOM JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.model import StoredInstance

IMAGES_MAX = 1000

Json = Mapping[str, Any]


def images_of(archive: Archive, study_instance_uid: str) -> dict[str, StoredInstance]:
    """What has frames in a study, by SOP Instance UID."""
    return {
        image.sop_instance_uid: image
        for image in archive.instances(study_instance_uid)
        if image.frame_table is not None
    }


def referenced_frames(here: Mapping[str, StoredInstance], dataset: Json) -> Iterator[tuple[StoredInstance, int]]:
    """Image and frame of the Referenced Series Sequence of `dataset`, as far as they are here, in its order."""
    left = IMAGES_MAX
    for series in items(dataset, "00081115"):
        for reference in items(series, "00081140"):
            image = here.get(str(first(reference, "00081155")))
            if image is None:
                continue
            frames = frame_table(image).number_of_frames
            named = [int(value) for value in reference.get("00081160", {}).get("Value", [])]
            for frame in named or range(1, frames + 1):
                if left and 1 <= frame <= frames:
                    left -= 1
                    yield image, frame


def items(dataset: Json, tag: str) -> list[Json]:
    """The items of a sequence that hold anything."""
    return [item for item in dataset.get(tag, {}).get("Value", []) if item]


def first(dataset: Json, tag: str) -> Any:
    """The first value of an element, None where there is none."""
    return next(iter(dataset.get(tag, {}).get("Value", [])), None)
