"""Orthanc as the peer in every role: it asks for commitment and gives it, is sent to, asked and fetched from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import JPEGBaseline8Bit, generate_uid

from pacs.access.principals import OPERATOR
from pacs.archive import commitments, jobs
from pacs.archive.archive import Archive
from pacs.archive.commitments import Direction, Reference
from pacs.archive.jobs import JobState, NewJob
from pacs.archive.scheduled import ScheduledSteps
from pacs.attributes import Level
from pacs.dimse import echo
from pacs.dimse.commitment_jobs import COMMITMENT_REQUEST
from pacs.dimse.query import RemoteQuery, value_of
from tests.support.archives import open_archive, send
from tests.support.dimse import wait_until
from tests.support.factories import Patient, ct_series, mr_series, us_cine, write_folder
from tests.support.network import Network, networked
from tests.support.orthanc import AE_TITLE, Orthanc, running_orthanc
from tests.support.steps import KAZAKH_NAME, entry

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc") / "peer", DefaultEncoding="Utf8") as orthanc:
        yield orthanc


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "node") as archive:
        yield archive


@pytest.fixture
def network(archive: Archive, orthanc: Orthanc) -> Iterator[Network]:
    """A node that knows Orthanc, and that Orthanc knows."""
    with networked(archive) as network:
        network.know(AE_TITLE, orthanc.dimse_port)
        orthanc.know("SURET", network.listener.port)
        yield network


def _result(orthanc: Orthanc, transaction: str) -> dict[str, Any]:
    """What Orthanc has heard of a transaction, once it has."""

    def heard() -> bool:
        return orthanc.api(f"/storage-commitment/{transaction}")["Status"] != "Pending"

    assert wait_until(heard, 30)
    found: dict[str, Any] = orthanc.api(f"/storage-commitment/{transaction}")
    return found


def test_either_verifies_the_other(network: Network, orthanc: Orthanc):
    assert orthanc.api("/modalities/SURET/echo", {}) == {}
    peer = network.peers.registered(AE_TITLE)
    assert peer is not None
    assert echo.ask(peer, network.outbound) is None


def test_orthanc_asks_for_the_worklist(network: Network, orthanc: Orthanc):
    steps = ScheduledSteps(network.archive)
    steps.add(entry(PatientName=KAZAKH_NAME), by=OPERATOR)
    steps.add(entry("OTHER", "1.2.4", Modality="US"), by=OPERATOR)
    keys = {"PatientName": "", "ScheduledProcedureStepSequence": [{"Modality": "CT", "ScheduledStationAETitle": ""}]}
    (found,) = orthanc.api("/modalities/SURET/find-worklist", keys)
    assert (found["PatientName"], found["ScheduledProcedureStepSequence"][0]["ScheduledStationAETitle"]) == (
        KAZAKH_NAME,
        "CT1",
    )


def test_orthanc_sends_and_is_promised_what_it_sent(network: Network, orthanc: Orthanc, tmp_path: Path):
    identifiers = orthanc.upload(write_folder(ct_series(3), tmp_path / "out"))
    done = orthanc.api(
        "/modalities/SURET/store", {"Resources": identifiers, "Synchronous": True, "StorageCommitment": True}
    )
    found = _result(orthanc, done["StorageCommitmentTransactionUID"])
    assert (found["Status"], len(found["Success"]), found["Failures"]) == ("Success", 3, [])
    network.ends("commitment_result")


def test_orthanc_hears_what_is_not_here_and_why(network: Network, orthanc: Orthanc):
    here = ct_series(1)[0]
    send(network.archive, here)
    asked = [[here.SOPClassUID, here.SOPInstanceUID], [here.SOPClassUID, "1.2.3"]]
    asked.append(["1.2.840.10008.5.1.4.1.1.4", "1.2.4"])
    transaction = orthanc.api("/modalities/SURET/storage-commitment", {"DicomInstances": asked})["ID"]
    found = _result(orthanc, transaction)
    assert found["Status"] == "Failure"
    assert [one["SOPInstanceUID"] for one in found["Success"]] == [here.SOPInstanceUID]
    assert {one["SOPInstanceUID"]: one["FailureReason"] for one in found["Failures"]} == {
        "1.2.3": 0x0112,
        "1.2.4": 0x0112,
    }


@pytest.mark.parametrize("complete", [True, False])
def test_orthanc_is_asked_and_answers(network: Network, orthanc: Orthanc, tmp_path: Path, complete: bool):
    datasets = mr_series(2, series=f"complete {complete}")
    orthanc.upload(write_folder(datasets if complete else datasets[:1], tmp_path / "out"))
    references = [Reference(str(one.SOPClassUID), str(one.SOPInstanceUID)) for one in datasets]
    now = network.archive.clock()

    def order(connection: Any) -> None:
        identifier = jobs.add(connection, now, NewJob(COMMITMENT_REQUEST, AE_TITLE, {}))
        commitments.begin(connection, now, generate_uid(), Direction.REQUESTED, AE_TITLE, references, identifier)

    network.archive.index.write(order)
    job = network.ends(COMMITMENT_REQUEST, JobState.DONE if complete else JobState.DEAD)
    assert (job.progress["committed"], job.progress["failed"]) == ((2, 0) if complete else (1, 1))
    if not complete:
        assert "1 with 0112" in job.last_error


# --- sending to it, and fetching from it ----------------------------------------------------------------------------


def test_orthanc_is_sent_a_study_and_promises_it(network: Network, orthanc: Orthanc):
    datasets = ct_series(4, study="forwarded")
    for dataset in datasets:
        send(network.archive, dataset)
    study = str(datasets[0].StudyInstanceUID)
    network.queue.send(AE_TITLE, study, by=OPERATOR, commitment=True)
    assert network.ends("send").progress["sent"] == 4
    assert network.ends(COMMITMENT_REQUEST).progress["committed"] == 4
    (found,) = orthanc.api("/tools/find", {"Level": "Study", "Query": {"StudyInstanceUID": study}})
    assert len(orthanc.api(f"/studies/{found}/instances")) == 4


def test_orthanc_says_what_it_has(network: Network, orthanc: Orthanc, tmp_path: Path):
    datasets = mr_series(2, study="asked for", patient=Patient(id="ASKED", name="Асанов^Бақыт", charset="ISO_IR 192"))
    orthanc.upload(write_folder(datasets, tmp_path / "out"))
    query, peer = RemoteQuery(network.outbound), network.peers.registered(AE_TITLE)
    assert peer is not None
    (study,) = query.find(peer, Level.STUDY, {"PatientID": "ASKED", "ModalitiesInStudy": ""})
    assert value_of(study, "StudyInstanceUID") == datasets[0].StudyInstanceUID
    assert value_of(study, "PatientName") == "Асанов^Бақыт"
    assert value_of(study, "NumberOfStudyRelatedInstances") == "2"
    (by_name,) = query.find(peer, Level.STUDY, {"PatientName": "Асанов*"})
    assert value_of(by_name, "PatientID") == "ASKED"
    assert query.find(peer, Level.STUDY, {"PatientID": "NOBODY"}) == []
    (series,) = query.find(peer, Level.SERIES, {"StudyInstanceUID": value_of(study, "StudyInstanceUID")})
    assert value_of(series, "Modality") == "MR"


@pytest.mark.parametrize("way", ["get", "move", ""])
def test_a_study_is_fetched_from_orthanc(network: Network, orthanc: Orthanc, tmp_path: Path, way: str):
    patient = Patient(id=f"FETCHED {way}")
    cine = us_cine(patient=patient, transfer_syntax=JPEGBaseline8Bit)
    datasets = [*ct_series(3, patient=patient), cine]
    cine.StudyInstanceUID = datasets[0].StudyInstanceUID
    orthanc.upload(write_folder(datasets, tmp_path / "out"))
    study = str(datasets[0].StudyInstanceUID)
    send(network.archive, datasets[1])  # is here already
    network.queue.fetch(AE_TITLE, study, by=OPERATOR, with_=way)
    job = network.ends("fetch")
    assert (job.progress["total"], job.progress["here"]) == (4, 4)
    kept = {one.sop_instance_uid: one for one in network.archive.instances(study)}
    assert set(kept) == {one.SOPInstanceUID for one in datasets}
    assert kept[cine.SOPInstanceUID].transfer_syntax_uid == JPEGBaseline8Bit


def test_what_orthanc_does_not_have_is_said(network: Network):
    network.queue.fetch(AE_TITLE, "1.2.3", by=OPERATOR)
    assert "has no such study" in network.ends("fetch", JobState.DEAD).last_error


def test_orthanc_that_does_not_know_this_node_is_said(network: Network, orthanc: Orthanc, tmp_path: Path):
    datasets = ct_series(1, patient=Patient(id="UNKNOWN"))
    orthanc.upload(write_folder(datasets, tmp_path / "out"))
    orthanc.api("/modalities/SURET", method="DELETE")
    network.queue.fetch(AE_TITLE, str(datasets[0].StudyInstanceUID), by=OPERATOR, with_="move")
    job = network.ends("fetch", JobState.DEAD)
    assert "aborted by the peer" in job.last_error  # it says no more
