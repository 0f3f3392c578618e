"""Workitems for tests, as DICOM JSON."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from pacs.dicom.documents import read_document

UID = "1.2.826.0.1.77"
MINE, OTHERS = "1.2.826.0.1.78.1", "1.2.826.0.1.78.2"

_CODE = {"CodeValue": "110005", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Interpretation"}


def planned(**changes: Any) -> dict[str, Any]:
    """A workitem to be created; `changes` by keyword, None leaves an attribute out."""
    attributes: dict[str, Any] = {
        "PatientName": "IVANOV^IVAN",
        "PatientID": "P1",
        "ScheduledProcedureStepStartDateTime": "20261128093000",
        "ScheduledWorkitemCodeSequence": [_CODE],
        "InputReadinessState": "READY",
        "InputInformationSequence": [{"StudyInstanceUID": "1.2.3"}],
        "ProcedureStepState": "SCHEDULED",
        "ScheduledProcedureStepPriority": "MEDIUM",
        "ProcedureStepLabel": "Interpretation",
        "WorklistLabel": "READING",
        **changes,
    }
    return read_document({keyword: value for keyword, value in attributes.items() if value is not None})


def completed() -> dict[str, Any]:
    """What has to be said before a workitem is completed."""
    performed = {
        "PerformedStationNameCodeSequence": [_CODE],
        "PerformedProcedureStepStartDateTime": "20261128093500",
        "PerformedProcedureStepEndDateTime": "20261128094000",
        "PerformedWorkitemCodeSequence": [_CODE],
        "OutputInformationSequence": [],
    }
    return read_document({"UnifiedProcedureStepPerformedProcedureSequence": [performed]})


def canceled() -> dict[str, Any]:
    """What has to be said before a workitem is canceled."""
    progress = {
        "ProcedureStepCancellationDateTime": "20261128094000",
        "ProcedureStepDiscontinuationReasonCodeSequence": [_CODE],
    }
    return read_document({"ProcedureStepProgressInformationSequence": [progress]})


def as_dataset(document: dict[str, Any]) -> Dataset:
    """The same for a peer of pydicom's."""
    dataset = Dataset.from_json(document)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    return dataset
