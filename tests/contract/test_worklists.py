"""What is scheduled, performed and watched, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.performed import PerformedSteps
from pacs.archive.scheduled import ScheduledSteps
from pacs.archive.subscriptions import GLOBAL, next_report
from pacs.archive.workitems import Outcome, Workitems
from pacs.dicom.documents import read_document
from pacs.dicom.keys import Keys, first
from pacs.errors import AlreadyThere, OperationRefused
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice
from tests.support.steps import KAZAKH_NAME, begun, ended, entry
from tests.support.workitems import MINE, UID, completed, planned

START = ("00400002", "00400003")


@pytest.fixture
def archive(tmp_path: Path, database: str) -> Iterator[Archive]:
    with open_archive(tmp_path, database=database) as archive:
        yield archive


def test_scheduling_and_performing(archive: Archive):
    scheduled, performed = ScheduledSteps(archive), PerformedSteps(archive)
    scheduled.add(entry("S1", PatientName=KAZAKH_NAME), by=OPERATOR)
    with pytest.raises(AlreadyThere):
        scheduled.add(entry("S1"), by=OPERATOR)
    scheduled.add(entry("S2", "1.2.4", ScheduledProcedureStepStartDate="20261129"), by=OPERATOR)
    for keys, expected in (
        ({}, ["S1", "S2"]),
        ({"00400002": {"vr": "DA", "Value": ["20261129-"]}}, ["S2"]),
        ({"00400020": {"vr": "CS", "Value": ["STARTED"]}}, []),
    ):
        document = {"00400100": {"vr": "SQ", "Value": [keys]}} if keys else {}
        found = scheduled.matching(document, Keys(document, (START,)))
        assert [first(one, "00400100", "00400009") for one in found] == expected
    image = ct_slice()
    named = {"StudyInstanceUID": "1.2.3", "ScheduledProcedureStepID": "S1"}
    created = read_document(begun(ScheduledStepAttributesSequence=named).to_json_dict())
    uid = performed.create("", created, "CT1", by=OPERATOR)
    assert first(scheduled.get("1.2.3", "S1"), "00400100", "00400020") == "STARTED"
    performed.change(uid, read_document(ended(images=(image.SOPInstanceUID,)).to_json_dict()), by=OPERATOR)
    assert first(performed.get(uid), "00400252") == "COMPLETED"
    assert first(scheduled.get("1.2.3", "S1"), "00400100", "00400020") == "COMPLETED"
    assert performed.settle_awaited() == 0
    send(archive, image)
    assert performed.settle_awaited() == 1
    scheduled.remove("1.2.4", "S2", by=OPERATOR)
    assert list(scheduled.matching({}, Keys({}))) == []


def test_performed_steps_are_listed_page_by_page_and_found_by_their_study(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pacs.archive.performed.PAGE_ROWS", 2)
    performed = PerformedSteps(archive)
    now = archive.clock()
    for number in range(5):
        archive.clock = lambda number=number: now + timedelta(seconds=number // 2)  # type: ignore[misc]
        named = {"StudyInstanceUID": f"1.2.{number % 2}", "ScheduledProcedureStepID": ""}
        document = read_document(begun(ScheduledStepAttributesSequence=named).to_json_dict())
        performed.create(f"9.{number}", document, "CT1", by=OPERATOR)
    performed.change("9.1", read_document(ended().to_json_dict()), by=OPERATOR)

    def listed(**keys: Any) -> list[str]:
        document = read_document(keys)
        return [first(one, "00080018") for one in performed.matching(document, Keys(document))]

    assert listed() == ["9.4", "9.3", "9.2", "9.1", "9.0"]
    assert listed(PerformedProcedureStepStatus="COMPLETED") == ["9.1"]
    assert listed(SOPInstanceUID="9.3") == ["9.3"]
    assert performed.of_study("1.2.0") == ["9.0", "9.2", "9.4"]
    assert performed.of_study("1.2.9") == []


def test_workitems(archive: Archive):
    workitems = Workitems(archive)
    workitems.subscribe(GLOBAL, "WATCHER", lock=True, by=OPERATOR)
    workitems.create(UID, planned(), by=OPERATOR)

    def claim(number: int) -> int:
        try:
            return int(workitems.change_state(UID, "IN PROGRESS", f"1.2.{number}", by=OPERATOR))
        except OperationRefused as refused:
            return refused.status

    with ThreadPoolExecutor(4) as threads:
        came = list(threads.map(claim, range(4)))
    assert sorted(came) == [0, 0xC302, 0xC302, 0xC302]
    key = f"1.2.{came.index(0)}"
    workitems.update(UID, {**completed(), **read_document({"TransactionUID": key})}, by=OPERATOR)
    assert workitems.change_state(UID, "COMPLETED", key, by=OPERATOR) is Outcome.DONE
    assert first(workitems.get(UID), "00741000") == "COMPLETED"
    document = {"00741000": {"vr": "CS", "Value": ["COMPLETED"]}}
    assert [first(one, "00080018") for one in workitems.matching(document, Keys(document))] == [UID]
    with archive.index.read() as connection:
        report = next_report(connection, "WATCHER")
    assert report is not None
    assert (report.workitem, first(report.document, "00741000")) == (UID, "SCHEDULED")
    with pytest.raises(OperationRefused):
        workitems.change_state(UID, "IN PROGRESS", MINE, by=OPERATOR)
    assert workitems.remove_ended() == 0
