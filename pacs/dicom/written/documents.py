"""What both kinds of documents written here have in common: who observed, what they refer to, and how they end."""

from __future__ import annotations

from typing import Any

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from pacs.dicom.written.common import Image, Writing, complete, encoded, identity


def observer(writing: Writing) -> Any:
    """The reader, as the person who observed (TID 1002)."""
    return sr.ObserverContext(
        codes.DCM.Person, sr.PersonObserverIdentifyingAttributes(writing.reader_name, login_name=writing.reader)
    )


def evidence(image: Image) -> Dataset:
    """Enough of an image to refer to it; what is said of patient and study is said by `finished`."""
    made = identity(image)
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
        setattr(made, keyword, "")
    made.StudyDate = made.StudyTime = None
    made.Rows, made.Columns = image.number("Rows", 1), image.number("Columns", 1)  # by which an image is known
    return made


def finished(
    document: Dataset, image: Image, writing: Writing, *, modality: str, description: str, number: int
) -> bytes:
    """The document as a Part 10 file: one of the image's study, in the series of its kind, and when it was made."""
    complete(document, image, writing, modality=modality, description=description, number=number)
    document.ContentDate = writing.at.strftime("%Y%m%d")
    document.ContentTime = writing.at.strftime("%H%M%S.%f")
    return encoded(document)
