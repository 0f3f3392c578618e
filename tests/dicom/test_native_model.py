"""The Native DICOM Model: well formed, complete, and read back by a parser of XML."""

from __future__ import annotations

from xml.etree import ElementTree

from pacs.dicom.json import dataset_json
from pacs.dicom.native_model import NAMESPACE, native_dicom_model
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN
from tests.support.factories import KAZAKH, ct_slice, part10, structured_report
from tests.support.wado import dataset_bytes

SPACE = {"n": NAMESPACE}


def parsed(dataset: dict[str, dict[str, object]]) -> ElementTree.Element:
    return ElementTree.fromstring(native_dicom_model(dataset))


def attribute(root: ElementTree.Element, tag: str) -> ElementTree.Element:
    found = root.find(f"n:DicomAttribute[@tag='{tag}']", SPACE)
    assert found is not None, tag
    return found


def test_every_attribute_of_an_object() -> None:
    sent = structured_report(patient=KAZAKH)
    json = dataset_json(dataset_bytes(part10(sent)), EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri="/bulk/".__add__)
    root = parsed(json)
    assert root.tag == f"{{{NAMESPACE}}}NativeDicomModel"
    assert len(root.findall(".//n:DicomAttribute", SPACE)) == sum(1 for _ in sent.iterall())
    name = attribute(root, "00100010")
    assert name.attrib == {"tag": "00100010", "vr": "PN", "keyword": "PatientName"}
    family, _, rest = KAZAKH.name.partition("^")
    assert name.findtext("n:PersonName/n:Alphabetic/n:FamilyName", namespaces=SPACE) == family
    assert name.findtext("n:PersonName/n:Alphabetic/n:GivenName", namespaces=SPACE) == rest.split("^")[0]
    title = attribute(root, "0040A043").find("n:Item[@number='1']", SPACE)
    assert title is not None
    assert attribute(title, "00080104").findtext("n:Value", namespaces=SPACE) == str(
        sent.ConceptNameCodeSequence[0].CodeMeaning
    )


def test_values_numbers_binary_and_bulk() -> None:
    root = parsed(
        {
            "00080008": {"vr": "CS", "Value": ["ORIGINAL", None, "AXIAL"]},
            "00080090": {"vr": "PN"},
            "00100010": {
                "vr": "PN",
                "Value": [{"Alphabetic": "A^B^C^D^E", "Ideographic": "山田^太郎"}, None, {"Phonetic": "X"}],
            },
            "00101030": {"vr": "DS", "Value": [72.5]},
            "00204000": {"vr": "LT", "Value": ["a < b & c\r\n\x07\ud800 > d"]},
            "00280106": {"vr": "US", "Value": [0]},
            "00420011": {"vr": "OB", "InlineBinary": "AAECAw=="},
            "7FE00010": {"vr": "OW", "BulkDataURI": "/bulk/7FE00010?a=1&b=2"},
        }
    )
    values = attribute(root, "00080008").findall("n:Value", SPACE)
    assert [(value.get("number"), value.text) for value in values] == [("1", "ORIGINAL"), ("2", None), ("3", "AXIAL")]
    assert len(attribute(root, "00080090")) == 0
    names = attribute(root, "00100010").findall("n:PersonName", SPACE)
    assert [part.tag.rpartition("}")[2] for part in names[0][0]] == [
        "FamilyName",
        "GivenName",
        "MiddleName",
        "NamePrefix",
        "NameSuffix",
    ]
    assert names[0].findtext("n:Ideographic/n:GivenName", namespaces=SPACE) == "太郎"
    assert len(names[1]) == 0
    assert attribute(root, "00101030").findtext("n:Value", namespaces=SPACE) == "72.5"
    text = attribute(root, "00204000").findtext("n:Value", namespaces=SPACE)
    assert text == "a < b & c\n\ufffd\ufffd > d"  # a parser takes one line end for another
    assert attribute(root, "00280106").findtext("n:Value", namespaces=SPACE) == "0"
    assert attribute(root, "00420011").findtext("n:InlineBinary", namespaces=SPACE) == "AAECAw=="
    bulk = attribute(root, "7FE00010").find("n:BulkData", SPACE)
    assert bulk is not None
    assert bulk.get("uri") == "/bulk/7FE00010?a=1&b=2"


def test_private_attributes_carry_their_creator() -> None:
    sent = ct_slice()
    block = sent.private_block(0x0029, 'ACME "1" & <2>', create=True)
    block.add_new(0x10, "LO", "secret")
    json = dataset_json(dataset_bytes(part10(sent)), EXPLICIT_VR_LITTLE_ENDIAN, bulk_data_uri="/".__add__)
    root = parsed(json)
    assert attribute(root, "00290010").attrib == {
        "tag": "00290010",
        "vr": "LO",
        "privateCreator": 'ACME "1" & <2>',
    }
    assert root.findall("n:DicomAttribute[@tag='00291010']", SPACE) == []
