"""From events to jobs: what a rule orders, that it is ordered once, and that nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from pacs.access.peer import PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive import job_queue
from pacs.archive.archive import Archive
from pacs.archive.housekeeping import settle_studies
from pacs.archive.jobs import Job, Priority
from pacs.archive.orders import AVAILABILITY, SEND
from pacs.exchange import routing
from pacs.exchange.routing import FOLLOWER, Router
from pacs.exchange.rules import Routes
from pacs.exchange.webhooks import Webhooks
from pacs.model import utc_now
from tests.support.archives import open_archive, send
from tests.support.dimse import wait_until
from tests.support.factories import Patient, cr_image, ct_series, ct_slice, part10

CT = {"tag": "Modality", "op": "eq", "value": "CT"}


def _webhooks(archive: Archive) -> Webhooks:
    return Webhooks(archive, allow_loopback=True)


@dataclass
class Site:
    """An archive with a router that steps when it is told to."""

    archive: Archive
    peers: Peers
    routes: Routes
    router: Router
    woken: list[int]

    def rule(self, **fields: Any) -> None:
        """Put a rule in force."""
        self.routes.add({"id": "r", "match": CT, "to": [{"ae": "THERE"}]} | fields, by=OPERATOR)

    def jobs(self, kind: str = SEND) -> list[Job]:
        """What was ordered, the oldest first."""
        with self.archive.index.read() as connection:
            return list(reversed(job_queue.listing(connection, kind=kind)))

    def settle(self) -> None:
        """Every study becomes stable, and the router hears of it."""
        settle_studies(self.archive, timedelta())
        while self.router.step(0):
            pass

    def again(self) -> Router:
        """The router of the next process."""
        router = Router(self.archive, self.peers, self.routes, _webhooks(self.archive), lambda: None)
        router.place()
        return router


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_archive(tmp_path) as archive:
        peers, routes, woken = Peers(archive.index, utc_now), Routes(archive), list[int]()
        router = Router(archive, peers, routes, _webhooks(archive), lambda: woken.append(1))
        router.place()
        yield Site(archive, peers, routes, router, woken)


def _from(site: Site, dataset: Dataset, calling: str) -> None:
    with site.archive.receive_part10(OPERATOR, protocol="test", calling_ae_title=calling) as reception:
        reception.write(part10(dataset))
        reception.commit()


def test_a_stable_study_that_matches_is_ordered_once(site: Site):
    site.rule(to=[{"ae": "THERE", "priority": "low", "commitment": True}, {"ae": "BACKUP"}])
    for dataset in ct_series(3):
        send(site.archive, dataset)
    assert site.router.step(0) == 0
    site.settle()
    there, backup = site.jobs()
    assert (there.destination, there.priority, backup.destination) == ("THERE", Priority.LOW, "BACKUP")
    assert there.study_instance_uid == ct_slice().StudyInstanceUID
    assert there.payload == {
        "series": [ct_slice().SeriesInstanceUID],
        "rule": "r",
        "by": "",
        "commitment": True,
    }
    assert site.woken == [1]
    assert site.again().step(0) == 0


def test_only_series_that_match_are_sent_unless_the_rule_says_the_study(site: Site):
    site.rule()
    site.rule(id="whole", send="study")
    site.rule(id="none", match={"tag": "Modality", "op": "eq", "value": "US"})
    ct, other = ct_slice(study="mixed"), cr_image(study="mixed")
    send(site.archive, ct)
    send(site.archive, other)
    site.settle()
    series, whole = sorted(site.jobs(), key=lambda job: job.payload["rule"])
    assert series.payload["series"] == [ct.SeriesInstanceUID]
    assert (whole.payload["rule"], whole.payload["series"]) == ("whole", [])


def test_a_rule_may_look_at_who_sent_the_images(site: Site):
    site.rule(match={"tag": "derived:calling_ae_title", "op": "eq", "value": "CT1"})
    _from(site, ct_slice(patient=Patient(id="1")), "CT1")
    _from(site, ct_slice(patient=Patient(id="2")), "CT2")
    site.settle()
    (job,) = site.jobs()
    assert job.study_instance_uid == ct_slice(patient=Patient(id="1")).StudyInstanceUID


def test_what_comes_while_an_order_waits_goes_with_it(site: Site):
    site.rule()
    send(site.archive, ct_slice())
    site.settle()
    send(site.archive, ct_slice(series="late"))
    site.settle()
    (job,) = site.jobs()
    assert job.payload["series"] == sorted([ct_slice().SeriesInstanceUID, ct_slice(series="late").SeriesInstanceUID])


def test_as_instances_come_one_order_waits_for_all_of_them(site: Site):
    site.rule(trigger={"event": "instance.stored"})
    for dataset in ct_series(3):
        send(site.archive, dataset)
        site.router.step(0)
    (job,) = site.jobs()
    assert job.payload["series"] == [ct_slice().SeriesInstanceUID]
    assert job.not_before <= site.archive.clock()


def test_a_series_is_waited_for_until_it_is_quiet(site: Site):
    site.rule(trigger={"event": "series.stable", "quiet_s": 600})
    moments: list[datetime] = []
    for dataset in ct_series(2):
        send(site.archive, dataset)
        site.router.step(0)
        moments.append(site.jobs()[0].not_before)
    send(site.archive, ct_slice(series="other"))
    site.router.step(0)
    first, other = site.jobs()
    assert moments[0] < moments[1] == first.not_before
    assert other.not_before > site.archive.clock() + timedelta(seconds=500)
    assert first.payload["series"] != other.payload["series"]


def test_the_cursor_moves_with_the_orders(site: Site, monkeypatch: pytest.MonkeyPatch):
    site.rule()
    send(site.archive, ct_slice())
    settle_studies(site.archive, timedelta())
    with monkeypatch.context() as broken:
        broken.setattr(routing.EventLog, "move_cursor", lambda *_: (_ for _ in ()).throw(RuntimeError("power cut")))
        with pytest.raises(RuntimeError):
            site.router.step(0)
    assert site.jobs() == []
    assert site.again().step(0) == 1


def test_an_orderly_stop_leaves_nothing_that_looks_unread(site: Site):
    router = site.again()
    router.start()
    send(site.archive, ct_slice())
    assert wait_until(lambda: router._position == site.archive.events.latest())
    assert site.archive.events.cursor(FOLLOWER) < site.archive.events.latest(), "not every event is worth a commit"
    router.stop()
    assert site.archive.events.cursor(FOLLOWER) == site.archive.events.latest()


def test_the_first_start_orders_nothing_of_what_is_here_already(tmp_path: Path):
    with open_archive(tmp_path) as archive:
        routes = Routes(archive)
        routes.add({"id": "all", "to": [{"ae": "THERE"}]}, by=OPERATOR)
        send(archive, ct_slice())
        settle_studies(archive, timedelta())
        peers = Peers(archive.index, utc_now)
        first = Router(archive, peers, routes, _webhooks(archive), lambda: None)
        first.place()
        send(archive, ct_slice(patient=Patient(id="new")))
        settle_studies(archive, timedelta())
        second = Router(archive, peers, routes, _webhooks(archive), lambda: None)  # killed before it did anything
        second.place()
        assert second.step(0) == 1
        assert archive.events.cursor(FOLLOWER) == archive.events.latest()


def test_peers_that_want_to_hear_of_studies_are_told(site: Site):
    site.peers.add("RIS", "127.0.0.1", 4242, [Verb.ECHO], by=OPERATOR, options=PeerOptions(tells_availability=True))
    site.peers.add("DEAF", "127.0.0.1", 4243, [Verb.ECHO], by=OPERATOR)
    send(site.archive, ct_slice())
    site.settle()
    (job,) = site.jobs(AVAILABILITY)
    assert (job.destination, job.study_instance_uid) == ("RIS", ct_slice().StudyInstanceUID)


def test_a_rule_that_takes_too_long_does_not_hold_up_the_others(site: Site):
    site.rule(id="slow", match={"tag": "StudyDescription", "op": "regex", "value": "(a|a)*(a|a)*(a|a)*(a|a)*b"})
    site.rule()
    send(site.archive, ct_slice(StudyDescription="a" * 60))
    site.settle()
    assert [job.payload["rule"] for job in site.jobs()] == ["r"]
