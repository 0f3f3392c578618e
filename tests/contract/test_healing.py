"""An object that storage no longer gives back as it came: noticed, never served as good, and healed by a re-send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

import pytest
from sqlalchemy import func, select

from pacs.archive.archive import Archive
from pacs.archive.damage import doubt_damaged, prove
from pacs.archive.housekeeping import remove_garbage
from pacs.archive.recovery import rebuild
from pacs.archive.verify import Violation, verify
from pacs.errors import NotFound, StoreFailed, Unreadable
from pacs.index.schema import garbage, instance
from pacs.model import EventKind, InstanceState, Outcome, StorageState, StoredInstance
from storage.errors import StorageFailed
from tests.support.archives import send
from tests.support.factories import ct_slice, part10

Deed = Callable[[bytes], bytes | None]

DAMAGE: dict[str, Deed] = {
    "missing": lambda _: None,
    "truncated": lambda content: content[:-100],
    "rotten": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "rotten before the data set": lambda content: bytes([1]) + content[1:],
    "another's": lambda _: part10(ct_slice(seed=5)),
}


def _spoil(archive: Archive, object_key: str, deed: Deed) -> None:
    with archive.store.open(object_key) as stream:
        content = deed(stream.read())
    archive.store.delete(object_key)
    if content is not None:
        file = archive.store.incoming / "spoilt.part"
        file.write_bytes(content)
        archive.store.put(object_key, file, {})


def _live(archive: Archive) -> StoredInstance:
    [found] = archive.instances(ct_slice().StudyInstanceUID)
    return found


def _content(archive: Archive) -> bytes:
    with archive.open(_live(archive)) as stream:
        return stream.read()


def _violations(archive: Archive) -> list[Violation]:
    return list(verify(archive.index, archive.store, now=archive.clock() + timedelta(seconds=1), grace=timedelta()))


def _garbage(archive: Archive) -> dict[str, str]:
    with archive.index.read() as connection:
        return dict(connection.execute(select(garbage.c.object_key, garbage.c.reason)).all())  # type: ignore[arg-type]


@pytest.mark.parametrize("deed", DAMAGE.values(), ids=DAMAGE)
def test_a_resend_heals_what_nobody_noticed(archive: Archive, deed: Deed) -> None:
    assert send(archive, ct_slice()).outcome is Outcome.STORED
    before, spoilt = _content(archive), _live(archive).object_key
    _spoil(archive, spoilt, deed)
    assert send(archive, ct_slice()).outcome is Outcome.DUPLICATE
    assert _garbage(archive) == {spoilt: "damaged"}
    remove_garbage(archive, timedelta())
    assert _live(archive).object_key != spoilt
    assert _content(archive) == before
    assert [found.kind for found in archive.events.after(0)] == [EventKind.INSTANCE_STORED, EventKind.INSTANCE_HEALED]
    assert _violations(archive) == []
    assert send(archive, ct_slice()).outcome is Outcome.DUPLICATE
    assert list(_garbage(archive).values()) == ["duplicate"]


def test_a_held_version_is_healed_too(archive: Archive) -> None:
    send(archive, ct_slice(seed=1))
    assert send(archive, ct_slice(seed=2)).outcome is Outcome.CONFLICT
    with archive.index.read() as connection:
        [held] = connection.execute(
            select(instance.c.object_key).where(instance.c.state == InstanceState.CONFLICT)
        ).scalars()
    _spoil(archive, held, DAMAGE["rotten"])
    assert send(archive, ct_slice(seed=2)).outcome is Outcome.CONFLICT
    assert _garbage(archive) == {held: "damaged"}
    remove_garbage(archive, timedelta())
    with archive.index.read() as connection:
        assert connection.execute(select(func.count()).select_from(instance)).scalar_one() == 2
    assert _violations(archive) == []


def _look(archive: Archive) -> None:
    while (object_key := archive.doubts.take(0)) is not None:
        prove(archive, object_key)


@pytest.mark.parametrize("deed", [DAMAGE["missing"], DAMAGE["truncated"]], ids=["missing", "truncated"])
def test_a_read_that_fails_marks_the_object(archive: Archive, deed: Deed) -> None:
    send(archive, ct_slice())
    found = _live(archive)
    _spoil(archive, found.object_key, deed)
    with pytest.raises((StoreFailed, Unreadable)):
        archive.frame(found, 1)
    _look(archive)
    assert _live(archive).storage is StorageState.DAMAGED
    with pytest.raises(Unreadable, match="damaged"):
        archive.open(_live(archive))
    assert archive.doubts.take(0) is None
    assert send(archive, ct_slice()).outcome is Outcome.DUPLICATE
    assert _live(archive).storage is StorageState.STORED
    assert archive.frame(_live(archive), 1)


def test_a_mark_goes_when_the_object_is_there_again(archive: Archive) -> None:
    send(archive, ct_slice())
    key, content = _live(archive).object_key, _content(archive)
    _spoil(archive, key, DAMAGE["rotten"])
    assert prove(archive, key) is StorageState.DAMAGED
    assert doubt_damaged(archive) == 1
    _look(archive)
    assert _live(archive).storage is StorageState.DAMAGED
    _spoil(archive, key, lambda _: content)  # the disk is mounted again
    assert doubt_damaged(archive) == 1
    _look(archive)
    assert _live(archive).storage is StorageState.STORED
    assert doubt_damaged(archive) == 0


def test_storage_that_does_not_answer_marks_nothing(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    send(archive, ct_slice())
    found = _live(archive)

    def refuse(*_: object) -> NoReturn:
        raise StorageFailed("the service does not answer")

    monkeypatch.setattr(archive.store, "open", refuse)
    with pytest.raises(StoreFailed):
        archive.open(found)
    assert prove(archive, found.object_key) is None
    assert _live(archive).storage is StorageState.STORED
    with pytest.raises(NotFound):
        prove(archive, "objects/nobody.dcm")


# The index is made anew -----------------------------------------------------------------------------------------


def _states(archive: Archive) -> dict[str, tuple[str, str]]:
    with archive.index.read() as connection:
        rows = connection.execute(select(instance.c.object_key, instance.c.state, instance.c.storage)).all()
    return {key: (state, storage) for key, state, storage in rows}


def test_a_rebuild_within_the_grace_keeps_the_healed_object(archive: Archive) -> None:
    send(archive, ct_slice())
    spoilt = _live(archive).object_key
    _spoil(archive, spoilt, DAMAGE["rotten"])
    send(archive, ct_slice())
    healed = _live(archive).object_key
    report = rebuild(archive)
    assert (report.stored, report.conflicts, report.damaged) == (1, 0, ())
    assert _states(archive) == {healed: ("live", "stored")}
    assert _garbage(archive) == {spoilt: "damaged"}


def test_a_rebuild_prefers_the_spare_of_a_damaged_object(archive: Archive) -> None:
    send(archive, ct_slice())
    live = _live(archive).object_key
    send(archive, ct_slice())
    [spare] = _garbage(archive)
    _spoil(archive, live, DAMAGE["rotten"])
    report = rebuild(archive)
    assert (report.stored, report.duplicates, report.damaged) == (1, 1, (live,))
    assert _states(archive) == {spare: ("live", "stored")}
    assert _garbage(archive) == {live: "damaged"}
    assert _violations(archive) == []


def test_a_damaged_object_without_a_spare_is_not_blessed_by_a_rebuild(archive: Archive) -> None:
    send(archive, ct_slice())
    live = _live(archive).object_key
    _spoil(archive, live, DAMAGE["rotten"])
    assert rebuild(archive).damaged == (live,)
    assert _states(archive) == {live: ("live", "damaged")}
    assert [found.invariant for found in _violations(archive)] == ["I1"]
    assert send(archive, ct_slice()).outcome is Outcome.DUPLICATE
    assert _live(archive).storage is StorageState.STORED
    assert _violations(archive) == []


def test_what_was_live_stays_live_over_what_was_held(archive: Archive) -> None:
    send(archive, ct_slice(seed=1))
    _spoil(archive, _live(archive).object_key, DAMAGE["missing"])
    assert send(archive, ct_slice(seed=2)).outcome is Outcome.CONFLICT
    assert send(archive, ct_slice(seed=1)).outcome is Outcome.DUPLICATE
    before = _states(archive)
    report = rebuild(archive)
    assert (report.stored, report.conflicts) == (1, 1)
    assert _states(archive) == before
