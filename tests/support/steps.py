"""Worklist entries for tests, and an SCU that asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag
from pynetdicom import AE, evt

from tests.support.dimse import EXPLICIT

MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"

KAZAKH_NAME = "Сейітқали^Әсел^Ғалымқызы"


def entry(step_id: str = "STEP1", study: str = "1.2.3", **changes: Any) -> dict[str, Any]:
    """A document with one step; `changes` by keyword go where the attribute belongs."""
    step: dict[str, Any] = {
        "ScheduledProcedureStepID": step_id,
        "Modality": "CT",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepStartDate": "20261128",
        "ScheduledProcedureStepStartTime": "0930",
        "ScheduledProcedureStepDescription": "CT head",
    }
    document: dict[str, Any] = {
        "StudyInstanceUID": study,
        "PatientName": "IVANOV^IVAN",
        "PatientID": "P1",
        "AccessionNumber": "A1",
        "RequestedProcedureID": "RP1",
    }
    for keyword, value in changes.items():
        inside = keyword.startswith("Scheduled") or keyword in ("Modality", "CommentsOnTheScheduledProcedureStep")
        (step if inside else document)[keyword] = value
    return {**document, "ScheduledProcedureStepSequence": {"vr": "SQ", "Value": [step]}}


def dataset(charset: str = "", **keys: Any) -> Dataset:
    """An identifier as it is, malformed values too; a dictionary is the one item of a sequence, None a sequence
    without one."""
    made = Dataset()
    if charset:
        made.SpecificCharacterSet = charset
    for keyword, value in keys.items():
        tag = Tag(keyword) if not keyword.startswith("x") else Tag(int(keyword[1:], 16))
        vr = "LO" if keyword.startswith("x") else dictionary_VR(tag)
        if vr == "SQ":
            value = [] if value is None else [dataset(**value)] if isinstance(value, dict) else value
        made.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    return made


def find(
    port: int, asked: Dataset, model: str = MODALITY_WORKLIST, *, calling: str = "CT1", syntax: str = EXPLICIT
) -> tuple[Dataset, list[tuple[int, Dataset]]]:
    """The last response of a C-FIND, and status and identifier of the pending ones."""
    entity = AE(calling)
    entity.add_requested_context(model, syntax)
    association = entity.associate("127.0.0.1", port, ae_title="SURET")
    assert association.is_established
    responses = list(association.send_c_find(asked, model))
    association.release()
    *pending, (last, nothing) = responses
    assert nothing is None, "the last response has no identifier"
    return last, [(int(status.Status), identifier or Dataset()) for status, identifier in pending]


PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
PERFORMED_STEP_RETRIEVE = "1.2.840.10008.3.1.2.3.4"


def begun(**changes: Any) -> Dataset:
    """What a modality sends with N-CREATE; None leaves an attribute out."""
    attributes: dict[str, Any] = {
        "ScheduledStepAttributesSequence": {
            "StudyInstanceUID": "1.2.3",
            "ReferencedStudySequence": None,
            "AccessionNumber": "A1",
            "RequestedProcedureID": "RP1",
            "ScheduledProcedureStepID": "STEP1",
        },
        "PatientName": "IVANOV^IVAN",
        "PatientID": "P1",
        "PerformedProcedureStepID": "PPS1",
        "PerformedStationAETitle": "CT1",
        "PerformedProcedureStepStartDate": "20261128",
        "PerformedProcedureStepStartTime": "0935",
        "PerformedProcedureStepStatus": "IN PROGRESS",
        "PerformedProcedureStepDiscontinuationReasonCodeSequence": [],
        "Modality": "CT",
        "StudyID": "",
        **changes,
    }
    return dataset(**{keyword: value for keyword, value in attributes.items() if value is not None})


def ended(status: str = "COMPLETED", images: tuple[str, ...] = (), **changes: Any) -> Dataset:
    """What a modality sends with the last N-SET, `images` as SOP Instance UIDs."""
    series = {
        "ProtocolName": "HEAD",
        "SeriesInstanceUID": "1.2.3.1",
        "ReferencedImageSequence": [
            dataset(ReferencedSOPClassUID="1.2.840.10008.5.1.4.1.1.2", ReferencedSOPInstanceUID=uid) for uid in images
        ],
    }
    attributes: dict[str, Any] = {
        "PerformedProcedureStepStatus": status,
        "PerformedProcedureStepEndDate": "20261128",
        "PerformedProcedureStepEndTime": "0950",
        "PerformedSeriesSequence": series,
        **changes,
    }
    return dataset(**attributes)


@contextmanager
def associated(port: int, *classes: str, calling: str = "CT1", syntax: str = EXPLICIT) -> Iterator[Any]:
    """An association of pynetdicom for N services; `answered` of it is the command set of the last response."""
    entity: Any = AE(calling)
    for uid in classes:
        entity.add_requested_context(uid, syntax)

    def keep(event: Any) -> None:
        event.assoc.answered = event.message.command_set

    handlers = [(evt.EVT_DIMSE_RECV, keep)]
    association = entity.associate("127.0.0.1", port, ae_title="SURET", evt_handlers=handlers)
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


def offending(association: Any) -> set[str]:
    """The tags of Offending Element of the last response."""
    value = association.answered.OffendingElement
    return {f"{int(tag):08X}" for tag in ([value] if isinstance(value, int) else value)}
