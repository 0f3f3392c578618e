"""Jobs that send: whole, once where a rule says so, on from where they were cut off, and told in words where not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydicom import Dataset
from pydicom.uid import JPEGBaseline8Bit
from pynetdicom import evt
from sqlalchemy import select

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.jobs import JobState
from pacs.archive.orders import order_send
from pacs.dimse import forward
from pacs.dimse.commitment_jobs import COMMITMENT_REQUEST
from pacs.dimse.forward import REFUSALS_MAX
from pacs.errors import NotFound
from pacs.index.schema import audit
from tests.support.archives import send
from tests.support.dimse import wait_until
from tests.support.factories import cr_image, ct_series, mr_series, us_cine
from tests.support.network import COMMITMENT, Network, Store, networked, storing
from tests.support.process import free_port


@pytest.fixture
def network(archive: Archive) -> Iterator[Network]:
    with networked(archive) as network:
        yield network


def _stored(network: Network, datasets: list[Dataset]) -> str:
    for dataset in datasets:
        send(network.archive, dataset)
    return str(datasets[0].StudyInstanceUID)


def _by_rule(network: Network, study: str, ae_title: str = "THERE") -> str:
    now = network.archive.clock()
    return network.archive.index.write(lambda connection: order_send(connection, now, ae_title, study, rule="all"))


def test_a_study_goes_out_as_it_is_stored_in_the_order_of_its_numbers(network: Network):
    datasets, store = [*ct_series(3), us_cine(study="study", transfer_syntax=JPEGBaseline8Bit)], Store()
    study = _stored(network, list(reversed(datasets[:3])))
    with storing(store) as port:
        network.know("THERE", port)
        network.queue.send("THERE", study, by=OPERATOR)
        job = network.ends("send")
    assert store.uids() == [one.SOPInstanceUID for one in datasets[:3]]
    assert store.came[0] == datasets[0]
    assert (job.progress["sent"], job.progress["total"], job.progress["failed"]) == (3, 3, 0)
    with network.archive.index.read() as connection:
        told = connection.execute(select(audit.c.detail).where(audit.c.action == "sent")).scalar_one()
    assert told == "3 instances to THERE, ordered by operator"


def test_compressed_objects_keep_their_syntax(network: Network):
    cine, store = us_cine(transfer_syntax=JPEGBaseline8Bit), Store()
    study = _stored(network, [cine])
    with storing(store) as port:
        network.know("THERE", port)
        network.queue.send("THERE", study, by=OPERATOR)
        network.ends("send")
    assert store.syntaxes == [JPEGBaseline8Bit]


def test_series_that_are_named_are_sent_alone(network: Network):
    first, second, store = ct_series(2), ct_series(2, series="other"), Store()
    study = _stored(network, [*first, *second])
    with storing(store) as port:
        network.know("THERE", port)
        network.queue.send("THERE", study, by=OPERATOR, series_uids=[str(second[0].SeriesInstanceUID)])
        network.ends("send")
    assert store.uids() == [one.SOPInstanceUID for one in second]


def test_a_lost_association_is_gone_on_from_and_nothing_is_sent_twice(network: Network):
    datasets, store = ct_series(6), Store(0, 0, None, None, None, None)
    study = _stored(network, datasets)
    with storing(store) as port:
        network.know("THERE", port)
        _by_rule(network, study)
        job = network.ends("send")
    assert store.uids() == [one.SOPInstanceUID for one in datasets]
    assert (job.progress["sent"], job.progress["total"]) == (6, 6)


def test_what_a_rule_has_sent_is_not_sent_again_and_what_a_person_orders_is(network: Network):
    first, later, store = ct_series(2), ct_series(4)[2:], Store()
    study = _stored(network, first)
    with storing(store) as port:
        network.know("THERE", port)
        _by_rule(network, study)
        network.ends("send")
        _stored(network, later)
        _by_rule(network, study)
        assert wait_until(lambda: [job.state for job in network.jobs("send")] == [JobState.DONE] * 2)
        assert store.uids() == [one.SOPInstanceUID for one in (*first, *later)]
        network.queue.send("THERE", study, by=OPERATOR)
        assert wait_until(lambda: [job.state for job in network.jobs("send")] == [JobState.DONE] * 3)
    assert len(store.came) == 8


def test_a_rule_sends_nothing_back_to_where_it_came_from(network: Network):
    here, from_there, store = ct_series(1)[0], ct_series(2)[1], Store()
    study = _stored(network, [here])
    with network.archive.receive_part10(OPERATOR, protocol="test", calling_ae_title="THERE") as reception:
        from tests.support.factories import part10

        reception.write(part10(from_there))
        reception.commit()
    with storing(store) as port:
        network.know("THERE", port)
        _by_rule(network, study)
        network.ends("send")
    assert store.uids() == [here.SOPInstanceUID]


def test_an_instance_that_is_refused_keeps_no_other_back_and_is_told_in_words(network: Network):
    datasets, store = ct_series(3), Store(0, *[0xA900] * 0, 0xC000, 0, *[0xC000] * REFUSALS_MAX)
    study = _stored(network, datasets)
    with storing(store) as port:
        network.know("THERE", port)
        network.queue.send("THERE", study, by=OPERATOR)
        job = network.ends("send", JobState.DEAD)
        assert store.uids() == [datasets[0].SOPInstanceUID, datasets[2].SOPInstanceUID]
        assert "1 of 1 were not taken by THERE: C000" in job.last_error
        assert datasets[1].SOPInstanceUID in job.last_error
        assert job.failures == REFUSALS_MAX
        store.answers.clear()
        network.queue.retry(job.id, by=OPERATOR)
        network.ends("send")
    assert store.uids()[2] == datasets[1].SOPInstanceUID


def test_a_class_that_the_peer_does_not_take_is_said(network: Network):
    study, store = _stored(network, [cr_image()]), Store()
    from tests.support.network import scp

    with scp("THERE", [("1.2.840.10008.5.1.4.1.1.2", {})], (evt.EVT_C_STORE, store.take)) as port:
        network.know("THERE", port)
        network.queue.send("THERE", study, by=OPERATOR)
        job = network.ends("send", JobState.DEAD)
    assert "takes no such object" in job.last_error


def test_a_peer_that_is_away_gets_it_when_it_is_back(network: Network):
    datasets, store, port = mr_series(2), Store(), free_port()
    study = _stored(network, datasets)
    network.know("THERE", port)
    network.queue.send("THERE", study, by=OPERATOR)
    assert wait_until(lambda: network.jobs("send")[0].failures > 0)
    assert "Connection refused" in network.jobs("send")[0].last_error
    assert network.jobs("send")[0].last_error_code == "unreachable"
    with storing(store, port=port):
        network.ends("send")
    assert len(store.came) == 2


def test_a_cancelled_send_stops_between_two_instances(network: Network):
    datasets, store = ct_series(4), Store()
    study = _stored(network, datasets)
    store.hold.clear()
    with storing(store) as port:
        network.know("THERE", port)
        identifier = network.queue.send("THERE", study, by=OPERATOR)
        assert wait_until(lambda: network.jobs("send")[0].state is JobState.RUNNING)
        network.queue.cancel(identifier, by=OPERATOR)
        assert wait_until(lambda: all(task.over.is_set() for task in network.runner._running.tasks.values()))
        store.hold.set()
        assert wait_until(lambda: network.runner.statistics()["at_work"] == 0)
    assert network.jobs("send")[0].state is JobState.CANCELLED
    assert len(store.came) <= 1


def test_the_peer_is_asked_to_commit_to_what_it_took(network: Network):
    datasets, store, asked = ct_series(2), Store(), []
    study = _stored(network, datasets)

    def requested(event: evt.Event) -> tuple[int, None]:
        asked.append(event.action_information)
        return 0, None

    with storing(store, more=[((COMMITMENT, {}), (evt.EVT_N_ACTION, requested))]) as port:
        network.know("THERE", port, asks_commitment=True)
        network.queue.send("THERE", study, by=OPERATOR)
        network.ends("send")
        assert wait_until(lambda: bool(asked))
    (following,) = network.jobs(COMMITMENT_REQUEST)
    assert following.study_instance_uid == study
    named = {item.ReferencedSOPInstanceUID for item in asked[0].ReferencedSOPSequence}
    assert named == {one.SOPInstanceUID for one in datasets}


@pytest.mark.parametrize("commitment", [True, False])
def test_an_order_may_say_otherwise_of_commitment(network: Network, commitment: bool):
    study, store = _stored(network, ct_series(1)), Store()
    with storing(store) as port:
        network.know("THERE", port, asks_commitment=not commitment)
        network.queue.send("THERE", study, by=OPERATOR, commitment=commitment)
        network.ends("send")
    assert bool(network.jobs(COMMITMENT_REQUEST)) is commitment


def test_what_is_not_here_and_who_is_not_known_is_said_at_once(network: Network):
    study = _stored(network, ct_series(1))
    with pytest.raises(NotFound, match="NOBODY"):
        network.queue.send("NOBODY", study, by=OPERATOR)
    network.know("THERE", free_port())
    with pytest.raises(NotFound, match="no such study"):
        network.queue.send("THERE", "1.2.3", by=OPERATOR)
    with pytest.raises(NotFound, match=r"no series 1\.2\.3"):
        network.queue.send("THERE", study, by=OPERATOR, series_uids=["1.2.3"])
    assert network.jobs() == []


def test_a_peer_that_was_struck_off_meanwhile_is_told_in_words(network: Network):
    study = _stored(network, ct_series(1))
    port = free_port()
    network.know("THERE", port)
    network.queue.send("THERE", study, by=OPERATOR)
    network.peers.remove("THERE", by=OPERATOR)
    assert wait_until(lambda: "no peer has the AE title" in network.jobs("send")[0].last_error, 20)


def test_only_the_syntaxes_that_a_peer_is_registered_with_are_proposed(network: Network):
    slice_, store = ct_series(1)[0], Store()
    study = _stored(network, [slice_, us_cine(transfer_syntax=JPEGBaseline8Bit)])
    with storing(store) as port:
        network.know("THERE", port, transfer_syntaxes=("1.2.840.10008.1.2.1",))
        network.queue.send("THERE", study, by=OPERATOR)
        assert wait_until(lambda: bool(network.jobs("send")[0].last_error), 20)
    assert store.uids() == [slice_.SOPInstanceUID]  # there is no decoder in this test, and as it is it may not go


def test_a_slow_line_is_given_time_between_instances(network: Network, monkeypatch: pytest.MonkeyPatch):
    datasets, store, waits = ct_series(3), Store(), list[float]()
    study = _stored(network, datasets)
    (size,) = {one.size for one in network.archive.instances(study)}
    real = forward._Sending.going_on

    def going_on(sending: forward._Sending) -> bool:
        with monkeypatch.context() as patch:
            patch.setattr(sending._task.over, "wait", waits.append)
            return real(sending)

    monkeypatch.setattr(forward._Sending, "going_on", going_on)
    with storing(store) as port:
        network.know("THERE", port, bytes_per_s_max=size // 1000)  # an instance in a thousand seconds
        network.queue.send("THERE", study, by=OPERATOR)
        network.ends("send")
    assert len(store.came) == 3
    assert waits[0] == 0
    assert max(waits) > 1000
