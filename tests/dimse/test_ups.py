"""Workitems over DIMSE: that each operation, class and status comes through as the standard has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset

from pacs.access.peer import Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.subscriptions import FILTERED, GLOBAL, watchers
from pacs.archive.workitems import Workitems
from pacs.dicom.keys import first
from pacs.model import utc_now
from tests.support.dimse import EXPLICIT, IMPLICIT, listening
from tests.support.steps import KAZAKH_NAME, associated, dataset, find, offending
from tests.support.workitems import MINE, OTHERS, UID, as_dataset, canceled, completed, planned

PUSH, WATCH, PULL, EVENT, QUERY = (f"1.2.840.10008.5.1.4.34.6.{number}" for number in range(1, 6))
CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE, UNSUBSCRIBE, SUSPEND = range(1, 6)


@pytest.fixture
def port(archive: Archive) -> Iterator[int]:
    Peers(archive.index, utc_now).add("WATCHER", "192.0.2.7", 11112, [Verb.WORKLIST], by=OPERATOR)
    with listening(archive, find_results_max=100) as listener:
        yield listener.port


@pytest.fixture
def performer(port: int) -> Iterator[Any]:
    with associated(port, PUSH, WATCH, PULL, QUERY, calling="PERFORMER") as association:
        yield association


def _create(association: Any, uid: str | None = UID, **changes: Any) -> Dataset:
    status, _ = association.send_n_create(as_dataset(planned(**changes)), PUSH, uid)
    return status


def _act(association: Any, action: int, uid: str = UID, meta: str = PULL, **said: Any) -> Dataset:
    """The command names the Push class whatever context it goes through (CC.3.1)."""
    information = dataset(**said) if said else None  # an empty one would be announced and never sent
    status, _ = association.send_n_action(information, action, PUSH, uid, meta_uid=meta)
    return status


def _state(association: Any, state: str, transaction_uid: str = MINE, uid: str = UID) -> int:
    said = {"ProcedureStepState": state, "TransactionUID": transaction_uid}
    return int(_act(association, CHANGE_STATE, uid, **{key: value for key, value in said.items() if value}).Status)


def _set(association: Any, document: dict[str, Any], transaction_uid: str = MINE) -> Dataset:
    attributes = as_dataset(document)
    if transaction_uid:
        attributes.TransactionUID = transaction_uid
    status, _ = association.send_n_set(attributes, PUSH, UID, meta_uid=PULL)
    return status


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_the_life_of_a_workitem(port: int, archive: Archive, syntax: str):
    with associated(port, PUSH, PULL, calling="PERFORMER", syntax=syntax) as association:
        assert _create(association, PatientName=KAZAKH_NAME).Status == 0
        assert _state(association, "IN PROGRESS") == 0
        assert _state(association, "COMPLETED") == 0xC304
        assert _set(association, completed()).Status == 0
        assert _state(association, "COMPLETED") == 0
        assert _state(association, "COMPLETED") == 0xB306
        status, kept = association.send_n_get([0x00100010, 0x00741000, 0x00081195], PUSH, UID, meta_uid=PULL)
        assert status.Status == 0
        assert (str(kept.PatientName), kept.ProcedureStepState) == (KAZAKH_NAME, "COMPLETED")
        assert "TransactionUID" not in kept, "the key is never given back"
        _, whole = association.send_n_get([], PUSH, UID, meta_uid=PUSH)
        assert whole.SOPInstanceUID == UID
        assert "TransactionUID" not in whole
        _, nothing = association.send_n_get([0x00081195], PUSH, UID, meta_uid=PUSH)
        assert len(nothing or ()) == 0
    assert first(Workitems(archive).get(UID), "00741216", "00404028", "00080100") == "110005"


def test_the_statuses_of_n_create(performer: Any):
    assert _create(performer, ProcedureStepState="IN PROGRESS").Status == 0xC309
    missing = _create(performer, ScheduledProcedureStepPriority=None)
    assert (missing.Status, offending(performer)) == (0x0120, {"00741200"})
    assert _create(performer).Status == 0
    assert _create(performer).Status == 0x0111
    assert _create(performer, uid=None).Status == 0
    assert performer.answered.AffectedSOPInstanceUID.startswith("2.25.")


def test_a_workitem_without_a_label_is_made_with_one_and_its_maker_is_told(performer: Any, archive: Archive):
    made = _create(performer, WorklistLabel="")
    assert (made.Status, made.ErrorComment) == (0xB300, "a value was supplied for WorklistLabel")
    assert performer.answered.AffectedSOPInstanceUID == UID
    assert first(Workitems(archive).get(UID), "00741202") == "DEFAULT"
    assert _create(performer, "1.2.9", WorklistLabel=None).Status == 0xB300


def test_the_statuses_of_a_change_of_state(performer: Any):
    assert _state(performer, "IN PROGRESS") == 0xC307
    _create(performer)
    assert _state(performer, "COMPLETED") == 0xC310
    assert _state(performer, "IN PROGRESS", "") == 0xC301
    assert _state(performer, "PAUSED") == 0x0115
    assert _act(performer, CHANGE_STATE).Status == 0x0115
    assert _state(performer, "IN PROGRESS") == 0
    assert _state(performer, "IN PROGRESS", OTHERS) == 0xC302
    assert _state(performer, "SCHEDULED") == 0xC303
    assert _state(performer, "CANCELED", OTHERS) == 0xC301
    refused = _act(performer, CHANGE_STATE, ProcedureStepState="CANCELED", TransactionUID=MINE)
    assert (refused.Status, offending(performer)) == (0xC304, {"00741002"})
    assert _set(performer, canceled()).Status == 0
    assert _state(performer, "CANCELED") == 0
    assert _state(performer, "CANCELED") == 0xB304
    assert _state(performer, "IN PROGRESS") == 0xC300
    assert _act(performer, CHANGE_STATE, GLOBAL, ProcedureStepState="CANCELED", TransactionUID=MINE).Status == 0xC314


def test_the_statuses_of_n_set(performer: Any):
    assert _set(performer, {}).Status == 0xC307
    _create(performer)
    assert _set(performer, planned(), "").Status == 0, "the same again is no change"
    assert _set(performer, {}).Status == 0xC310
    assert _state(performer, "IN PROGRESS") == 0
    assert _set(performer, {}, OTHERS).Status == 0xC301
    assert _set(performer, planned(), "").Status == 0xC301
    refused = _set(performer, {"00741000": {"vr": "CS", "Value": ["COMPLETED"]}})
    assert (refused.Status, offending(performer)) == (0x0105, {"00741000"})
    assert _set(performer, completed()).Status == 0
    assert _state(performer, "COMPLETED") == 0
    assert _set(performer, completed()).Status == 0xC300


def test_requests_to_cancel(performer: Any, archive: Archive):
    assert _act(performer, REQUEST_CANCEL, meta=PUSH).Status == 0xC307
    _create(performer)
    assert _state(performer, "IN PROGRESS") == 0
    assert _act(performer, REQUEST_CANCEL, meta=WATCH).Status == 0xC312
    _create(performer, "1.2.9")
    assert _act(performer, REQUEST_CANCEL, "1.2.9", meta=PUSH, ReasonForCancellation="moved").Status == 0
    assert first(Workitems(archive).get("1.2.9"), "00741000") == "CANCELED"
    assert _act(performer, REQUEST_CANCEL, "1.2.9", meta=PUSH).Status == 0xB304
    _set(performer, completed())
    _state(performer, "COMPLETED")
    assert _act(performer, REQUEST_CANCEL, meta=PUSH).Status == 0xC311


def _watch(association: Any, action: int, uid: str = UID, **said: Any) -> int:
    return int(_act(association, action, uid, meta=WATCH, **said).Status)


def test_subscriptions(performer: Any, archive: Archive):
    whole = {"ReceivingAE": "WATCHER", "DeletionLock": "FALSE"}
    assert _watch(performer, SUBSCRIBE, **whole) == 0xC307
    _create(performer)
    assert _watch(performer, SUBSCRIBE, ReceivingAE="NOBODY", DeletionLock="FALSE") == 0xC308
    assert _watch(performer, SUBSCRIBE, DeletionLock="FALSE") == 0x0115
    assert _watch(performer, SUBSCRIBE, ReceivingAE="WATCHER", DeletionLock="MAYBE") == 0x0115
    assert _watch(performer, SUBSCRIBE, FILTERED, **whole) == 0x0115
    assert _watch(performer, SUBSCRIBE, **whole) == 0

    def watched(uid: str = UID) -> list[str]:
        with archive.index.read() as connection:
            return watchers(connection, uid)

    assert watched() == ["WATCHER"]
    assert _act(performer, REQUEST_CANCEL, meta=WATCH).Status == 0  # still scheduled
    assert _watch(performer, UNSUBSCRIBE, ReceivingAE="WATCHER") == 0
    assert watched() == []
    assert _watch(performer, SUSPEND, ReceivingAE="WATCHER") == 0xC314
    assert _watch(performer, SUBSCRIBE, GLOBAL, ReceivingAE="WATCHER", DeletionLock="TRUE") == 0
    _create(performer, "1.2.9")
    assert (watched(), watched("1.2.9")) == (["WATCHER"], ["WATCHER"])
    assert _watch(performer, SUSPEND, GLOBAL, ReceivingAE="WATCHER") == 0
    _create(performer, "1.2.10")
    assert (watched("1.2.9"), watched("1.2.10")) == (["WATCHER"], [])
    assert _watch(performer, SUBSCRIBE, FILTERED, **whole, WorklistLabel="READ*") == 0
    assert watched("1.2.10") == ["WATCHER"]
    _create(performer, "1.2.11", WorklistLabel="OTHER")
    assert watched("1.2.11") == []
    assert _watch(performer, SUBSCRIBE, FILTERED, **whole, ScheduledProcedureStepStartDateTime="soon") == 0x0115


def test_actions_belong_to_their_classes(performer: Any):
    _create(performer)
    said = {"ProcedureStepState": "IN PROGRESS", "TransactionUID": MINE}
    for meta, action in ((PUSH, CHANGE_STATE), (WATCH, CHANGE_STATE), (PULL, SUBSCRIBE), (PULL, 99)):
        assert _act(performer, action, meta=meta, **said).Status == 0x0123, (meta, action)
    status, _ = performer.send_n_action(dataset(**said), CHANGE_STATE, PULL, UID)
    assert status.Status == 0, "who names the class of its context is understood"
    status, _ = performer.send_n_set(dataset(ProcedureStepLabel="x"), PUSH, UID, meta_uid=PUSH)
    assert status.Status == 0x0211


@pytest.mark.parametrize("model", [PULL, WATCH, QUERY])
def test_finding(port: int, archive: Archive, model: str):
    workitems = Workitems(archive)
    workitems.create("1.1", planned(PatientName=KAZAKH_NAME), by=OPERATOR)
    workitems.create("1.2", planned(ScheduledProcedureStepStartDateTime="20261129080000"), by=OPERATOR)
    workitems.create("1.3", planned(ScheduledProcedureStepPriority="HIGH", WorklistLabel="STROKE"), by=OPERATOR)
    workitems.change_state("1.3", "IN PROGRESS", MINE, by=OPERATOR)

    def found(**keys: Any) -> list[str]:
        last, responses = find(port, dataset("ISO_IR 192", SOPInstanceUID="", TransactionUID="", **keys), model)
        assert last.Status == 0
        assert all(status == 0xFF00 and not one.TransactionUID for status, one in responses)
        return [str(one.SOPInstanceUID) for _, one in responses]

    assert found() == ["1.1", "1.2", "1.3"]
    assert found(ProcedureStepState="SCHEDULED") == ["1.1", "1.2"]
    assert found(ScheduledProcedureStepPriority="HIGH", WorklistLabel="STR*") == ["1.3"]
    assert found(ScheduledProcedureStepStartDateTime="20261129-") == ["1.2"]
    assert found(PatientName="seiitkali*") == ["1.1"]
    assert found(ScheduledWorkitemCodeSequence={"CodeValue": "110005"}) == ["1.1", "1.2", "1.3"]
    assert found(ScheduledWorkitemCodeSequence={"CodeValue": "110004"}) == []
    assert find(port, dataset(ScheduledProcedureStepStartDateTime="soon"), model)[0].Status == 0xA900


def test_the_event_class_is_not_offered_to_callers(port: int):
    from pynetdicom import AE

    entity = AE("WATCHER")
    entity.add_requested_context(EVENT)
    entity.add_requested_context(WATCH)
    association = entity.associate("127.0.0.1", port, ae_title="SURET")
    assert [context.abstract_syntax for context in association.accepted_contexts] == [WATCH]
    association.release()
