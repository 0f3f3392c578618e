"""dcmjs-dimse as the peer: storage commitment, performed procedure steps and workitems, and the events of both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag
from pydicom.uid import generate_uid

from pacs.access.principals import OPERATOR
from pacs.archive.orders import AVAILABILITY
from pacs.archive.performed import PerformedSteps
from pacs.archive.scheduled import ScheduledSteps
from pacs.archive.workitems import Workitems
from pacs.dicom.keys import first
from tests.support.archives import open_archive, send
from tests.support.dcmjs import run_script
from tests.support.factories import ct_series
from tests.support.network import COMMITMENT, COMMITMENT_INSTANCE, Network, networked
from tests.support.process import free_port
from tests.support.steps import KAZAKH_NAME, PERFORMED_STEP, PERFORMED_STEP_RETRIEVE, begun, ended, entry
from tests.support.workitems import MINE, OTHERS, UID, canceled, planned

pytestmark = pytest.mark.interop

PUSH, WATCH, PULL = (f"1.2.840.10008.5.1.4.34.6.{number}" for number in range(1, 4))
CHANGE_STATE, REQUEST_CANCEL, SUBSCRIBE = 1, 2, 3
STEP = "1.2.3.4.5"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with open_archive(tmp_path / "node") as archive, networked(archive) as network:
        yield network


class Peer:
    """dcmjs-dimse, registered with a port of its own."""

    def __init__(self, network: Network) -> None:
        self._network, self._port = network, free_port()
        network.know("DCMJS", self._port, tells_availability=True)

    def ask(self, *requests: dict[str, Any], reports: int = 0) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The responses to `requests` on one association, and the reports that came meanwhile, once there are so
        many."""
        port = self._network.listener.port
        said = run_script("peer.js", port, self._port, reports, json.dumps(requests))
        return [one for one in said if "status" in one], [one for one in said if "event" in one]


@pytest.fixture
def peer(network: Network) -> Peer:
    return Peer(network)


def _natural(document: dict[str, Any]) -> dict[str, Any]:
    """Attributes in DICOM JSON as dcmjs has them: by keyword, values as they are."""
    made: dict[str, Any] = {}
    for element in Dataset.from_json(document):
        keyword = keyword_for_tag(element.tag)
        if element.VR == "SQ":
            made[keyword] = [_natural(item.to_json_dict()) for item in element.value]
        else:
            made[keyword] = "" if element.value is None else str(element.value)
    return made


def test_it_is_promised_what_is_here_and_told_what_is_not(network: Network, peer: Peer):
    datasets, transaction = ct_series(2), generate_uid()
    for dataset in datasets:
        send(network.archive, dataset)
    sop_class = str(datasets[0].SOPClassUID)
    asked = [(sop_class, str(one.SOPInstanceUID)) for one in datasets] + [(sop_class, "1.2.3")]
    references = [{"ReferencedSOPClassUID": of, "ReferencedSOPInstanceUID": uid} for of, uid in asked]
    (answer,), (report,) = peer.ask(
        {
            "operation": "action",
            "action": 1,
            "sop_class": COMMITMENT,
            "instance": COMMITMENT_INSTANCE,
            "dataset": {"TransactionUID": transaction, "ReferencedSOPSequence": references},
        },
        reports=1,
    )
    assert answer["status"] == 0
    told = report["told"]
    assert (report["event"], told["TransactionUID"]) == (2, transaction)
    assert [item["ReferencedSOPInstanceUID"] for item in told["ReferencedSOPSequence"]] == [
        one.SOPInstanceUID for one in datasets
    ]
    assert [(item["ReferencedSOPInstanceUID"], item["FailureReason"]) for item in told["FailedSOPSequence"]] == [
        ("1.2.3", 0x0112)
    ]
    network.ends("commitment_result")


def test_a_step_is_taken_from_the_worklist_and_performed(network: Network, peer: Peer):
    ScheduledSteps(network.archive).add(entry(PatientName=KAZAKH_NAME), by=OPERATOR)
    started = _natural(begun(PatientName=KAZAKH_NAME).to_json_dict()) | {"SpecificCharacterSet": "ISO_IR 192"}
    of_step = {"sop_class": PERFORMED_STEP, "instance": STEP}
    answers, _ = peer.ask(
        {"operation": "worklist", "keys": {"PatientName": "", "AccessionNumber": "A1"}},
        {"operation": "create", **of_step, "dataset": started},
        {"operation": "create", **of_step, "dataset": started},
        {"operation": "set", **of_step, "dataset": {"PerformedProcedureStepStatus": "COMPLETED"}},
        {"operation": "set", **of_step, "dataset": _natural(ended(images=("1.2.9",)).to_json_dict())},
        {"operation": "set", **of_step, "dataset": {"PerformedProcedureStepDescription": "late"}},
        {
            "operation": "get",
            **of_step,
            "meta": PERFORMED_STEP_RETRIEVE,
            "attributes": ["PatientName", "PerformedProcedureStepStatus"],
        },
    )
    assert [(one["number"], one["status"]) for one in answers] == [
        (0, 0xFF00),
        (0, 0x0000),
        (1, 0x0000),
        (2, 0x0111),
        (3, 0x0121),
        (4, 0x0000),
        (5, 0x0110),
        (6, 0x0000),
    ]
    assert KAZAKH_NAME in json.dumps(answers[0]["dataset"], ensure_ascii=False)
    assert answers[-1]["dataset"]["PerformedProcedureStepStatus"] == "COMPLETED"
    assert first(PerformedSteps(network.archive).get(STEP), "00100010") == KAZAKH_NAME
    assert first(ScheduledSteps(network.archive).get("1.2.3", "STEP1"), "00400100", "00400020") == "COMPLETED"


def test_a_step_that_ends_has_its_study_announced_with_what_made_it(network: Network, peer: Peer):
    dataset = ct_series(1)[0]
    send(network.archive, dataset)
    study, image = str(dataset.StudyInstanceUID), str(dataset.SOPInstanceUID)
    started = begun(ScheduledStepAttributesSequence={"StudyInstanceUID": study})
    of_step = {"sop_class": PERFORMED_STEP, "instance": STEP}
    answers, (told,) = peer.ask(
        {"operation": "create", **of_step, "dataset": _natural(started.to_json_dict())},
        {"operation": "set", **of_step, "dataset": _natural(ended(images=(image,)).to_json_dict())},
        reports=1,
    )
    assert [one["status"] for one in answers] == [0, 0]
    notification = told["told"]
    assert notification["StudyInstanceUID"] == study
    (step,) = notification["ReferencedPerformedProcedureStepSequence"]
    assert (step["ReferencedSOPClassUID"], step["ReferencedSOPInstanceUID"]) == (PERFORMED_STEP, STEP)
    (series,) = notification["ReferencedSeriesSequence"]
    (item,) = series["ReferencedSOPSequence"]
    assert (item["ReferencedSOPInstanceUID"], item["InstanceAvailability"]) == (image, "ONLINE")
    network.ends(AVAILABILITY)


def test_a_workitem_is_made_watched_claimed_and_ended(network: Network, peer: Peer):
    item = {"sop_class": PUSH, "instance": UID}
    to_watch = {"ReceivingAE": "DCMJS", "DeletionLock": "TRUE"}

    def state(name: str, transaction: str = MINE) -> dict[str, Any]:
        said = {"ProcedureStepState": name, "TransactionUID": transaction}
        return {"operation": "action", "action": CHANGE_STATE, **item, "meta": PULL, "dataset": said}

    answers, reports = peer.ask(
        {"operation": "create", **item, "dataset": _natural(planned())},
        {"operation": "create", **item, "dataset": _natural(planned())},
        {"operation": "action", "action": SUBSCRIBE, **item, "meta": WATCH, "dataset": to_watch},
        state("IN PROGRESS"),
        state("IN PROGRESS", OTHERS),
        {"operation": "action", "action": REQUEST_CANCEL, **item, "dataset": {"ReasonForCancellation": "moved"}},
        state("CANCELED"),
        {"operation": "set", **item, "meta": PULL, "dataset": _natural(canceled()) | {"TransactionUID": MINE}},
        state("CANCELED"),
        {"operation": "get", **item, "meta": PULL, "attributes": ["PatientID", "ProcedureStepState"]},
        reports=6,
    )
    assert [one["status"] for one in answers] == [
        *(0x0000, 0x0111, 0x0000, 0x0000, 0xC302, 0x0000, 0xC304, 0x0000, 0x0000, 0x0000)
    ]
    assert answers[-1]["dataset"]["ProcedureStepState"] == "CANCELED"
    assert [(one["event"], one["told"].get("ProcedureStepState")) for one in reports] == [
        (1, "SCHEDULED"),
        (1, "IN PROGRESS"),
        (2, None),
        (1, "IN PROGRESS"),  # why it is discontinued
        (3, None),
        (1, "CANCELED"),
    ]
    assert reports[2]["told"]["ReasonForCancellation"] == "moved"
    assert {one["instance"] for one in reports} == {UID}
    assert first(Workitems(network.archive).get(UID), "00741000") == "CANCELED"
