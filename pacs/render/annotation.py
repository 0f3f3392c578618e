"""What the `annotation` parameter writes into a picture (PS3.18 8.3.5.1.1): who is seen, and how it was made."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from pacs.render.description import first, text

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_IMAGE = ("Modality", "StudyDate", "SeriesDescription")
_NUMBERS = (("SeriesNumber", "Se"), ("InstanceNumber", "Im"))
# (attribute, how it is written)
_TECHNIQUE = (
    ("SliceThickness", "{} mm"),
    ("KVP", "{} kV"),
    ("XRayTubeCurrent", "{} mA"),
    ("Exposure", "{} mAs"),
    ("RepetitionTime", "TR {} ms"),
    ("EchoTime", "TE {} ms"),
)
_LETTERS_MAX = 64


def annotation_lines(dataset: Dataset, wanted: Sequence[str], frame_number: int, frames: int) -> list[str]:
    """The lines to be written, those about the patient first."""
    lines: list[str] = []
    if "patient" in wanted:
        lines += [line for keyword in _PATIENT if (line := _patient(dataset, keyword))]
    if "technique" in wanted:
        lines.append(" ".join(filter(None, (text(dataset, keyword) for keyword in _IMAGE))))
        numbers = [f"{label} {value}" for keyword, label in _NUMBERS if (value := text(dataset, keyword))]
        lines.append("  ".join([*numbers, f"{frame_number}/{frames}"] if frames > 1 else numbers))
        lines.append("  ".join(form.format(value) for keyword, form in _TECHNIQUE if (value := text(dataset, keyword))))
    return [line[:_LETTERS_MAX] for line in lines if line.strip()]


def _patient(dataset: Dataset, keyword: str) -> str:
    if keyword != "PatientName":
        return text(dataset, keyword)
    name = str(first(dataset, keyword) or "").partition("=")[0]
    return " ".join(part for part in name.split("^") if part)
