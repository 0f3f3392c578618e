"""Instance Availability Notification, with pynetdicom as the one who is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import evt

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.damage import prove
from pacs.archive.jobs import JobState
from pacs.archive.orders import AVAILABILITY, order_availability
from pacs.archive.scheduled import ScheduledSteps
from pacs.dimse.availability import INSTANCE_AVAILABILITY_NOTIFICATION, REFUSALS_MAX
from tests.support.archives import send
from tests.support.factories import cr_image, ct_series
from tests.support.network import Network, networked, scp
from tests.support.steps import PERFORMED_STEP, associated, begun, ended, entry


@pytest.fixture
def network(archive: Archive) -> Iterator[Network]:
    with networked(archive) as network:
        yield network


class Ris:
    """Takes notifications; `answers` are its statuses in turn, then success."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.told: list[tuple[str, Dataset]] = []

    def create(self, event: evt.Event) -> tuple[int, None]:
        """The handler of N-CREATE."""
        self.told.append((str(event.request.AffectedSOPInstanceUID), event.attribute_list))
        return (self.answers.pop(0) if self.answers else 0), None

    def listening(self) -> Any:
        """Its port, until the end of the block."""
        return scp("RIS", [(INSTANCE_AVAILABILITY_NOTIFICATION, {})], (evt.EVT_N_CREATE, self.create))


def _order(network: Network, study: str) -> None:
    now = network.archive.clock()
    network.archive.index.write(lambda connection: order_availability(connection, now, "RIS", study))


def _study(network: Network) -> list[Dataset]:
    datasets = [*ct_series(2, study="told"), cr_image(study="told")]
    for dataset in datasets:
        send(network.archive, dataset)
    return datasets


def test_a_study_is_told_of_with_every_series_and_instance(network: Network):
    datasets, ris = _study(network), Ris()
    study = str(datasets[0].StudyInstanceUID)
    with ris.listening() as port:
        network.know("RIS", port)
        _order(network, study)
        network.ends(AVAILABILITY)
    ((_, told),) = ris.told
    assert told.StudyInstanceUID == study
    assert list(told.ReferencedPerformedProcedureStepSequence) == []
    series = {item.SeriesInstanceUID: list(item.ReferencedSOPSequence) for item in told.ReferencedSeriesSequence}
    assert set(series) == {one.SeriesInstanceUID for one in datasets}
    named = [item for items in series.values() for item in items]
    assert {(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in named} == {
        (one.SOPClassUID, one.SOPInstanceUID) for one in datasets
    }
    assert {(item.InstanceAvailability, item.RetrieveAETitle) for item in named} == {("ONLINE", "SURET")}


def test_the_steps_that_made_the_study_are_named(network: Network):
    """One whose study the modality made up itself, too; and none that is of another study or was taken by mistake."""
    datasets, ris = _study(network), Ris()
    study = str(datasets[0].StudyInstanceUID)
    ScheduledSteps(network.archive).add(entry("STEP1", "1.2.99"), by=OPERATOR)
    with associated(network.listener.port, PERFORMED_STEP) as modality:
        for uid, named in (("1.2.1", study), ("1.2.2", study), ("1.2.3", "1.2.4"), ("1.2.5", study)):
            of = {"StudyInstanceUID": named, "ScheduledProcedureStepID": "STEP1", "AccessionNumber": "A1"}
            status, _ = modality.send_n_create(begun(ScheduledStepAttributesSequence=of), PERFORMED_STEP, uid)
            assert status.Status == 0
        mistake = {"CodeValue": "110514", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Wrong entry"}
        over = ended("DISCONTINUED", PerformedProcedureStepDiscontinuationReasonCodeSequence=mistake)
        assert modality.send_n_set(over, PERFORMED_STEP, "1.2.5")[0].Status == 0
    with ris.listening() as port:
        network.know("RIS", port)
        _order(network, study)
        network.ends(AVAILABILITY)
    items = ris.told[0][1].ReferencedPerformedProcedureStepSequence
    assert [(one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID) for one in items] == [
        (PERFORMED_STEP, "1.2.1"),
        (PERFORMED_STEP, "1.2.2"),
    ]
    assert list(items[0].PerformedWorkitemCodeSequence) == []


def test_a_damaged_instance_is_told_to_be_unavailable(network: Network):
    datasets, ris = _study(network), Ris()
    (stored,) = network.archive.instances(datasets[0].StudyInstanceUID, None, datasets[0].SOPInstanceUID)
    network.archive.store.delete(stored.object_key)
    prove(network.archive, stored.object_key)
    with ris.listening() as port:
        network.know("RIS", port)
        _order(network, str(datasets[0].StudyInstanceUID))
        network.ends(AVAILABILITY)
    named = [item for one in ris.told[0][1].ReferencedSeriesSequence for item in one.ReferencedSOPSequence]
    unavailable = [item.ReferencedSOPInstanceUID for item in named if item.InstanceAvailability == "UNAVAILABLE"]
    assert unavailable == [datasets[0].SOPInstanceUID]


def test_one_that_failed_is_told_again_as_the_same_notification(network: Network):
    datasets, ris = _study(network), Ris(0x0110, 0x0111)
    with ris.listening() as port:
        network.know("RIS", port)
        _order(network, str(datasets[0].StudyInstanceUID))
        network.ends(AVAILABILITY)  # the second is a duplicate there, so it has been told
    assert len({uid for uid, _ in ris.told}) == 1
    assert len(ris.told) == 2


def test_who_never_takes_it_is_given_up_with_a_reason(network: Network):
    datasets, ris = _study(network), Ris(*[0x0122] * REFUSALS_MAX)
    with ris.listening() as port:
        network.know("RIS", port)
        _order(network, str(datasets[0].StudyInstanceUID))
        job = network.ends(AVAILABILITY, JobState.DEAD)
    assert "RIS answered 0122" in job.last_error


def test_a_study_that_is_gone_is_not_told_of(network: Network):
    network.know("RIS", 1)
    _order(network, "1.2.3")
    network.ends(AVAILABILITY)
