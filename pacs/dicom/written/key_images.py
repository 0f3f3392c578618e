"""Images that a reader marked, as a Key Object Selection Document (TID 2010, PS3.3 A.35.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from highdicom import ko
from pydicom.sr.coding import Code

from pacs.dicom.written.common import Image, Writing
from pacs.dicom.written.documents import evidence, finished, observer

MODALITY: Final = "KO"
SERIES_NUMBER: Final = 99002
_OF_INTEREST: Final = Code("113000", "DCM", "Of Interest")


def key_images(
    marked: Sequence[tuple[str, Sequence[int]]], images: Mapping[str, Image], writing: Writing, description: str = ""
) -> bytes:
    """The selection as a Part 10 file. `marked` are SOP Instance UIDs, each with the frames meant (none: the whole)."""
    referred = [evidence(images[uid]) for uid, _ in marked]
    content = ko.KeyObjectSelection(
        _OF_INTEREST, referred, observer_person_context=observer(writing), description=description or None
    )
    frames = {uid: numbers for uid, numbers in marked if numbers and images[uid].number_of_frames is not None}
    for item in content[0].ContentSequence:
        for meant in item.get("ReferencedSOPSequence", ()):
            if meant.ReferencedSOPInstanceUID in frames:
                meant.ReferencedFrameNumber = list(frames[meant.ReferencedSOPInstanceUID])
    document = ko.KeyObjectSelectionDocument(
        referred, content, "1.1", SERIES_NUMBER, writing.sop_instance_uid, writing.instance_number
    )
    return finished(
        document,
        images[marked[0][0]],
        writing,
        modality=MODALITY,
        description="Key images",
        number=SERIES_NUMBER,
    )
