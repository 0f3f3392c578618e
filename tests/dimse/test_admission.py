"""What is registered of a peer, as its calls meet it, and what the log of activities keeps of them."""

from __future__ import annotations

import struct

import pytest
from pynetdicom.pdu import A_ASSOCIATE_AC

from pacs.access.activity import Activity, Reason
from pacs.access.peer import PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.errors import SettingsInvalid
from pacs.model import utc_now
from tests.support.dimse import CT, EXPLICIT, IMPLICIT, RELEASE, RawPeer, listening, settled

DIGEST = "0" * 64


def _register(archive: Archive, title: str, options: PeerOptions, host: str = "127.0.0.1") -> None:
    Peers(archive.index, utc_now).add(title, host, 104, {Verb.STORE, Verb.FIND}, by=OPERATOR, options=options)


def _latest(listener: Listener) -> Activity:
    assert settled(listener)
    return listener._peers.activities.latest(limit=1)[0]


def test_the_log_tells_what_a_device_did(listener: Listener):
    with RawPeer(listener.port) as peer:
        assert peer.associate(calling="CT1")[0] == 2
        assert peer.echo() == 0
        peer.send(RELEASE)
        assert peer.read() == (6, bytes(4))
    told = _latest(listener)
    assert (told.ae_title, told.address, told.accepted) == ("CT1", "127.0.0.1", True)
    assert (told.ending.reason, dict(told.counts)) == (Reason.RELEASED, {"echo_succeeded": 1})


def test_the_log_tells_why_a_device_was_refused_in_plain_words(listener: Listener):
    with RawPeer(listener.port) as peer:
        assert peer.associate(called="PACS", calling="CT1") == (3, bytes((0, 1, 1, 7)))
    told = _latest(listener)
    assert not told.accepted
    assert str(told.ending) == "sent to AE title PACS; this node is SURET"


def test_a_scan_of_ports_is_nobody(listener: Listener):
    RawPeer(listener.port).close()
    assert settled(listener)
    assert listener._peers.activities.latest() == []


def test_who_has_to_call_over_tls_is_refused_without(archive: Archive):
    _register(archive, "SECURE", PeerOptions(tls=True))
    with listening(archive) as listener, RawPeer(listener.port) as peer:
        assert peer.associate(calling="SECURE") == (3, bytes((0, 1, 1, 1)))
        assert _latest(listener).ending.reason is Reason.TLS_REQUIRED


def test_a_title_has_as_many_associations_as_it_is_given(archive: Archive):
    _register(archive, "MODEST", PeerOptions(associations_max=1))
    with (
        listening(archive) as listener,
        RawPeer(listener.port) as first,
        RawPeer(listener.port) as second,
        RawPeer(listener.port) as other,
    ):
        assert first.associate(calling="MODEST")[0] == 2
        assert second.associate(calling="MODEST") == (3, bytes((0, 2, 3, 2)))
        assert other.associate(calling="OTHER")[0] == 2


def test_a_title_may_be_idle_as_long_as_it_is_given(archive: Archive):
    _register(archive, "PATIENT", PeerOptions(idle_timeout_s=30))
    with listening(archive, idle_timeout_s=0.3) as listener, RawPeer(listener.port) as hasty:
        with RawPeer(listener.port) as patient:
            assert patient.associate(calling="PATIENT")[0] == 2
            assert hasty.associate(calling="HASTY")[0] == 2
            assert hasty.closed()
            assert patient.echo() == 0
        assert settled(listener)


def test_a_device_stores_in_the_transfer_syntaxes_that_are_registered(archive: Archive):
    _register(archive, "SIMPLE", PeerOptions(transfer_syntaxes=(IMPLICIT,)))
    with listening(archive) as listener, RawPeer(listener.port) as peer:
        kind, body = peer.associate([(CT, (EXPLICIT,)), (CT, (EXPLICIT, IMPLICIT))], calling="SIMPLE")
        assert kind == 2
        accepted = A_ASSOCIATE_AC()
        accepted.decode(struct.pack(">BxL", kind, len(body)) + body)
        answers = [(context.result, context.transfer_syntax) for context in accepted.presentation_context]
        assert answers[0][0] == 4
        assert answers[1] == (0, IMPLICIT)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (PeerOptions(character_set="ISO_IR 9999"), "character set"),
        (PeerOptions(transfer_syntaxes=("1.2.3",)), "transfer syntaxes"),
        (PeerOptions(move_destinations=("FAR\\AWAY",)), "move destinations"),
        (PeerOptions(certificate_sha256="abc", tls=True), "64 hexadecimal digits"),
        (PeerOptions(certificate_sha256=DIGEST), "over TLS only"),
        (PeerOptions(check_address=False), "known by a certificate"),
        (PeerOptions(associations_max=0), "over 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(archive: Archive, options: PeerOptions, words: str):
    with pytest.raises(SettingsInvalid, match=words):
        _register(archive, "ODD", options)
