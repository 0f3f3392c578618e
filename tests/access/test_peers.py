from __future__ import annotations

import socket
from typing import Any

import pytest
from sqlalchemy import select

from pacs.access.grants import Action, may
from pacs.access.peer import PeerOptions, Verb
from pacs.access.peers import UNKNOWN_CALLERS_MAX, Peers
from pacs.access.principals import OPERATOR, Principal, PrincipalKind, Role
from pacs.errors import NotFound, NotPermitted, SettingsInvalid
from pacs.index.engine import Index
from pacs.index.schema import audit
from pacs.settings import valid_ae_title
from tests.access.conftest import MovedClock
from tests.support.archives import full_queue

STORE_AND_FIND = frozenset({Verb.STORE, Verb.FIND})
READER = Principal(PrincipalKind.USER, "reader", roles=frozenset({Role.RADIOLOGIST}))


@pytest.fixture
def peers(index: Index, clock: MovedClock) -> Peers:
    return Peers(index, clock)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_on_this_machine_every_title_may_do_everything(peers: Peers, address: str):
    principal = peers.recognise("ANY TITLE", address)
    assert principal is not None
    assert (principal.kind, principal.name) == (PrincipalKind.PEER, "ANY TITLE")
    assert all(may(principal, action) for action in (Action.ECHO, Action.STORE, Action.QUERY, Action.MOVE))
    assert not may(principal, Action.MANAGE_PEERS)


def test_elsewhere_title_and_address_must_both_be_registered(peers: Peers):
    peers.add("CT1", "192.0.2.7", 104, STORE_AND_FIND, by=OPERATOR)
    principal = peers.recognise("CT1", "192.0.2.7")
    assert principal is not None
    assert principal.verbs == STORE_AND_FIND
    assert peers.recognise("CT1", "::ffff:192.0.2.7") is not None
    assert peers.recognise("CT1", "192.0.2.8") is None
    assert peers.recognise("ct1", "192.0.2.7") is None
    assert peers.recognise("MR1", "192.0.2.7") is None


def test_a_host_name_is_resolved_and_kept(peers: Peers, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def resolve(host: str, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.9", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    peers.add("WS", "workstation.example", 104, {Verb.FIND}, by=OPERATOR)
    assert peers.recognise("WS", "192.0.2.9") is not None
    assert peers.recognise("WS", "192.0.2.10") is None
    assert asked == ["workstation.example"]


def test_a_name_that_does_not_resolve_recognises_nobody(peers: Peers, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    peers.add("WS", "nowhere.example", 104, {Verb.FIND}, by=OPERATOR)
    assert peers.recognise("WS", "192.0.2.9") is None


def test_recognising_does_not_query_each_time(peers: Peers, index: Index, monkeypatch: pytest.MonkeyPatch):
    peers.add("CT1", "192.0.2.7", 104, {Verb.STORE}, by=OPERATOR)
    assert peers.recognise("CT1", "192.0.2.7") is not None
    monkeypatch.setattr(index, "read", lambda: pytest.fail("the index was asked"))
    assert peers.recognise("CT1", "192.0.2.7") is not None


def test_changes_count_at_once(peers: Peers):
    peers.add("CT1", "192.0.2.7", 104, {Verb.STORE}, by=OPERATOR)
    assert peers.recognise("CT1", "192.0.2.7") is not None
    peers.update("CT1", "192.0.2.8", 11112, {Verb.FIND}, by=OPERATOR)
    assert peers.recognise("CT1", "192.0.2.7") is None
    (peer,) = peers.list()
    assert (peer.host, peer.port, peer.verbs) == ("192.0.2.8", 11112, frozenset({Verb.FIND}))
    peers.remove("CT1", by=OPERATOR)
    assert peers.recognise("CT1", "192.0.2.8") is None
    assert peers.list() == []


def test_mistakes_are_told_together(peers: Peers):
    with pytest.raises(SettingsInvalid) as caught:
        peers.add("BACK\\SLASH", "", 0, set(), by=OPERATOR)
    assert [word in str(caught.value) for word in ("AE title", "host", "port", "verbs")] == [True] * 4
    peers.add("CT1", "192.0.2.7", 104, {Verb.STORE}, by=OPERATOR)
    with pytest.raises(SettingsInvalid, match="already"):
        peers.add("CT1", "192.0.2.8", 104, {Verb.STORE}, by=OPERATOR)
    with pytest.raises(NotFound):
        peers.update("MR1", "192.0.2.8", 104, {Verb.STORE}, by=OPERATOR)
    with pytest.raises(NotFound):
        peers.remove("MR1", by=OPERATOR)


def test_only_who_manages_peers_changes_them_and_it_is_recorded(peers: Peers, index: Index):
    with pytest.raises(NotPermitted):
        peers.add("CT1", "192.0.2.7", 104, {Verb.STORE}, by=READER)
    with pytest.raises(NotPermitted):
        peers.remove("CT1", by=READER)
    peers.add("CT1", "192.0.2.7", 104, {Verb.STORE}, by=OPERATOR)
    described = PeerOptions(description="CT, first floor")
    peers.update("CT1", "192.0.2.7", 104, {Verb.STORE}, by=OPERATOR, options=described)
    with index.read() as connection:
        rows = connection.execute(select(audit)).all()
    assert [(row.action, row.principal_name, row.detail) for row in rows] == [
        ("peer_added", "operator", "CT1 192.0.2.7:104 store"),
        ("peer_changed", "operator", "CT1 192.0.2.7:104 store CT, first floor"),
    ]


def test_unknown_callers_are_counted_and_shown_newest_first(peers: Peers, clock: MovedClock):
    for title in ("CT1", "CT1", "MR\x00\x1b[1m"):
        peers.note_unknown(title, "WRONG", "::ffff:192.0.2.7")
        clock.move(5)
    peers.note_unknown("CT1", "SURET", "192.0.2.7")
    first, second = peers.unknown_callers()
    assert (first.ae_title, first.address, first.attempts, first.called_ae_title) == ("CT1", "192.0.2.7", 3, "SURET")
    assert (first.last_at - first.first_at).total_seconds() == 15
    assert (second.ae_title, second.attempts) == ("MR??[1m", 1)


def test_a_full_queue_delays_no_caller_and_loses_no_attempt(peers: Peers, index: Index):
    with full_queue(index):
        peers.note_unknown("CT1", "SURET", "192.0.2.7")
    peers.note_unknown("CT1", "WRONG", "192.0.2.7")
    (caller,) = peers.unknown_callers()
    assert (caller.attempts, caller.called_ae_title) == (2, "WRONG")


def test_a_registered_peer_is_no_longer_unknown(peers: Peers):
    peers.note_unknown("CT1", "SURET", "192.0.2.7")
    assert len(peers.unknown_callers()) == 1
    peers.add("CT1", "192.0.2.7", 104, {Verb.STORE}, by=OPERATOR)
    assert peers.unknown_callers() == []


def test_the_table_of_unknown_callers_is_bounded(peers: Peers, clock: MovedClock):
    for number in range(UNKNOWN_CALLERS_MAX + 50):
        peers.note_unknown(f"T{number}", "SURET", "192.0.2.7")
        clock.move(1)
    callers = peers.unknown_callers()
    assert UNKNOWN_CALLERS_MAX - 1 <= len(callers) <= UNKNOWN_CALLERS_MAX
    assert callers[0].ae_title == f"T{UNKNOWN_CALLERS_MAX + 49}"


@pytest.mark.parametrize(
    ("title", "valid"),
    [
        ("A", True),
        ("CT ROOM 3", True),
        ("SIXTEEN LETTERS.", True),
        ("SEVENTEEN LETTERS", False),
        ("", False),
        (" CT", False),
        ("CT ", False),
        ("back\\slash", False),
        ("tab\tbed", False),
        ("Кт", False),
        ("~!@#[]^_`{}", True),
    ],
)
def test_ae_titles(title: str, valid: bool):
    assert valid_ae_title(title) is valid
