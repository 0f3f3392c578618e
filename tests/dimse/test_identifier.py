from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pynetdicom.dsutils import encode

from pacs.dimse.identifier import (
    Element,
    Key,
    character_set_for,
    read_attributes,
    read_identifier,
    write_attributes,
    write_identifier,
)
from pacs.errors import ArrivalRefused
from tests.support.dimse import EXPLICIT, IMPLICIT
from tests.support.factories import JAPANESE, KAZAKH

SYNTAXES = pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT])


def _encoded(dataset: Dataset, syntax: str) -> bytes:
    encoded = encode(dataset, syntax == IMPLICIT, True)
    assert encoded is not None
    return encoded


def _decoded(raw: bytes, syntax: str) -> Dataset:
    return read_dataset(BytesIO(raw), is_implicit_VR=syntax == IMPLICIT, is_little_endian=True)


@SYNTAXES
def test_keys_are_read_as_pydicom_wrote_them(syntax: str):
    asked = Dataset()
    asked.QueryRetrieveLevel = "SERIES"
    asked.StudyInstanceUID = ["1.2.3", "1.2.4"]
    asked.PatientName = ""
    asked.Rows = [512, 256]
    item = Dataset()
    item.ScheduledProcedureStepID = "SPS*"
    asked.RequestAttributesSequence = [item]
    asked.ProcedureCodeSequence = []
    asked.add_new(0x00080000, "UL", 4)  # a group length, as old peers send
    keys = read_identifier(_encoded(asked, syntax), syntax)
    assert {tag: key.text("") for tag, key in keys.items() if key.items is None} == {
        0x00080052: "SERIES",
        0x00100010: "",
        0x0020000D: "1.2.3\\1.2.4",
        0x00280010: "512\\256",
    }
    assert keys[0x00081032].items == ()
    (read,) = keys[0x00400275].items or ()
    assert read[0x00400009].text("") == "SPS*"


def test_the_text_of_a_key_follows_the_character_set_of_the_request():
    key = Key(0x00100010, "PN", "Королёва*".encode("iso8859-5"))
    assert key.text("ISO_IR 144") == "Королёва*"
    assert Key(0x00100010, "PN", KAZAKH.name.encode()).text("ISO_IR 192") == KAZAKH.name


@SYNTAXES
def test_answers_are_read_by_pydicom(syntax: str):
    items = [
        {
            "00400009": {"vr": "SH", "Value": ["SPS1"]},
            "00400007": {"vr": "LO"},
            "00081110": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}]},
            "00404037": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]},
        }
    ]
    elements = [
        Element(0x00280010, "US", "512"),
        Element(0x00100010, "PN", KAZAKH.name),
        Element(0x0020000D, "UI", "1.2.3"),
        Element(0x00201208, "IS", "12"),
        Element(0x00080061, "CS", "CT\\PT"),
        Element(0x00400275, "SQ", items),
        Element(0x00081032, "SQ", []),
        Element(0x00104000, "LT", ""),
    ]
    character_set = character_set_for(elements, "")
    found = _decoded(write_identifier(elements, syntax, character_set), syntax)
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.PatientName == KAZAKH.name
    assert (found.Rows, found.NumberOfStudyRelatedInstances, found.StudyInstanceUID) == (512, 12, "1.2.3")
    assert list(found.ModalitiesInStudy) == ["CT", "PT"]
    (item,) = found.RequestAttributesSequence
    assert (item.ScheduledProcedureStepID, item.ScheduledProcedureStepDescription) == ("SPS1", "")
    assert item.ReferencedStudySequence[0].ReferencedSOPInstanceUID == "1.2.3"
    assert item["00404037"].value.ideographic == "山田^太郎"
    assert list(found.ProcedureCodeSequence) == []
    tags = [element.tag for element in found]
    assert tags == sorted(tags)


@pytest.mark.parametrize(
    ("text", "requested", "chosen"),
    [
        ("Phantom^Anna", "ISO_IR 144", ""),
        ("Королёва^Зинаида", "ISO_IR 144", "ISO_IR 144"),
        ("Королёва^Зинаида", "", "ISO_IR 192"),
        (KAZAKH.name, "ISO_IR 144", "ISO_IR 192"),
        ("Müller", "ISO_IR 100", "ISO_IR 100"),
        ("Müller", "ISO_IR 192", "ISO_IR 192"),
        (JAPANESE.name, "\\ISO 2022 IR 87", "ISO_IR 192"),
        ("Müller", "NONSENSE", "ISO_IR 192"),
    ],
)
def test_the_character_set_of_an_answer_loses_no_letter(text: str, requested: str, chosen: str):
    elements = [Element(0x00100010, "PN", text), Element(0x0020000D, "UI", "1.2")]
    character_set = character_set_for(elements, requested)
    assert character_set == chosen
    found = _decoded(write_identifier(elements, IMPLICIT, character_set), IMPLICIT)
    assert found.PatientName == text
    assert ("SpecificCharacterSet" in found) is bool(chosen)


@given(st.binary(max_size=300), st.sampled_from([IMPLICIT, EXPLICIT]))
def test_any_bytes_are_read_or_refused(raw: bytes, syntax: str):
    try:
        read_identifier(raw, syntax)
    except ArrivalRefused:
        return


def test_nesting_has_a_limit():
    bomb = b"\x40\0\x75\2SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 1000
    with pytest.raises(ArrivalRefused):
        read_identifier(bomb, EXPLICIT)


def test_numbers_that_are_none_are_left_out():
    found = _decoded(write_identifier([Element(0x00280010, "US", "many")], EXPLICIT, ""), EXPLICIT)
    assert found.Rows is None


@SYNTAXES
@pytest.mark.parametrize(("charset", "declared"), [("ISO_IR 144", "ISO_IR 144"), ("", "ISO_IR 192")])
def test_attributes_go_to_json_and_back(syntax: str, charset: str, declared: str):
    sent = Dataset()
    sent.SpecificCharacterSet = "ISO_IR 144"
    sent.PatientName = "Иванов^Пётр"
    sent.PerformedProcedureStepStatus = "IN PROGRESS"
    item = Dataset()
    item.ScheduledProcedureStepDescription = "Грудная клетка"
    item.ReferencedStudySequence = []
    sent.ScheduledStepAttributesSequence = [item]
    sent.PatientWeight = "70.5"
    sent.PixelSpacing = ["0.5", "0.25"]
    document = read_attributes(_encoded(sent, syntax), syntax)
    assert document["00100010"]["Value"] == [{"Alphabetic": "Иванов^Пётр"}]
    assert "00080005" not in document
    found = _decoded(write_attributes(document, syntax, charset), syntax)
    assert found.SpecificCharacterSet == declared
    for element in sent:
        if element.keyword != "SpecificCharacterSet":
            assert str(found[element.tag].value) == str(element.value)
