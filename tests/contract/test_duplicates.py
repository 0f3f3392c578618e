"""What becomes of other content under a known SOP Instance UID, by the sender's registration, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydicom import Dataset
from sqlalchemy import select

from pacs.access.peer import DuplicatePolicy, Peer, PeerOptions, Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.archive.recovery import rebuild
from pacs.archive.verify import verify
from pacs.errors import DoesNotMatch
from pacs.index.schema import garbage, instance
from pacs.model import EventKind, InstanceState, Outcome, utc_now
from tests.support.archives import send
from tests.support.factories import ct_slice, part10

SUPERSEDE, REFUSE = DuplicatePolicy.SUPERSEDE, DuplicatePolicy.REFUSE


def _sender(policy: DuplicatePolicy, *, certified: bool = True) -> Principal:
    verbs = frozenset({Verb.STORE})
    peer = Peer("CT1", "192.0.2.7", 104, verbs, utc_now(), PeerOptions(tls=True, duplicates=policy))
    return Principal(PrincipalKind.PEER, "CT1", verbs=verbs, peer=peer, certified=certified)


def _live(archive: Archive, dataset: Dataset) -> bytes:
    [stored] = archive.instances(str(dataset.StudyInstanceUID))
    with archive.open(stored) as stream:
        return stream.read()[stored.dataset_offset :]


def _states(archive: Archive) -> list[str]:
    with archive.index.read() as connection:
        return sorted(connection.execute(select(instance.c.state)).scalars())


def _sound(archive: Archive) -> bool:
    return not list(verify(archive.index, archive.store, now=archive.clock() + timedelta(seconds=1), grace=timedelta()))


def test_who_is_certified_may_supersede_and_the_old_content_is_kept(archive: Archive) -> None:
    old, new = ct_slice(seed=1), ct_slice(seed=2)
    send(archive, old)
    before = archive.series_metadata(str(old.StudyInstanceUID), str(old.SeriesInstanceUID)).etag
    assert send(archive, new, _sender(SUPERSEDE)).outcome is Outcome.SUPERSEDED
    assert part10(new).endswith(_live(archive, new))
    assert _states(archive) == [InstanceState.LIVE, InstanceState.SUPERSEDED]
    assert archive.series_metadata(str(old.StudyInstanceUID), str(old.SeriesInstanceUID)).etag != before
    kinds = [found.kind for found in archive.events.after(0)]
    assert kinds == [EventKind.INSTANCE_STORED, EventKind.INSTANCE_SUPERSEDED]
    assert _sound(archive)


def test_what_was_superseded_does_not_come_back_by_being_sent_again(archive: Archive) -> None:
    old, new = ct_slice(seed=1), ct_slice(seed=2)
    send(archive, old)
    send(archive, new, _sender(SUPERSEDE))
    send(archive, old, _sender(SUPERSEDE))
    assert part10(new).endswith(_live(archive, new))
    assert _states(archive) == [InstanceState.LIVE, InstanceState.SUPERSEDED]
    assert _sound(archive)


def test_an_ae_title_without_certificate_supersedes_nothing(archive: Archive) -> None:
    old, new = ct_slice(seed=1), ct_slice(seed=2)
    send(archive, old)
    assert send(archive, new, _sender(SUPERSEDE, certified=False)).outcome is Outcome.CONFLICT
    assert part10(old).endswith(_live(archive, old))


def test_nothing_is_superseded_across_series(archive: Archive) -> None:
    old, new = ct_slice(seed=1), ct_slice(seed=2)
    new.SeriesInstanceUID = "1.2.826.0.1.3680043.9.7433.99"
    send(archive, old)
    assert send(archive, new, _sender(SUPERSEDE)).outcome is Outcome.CONFLICT
    assert part10(old).endswith(_live(archive, old))


def test_a_refused_duplicate_leaves_nothing_half_visible(archive: Archive) -> None:
    old, new = ct_slice(seed=1), ct_slice(seed=2)
    send(archive, old)
    with pytest.raises(DoesNotMatch, match="other content is stored under this SOP Instance UID") as refused:
        send(archive, new, _sender(REFUSE))
    assert refused.value.status == 0xA900
    assert send(archive, old, _sender(REFUSE)).outcome is Outcome.DUPLICATE
    assert _states(archive) == [InstanceState.LIVE]
    with archive.index.read() as connection:
        assert sorted(connection.execute(select(garbage.c.reason)).scalars()) == ["duplicate", "refused"]
    assert _sound(archive)


def test_a_rebuild_leaves_the_new_content_live(archive: Archive) -> None:
    old, new = ct_slice(seed=1), ct_slice(seed=2)
    send(archive, old)
    send(archive, new, _sender(SUPERSEDE))
    rebuild(archive)
    assert part10(new).endswith(_live(archive, new))
    assert len(_states(archive)) == 2
    assert _sound(archive)
