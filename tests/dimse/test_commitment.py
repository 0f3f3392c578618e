"""Storage commitment, each line of PS3.4 Annex J that a node may get wrong, with pynetdicom as the peer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, build_role, evt

from pacs.access.peer import Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive import commitments, job_queue, jobs
from pacs.archive.archive import Archive
from pacs.archive.commitments import CommitmentState, Direction, Reference
from pacs.archive.damage import prove
from pacs.archive.jobs import JobState, NewJob
from pacs.dimse.commitment_jobs import COMMITMENT_REQUEST
from tests.support.archives import open_archive, send
from tests.support.dimse import wait_until
from tests.support.factories import ct_series, ct_slice
from tests.support.network import COMMITMENT, COMMITMENT_INSTANCE, Network, Reports, networked, scp
from tests.support.process import free_port

AS_SCU = [(COMMITMENT, {"scu_role": False, "scp_role": True})]


@pytest.fixture
def network(archive: Archive) -> Iterator[Network]:
    with networked(archive) as network:
        yield network


def request(*datasets: Dataset, transaction_uid: str = "") -> Dataset:
    """The Action Information that asks for these."""
    asked = Dataset()
    asked.TransactionUID = transaction_uid or generate_uid()
    asked.ReferencedSOPSequence = []
    for dataset in datasets:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
        asked.ReferencedSOPSequence.append(item)
    return asked


def n_action(
    network: Network, asked: Dataset | None, *, action: int = 1, instance: str = COMMITMENT_INSTANCE
) -> Dataset:
    """What the node answers to N-ACTION."""
    entity = AE(ae_title="CT1")
    entity.add_requested_context(COMMITMENT)
    association = entity.associate("127.0.0.1", network.listener.port, ae_title="SURET")
    assert association.is_established
    status, _ = association.send_n_action(asked, action, COMMITMENT, UID(instance))
    association.release()
    return status


def of(sequence: Sequence[Dataset] | None) -> list[str]:
    return [str(item.ReferencedSOPInstanceUID) for item in sequence or []]


def test_what_is_kept_is_promised_on_an_association_of_its_own(network: Network):
    series = ct_series(3)
    for dataset in series:
        send(network.archive, dataset)
    reports, asked = Reports(), request(*series)
    with scp("CT1", AS_SCU, (evt.EVT_N_EVENT_REPORT, reports.take)) as port:
        network.know("CT1", port)
        assert n_action(network, asked).Status == 0
        assert reports.arrived.wait(20)
        network.ends("commitment_result")
    ((event_type, told),) = reports.came
    assert event_type == 1
    assert told.TransactionUID == asked.TransactionUID
    assert of(told.ReferencedSOPSequence) == [one.SOPInstanceUID for one in series]
    assert "FailedSOPSequence" not in told
    assert told.RetrieveAETitle == "SURET"
    (role,) = reports.roles[0].values()
    assert (role.scu_role, role.scp_role) == (False, True)


def test_partial_failures_come_with_their_reasons_and_the_list_is_complete(network: Network):
    here, missing = ct_slice(), ct_slice(series="other")
    send(network.archive, here)
    wrong_class = request(here).ReferencedSOPSequence[0]
    wrong_class.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    unsupported = request(here).ReferencedSOPSequence[0]
    unsupported.ReferencedSOPClassUID, unsupported.ReferencedSOPInstanceUID = "1.2.840.10008.1.1", "1.2.3"
    asked = request(here, missing)
    asked.ReferencedSOPSequence += [wrong_class, unsupported]
    reports = Reports()
    with scp("CT1", AS_SCU, (evt.EVT_N_EVENT_REPORT, reports.take)) as port:
        network.know("CT1", port)
        assert n_action(network, asked).Status == 0
        assert reports.arrived.wait(20)
    ((event_type, told),) = reports.came
    assert event_type == 2
    assert of(told.ReferencedSOPSequence) == [here.SOPInstanceUID]
    assert [(item.ReferencedSOPInstanceUID, item.FailureReason) for item in told.FailedSOPSequence] == [
        (missing.SOPInstanceUID, 0x0112),
        (here.SOPInstanceUID, 0x0119),
        ("1.2.3", 0x0122),
    ]


@pytest.mark.parametrize(
    ("asked", "more", "status"),
    [
        (request(), {}, 0x0115),
        (None, {}, 0x0115),
        (Dataset(), {}, 0x0115),
        (request(ct_slice()), {"action": 2}, 0x0123),
        (request(ct_slice()), {"instance": "1.2.3"}, 0x0112),
    ],
    ids=["empty sequence", "no data set", "no transaction", "another action", "another instance"],
)
def test_what_is_no_request_is_refused_and_nothing_is_kept(
    network: Network, asked: Dataset | None, more: dict[str, Any], status: int
):
    network.know("CT1", free_port())
    if asked is not None and len(asked) == 0:
        asked = request(ct_slice())
        del asked.TransactionUID
    assert n_action(network, asked, **more).Status == status
    assert network.jobs() == []


def test_a_transaction_uid_is_good_for_one_request(network: Network):
    dataset = ct_slice()
    send(network.archive, dataset)
    network.know("CT1", free_port())
    asked = request(dataset)
    assert n_action(network, asked).Status == 0
    again = n_action(network, asked)
    assert again.Status == 0x0131
    assert "Transaction UID" in again.ErrorComment
    assert len(network.jobs()) == 1


def test_who_has_no_address_is_told_to_get_one(network: Network):
    refused = n_action(network, request(ct_slice()))
    assert refused.Status == 0x0110
    assert "pacs ae add" in refused.ErrorComment


def test_who_may_not_store_has_nothing_kept(network: Network, monkeypatch: pytest.MonkeyPatch):
    network.know("CT1", free_port())
    reader = Principal(PrincipalKind.PEER, "CT1", verbs=frozenset({Verb.FIND}))
    monkeypatch.setattr(network.peers, "recognise", lambda *_: reader)
    assert n_action(network, request(ct_slice())).Status == 0x0124


def test_a_peer_that_is_away_or_refuses_is_told_later(network: Network):
    dataset = ct_slice()
    send(network.archive, dataset)
    port = free_port()
    network.know("CT1", port)
    assert n_action(network, request(dataset)).Status == 0
    assert wait_until(lambda: network.jobs()[0].failures > 0)
    assert "cannot be reached" in network.jobs()[0].last_error
    reports = Reports(answers=[0x0110])
    with scp("CT1", AS_SCU, (evt.EVT_N_EVENT_REPORT, reports.take), port=port):
        assert reports.arrived.wait(30)
        network.ends("commitment_result")
    assert [event_type for event_type, _ in reports.came] == [1, 1]


def test_a_peer_that_negotiates_no_roles_is_told_all_the_same(network: Network):
    dataset = ct_slice()
    send(network.archive, dataset)
    reports = Reports()
    with scp("CT1", [(COMMITMENT, {})], (evt.EVT_N_EVENT_REPORT, reports.take)) as port:
        network.know("CT1", port)
        assert n_action(network, request(dataset)).Status == 0
        assert reports.arrived.wait(20)


def test_a_request_survives_a_restart_and_is_told_after_it(tmp_path: Path):
    dataset, reports = ct_slice(), Reports()
    with scp("CT1", AS_SCU, (evt.EVT_N_EVENT_REPORT, reports.take)) as port:
        with open_archive(tmp_path) as archive, networked(archive, run=False) as network:
            send(archive, dataset)
            network.know("CT1", port)
            assert n_action(network, request(dataset)).Status == 0
        with open_archive(tmp_path) as archive, networked(archive):
            assert reports.arrived.wait(20)
    assert of(reports.came[0][1].ReferencedSOPSequence) == [dataset.SOPInstanceUID]


def test_what_was_found_out_is_looked_at_again_before_it_is_told(network: Network):
    """Between finding out and telling may lie three days without the peer."""
    dataset = ct_slice()
    send(network.archive, dataset)
    port = free_port()
    network.know("CT1", port)
    assert n_action(network, request(dataset)).Status == 0
    assert wait_until(lambda: network.jobs()[0].failures > 0)
    (stored,) = network.archive.instances(dataset.StudyInstanceUID)
    network.archive.store.delete(stored.object_key)
    prove(network.archive, stored.object_key)
    reports = Reports()
    with scp("CT1", AS_SCU, (evt.EVT_N_EVENT_REPORT, reports.take), port=port):
        assert reports.arrived.wait(30)
    ((event_type, told),) = reports.came
    assert (event_type, told.FailedSOPSequence[0].FailureReason) == (2, 0x0110)


# --- as the one who asks ----------------------------------------------------------------------------------------


def _order(network: Network, *datasets: Dataset) -> str:
    references = [Reference(str(one.SOPClassUID), str(one.SOPInstanceUID)) for one in datasets]
    now = network.archive.clock()

    def work(connection: Any) -> str:
        identifier = jobs.add(connection, now, NewJob(COMMITMENT_REQUEST, "THERE", {}))
        commitments.begin(connection, now, generate_uid(), Direction.REQUESTED, "THERE", references, identifier)
        return identifier

    return network.archive.index.write(work)


@contextmanager
def reporting(network: Network, ae_title: str = "THERE") -> Iterator[Any]:
    """An association of a peer that has something to report."""
    entity = AE(ae_title=ae_title)
    entity.add_requested_context(COMMITMENT)
    association = entity.associate(
        "127.0.0.1", network.listener.port, ae_title="SURET", ext_neg=[build_role(COMMITMENT, False, True)]
    )
    assert association.accepted_contexts[0].as_scp
    yield association
    association.release()


class Keeper:
    """A commitment SCP of pynetdicom that reports as it is told to, on the same association or on another."""

    def __init__(self, network: Network, *, lost: Sequence[str] = (), where: str = "another") -> None:
        self.network, self.lost, self.where = network, lost, where
        self.asked: list[Dataset] = []
        self.answers: list[int] = []

    def take(self, event: evt.Event) -> tuple[int, None]:
        """The handler of N-ACTION."""
        assert event.action_type == 1
        self.asked.append(event.action_information)
        if self.where == "same":
            threading.Timer(0.3, lambda: self.answers.append(self.send(event.assoc))).start()
        return 0, None

    def released(self, event: evt.Event) -> None:
        """Report on an association of our own, once that of the request has ended."""
        if self.where == "another":
            with reporting(self.network) as association:
                self.answers.append(self.send(association))

    def send(self, association: Any, asked: Dataset | None = None) -> int:
        """One N-EVENT-REPORT; the status of its answer."""
        asked = asked or self.asked[-1]
        told = Dataset()
        told.TransactionUID = asked.TransactionUID
        failed = [item for item in asked.ReferencedSOPSequence if item.ReferencedSOPInstanceUID in self.lost]
        kept = [item for item in asked.ReferencedSOPSequence if item not in failed]
        if kept:
            told.ReferencedSOPSequence = kept
        for item in failed:
            item.FailureReason = 0x0112
        if failed:
            told.FailedSOPSequence = failed
        status, _ = association.send_n_event_report(told, 2 if failed else 1, COMMITMENT, UID(COMMITMENT_INSTANCE))
        return int(status.Status)


def _keeping(network: Network, keeper: Keeper) -> Any:
    return scp(
        "THERE",
        [(COMMITMENT, {"scu_role": True, "scp_role": True})],
        (evt.EVT_N_ACTION, keeper.take),
        (evt.EVT_RELEASED, keeper.released),
    )


@pytest.mark.parametrize("where", ["another", "same"])
def test_a_peer_promises_on_an_association_of_its_own_or_on_ours(network: Network, where: str):
    datasets, keeper = ct_series(2), Keeper(network, where=where)
    with _keeping(network, keeper) as port:
        network.know("THERE", port)
        _order(network, *datasets)
        job = network.ends(COMMITMENT_REQUEST)
    assert keeper.answers == [0]
    assert (job.progress["committed"], job.progress["failed"]) == (2, 0)
    assert of(keeper.asked[0].ReferencedSOPSequence) == [one.SOPInstanceUID for one in datasets]


def test_a_peer_that_lost_something_is_a_dead_job_with_the_reason_and_can_be_asked_again(network: Network):
    datasets = ct_series(2)
    keeper = Keeper(network, lost=[datasets[1].SOPInstanceUID])
    with _keeping(network, keeper) as port:
        network.know("THERE", port)
        identifier = _order(network, *datasets)
        job = network.ends(COMMITMENT_REQUEST, JobState.DEAD)
        assert "1 with 0112" in job.last_error
        assert (job.progress["committed"], job.progress["failed"]) == (1, 1)
        keeper.lost = []
        now = network.archive.clock()
        assert network.archive.index.write(lambda connection: job_queue.retry(connection, now, identifier))
        assert network.ends(COMMITMENT_REQUEST).progress["committed"] == 2
    first, second = keeper.asked
    assert first.TransactionUID != second.TransactionUID


def test_a_report_of_what_nobody_asked_is_answered_with_a_failure(network: Network):
    keeper = Keeper(network)
    keeper.asked.append(request(ct_slice()))
    with reporting(network) as association:
        assert keeper.send(association) == 0x0110
        status, _ = association.send_n_event_report(keeper.asked[0], 3, COMMITMENT, UID(COMMITMENT_INSTANCE))
    assert status.Status == 0x0113


def test_only_the_peer_that_was_asked_may_promise(network: Network):
    identifier = _order(network, ct_slice())
    with network.archive.index.read() as connection:
        (asked,) = commitments.of_job(connection, identifier)
    told = request(ct_slice(), transaction_uid=asked.transaction_uid)
    with reporting(network, "OTHER") as association:
        assert Keeper(network).send(association, told) == 0x0124
    with network.archive.index.read() as connection:
        found = commitments.find(connection, asked.transaction_uid)
    assert found is not None
    assert found.state is CommitmentState.WAITING
