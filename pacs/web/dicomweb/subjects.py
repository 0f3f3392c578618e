"""What there is to be seen of an object: its own frames, or the images that it is about (PS3.18 8.3.5, 10.4.1.1.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.attributes import BY_KEYWORD, Level
from pacs.errors import NotAcceptable, Unreadable
from pacs.index.criteria import Criterion, OneOf, Query
from pacs.model import StoredInstance
from pacs.render.values import JPEG
from pacs.web.dicomweb.blended import Blended
from pacs.web.dicomweb.masks import ANGIOGRAPHY, mask_frames, state_mask_frames
from pacs.web.dicomweb.media_types import parts_of
from pacs.web.dicomweb.pictures import Other, Subject
from pacs.web.dicomweb.referenced import first, images_of, items, referenced_frames
from pacs.web.dicomweb.videos import is_video

_STORAGE = "1.2.840.10008.5.1.4.1.1"
PRESENTATION_STATES = frozenset(f"{_STORAGE}.11.{number}" for number in (1, 2, 3, 4, 5))
"""Grayscale, color, pseudo-color, blending and XA/XRF grayscale softcopy presentation states."""

SEGMENTATIONS = frozenset({f"{_STORAGE}.66.4", f"{_STORAGE}.66.7"})
"""Segmentation and label map segmentation."""

_BLENDING = f"{_STORAGE}.11.4"
_UNSUPPORTED_STATES = {
    f"{_STORAGE}.11.{number}": reason
    for number, reason in {
        6: "planes through volumes",
        7: "planes through volumes composed of several",
        8: "images blended and coloured by a pipeline",
        9: "a volume rendered in three dimensions",
        10: "segmented volumes rendered in three dimensions",
        11: "several volumes rendered in three dimensions",
        12: "variable modality look-up tables",
    }.items()
}
"""Presentation states that show something which is not made here."""

Shown = TypeVar("Shown")

_SEGMENT_FRAMES_MAX = 64
_SOURCES_MAX = 8
"""Images that one frame was drawn on: of thin slices it has several, and who names more names the whole series."""


def is_about_images(stored: StoredInstance) -> bool:
    """Whether the object is a presentation state, which is seen in the images that it names."""
    return stored.sop_class_uid in PRESENTATION_STATES or stored.sop_class_uid in _UNSUPPORTED_STATES


def is_only_an_image(stored: StoredInstance) -> bool:
    """Whether `subjects` need not read anything to tell what there is to be seen of it."""
    more = stored.sop_class_uid in SEGMENTATIONS or stored.sop_class_uid in ANGIOGRAPHY
    return stored.frame_table is not None and not more and not is_video(stored)


def subjects(archive: Archive, stored: StoredInstance, numbers: Sequence[int] | None) -> list[Subject]:
    """The frames `numbers` of an image, every one where none is named; of a presentation state what it shows.

    Raises NotFound, NotAcceptable, Unreadable.
    """
    if stored.frame_table is not None:
        table = frame_table(stored)
        for number in numbers or ():
            table.check(number)
        if stored.sop_class_uid in SEGMENTATIONS:
            planes = _segmented(archive, stored, numbers)
            if planes:
                return planes
        wanted = numbers or range(1, table.number_of_frames + 1)
        if stored.sop_class_uid in ANGIOGRAPHY and table.number_of_frames > 1:
            return list(_subtracted(archive, stored, wanted, table.number_of_frames))
        return [Subject(stored, number) for number in wanted]
    if stored.sop_class_uid in _UNSUPPORTED_STATES:
        shown_by_it = _UNSUPPORTED_STATES[stored.sop_class_uid]
        raise NotAcceptable(
            f"this state shows {shown_by_it}, which is not made here", "ask for its images by themselves"
        )
    if stored.sop_class_uid not in PRESENTATION_STATES:
        raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
    if stored.sop_class_uid == _BLENDING:
        blended = Blended(archive, stored)
        return list(blended.subjects(_chosen(blended.underlying, numbers)))
    return _chosen(list(_presented(archive, stored)), numbers)


def _chosen(shown: list[Shown], numbers: Sequence[int] | None) -> list[Shown]:
    """Those of what a state shows that are asked for, from 1. Raises NotAcceptable, Unreadable."""
    if not shown:
        raise Unreadable("none of the images which this presentation state shows is here", "send the images too")
    chosen = [shown[number - 1] for number in numbers if 0 < number <= len(shown)] if numbers else shown
    if not chosen:
        raise NotAcceptable(f"this presentation state shows {len(shown)} images", "count from 1")
    return chosen


def refuse_different_sizes(archive: Archive, one: StoredInstance) -> None:
    """Raise NotAcceptable where the images of the series of `one` are not all of one size, as a moving picture is."""
    names = ("StudyInstanceUID", one.study_instance_uid), ("SeriesInstanceUID", one.series_instance_uid)
    criteria = tuple(Criterion(BY_KEYWORD[name], OneOf((uid,))) for name, uid in names)
    size = BY_KEYWORD["Rows"], BY_KEYWORD["Columns"]
    found = {(row["Rows"], row["Columns"]) for row in archive.find(Query(Level.IMAGE, criteria, size))}
    if len({(rows, columns) for rows, columns in found if rows}) > 1:
        raise NotAcceptable("the images of this series differ in size", f"accept {parts_of(JPEG)}: one picture a part")


def _subtracted(archive: Archive, stored: StoredInstance, wanted: Iterable[int], frames: int) -> Iterator[Subject]:
    """Frames of an angiography, with those that are taken away from each where it is to be seen so."""
    metadata = archive.instance_metadata(stored)
    for number in wanted:
        masks = mask_frames(metadata, number, frames)
        yield Subject(stored, number, (Other("mask", stored, masks),) if masks else ())


def _presented(archive: Archive, state: StoredInstance) -> Iterator[Subject]:
    """The frames that a state references (PS3.3 C.11.11), as far as they are here, in its order."""
    metadata = archive.instance_metadata(state)
    for image, frame in referenced_frames(images_of(archive, state.study_instance_uid), metadata):
        masks = state_mask_frames(metadata, image.sop_instance_uid, frame, frame_table(image).number_of_frames)
        less = (Other("mask", image, masks),) if masks else ()
        yield Subject(image, frame, (Other("presentation", state), *less))


def _segmented(archive: Archive, segmentation: StoredInstance, numbers: Sequence[int] | None) -> list[Subject]:
    """The image frames that frames of a segmentation were drawn on (PS3.3 C.7.6.16.2.6), as far as they are here.

    The plane in the middle comes first: it stands for the whole. Empty where the segmentation names no images.
    """
    here = images_of(archive, segmentation.study_instance_uid)
    planes: dict[tuple[str, int], list[int]] = {}
    for number, group in enumerate(items(archive.instance_metadata(segmentation), "52009230"), 1):
        for derivation in items(group, "00089124")[:1]:
            for source in items(derivation, "00082112")[:_SOURCES_MAX]:
                uid, frame = str(first(source, "00081155")), int(first(source, "00081160") or 1)
                if uid in here and 1 <= frame <= frame_table(here[uid]).number_of_frames:
                    planes.setdefault((uid, frame), []).append(number)
    shown = [
        Subject(here[uid], frame, (Other("segmentation", segmentation, tuple(over[:_SEGMENT_FRAMES_MAX])),))
        for (uid, frame), over in planes.items()
    ]
    if numbers is not None:
        return [subject for number in numbers for subject in shown if number in subject.others[0].frames]
    middle = len(shown) // 2
    return [*shown[middle : middle + 1], *shown[:middle], *shown[middle + 1 :]]
