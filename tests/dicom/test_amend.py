"""Corrected attributes in every coding: everything else says what it said, and the account of it is right."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs.attributes import BY_KEYWORD
from pacs.dicom.amend import Amended, Change, amended
from pacs.dicom.json import dataset_json
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate, walk
from tests.support.corpus import CorpusFile
from tests.support.datasets import accepted_files, by_file, element, implicit, item, open_sequence, split_file
from tests.support.factories import JAPANESE, KAZAKH, RUSSIAN, Patient, ct_slice, part10, structured_report

AT = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
NAMES = {"latin": "Müller^Jörg", "cyrillic": "Иванова^Анна", "plain": "Smith^Ann"}
ACCOUNT, CHARSET = "04000561", "00080005"

Json = dict[str, Any]


def whole(made: Amended, head: bytes, behind: bytes, pixels: bytes) -> bytes:
    parts = []
    for segments, data in ((made.head, head), ((range(len(pixels)),), pixels), (made.behind, behind)):
        parts += [part if isinstance(part, bytes) else data[part.start : part.stop] for part in segments]
    return b"".join(parts)


def amend(data: bytes, uid: str, *changes: Change) -> tuple[bytes, str, bool]:
    """The data set with `changes`, its syntax (deflated: inflated), and whether there were any to make."""
    syntax = transfer_syntax(uid)
    if syntax.deflated:
        data, uid = bytes(inflate(data)[:]), EXPLICIT_VR_LITTLE_ENDIAN
        syntax = transfer_syntax(uid)
    found = walk(data, uid)
    start, end = found.pixel_element_offset, found.pixel_element_end
    if start is None or end is None:
        start = end = len(data)
    made = amended(data[:start], data[end:], syntax, changes)
    if made is None:
        return data, uid, False
    return whole(made, data[:start], data[end:], data[start:end]), uid, True


def json_of(data: bytes, uid: str) -> Json:
    return dataset_json(data, uid, bulk_data_uri=lambda path: path)


def change(reason: str = "CORRECT", **values: str) -> Change:
    return Change(AT, reason, values)


def amended_object(dataset: Dataset, *changes: Change) -> Dataset:
    uid, data = split_file(part10(dataset))
    made, uid, _ = amend(data, uid, *changes)
    stream = pydicom.filebase.DicomBytesIO(made)
    syntax = transfer_syntax(uid)
    return pydicom.filereader.read_dataset(stream, syntax.implicit, not syntax.big_endian)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("patient", [Patient(), KAZAKH, RUSSIAN, JAPANESE, Patient(charset="")])
def test_a_name_in_every_coding_and_character_set(name: str, syntax: Any, patient: Patient) -> None:
    dataset = ct_slice(patient=patient, transfer_syntax=syntax, StudyDescription="Thorax")
    read = amended_object(dataset, change(PatientName=NAMES[name], PatientID="NEW-1"))
    read.decode()
    assert str(read.PatientName) == NAMES[name]
    assert read.PatientID == "NEW-1"
    [item] = read.OriginalAttributesSequence
    [modified] = item.ModifiedAttributesSequence
    assert (str(modified.PatientName), modified.PatientID) == (patient.name, patient.id)
    assert item.AttributeModificationDateTime == "20261128093000.000000+0000"
    assert (item.ReasonForTheAttributeModification, item.SourceOfPreviousValues) == ("CORRECT", "")
    assert item.ModifyingSystem
    assert read.PixelData == dataset.PixelData
    assert [element.tag for element in read] == sorted(element.tag for element in read)


def test_an_account_grows_and_every_value_is_told_as_it_was() -> None:
    before = Dataset()
    before.ModifiedAttributesSequence = [Dataset()]
    before.ModifiedAttributesSequence[0].PatientName = "Früher^Anna"
    before.AttributeModificationDateTime = "20200101"
    before.ModifyingSystem, before.SourceOfPreviousValues = "OTHER", ""
    before.ReasonForTheAttributeModification = "COERCE"
    for defined in (True, False):
        dataset = ct_slice(OriginalAttributesSequence=Sequence([before]))
        dataset["OriginalAttributesSequence"].is_undefined_length = not defined
        changes = [
            change(PatientName="Zwischen^Anna", StudyDescription="Kopf"),
            change(PatientSex="F"),  # it says so
            change("COERCE", PatientName="Иванова^Анна"),
        ]
        read = amended_object(dataset, *changes)
        read.decode()
        assert (str(read.PatientName), read.StudyDescription) == ("Иванова^Анна", "Kopf")
        told = [
            (item.ReasonForTheAttributeModification, str(item.ModifiedAttributesSequence[0].PatientName))
            for item in read.OriginalAttributesSequence
        ]
        assert told == [("COERCE", "Früher^Anna"), ("CORRECT", "Phantom^Anna"), ("COERCE", "Zwischen^Anna")]


@pytest.mark.parametrize("form", ["open", "closed", "none"])
def test_an_account_of_unknown_representation_is_kept(form: str) -> None:
    uid, data = split_file(part10(ct_slice()))
    reason = implicit(0x04000565, "COERCE")
    unknown = {
        "open": open_sequence(0x04000561, item(reason), vr="UN"),
        "closed": element(0x04000561, "UN", item(reason)),
        "none": element(0x04000561, "UN", b"junk"),
    }[form]
    at = walk(data, uid).pixel_element_offset
    assert at is not None
    data = data[:at] + unknown + data[at:]
    for name in ("Smith^Ann", "Иванова^Анна"):
        made, uid, _ = amend(data, uid, change(PatientName=name))
        reasons = [one["04000565"]["Value"] for one in json_of(made, uid)[ACCOUNT]["Value"]]
        assert reasons == ([["CORRECT"]] if form == "none" else [["COERCE"], ["CORRECT"]])
        assert walk(made, uid).values["PatientName"] == name


def test_what_says_so_already_is_left_alone_and_an_absent_value_is_told_as_none() -> None:
    dataset = ct_slice()
    uid, data = split_file(part10(dataset))
    assert amend(data, uid, change(PatientName="Phantom^Anna", PatientID="SYN-0001 ")) == (data, uid, False)
    del dataset.AccessionNumber
    read = amended_object(dataset, change(AccessionNumber="A1", PatientBirthDate=""))
    assert (read.AccessionNumber, read.PatientBirthDate) == ("A1", "")
    [modified] = read.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert (modified.AccessionNumber, modified.PatientBirthDate) == ("", "19700102")


def test_texts_in_items_become_unicode_with_the_rest() -> None:
    dataset = structured_report(patient=RUSSIAN)
    uid, data = split_file(part10(dataset))
    before = json_of(data, uid)
    made, uid, _ = amend(data, uid, change(PatientName="Әбдірахманова^Ұлжан"))
    after = json_of(made, uid)
    assert (
        pydicom.filereader.read_dataset(io.BytesIO(made), is_implicit_VR=False, is_little_endian=True)[CHARSET].value
        == "ISO_IR 192"
    )
    assert {tag: after[tag] for tag in before if tag != "00100010"} == {
        tag: before[tag] for tag in before if tag != "00100010"
    }


@by_file(accepted_files())
def test_every_file_says_all_else_as_before(file: CorpusFile) -> None:
    uid, data = split_file(file.path.read_bytes())
    changes = (change(PatientName="Иванова^Анна" if len(data) % 4 else "Smith^Ann"),)
    made, out_uid, changed = amend(data, uid, *changes)
    assert changed
    plain = bytes(inflate(data)[:]) if transfer_syntax(uid).deflated else data
    before, after = json_of(plain, out_uid), json_of(made, out_uid)
    corrected = {f"{BY_KEYWORD[keyword].tag:08X}" for one in changes for keyword in one.values}
    kept = {tag for tag in before if tag not in {*corrected, ACCOUNT, CHARSET} and not tag.endswith("0000")}
    assert {tag: after.get(tag) for tag in kept} == {tag: before[tag] for tag in kept}
    assert set(after) - set(before) <= {*corrected, ACCOUNT, CHARSET}
    assert len(after[ACCOUNT]["Value"]) == len(before.get(ACCOUNT, {}).get("Value", [])) + 1
    [tag] = corrected
    [modified] = after[ACCOUNT]["Value"][-1]["04000550"]["Value"]
    assert modified[tag].get("Value") == before.get(tag, {}).get("Value")
    ours, theirs = walk(plain, out_uid), walk(made, out_uid)
    assert (ours.frames is None) == (theirs.frames is None)
    if ours.frames is not None and theirs.frames is not None:
        for frame in {1, ours.frames.number_of_frames}:
            first = [plain[at : at + length] for at, length in ours.frames.ranges(frame)]
            assert [made[at : at + length] for at, length in theirs.frames.ranges(frame)] == first
