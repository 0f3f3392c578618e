"""The state machine of workitems, without a wire."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pacs.access.principals import Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.archive.subscriptions import FILTERED, GLOBAL, EventType, Report, next_report, told
from pacs.archive.workitem_rules import Status
from pacs.archive.workitems import KEPT, Outcome, Workitems
from pacs.dicom.documents import read_document
from pacs.dicom.keys import Keys, first
from pacs.errors import OperationRefused
from pacs.index.schema import audit, job
from pacs.model import EventKind, utc_now
from tests.support.archives import open_archive
from tests.support.workitems import MINE, OTHERS, UID, canceled, completed, planned

ANNA = Principal(PrincipalKind.PEER, "ANNA")
BORIS = Principal(PrincipalKind.PEER, "BORIS")


@pytest.fixture
def now() -> list[datetime]:
    return [utc_now()]


@pytest.fixture
def archive(tmp_path: Path, now: list[datetime]) -> Iterator[Archive]:
    with open_archive(tmp_path, clock=lambda: now[0]) as archive:
        yield archive


@pytest.fixture
def workitems(archive: Archive) -> Workitems:
    return Workitems(archive)


def _create(workitems: Workitems, uid: str = UID, **changes: Any) -> str:
    return workitems.create(uid, planned(**changes), by=ANNA)


def _claim(workitems: Workitems, uid: str = UID) -> Outcome:
    return workitems.change_state(uid, "IN PROGRESS", MINE, by=ANNA)


def _refusal(operation: Any, *arguments: Any, **options: Any) -> int:
    with pytest.raises(OperationRefused) as caught:
        operation(*arguments, **options)
    assert caught.value.message
    return caught.value.status


def _reports(archive: Archive, subscriber: str) -> list[Report]:
    """What `subscriber` is to be told, taken in order."""
    found = []
    while True:
        with archive.index.read() as connection:
            report = next_report(connection, subscriber)
        if report is None:
            return found
        found.append(report)
        archive.index.write(lambda connection, number=report.number: told(connection, number))


def _said(reports: list[Report]) -> list[tuple[str, int, str]]:
    return [(one.workitem, int(one.event_type), first(one.document, "00741000")) for one in reports]


def _in_state(workitems: Workitems, state: str) -> None:
    _create(workitems)
    if state == "SCHEDULED":
        return
    _claim(workitems)
    if state in ("COMPLETED", "CANCELED"):
        ending = completed() if state == "COMPLETED" else canceled()
        workitems.update(UID, {**ending, **read_document({"TransactionUID": MINE})}, by=ANNA)
        assert workitems.change_state(UID, state, MINE, by=ANNA) is Outcome.DONE


# Table CC.1.1-2: what each request comes to in each state; final-state requirements are met where they are asked
TRANSITIONS = {
    "SCHEDULED": {
        ("SCHEDULED", MINE): 0xC303,
        ("IN PROGRESS", MINE): 0x0000,
        ("IN PROGRESS", ""): 0xC301,
        ("COMPLETED", MINE): 0xC310,
        ("COMPLETED", ""): 0xC301,
        ("CANCELED", MINE): 0xC310,
    },
    "IN PROGRESS": {
        ("SCHEDULED", MINE): 0xC303,
        ("IN PROGRESS", MINE): 0xC302,
        ("IN PROGRESS", OTHERS): 0xC302,
        ("COMPLETED", MINE): 0xC304,
        ("COMPLETED", OTHERS): 0xC301,
        ("COMPLETED", ""): 0xC301,
        ("CANCELED", MINE): 0xC304,
        ("CANCELED", OTHERS): 0xC301,
    },
    "COMPLETED": {
        ("SCHEDULED", MINE): 0xC303,
        ("IN PROGRESS", MINE): 0xC300,
        ("COMPLETED", MINE): 0xB306,
        ("COMPLETED", OTHERS): 0xC301,
        ("CANCELED", MINE): 0xC300,
    },
    "CANCELED": {
        ("SCHEDULED", MINE): 0xC303,
        ("IN PROGRESS", MINE): 0xC300,
        ("CANCELED", MINE): 0xB304,
        ("CANCELED", OTHERS): 0xC301,
        ("COMPLETED", MINE): 0xC300,
    },
}


@pytest.mark.parametrize("state", TRANSITIONS)
def test_every_transition_of_the_table(workitems: Workitems, state: str):
    _in_state(workitems, state)
    claims = []
    for (asked, transaction_uid), expected in TRANSITIONS[state].items():
        if expected == 0:
            claims.append((asked, transaction_uid))  # last, because it changes the state
            continue
        try:
            came: int = workitems.change_state(UID, asked, transaction_uid, by=BORIS)
        except OperationRefused as refused:
            came = refused.status
        assert came == expected, (state, asked, transaction_uid)
        assert first(workitems.get(UID), "00741000") == state
    for asked, transaction_uid in claims:
        assert workitems.change_state(UID, asked, transaction_uid, by=ANNA) is Outcome.DONE


def test_what_nobody_knows(workitems: Workitems):
    for operation in (
        lambda: workitems.change_state(UID, "IN PROGRESS", MINE, by=ANNA),
        lambda: workitems.update(UID, {}, by=ANNA),
        lambda: workitems.request_cancel(UID, {}, by=ANNA),
        lambda: workitems.get(UID),
        lambda: workitems.subscribe(UID, "WATCHER", lock=False, by=ANNA),
        lambda: workitems.unsubscribe(UID, "WATCHER", by=ANNA),
    ):
        assert _refusal(operation) == Status.UNKNOWN_INSTANCE


def test_of_two_who_claim_at_once_one_gets_it(workitems: Workitems):
    for round_number in range(10):
        uid = _create(workitems, f"1.9.{round_number}")
        with ThreadPoolExecutor(4) as threads:

            def claim(number: int, uid: str = uid) -> int:
                try:
                    return int(workitems.change_state(uid, "IN PROGRESS", f"1.2.{number}", by=ANNA))
                except OperationRefused as refused:
                    return refused.status

            assert sorted(threads.map(claim, range(4))) == [0, 0xC302, 0xC302, 0xC302]


# Making ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ProcedureStepState": "IN PROGRESS"}, 0xC309),
        ({"ProcedureStepState": None}, 0x0120),
        ({"ScheduledProcedureStepPriority": None}, 0x0120),
        ({"ProcedureStepLabel": ""}, 0x0121),
        ({"ScheduledProcedureStepPriority": "STAT"}, 0x0106),
        ({"InputReadinessState": "MAYBE"}, 0x0106),
        ({"TransactionUID": "1.2"}, 0x0106),
    ],
)
def test_what_is_not_made(workitems: Workitems, changes: dict[str, Any], status: int):
    assert _refusal(_create, workitems, **changes) == status
    assert _refusal(workitems.get, UID) == Status.UNKNOWN_INSTANCE


@pytest.mark.parametrize(("uid", "status"), [(GLOBAL, 0x0111), (FILTERED, 0x0111), ("one", 0x0117)])
def test_uids_that_are_none_of_a_workitem(workitems: Workitems, uid: str, status: int):
    assert _refusal(_create, workitems, uid) == status


def test_what_is_made_is_whole(workitems: Workitems):
    _create(workitems, TransactionUID="")
    assert _refusal(_create, workitems) == 0x0111
    document = workitems.get(UID)
    assert (first(document, "00080016"), first(document, "00080018")) == ("1.2.840.10008.5.1.4.34.6.1", UID)
    assert first(document, "00404010"), "when it was last modified"
    assert document["00741216"] == {"vr": "SQ"}
    assert first(document, "00741202"), "a worklist label"
    assert _create(workitems, "").startswith("2.25.")


# Changing --------------------------------------------------------------------------------------------------------


def _change(workitems: Workitems, **changes: Any) -> Outcome:
    return workitems.update(UID, read_document(changes), by=ANNA)


def test_the_transaction_uid_is_the_key_and_is_never_given_back(archive: Archive, workitems: Workitems):
    _create(workitems)
    assert _change(workitems, ProcedureStepLabel="Read it") is Outcome.DONE
    assert _refusal(_change, workitems, TransactionUID=MINE, ProcedureStepLabel="x") == 0xC310
    _claim(workitems)
    assert _refusal(_change, workitems, ProcedureStepLabel="x") == 0xC301
    assert _refusal(_change, workitems, TransactionUID=OTHERS, ProcedureStepLabel="x") == 0xC301
    assert _change(workitems, TransactionUID=MINE, ProcedureStepLabel="y") is Outcome.DONE
    document = workitems.get(UID)
    assert first(document, "00741204") == "y"
    assert MINE not in str(document)
    assert [MINE in str(one) for one in workitems.matching({}, Keys({}))] == [False]
    workitems.subscribe(UID, "WATCHER", lock=False, by=ANNA)
    assert MINE not in str(_reports(archive, "WATCHER"))
    assert MINE not in str(archive.events.after(0))


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELED"])
def test_what_has_ended_is_never_changed(workitems: Workitems, state: str):
    _in_state(workitems, state)
    assert _refusal(_change, workitems, TransactionUID=MINE, ProcedureStepLabel="x") == 0xC300


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ProcedureStepState": "COMPLETED"}, 0x0105),
        ({"PatientID": "OTHER"}, 0x0105),
        ({"SOPInstanceUID": "1.2.9"}, 0x0105),
        ({"ScheduledProcedureStepPriority": ""}, 0x0121),
        ({"ScheduledProcedureStepPriority": "STAT"}, 0x0106),
    ],
)
def test_what_is_not_changed(workitems: Workitems, changes: dict[str, Any], status: int):
    _create(workitems)
    before = workitems.get(UID)
    assert _refusal(_change, workitems, **changes) == status
    assert workitems.get(UID) == before
    assert _change(workitems, ProcedureStepState="SCHEDULED", PatientID="P1") is Outcome.DONE  # no change at all


def test_a_sequence_is_replaced_whole(workitems: Workitems):
    _create(workitems, InputInformationSequence=[{"StudyInstanceUID": "1"}, {"StudyInstanceUID": "2"}])
    _change(workitems, InputInformationSequence=[{"SeriesInstanceUID": "3"}])
    assert workitems.get(UID)["00404021"]["Value"] == [{"0020000E": {"vr": "UI", "Value": ["3"]}}]


@pytest.mark.parametrize("left_out", ["00404019", "00404028", "00404033", "00404050", "00404051", "00741216"])
def test_nothing_is_completed_before_it_says_what_was_done(workitems: Workitems, left_out: str):
    _create(workitems)
    _claim(workitems)
    ending = completed()
    (item,) = ending["00741216"]["Value"]
    item.pop(left_out, None)
    if left_out == "00741216":
        ending = {"00741216": {"vr": "SQ"}}
    key = read_document({"TransactionUID": MINE})
    workitems.update(UID, {**ending, **key}, by=ANNA)
    with pytest.raises(OperationRefused) as caught:
        workitems.change_state(UID, "COMPLETED", MINE, by=ANNA)
    assert (caught.value.status, caught.value.tags) == (0xC304, (int(left_out, 16),))
    workitems.update(UID, {**completed(), **key}, by=ANNA)
    assert workitems.change_state(UID, "COMPLETED", MINE, by=ANNA) is Outcome.DONE


# Cancelling ------------------------------------------------------------------------------------------------------


def test_a_request_to_cancel_what_nobody_has_claimed_is_done(archive: Archive, workitems: Workitems):
    _create(workitems)
    workitems.subscribe(UID, "WATCHER", lock=False, by=ANNA)
    _reports(archive, "WATCHER")
    assert workitems.request_cancel(UID, read_document({"ReasonForCancellation": "moved"}), by=BORIS) is Outcome.DONE
    (progress,) = workitems.get(UID)["00741002"]["Value"]
    assert first(progress, "00741238") == "moved"
    assert first(progress, "0074100E", "00080100") == "110513"
    assert first(progress, "00404052")
    reports = _reports(archive, "WATCHER")
    assert _said(reports) == [(UID, 1, "IN PROGRESS"), (UID, 1, "CANCELED")]
    assert first(reports[1].document, "00741238") == "moved"
    assert workitems.request_cancel(UID, {}, by=BORIS) is Outcome.ALREADY_CANCELED


def test_a_request_to_cancel_what_is_in_progress_is_told(archive: Archive, workitems: Workitems):
    _create(workitems)
    _claim(workitems)
    assert _refusal(workitems.request_cancel, UID, {}, by=BORIS) == 0xC312, "nobody would hear of it"
    workitems.subscribe(UID, "ANNA", lock=False, by=ANNA)
    _reports(archive, "ANNA")
    said = read_document({"ReasonForCancellation": "moved", "ContactDisplayName": "Boris"})
    assert workitems.request_cancel(UID, said, by=BORIS) is Outcome.DONE
    (report,) = _reports(archive, "ANNA")
    assert report.event_type is EventType.CANCEL_REQUESTED
    assert (first(report.document, "00741236"), first(report.document, "00741238")) == ("BORIS", "moved")
    assert first(workitems.get(UID), "00741000") == "IN PROGRESS"


def test_a_request_to_cancel_what_is_completed_is_refused(workitems: Workitems):
    _in_state(workitems, "COMPLETED")
    assert _refusal(workitems.request_cancel, UID, {}, by=BORIS) == 0xC311


# Watching --------------------------------------------------------------------------------------------------------


def test_who_watches_everything_is_told_of_what_is_there_and_what_comes(archive: Archive, workitems: Workitems):
    _create(workitems, "1.1")
    workitems.subscribe(GLOBAL, "WATCHER", lock=False, by=ANNA)
    _create(workitems, "1.2")
    _claim(workitems, "1.1")
    assert _said(_reports(archive, "WATCHER")) == [
        ("1.1", 1, "SCHEDULED"),
        ("1.2", 1, "SCHEDULED"),
        ("1.1", 1, "IN PROGRESS"),
    ]
    workitems.suspend(GLOBAL, "WATCHER", by=ANNA)
    _create(workitems, "1.3")
    _claim(workitems, "1.2")
    assert _said(_reports(archive, "WATCHER")) == [("1.2", 1, "IN PROGRESS")], "what was watched still is"
    workitems.unsubscribe("1.2", "WATCHER", by=ANNA)
    workitems.subscribe(GLOBAL, "WATCHER", lock=False, by=ANNA)
    assert [report.workitem for report in _reports(archive, "WATCHER")] == ["1.2", "1.3"], "how things are"
    workitems.unsubscribe(GLOBAL, "WATCHER", by=ANNA)
    _claim(workitems, "1.3")
    _create(workitems, "1.4")
    assert _reports(archive, "WATCHER") == []


def test_who_watches_some_is_told_of_those(archive: Archive, workitems: Workitems):
    keys = {"00741202": {"vr": "LO", "Value": ["STROKE*"]}, "00741200": {"vr": "CS", "Value": ["HIGH"]}}
    workitems.subscribe(FILTERED, "WATCHER", lock=False, keys=keys, by=ANNA)
    _create(workitems, "1.1", WorklistLabel="STROKE CT", ScheduledProcedureStepPriority="HIGH")
    _create(workitems, "1.2", WorklistLabel="STROKE CT")
    _create(workitems, "1.3", WorklistLabel="CHEST", ScheduledProcedureStepPriority="HIGH")
    assert [report.workitem for report in _reports(archive, "WATCHER")] == ["1.1"]
    assert _refusal(workitems.subscribe, FILTERED, "WATCHER", lock=False, by=ANNA) == Status.INVALID_ARGUMENT


def test_what_is_told(archive: Archive, workitems: Workitems):
    workitems.subscribe(GLOBAL, "WATCHER", lock=False, by=ANNA)
    performers = [{"HumanPerformerCodeSequence": [{"CodeValue": "7"}], "HumanPerformerOrganization": "Hospital"}]
    _create(workitems, ScheduledHumanPerformersSequence=performers)
    _change(workitems, InputReadinessState="INCOMPLETE")
    _change(workitems, ProcedureStepProgressInformationSequence=[{"ProcedureStepProgress": 40}])
    _change(workitems, ProcedureStepLabel="nothing to tell")
    reports = _reports(archive, "WATCHER")
    assert [int(report.event_type) for report in reports] == [1, 5, 1, 3]
    assert first(reports[1].document, "00404036") == "Hospital"
    assert first(reports[2].document, "00404041") == "INCOMPLETE"
    assert first(reports[3].document, "00741002", "00741004") == "40"
    logged = [event.payload["event_type"] for event in archive.events.after(0) if event.kind is EventKind.WORKITEM]
    assert logged == [1, 5, 1, 3]
    assert workitems.tell_of_restart() == 1
    (restarted,) = _reports(archive, "WATCHER")
    assert (restarted.workitem, restarted.event_type) == (GLOBAL, EventType.SCP_STATUS)


def test_a_subscriber_has_one_job_for_all_it_is_to_be_told(archive: Archive, workitems: Workitems):
    workitems.subscribe(GLOBAL, "WATCHER", lock=False, by=ANNA)
    for number in range(3):
        _create(workitems, f"1.{number}")
    with archive.index.read() as connection:
        found = connection.execute(select(job.c.kind, job.c.destination, job.c.state)).all()
    assert [tuple(row) for row in found] == [("ups.report", "WATCHER", "queued")]


@pytest.mark.parametrize("uid", [GLOBAL, FILTERED])
def test_what_is_not_done_to_subscriptions(workitems: Workitems, uid: str):
    assert _refusal(workitems.change_state, uid, "IN PROGRESS", MINE, by=ANNA) == Status.NOT_APPROPRIATE
    assert _refusal(workitems.request_cancel, uid, {}, by=ANNA) == Status.NOT_APPROPRIATE
    _create(workitems)
    assert _refusal(workitems.suspend, UID, "WATCHER", by=ANNA) == Status.NOT_APPROPRIATE


# Keeping ---------------------------------------------------------------------------------------------------------


def test_what_ended_is_deleted_after_a_while_and_not_before_the_last_lock_is_gone(
    workitems: Workitems, now: list[datetime]
):
    _in_state(workitems, "COMPLETED")
    _create(workitems, "1.2.77")
    workitems.subscribe(UID, "RELIABLE", lock=True, by=ANNA)
    now[0] += KEPT - timedelta(seconds=1)
    assert workitems.remove_ended() == 0
    now[0] += timedelta(seconds=2)
    assert workitems.remove_ended() == 0, "somebody still wants to read it"
    workitems.subscribe(UID, "RELIABLE", lock=False, by=ANNA)
    assert workitems.remove_ended() == 1
    assert _refusal(workitems.get, UID) == Status.UNKNOWN_INSTANCE
    assert _refusal(_create, workitems) == Status.DUPLICATE_INSTANCE, "a UID is used once"
    assert [first(one, "00080018") for one in workitems.matching({}, Keys({}))] == ["1.2.77"]


def test_everything_is_audited(archive: Archive, workitems: Workitems):
    _in_state(workitems, "COMPLETED")
    with archive.index.read() as connection:
        said = connection.execute(select(audit.c.detail, audit.c.principal_name).order_by(audit.c.number)).all()
    assert [row.detail.removeprefix(f"{UID} ") for row in said] == ["created", "IN PROGRESS", "updated", "COMPLETED"]
    assert {row.principal_name for row in said} == {"ANNA"}
