"""The archive: objects, what waits for somebody, and when it was last looked through and copied."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from pacs.archive import duties
from pacs.archive.duties import Duty
from pacs.archive.jobs import JobState
from pacs.archive.patients import mixed, shared_identities
from pacs.archive.verify import followers_behind
from pacs.doctor.finding import Finding, unseen, well, wrong
from pacs.doctor.look import Look
from pacs.index.schema import instance, job, start, study, unknown_caller
from pacs.model import HIDDEN, InstanceState, StorageState, from_microseconds
from storage.errors import StorageError

BACKUP_AGE_MAX = timedelta(days=2)
STALE_PART = timedelta(hours=24)
PASS_LATE = 1.1
CALLER_FRESH = timedelta(days=30)


def object_store(look: Look) -> Iterator[Finding]:
    """Does the object store give back what it is given?"""
    if look.store is None:
        yield (wrong if look.has_archive else unseen)(
            look.store_trouble, "check PACS_STORAGE, the disk and its mounts, or start the node once"
        )
        return
    try:
        look.store.check()
    except StorageError as error:
        yield wrong(f"the object store is not usable: {error}", "see to it; until then nothing is taken in")
        return
    if getattr(look.store, "honours_conditions", True):
        yield well("the object store gives back what it is given")
    else:
        yield wrong(
            "the S3 service lets two writers of one key both win (it does not honour If-None-Match)",
            "the node works with it, as its keys are used once; a service that honours it is safer",
        )


def damaged(look: Look) -> Iterator[Finding]:
    """Are there damaged objects?"""
    count = _count(look, instance.c.storage == StorageState.DAMAGED, instance.c.state.not_in(HIDDEN))
    if count:
        yield wrong(
            f"{_many(count, 'object')} damaged and not shown to anybody",
            "send the studies again from their source, or `pacs scrub --from` a backup; `pacs verify` names them",
        )
    elif count is not None:
        yield well("no object is known to be damaged")


def conflicts(look: Look) -> Iterator[Finding]:
    """Does another version of an image wait for a decision?"""
    count = _count(look, instance.c.state == InstanceState.CONFLICT)
    if count:
        yield wrong(
            f"{_many(count, 'image')} kept beside another with the same UID and other content",
            "find out which is right: a device that gives one UID to two images has to be repaired; both are kept",
        )


def patients(look: Look) -> Iterator[Finding]:
    """Are there objects of different people under one Patient ID, or in one study?"""
    if not _is_readable(look):
        return
    assert look.index is not None
    with look.index.read() as connection:
        shared, studies = shared_identities(connection), len(mixed(connection))
    if shared:
        yield wrong(
            f"{_many(shared, 'Patient ID')} in use by different people: names, birth dates or sexes differ",
            "the worklist marks their studies: `pacs move STUDY RIGHT_ID PatientName=…` gives one to whom it is of; "
            "where it is one person, `pacs correct PatientName=… PatientBirthDate=… --patient ID` has all say the same",
        )
    if studies:
        yield wrong(
            f"{studies} {'study has' if studies == 1 else 'studies have'} objects that name another patient",
            "the worklist marks them: `pacs delete` what is of somebody else and have it sent again under a study of "
            "its own, or `pacs correct PatientName=… --study UID` where only the name is wrong",
        )


def unfinished(look: Look) -> Iterator[Finding]:
    """Is there anything that began to arrive and is left?"""
    if look.store is None:
        return
    before = (look.now - STALE_PART).timestamp()
    stale = 0
    for part in look.store.incoming.glob("*.part"):
        try:
            stale += part.stat().st_mtime < before
        except OSError:
            continue
    if stale:
        yield wrong(
            f"{_many(stale, 'unfinished arrival')} left in {look.store.incoming}",
            "restart the node: it removes them; their senders were never told that they are stored",
        )


def followers(look: Look) -> Iterator[Finding]:
    """Does whatever follows the event log keep up?"""
    if not _is_readable(look):
        return
    assert look.index is not None
    behind = list(followers_behind(look.index, look.now))
    for follower, waiting in behind:
        yield wrong(
            f"{follower} is {waiting} events and more than a day behind", "see the node's log for why, and restart it"
        )
    if not behind:
        yield well("everything that follows the event log keeps up")


def jobs(look: Look) -> Iterator[Finding]:
    """Has work for other systems failed for good?"""
    if not _is_readable(look):
        return
    assert look.index is not None
    dead = select(job.c.destination, func.count()).where(job.c.state == JobState.DEAD).group_by(job.c.destination)
    with look.index.read() as connection:
        found = connection.execute(dead).all()
    for destination, count in found:
        yield wrong(
            f"{_many(count, 'job')} for {destination or 'this node'} given up",
            "see the node's log for why; set the other side right and order them again",
        )


def callers(look: Look) -> Iterator[Finding]:
    """Does a device wait to be let in?"""
    if not _is_readable(look):
        return
    assert look.index is not None
    with look.index.read() as connection:
        waiting = connection.execute(select(unknown_caller).order_by(unknown_caller.c.last_at.desc())).all()
    fresh = [caller for caller in waiting if look.now - from_microseconds(caller.last_at) < CALLER_FRESH]
    for caller in fresh[:5]:
        yield wrong(
            f"{caller.ae_title} at {caller.address} called {caller.attempts} times and was refused",
            f"if it is yours: pacs ae approve {caller.ae_title!r} {caller.address} --allow store; `pacs ae unknown` "
            "lists all",
        )


def backup(look: Look) -> Iterator[Finding]:
    """How old is the last backup?"""
    if not _is_readable(look):
        return
    done = _progress(look, Duty.BACKUP)
    if done.finished_at is None:
        if _count(look):
            yield wrong(
                "no backup was ever made with `pacs backup`",
                "run `pacs backup FOLDER` every night, onto another machine's disk; with backups of another kind, "
                "try to restore one",
            )
        return
    if look.now - done.finished_at > BACKUP_AGE_MAX:
        yield wrong(
            f"the last backup is {_age(look.now - done.finished_at)} old (into {done.position})",
            "run `pacs backup` every night, and see why it has not run",
        )
    else:
        yield well(f"the last backup is {_age(look.now - done.finished_at)} old")


def scrubbed(look: Look) -> Iterator[Finding]:
    """When was every object last read?"""
    if not _is_readable(look):
        return
    assert look.index is not None
    period = timedelta(days=look.settings.archive.scrub_days)
    if not period:
        yield wrong("objects are never read again (PACS_ARCHIVE__SCRUB_DAYS=0)", "set it to 30, or run `pacs scrub`")
        return
    done = _progress(look, Duty.SCRUB_ALL)
    with look.index.read() as connection:
        oldest = connection.execute(select(func.min(study.c.received_at))).scalar()
        started = connection.execute(select(func.max(start.c.at))).scalar()
    since = done.finished_at or (from_microseconds(min(oldest, started or oldest)) if oldest is not None else None)
    if since is not None and look.now - since > period * PASS_LATE:
        yield wrong(
            f"the last time that every object was read is more than {period.days} days ago",
            "let the node run, raise PACS_ARCHIVE__SCRUB_SHARE, or run `pacs scrub`",
        )
    elif done.finished_at is not None:
        yield well(f"every object was read again; the last pass ended {_age(look.now - done.finished_at)} ago")


def _progress(look: Look, duty: Duty) -> duties.Progress:
    assert look.index is not None
    with look.index.read() as connection:
        return duties.progress(connection, duty)


def _is_readable(look: Look) -> bool:
    """Whether the index is there with the tables that this release knows; else `opened` has said it."""
    return look.index is not None and len(set(look.index.revision())) == 1


def _count(look: Look, *conditions: Any) -> int | None:
    if not _is_readable(look):
        return None
    assert look.index is not None
    with look.index.read() as connection:
        return int(connection.execute(select(func.count()).select_from(instance).where(*conditions)).scalar_one())


def _many(count: int, noun: str) -> str:
    return f"1 {noun} is" if count == 1 else f"{count} {noun}s are"


def _age(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"
