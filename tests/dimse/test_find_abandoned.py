"""Queries that go on for long and find nothing end when nobody waits for them any more."""

from __future__ import annotations

import struct
import threading

import pytest
from sqlalchemy import Connection

from pacs.dimse.identifier import Element, write_identifier
from pacs.dimse.listener import Listener
from tests.support.dimse import IMPLICIT, STUDY_ROOT_FIND, RawPeer, pdata, request, settled, status_of
from tests.support.modality import LAST

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"
IDENTIFIER = write_identifier([Element(0x00080052, "CS", "STUDY"), Element(0x0020000D, "UI", "")], IMPLICIT, "")
ASKED = pdata(request(0x20, STUDY_ROOT_FIND, 5, data_set=True)) + pdata(IDENTIFIER, LAST)
CANCEL = pdata(request(0x0FFF, STUDY_ROOT_FIND, x0120=struct.pack("<H", 5)))


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Queries search for ever and find nothing; set once one has begun."""
    begun = threading.Event()

    def search(connection: Connection, *_: object) -> None:
        begun.set()
        connection.exec_driver_sql(ENDLESS)

    monkeypatch.setattr("pacs.index.query.page", search)
    return begun


def test_a_query_that_finds_nothing_for_long_is_cancelled_all_the_same(listener: Listener, endless: threading.Event):
    with RawPeer(listener.port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(ASKED)
        assert endless.wait(10)
        peer.send(CANCEL)
        assert status_of(peer.read()) == 0xFE00
        peer.send(pdata(request(0x20, STUDY_ROOT_FIND, 6)))
        assert status_of(peer.read()) == 0xA900, "the association goes on"


def test_a_query_of_a_peer_that_hung_up_does_not_go_on(listener: Listener, endless: threading.Event):
    with RawPeer(listener.port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),))
        peer.send(ASKED)
        assert endless.wait(10)
    assert settled(listener)
