from __future__ import annotations

import struct
from typing import Any

import pytest
from pydicom import Dataset

from pacs.access.peer import Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.dimse.store import is_storage_class
from pacs.errors import ChangeNotTaken, StoreFailed
from pacs.troubles import DISK_FAILED
from tests.support.dimse import (
    CT,
    EXPLICIT,
    IMPLICIT,
    RELEASE,
    VERIFICATION,
    RawPeer,
    elements_of,
    listening,
    pdata,
    request,
    status_of,
)
from tests.support.factories import ct_slice, part10
from tests.support.modality import DATASET, LAST, Prepared, prepare, split_part10

PRIVATE_CLASS = "1.2.826.0.1.3680043.9.7433.9.9"


def _prepared(dataset: Dataset, instance_uid: str = "", class_uid: str = "") -> Prepared:
    _, raw = split_part10(part10(dataset))
    return prepare(
        class_uid or str(dataset.SOPClassUID),
        instance_uid or str(dataset.SOPInstanceUID),
        str(dataset.file_meta.TransferSyntaxUID),
        raw,
    )


def _stored(archive: Archive, dataset: Dataset) -> bytes:
    (instance,) = archive.instances(str(dataset.StudyInstanceUID), None, str(dataset.SOPInstanceUID))
    with archive.open(instance) as stream:
        return stream.read()


def test_a_data_set_is_kept_as_sent_with_the_syntax_of_its_context(archive: Archive, listener: Listener):
    dataset = ct_slice()
    prepared = _prepared(dataset)
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),), calling="CT ROOM 3")
        peer.send(prepared.pdus)
        assert status_of(peer.read()) == 0
    kept = _stored(archive, dataset)
    assert kept.endswith(prepared.dataset)
    assert EXPLICIT.encode() in kept[: -len(prepared.dataset)]
    assert b"CT ROOM 3" in kept[: -len(prepared.dataset)]
    (instance,) = archive.instances(str(dataset.StudyInstanceUID))
    assert instance.transfer_syntax_uid == EXPLICIT


@pytest.mark.parametrize("size", [1, 7, 4096, 131066])
def test_any_cut_into_fragments_and_pdus_gives_the_same_object(archive: Archive, listener: Listener, size: int):
    dataset = ct_slice(rows=32, columns=32)
    prepared = _prepared(dataset)
    raw = prepared.dataset
    command = request(1, CT, data_set=True, x1000=prepared.sop_instance_uid.encode())
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        fragments = [raw[start : start + size] for start in range(0, len(raw), size)]
        pdus = [pdata(fragment, 0) for fragment in fragments]
        peer.send(pdata(command), *pdus, pdata(b"", DATASET | LAST))  # some peers end with an empty fragment
        assert status_of(peer.read()) == 0
    assert _stored(archive, dataset).endswith(raw)


def test_several_instances_go_over_one_association(archive: Archive, listener: Listener):
    datasets = [ct_slice(number=number, count=5) for number in range(1, 6)]
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        for dataset in datasets:
            peer.send(_prepared(dataset).pdus)
            answer = peer.read()
            assert status_of(answer) == 0
            assert answer is not None
            assert elements_of(answer[1][6:])[0x1000].rstrip(b"\0").decode() == dataset.SOPInstanceUID
        peer.send(RELEASE)
        assert peer.read() == (6, bytes(4))
    assert len(archive.instances(str(datasets[0].StudyInstanceUID))) == 5
    assert listener.statistics()["store_succeeded"] == 5


def _refused(peer: RawPeer, pdus: bytes) -> tuple[int, str]:
    peer.send(pdus)
    answer = peer.read()
    status = status_of(answer)
    assert answer is not None
    return status, elements_of(answer[1][6:]).get(0x0902, b"").decode().strip()


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("another instance", 0xA900),
        ("another class", 0xA900),
        ("no class of storage", 0x0122),
        ("cut off", 0xC000),
        ("no data set at all", 0xC000),
    ],
)
def test_a_refusal_has_its_status_and_comment_and_the_association_lives(
    archive: Archive, listener: Listener, what: str, status: int
):
    dataset = ct_slice()
    good = _prepared(dataset)
    command = request(1, CT, data_set=True, x1000=good.sop_instance_uid.encode())
    pdus = {
        "another instance": _prepared(dataset, instance_uid="1.2.3").pdus,
        "another class": _prepared(dataset, class_uid="1.2.840.10008.5.1.4.1.1.4").pdus,
        "no class of storage": _prepared(dataset, class_uid=VERIFICATION).pdus,
        "cut off": pdata(command) + pdata(good.dataset[:-10], DATASET | LAST),
        "no data set at all": pdata(request(1, CT, x1000=b"1.2.3\0")),
    }[what]
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        found, comment = _refused(peer, pdus)
        assert found == status
        assert comment
        assert list(archive.store.list()) == []
        assert list(archive.store.incoming.iterdir()) == []
        peer.send(good.pdus)
        assert status_of(peer.read()) == 0


def test_an_instance_over_the_limit_is_read_to_its_end_and_refused(archive: Archive, listener: Listener):
    archive.limits = type(archive.limits)(2000, 0, 0)
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        for _ in range(2):
            assert _refused(peer, _prepared(ct_slice()).pdus)[0] == 0xA700
        peer.send(RELEASE)
        assert peer.read() == (6, bytes(4))
    assert list(archive.store.incoming.iterdir()) == []


def test_a_refused_instance_that_never_ends_is_ended(archive: Archive):
    archive.limits = type(archive.limits)(2000, 0, 0)
    with listening(archive, instance_bytes_max=1 << 20) as listener, RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        peer.send(pdata(request(1, CT, data_set=True, x1000=b"1.2\0")))
        for _ in range(20):
            peer.send(pdata(bytes(100_000), 0))
        assert peer.read() == (7, bytes((0, 0, 2, 0)))


def test_who_may_not_store_is_told_so(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    reader = Principal(PrincipalKind.PEER, "READER", verbs=frozenset({Verb.FIND}))
    monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_: reader)
    with listening(archive) as listener, RawPeer(listener.port) as peer:
        kind, body = peer.associate(((CT, (EXPLICIT,)), (PRIVATE_CLASS, (EXPLICIT,))))
        assert kind == 2
        assert struct.pack(">BB", 1, 0) in body
        assert bytes((3, 0, 3)) in body, "private classes are for those who may store"
        assert _refused(peer, _prepared(ct_slice()).pdus)[0] == 0x0124


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (DISK_FAILED.refused("object objects/01 was not stored"), 0xA700),
        (StoreFailed("the disk", "look at it"), 0xA700),
        (ChangeNotTaken("a mistake"), 0x0110),
        (RuntimeError("a mistake"), 0x0110),
    ],
)
def test_a_failure_of_the_node_promises_nothing(
    archive: Archive,
    listener: Listener,
    logged: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
    status: int,
):
    def fail(_: object) -> None:
        raise fault

    monkeypatch.setattr("pacs.archive.ingest.Reception.commit", fail)
    dataset = ct_slice()
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (EXPLICIT,)),))
        assert _refused(peer, _prepared(dataset).pdus)[0] == status
        monkeypatch.undo()
        peer.send(_prepared(dataset).pdus)
        assert status_of(peer.read()) == 0
    assert not any("Phantom^Anna" in str(event) for event in logged)


def test_private_classes_are_taken_when_allowed(archive: Archive):
    dataset = ct_slice(SOPClassUID=PRIVATE_CLASS)
    with listening(archive) as listener, RawPeer(listener.port) as peer:
        peer.associate(((PRIVATE_CLASS, (EXPLICIT,)),))
        peer.send(_prepared(dataset).pdus)
        assert status_of(peer.read()) == 0
    with listening(archive, accept_unknown_sop_classes=False) as listener, RawPeer(listener.port) as peer:
        _, body = peer.associate(((PRIVATE_CLASS, (EXPLICIT,)),))
        assert bytes((1, 0, 3)) in body


@pytest.mark.parametrize(
    ("uid", "known", "unknown"),
    [
        (CT, True, True),
        ("1.2.840.10008.5.1.4.1.1.66.7", True, True),
        ("1.2.840.10008.5.1.4.34.7", True, True),
        ("1.2.840.10008.5.1.4.1.1.999.1", False, True),
        (PRIVATE_CLASS, False, True),
        ("1.2.840.10008.1.20.1", False, False),
        ("1.2.840.10008.5.1.4.1.2.2.2", False, False),
        ("not a uid", False, False),
        ("", False, False),
    ],
)
def test_what_counts_as_storage(uid: str, known: bool, unknown: bool):
    assert is_storage_class(uid, accept_unknown=False) is known
    assert is_storage_class(uid, accept_unknown=True) is unknown


def test_implicit_data_sets_are_kept_too(archive: Archive, listener: Listener):
    dataset = ct_slice(transfer_syntax=IMPLICIT)  # type: ignore[arg-type]
    prepared = _prepared(dataset)
    with RawPeer(listener.port) as peer:
        peer.associate(((CT, (IMPLICIT, EXPLICIT)),))
        peer.send(prepared.pdus)
        assert status_of(peer.read()) == 0
    assert _stored(archive, dataset).endswith(prepared.dataset)
