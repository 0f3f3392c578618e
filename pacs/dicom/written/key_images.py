"""Images that a reader marked, as a Key Object Selection Document (TID 2010, PS3.3 A.35.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from highdicom import ko, sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from pacs.dicom.written.common import Image, Writing, complete, dated, encoded, made_uid

MODALITY: Final = "KO"
SERIES_NUMBER: Final = 99002
_OF_INTEREST: Final = Code("113000", "DCM", "Of Interest")


def key_images(
    marked: Sequence[tuple[str, Sequence[int]]], images: Mapping[str, Image], writing: Writing, description: str = ""
) -> bytes:
    """The selection as a Part 10 file. `marked` are SOP Instance UIDs, each with the frames meant (none: the whole)."""
    observer = sr.ObserverContext(
        codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(writing.reader_name, login_name=writing.reader)
    )
    evidence = [_evidence(images[uid]) for uid, _ in marked]
    content = ko.KeyObjectSelection(
        _OF_INTEREST, evidence, observer_person_context=observer, description=description or None
    )
    frames = {uid: numbers for uid, numbers in marked if numbers and images[uid].number_of_frames is not None}
    for item in content[0].ContentSequence:
        for meant in item.get("ReferencedSOPSequence", ()):
            if meant.ReferencedSOPInstanceUID in frames:
                meant.ReferencedFrameNumber = list(frames[meant.ReferencedSOPInstanceUID])
    document = ko.KeyObjectSelectionDocument(
        evidence, content, "1.1", SERIES_NUMBER, made_uid(), writing.instance_number
    )
    complete(
        document,
        images[marked[0][0]],
        writing,
        modality=MODALITY,
        description="Key images",
        number=SERIES_NUMBER,
    )
    dated(document, writing)
    return encoded(document)


def _evidence(image: Image) -> Dataset:
    made = Dataset()
    for keyword in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        setattr(made, keyword, image.text(keyword))
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(made, keyword, "")
    made.StudyDate = made.StudyTime = None
    made.Rows, made.Columns = image.number("Rows", 1), image.number("Columns", 1)  # by which an image is known
    return made
