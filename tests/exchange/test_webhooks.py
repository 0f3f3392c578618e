"""Webhooks: who is registered hears of everything, in order, signed, however long it was away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from pacs.access.gate import Gate
from pacs.access.outbound import AddressRefused, Policy
from pacs.access.principals import OPERATOR, Principal, PrincipalKind, Role
from pacs.archive.archive import Archive
from pacs.archive.deletion import Deletions
from pacs.archive.jobs import Job, from_row
from pacs.archive.runner import JobFailed, Task
from pacs.errors import AlreadyThere, NotFound, NotPermitted, SettingsInvalid
from pacs.exchange.web import webhook_routes
from pacs.exchange.webhooks import EVENTS_AT_ONCE, WebhookJobs, Webhooks
from pacs.index.schema import job as job_table
from pacs.model import EventKind
from pacs.render.workers import DecodeWorkers
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series, ct_slice
from tests.support.network import networked
from tests.support.triage import Delivery, service, verified
from tests.support.web import open_site


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as archive:
        yield archive


@pytest.fixture
def webhooks(archive: Archive) -> Webhooks:
    return Webhooks(archive, allow_loopback=True)


def _kinds(deliveries: list[Delivery]) -> list[str]:
    return [change["kind"] for delivery in deliveries for change in delivery.message["changes"]]


def _await(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_happens_is_told_and_signed(archive: Archive, webhooks: Webhooks) -> None:
    send(archive, ct_slice(study="before"))
    with service() as running, networked(archive):
        secret = webhooks.add("ris", running.url, [], by=OPERATOR)
        sent = ct_slice(study="after")
        send(archive, sent)
        Deletions(archive).delete(str(sent.StudyInstanceUID), by=OPERATOR)
        _await(lambda: len(_kinds(running.deliveries)) == 2)
        assert _kinds(running.deliveries) == [EventKind.INSTANCE_STORED, EventKind.OBJECTS_DELETED]
        assert all(verified(delivery, secret) for delivery in running.deliveries)
        change = running.deliveries[-1].message["changes"][-1]
        assert (change["study_instance_uid"], change["payload"]["instances"]) == (str(sent.StudyInstanceUID), 1)
        _await(lambda: webhooks.listing()[0].position == change["number"])


def test_who_was_away_hears_everything_in_order(archive: Archive, webhooks: Webhooks) -> None:
    answers = [500, 503]
    with service(lambda _delivery: (answers.pop(0) if answers else 204, {})) as running, networked(archive):
        webhooks.add("ris", running.url, [EventKind.INSTANCE_STORED], by=OPERATOR)
        numbers = []
        for dataset in ct_series(3):
            send(archive, dataset)
            numbers.append(archive.events.latest())
        _await(lambda: webhooks.listing()[0].position >= numbers[-1])
        taken = [change["number"] for one in running.deliveries[2:] for change in one.message["changes"]]
        assert taken == numbers
        first, *_, last = running.deliveries
        assert first.message["changes"][0]["number"] == numbers[0]
        assert last.message["changes"][-1]["number"] == numbers[-1]


def test_pages_and_kinds(archive: Archive, webhooks: Webhooks) -> None:
    with service() as running:
        webhooks.add("all", running.url, [], by=OPERATOR)
        webhooks.add("deletions", running.url, [EventKind.OBJECTS_DELETED], by=OPERATOR)
        sent = ct_series(EVENTS_AT_ONCE + 1, rows=8, columns=8)
        for dataset in sent:
            send(archive, dataset)
        jobs = WebhookJobs(archive, Policy(allow_loopback=True))
        events = archive.events.after(0)
        assert len(webhooks.orders(events)) == 1  # one of the two wants to hear of these
        for order in webhooks.orders(events) * 2:
            archive.index.write(order)
        [job] = _queued(archive)
        jobs.tell(Task(archive, job))
        assert [len(delivery.message["changes"]) for delivery in running.deliveries] == [EVENTS_AT_ONCE, 1]
        Deletions(archive).delete(str(sent[0].StudyInstanceUID), by=OPERATOR)
        assert len(webhooks.orders(archive.events.after(events[-1].number))) == 2


def _queued(archive: Archive) -> list[Job]:
    with archive.index.read() as connection:
        return [from_row(row) for row in connection.execute(select(job_table)).mappings()]


def test_who_wants_no_more_is_told_no_more(archive: Archive, webhooks: Webhooks) -> None:
    with service(lambda _delivery: (410, {})) as running:
        webhooks.add("ris", running.url, [], by=OPERATOR)
        send(archive, ct_slice())
        archive.index.write(webhooks.orders(archive.events.after(0))[0])
        [job] = _queued(archive)
        with pytest.raises(JobFailed, match="no more"):
            WebhookJobs(archive, Policy(allow_loopback=True)).tell(Task(archive, job))
        assert webhooks.listing()[0].disabled
        assert webhooks.orders(archive.events.after(0)) == []


def test_only_where_it_may_be_called(archive: Archive, webhooks: Webhooks) -> None:
    with service() as running:
        webhooks.add("ris", running.url, [], by=OPERATOR)
        send(archive, ct_slice())
        archive.index.write(webhooks.orders(archive.events.after(0))[0])
        [job] = _queued(archive)
        policy = Policy(allow_loopback=False, setting="PACS_WEBHOOKS__ALLOWED_HOSTS")
        with pytest.raises(JobFailed):
            WebhookJobs(archive, policy).tell(Task(archive, job))
        assert running.deliveries == []
    strict = Webhooks(archive, allow_loopback=False)
    for url in ("http://ris.example/", "http://127.0.0.1/", "ftp://ris.example/", "https://a:b@ris.example/", "x"):
        with pytest.raises(AddressRefused):
            strict.add("other", url, [], by=OPERATOR)
    with pytest.raises(SettingsInvalid):
        webhooks.add("../x", "https://ris.example/", [], by=OPERATOR)
    with pytest.raises(SettingsInvalid):
        webhooks.add("other", "https://ris.example/", ["study.exploded"], by=OPERATOR)
    with pytest.raises(AlreadyThere):
        webhooks.add("ris", "https://ris.example/", [], by=OPERATOR)
    clinician = Principal(PrincipalKind.USER, "x", frozenset({Role.CLINICIAN}))
    with pytest.raises(NotPermitted):
        webhooks.add("other", "https://ris.example/", [], by=clinician)
    webhooks.remove("ris", by=OPERATOR)
    with pytest.raises(NotFound):
        webhooks.remove("ris", by=OPERATOR)


def test_over_http(tmp_path: Path) -> None:
    with DecodeWorkers(1) as workers, open_site(tmp_path, workers) as site:
        routes = webhook_routes(Webhooks(site.archive, allow_loopback=False))
        gate = site.app._app
        assert isinstance(gate, Gate)
        site.app._app = Gate([*routes, *gate.routes], site.accounts, site.sessions)
        admin: TestClient = site.as_role(Role.ADMIN)
        new = {"id": "ris", "url": "https://ris.example/hook", "kinds": ["study.stable"]}
        assert admin.post("/api/webhooks", json=new).json()["secret"].startswith("whsec_")
        [shown] = admin.get("/api/webhooks").json()["webhooks"]
        assert (shown["id"], shown["kinds"], "secret" in shown) == ("ris", ["study.stable"], False)
        assert admin.post("/api/webhooks", json=new).status_code == 409
        assert admin.post("/api/webhooks", json={**new, "url": "http://ris.example"}).status_code == 400
        assert site.as_role(Role.RADIOLOGIST).get("/api/webhooks").status_code == 403
        assert admin.delete("/api/webhooks/ris").status_code == 204
