from __future__ import annotations

from typing import Any

import pytest

from pacs.dicom.documents import read_document
from pacs.dicom.keys import Keys
from pacs.errors import QueryRefused

START = ("00400002", "00400003")


def _meets(keys: dict[str, Any], stored: dict[str, Any], combined: tuple[tuple[str, str], ...] = ()) -> bool:
    document = {
        tag: {**body, "Value": body.get("Value", [])} for tag, body in _loose(keys).items()
    }  # an empty Value is universal matching too
    return Keys(document, combined).meets(read_document(stored))


def _loose(keys: dict[str, Any]) -> dict[str, Any]:
    """Keys are not checked like attributes: they hold wildcards and ranges."""
    from pacs.dicom.dictionary import dictionary_vr
    from pacs.dicom.documents import tag_of

    found: dict[str, Any] = {}
    for keyword, value in keys.items():
        tag = str(tag_of(keyword))
        vr = dictionary_vr(int(tag, 16)).split(" ")[0]
        values = value if isinstance(value, list) else [value]
        if vr == "SQ":
            found[tag] = {"vr": vr, "Value": [_loose(item) for item in values]}
        elif value == "":
            found[tag] = {"vr": vr}
        else:
            found[tag] = {"vr": vr, "Value": [{"Alphabetic": one} if vr == "PN" else one for one in values]}
    return found


@pytest.mark.parametrize(
    ("keyword", "key", "stored", "met"),
    [
        ("Modality", "CT", "CT", True),
        ("Modality", "ct", "CT", False),  # case counts, except in names
        ("Modality", "", "CT", True),
        ("Modality", "", "", True),  # universal matching takes what is empty too
        ("Modality", "*", "", True),
        ("Modality", "CT", "", False),  # an empty value meets no key that has one (K.2.2.1.1.1)
        ("Modality", "?*", "", False),
        ("ScheduledStationAETitle", "CT2", ["CT1", "CT2"], True),
        ("ScheduledStationAETitle", ["CT2", "MR1"], "MR1", True),
        ("ScheduledStationAETitle", "CT*", "CT1", True),
        ("PatientID", "P?1", "PX1", True),
        ("PatientID", "100%", "100x", False),
        ("StudyInstanceUID", ["1.2", "1.3"], "1.3", True),
        ("StudyInstanceUID", "1.*", "1.3", False),  # no wildcards in UIDs
        ("PatientName", "сейітқали*", "Сейітқали^Әсел", True),
        ("PatientName", "SEIITKALI", "Сейітқали^Әсел", True),
        ("PatientName", "Иванов^Иван", "IVANOV^IVAN", True),
        ("PatientName", "Ivanov", "IVANOV^IVAN", True),
        ("PatientName", "Ivan", "IVANOV^IVAN", False),  # a name's part is compared whole
        ("PatientName", "^", "IVANOV", True),
        ("PatientName", "Иванов*", "IVANOV^I=Иванов^И", True),
        ("ScheduledProcedureStepStartDate", "20261101-20261130", "20261128", True),
        ("ScheduledProcedureStepStartDate", "2026.11.28", "20261128", True),
        ("ScheduledProcedureStepStartDate", "-20261127", "20261128", False),
        ("ScheduledProcedureStepStartDate", "20261128-", "20261128", True),
        ("ScheduledProcedureStepStartTime", "09", "093000", True),  # a partial time covers its hour
        ("ScheduledProcedureStepStartTime", "09:30-10:00", "0930", True),
        ("ScheduledProcedureStepStartTime", "1000-1100", "10", True),
        ("ScheduledProcedureStepStartTime", "1001-1100", "10", False),
        ("ScheduledProcedureStepStartDateTime", "20261128", "20261128093000", True),
        ("ScheduledProcedureStepStartDateTime", "20261128080000-20261128093000", "20261128093000.5", True),
        ("ScheduledProcedureStepStartDateTime", "-20261128093000", "20261128093001", False),
        ("ScheduledProcedureStepStartDateTime", "20261128043000+0000-", "20261128093000+0500", True),
        ("ScheduledProcedureStepStartDateTime", "20261128043001+0000-", "20261128093000+0500", False),
        ("SeriesNumber", "1", "01", True),
        ("PregnancyStatus", 0, "", True),  # what some devices make of an empty number
        ("PregnancyStatus", 3, 3, True),
        ("PregnancyStatus", 3, "", False),
        ("SeriesNumber", "0", "1", False),
        ("PatientWeight", "70.0", 70, True),
        ("PatientWeight", "70.5", 70, False),
    ],
)
def test_matching(keyword: str, key: Any, stored: Any, met: bool):
    assert _meets({keyword: key}, {keyword: stored}) is met


@pytest.mark.parametrize(
    ("date", "time", "met"),
    [
        ("20261128", "0900", True),
        ("20261129", "0700", True),
        ("20261128", "0700", False),
        ("20261129", "2300", False),
        ("20261128", "", False),
    ],
)
def test_ranges_of_date_and_time_are_one_interval(date: str, time: str, met: bool):
    keys = {
        "ScheduledProcedureStepStartDate": "20261128-20261129",
        "ScheduledProcedureStepStartTime": "0800-1800",
    }
    stored = {"ScheduledProcedureStepStartDate": date, "ScheduledProcedureStepStartTime": time}
    assert _meets(keys, stored, (START,)) is met
    # elsewhere both are met by themselves
    assert _meets(keys, stored) is ("0800" <= time <= "1800")


def test_one_item_meets_every_key_of_the_item_and_comes_back_alone():
    stored = read_document(
        {
            "ScheduledProcedureStepSequence": {
                "vr": "SQ",
                "Value": [{"Modality": "CT", "ScheduledStationAETitle": "A"}, {"Modality": "MR"}],
            }
        }
    )
    sequence = "00400100"
    asked = Keys({sequence: {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["MR"]}}]}})
    assert asked.meets(stored)
    assert asked.answer(stored) == {sequence: {"vr": "SQ", "Value": [{"00080060": {"vr": "CS", "Value": ["MR"]}}]}}
    item = {"00080060": {"vr": "CS", "Value": ["MR"]}, "00400001": {"vr": "AE", "Value": ["A"]}}
    assert not Keys({sequence: {"vr": "SQ", "Value": [item]}}).meets(stored)
    for universal in ({"vr": "SQ"}, {"vr": "SQ", "Value": []}, {"vr": "SQ", "Value": [{}]}):
        assert Keys({sequence: universal}).answer(stored)[sequence] == stored[sequence]


def test_what_is_asked_for_and_not_there_comes_back_empty():
    answered = Keys({"00100040": {"vr": "CS"}, "00400100": {"vr": "SQ", "Value": [{"00400009": {"vr": "SH"}}]}})
    assert answered.answer({}) == {"00100040": {"vr": "CS"}, "00400100": {"vr": "SQ"}}
    assert answered.complete


@pytest.mark.parametrize("body", [{"vr": "UN"}, {"vr": "OB", "InlineBinary": "AAA="}, {"vr": "LO", "Value": ["x"]}])
def test_what_cannot_be_matched_makes_the_answer_incomplete(body: dict[str, Any]):
    keys = Keys({"00091001": body})
    assert not keys.complete
    assert keys.meets({})
    assert not Keys({"00400100": {"vr": "SQ", "Value": [{"00091001": body}]}}).complete


@pytest.mark.parametrize(
    "keys",
    [
        {"ScheduledProcedureStepStartDate": "yesterday"},
        {"ScheduledProcedureStepStartTime": "9 o'clock"},
        {"ScheduledProcedureStepStartDateTime": "20261340"},
        {"ScheduledProcedureStepStartDate": "-"},
        {"PatientWeight": "heavy"},
        {"PatientID": "x" * 1025},
        {"ScheduledProcedureStepSequence": [{"Modality": "CT"}, {"Modality": "MR"}]},
    ],
)
def test_malformed_keys_are_refused(keys: dict[str, Any]):
    with pytest.raises(QueryRefused):
        _meets(keys, {})
