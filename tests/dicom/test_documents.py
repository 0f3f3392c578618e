from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs.dicom.documents import read_document, read_file
from pacs.errors import AttributesRefused


def test_keywords_tags_names_as_text_and_missing_vrs_are_understood():
    assert read_document(
        {
            "PatientName": "Сейітқали^Әсел=",
            "0020000d": {"Value": ["1.2.3"]},
            "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
            "00020010": {"vr": "UI", "Value": ["1.2"]},
            "00100000": {"vr": "UL", "Value": [12]},
            "PatientSex": {"vr": "CS", "Value": []},
            "PatientWeight": 70.5,
            "OtherPatientNames": ["A^B", "C"],
            "RequestedProcedureCodeSequence": [{"CodeValue": "1"}, {}],
        }
    ) == {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Сейітқали^Әсел"}]},
        "00100040": {"vr": "CS"},
        "00101001": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}, {"Alphabetic": "C"}]},
        "00101030": {"vr": "DS", "Value": [70.5]},
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00321064": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["1"]}}, {}]},
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "expected a DICOM JSON object"),
        ({"Colour": "red"}, "Colour: expected a tag"),
        ({"PatientID": {"vr": "SQ", "Value": []}}, "PatientID: VR 'SQ', expected LO"),
        ({"PatientID": 5}, "PatientID '5': expected text"),
        ({"PatientID": "A\\B"}, "a backslash would split it"),
        ({"PatientBirthDate": "1990-01-01"}, "PatientBirthDate '1990-01-01': invalid value for VR DA"),
        ({"StudyInstanceUID": "1.2.x"}, "StudyInstanceUID '1.2.x': invalid value for VR UI"),
        ({"AccessionNumber": "A" * 17}, "exceeds the maximum length of 16"),
        ({"PatientName": {"vr": "PN", "Value": [{"Latin": "A"}]}}, "expected a name"),
        ({"Rows": "many"}, "Rows 'many': expected a number"),
        ({"ScheduledProcedureStepSequence": [{"Modality": "c t!"}]}, "ScheduledProcedureStepSequence[1].Modality"),
    ],
)
def test_every_mistake_is_told(given: Any, told: str):
    with pytest.raises(AttributesRefused) as refused:
        read_document(given)
    assert told in refused.value.message


def test_mistakes_are_told_together_and_not_without_end():
    with pytest.raises(AttributesRefused) as refused:
        read_document({f"Nothing{number}": 1 for number in range(40)})
    assert refused.value.message.splitlines()[-1] == "and 30 more"


def test_documents_deep_and_wide_without_end_are_refused():
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"00400100": {"vr": "SQ", "Value": [deep]}}
    for hostile in (deep, {f"{0x00100000 + number:08X}": {"vr": "LO"} for number in range(5000)}):
        with pytest.raises(AttributesRefused):
            read_document(hostile)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("part10", [True, False])
def test_files_and_bare_data_sets_are_read(syntax: Any, part10: bool):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 144"
    dataset.PatientName = "Иванов^Иван"
    dataset.PatientID = "P1"
    dataset.ScheduledProcedureStepSequence = [Dataset()]
    dataset.ScheduledProcedureStepSequence[0].Modality = "CT"
    dataset.AccessionNumber = "X" * 16
    dataset.AdditionalPatientHistory = "y" * 200
    stream = BytesIO()
    if part10:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.31"
        dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        dcmwrite(stream, dataset, enforce_file_format=True)
    else:
        dataset.save_as(stream, implicit_vr=syntax is ImplicitVRLittleEndian, little_endian=True)
    document = read_document(read_file(stream.getvalue()))
    assert document["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Иванов^Иван"}]}
    assert document["00400100"]["Value"] == [{"00080060": {"vr": "CS", "Value": ["CT"]}}]
