"""Events of workitems to a subscriber that pynetdicom plays, down and up again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import Dataset
from pynetdicom import AE, evt
from sqlalchemy import func, select, update

from pacs.access.peer import Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.runner import JobRunner
from pacs.archive.subscriptions import GLOBAL, next_report
from pacs.archive.workitems import Workitems
from pacs.dimse.outbound import Outbound
from pacs.dimse.ups_reports import ReportJobs
from pacs.index.schema import job
from pacs.model import utc_now
from pacs.settings import DimseSettings
from tests.support.dimse import wait_until
from tests.support.workitems import MINE, UID, planned

EVENT = "1.2.840.10008.5.1.4.34.6.4"
PUSH = "1.2.840.10008.5.1.4.34.6.1"


class Watcher:
    """A subscriber: an SCU of the Event class, which is called."""

    def __init__(self, port: int, status: int = 0x0000) -> None:
        self.heard: list[tuple[str, str, int, Dataset]] = []
        entity = AE("WATCHER")
        entity.add_supported_context(EVENT, scu_role=False, scp_role=True)

        def hear(event: Any) -> tuple[int, None]:
            request = event.request
            self.heard.append(
                (
                    request.AffectedSOPClassUID,
                    request.AffectedSOPInstanceUID,
                    request.EventTypeID,
                    event.event_information,
                )
            )
            return status, None

        self._server = entity.start_server(
            ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, hear)]
        )

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def workitems(archive: Archive, port: int) -> Iterator[Workitems]:
    """Workitems whose reports are sent to WATCHER."""
    peers = Peers(archive.index, utc_now)
    peers.add("WATCHER", "127.0.0.1", port, [Verb.WORKLIST], by=OPERATOR)
    outbound = Outbound(DimseSettings(port=0))
    runner = JobRunner(archive, ReportJobs(archive, peers, outbound).kinds(), lambda _title: 2)
    outbound.start()
    runner.start()
    yield Workitems(archive)
    runner.stop()
    outbound.stop()


@pytest.mark.parametrize("status", [0x0000, 0x0110])
def test_a_watcher_hears_everything_in_order(workitems: Workitems, archive: Archive, port: int, status: int):
    watcher = Watcher(port, status)
    try:
        workitems.subscribe(GLOBAL, "WATCHER", lock=False, by=OPERATOR)
        workitems.create(UID, planned(), by=OPERATOR)
        workitems.change_state(UID, "IN PROGRESS", MINE, by=OPERATOR)
        workitems.request_cancel(UID, {}, by=OPERATOR)
        assert wait_until(lambda: len(watcher.heard) == 3), watcher.heard
    finally:
        watcher.stop()
    assert [(heard[0], heard[1], heard[2]) for heard in watcher.heard] == [
        (PUSH, UID, 1),
        (PUSH, UID, 1),
        (PUSH, UID, 2),
    ]
    assert [heard[3].get("ProcedureStepState") for heard in watcher.heard] == ["SCHEDULED", "IN PROGRESS", None]
    assert wait_until(lambda: _waiting(archive) is None)


def test_what_a_watcher_missed_it_hears_when_it_is_back(workitems: Workitems, archive: Archive, port: int):
    workitems.subscribe(GLOBAL, "WATCHER", lock=False, by=OPERATOR)
    workitems.create(UID, planned(), by=OPERATOR)
    assert wait_until(lambda: _failed(archive) > 0)
    watcher = Watcher(port)
    try:
        archive.index.write(_at_once)
        assert wait_until(lambda: len(watcher.heard) == 1, 20)
    finally:
        watcher.stop()


def _waiting(archive: Archive) -> Any:
    with archive.index.read() as connection:
        return next_report(connection, "WATCHER")


def _failed(archive: Archive) -> int:
    with archive.index.read() as connection:
        return int(connection.execute(select(func.coalesce(func.max(job.c.failures), 0))).scalar_one())


def _at_once(connection: Any) -> None:
    connection.execute(update(job).values(not_before=0))
