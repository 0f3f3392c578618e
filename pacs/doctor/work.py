"""What the running node tells of its work since it started: what it refused, and the processes that help it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pacs.doctor.finding import Finding, well, wrong
from pacs.doctor.look import Look
from pacs.troubles import TROUBLES

REFUSED_LATELY = timedelta(days=1)
KEEPS_DYING = 3
"""So many ends of a process that helps are no accident any more."""
LOST_ONE_IN = 1000
"""Of so many frames a decoder may be lost at one: there are hostile and broken images."""


def refused(look: Look) -> Iterator[Finding]:
    """Was anything not taken in because something was wrong beneath?"""
    if look.status is None:
        return
    told: Mapping[str, Mapping[str, Any]] = look.status.get("refused", {})
    for code, what in told.items():
        trouble, when = TROUBLES[code], f"{_times(what['count'])} since the node started, the last at {what['last_at']}"
        if look.now - datetime.fromisoformat(what["last_at"]) > REFUSED_LATELY:
            yield well(f"images were refused {when}, and none since; their senders heard: {trouble.words}")
            continue
        yield wrong(
            f"images were refused {when}; their senders heard: {trouble.words}",
            f"{trouble.remedy}. The senders send again, and the audit trail names them (instances_refused); a restart "
            "of the node counts from 0",
        )
    if not told:
        yield well("nothing was refused for want of room, disk, memory or index since the node started")


def hashing(look: Look) -> Iterator[Finding]:
    """Does the process that hashes large images beside the node work? No image depends on it."""
    told = _prepared(look)
    if not told:
        return
    if "hasher_deaths" not in told:
        assert look.status is not None
        yield well(
            "images are hashed by the node itself: it has one processor"
            if look.status["processors"] == 1
            else "images are hashed by the node itself: the kernel gives it no shared memory; they take a little longer"
        )
        return
    deaths, digests = told["hasher_deaths"], told["hasher_digests"]
    if deaths:
        state = "is at work again" if told["hasher_ready"] else "is begun again with a large image a minute later"
        yield wrong(
            f"the process that hashes large images has died {_times(deaths)} since the node started, and {state}; "
            "no image suffers: the node then hashes by itself",
            "look for hasher_ended in the node's log, and whether this machine runs out of memory; a restart of the "
            "node counts from 0",
        )
    elif told["hasher_ready"]:
        yield well(f"large images are hashed by a process of their own, {_times(digests)} since the node started")
    else:
        yield well("a process that hashes large images begins with the first of them")


def ready_files(look: Look) -> Iterator[Finding]:
    """Can files be made before they are needed?"""
    told = _prepared(look)
    if failures := told.get("files_failures"):
        yield wrong(
            f"files for the next images could not be made ready {_times(failures)} since the node started; "
            "each image makes its own, which takes a little longer",
            "look for no_files_made_ready in the node's log: the folder's owner, or room on its disk",
        )
    elif told:
        yield well(f"{told['files_ready']} files are ready for the next images; {told['files_taken']} were taken")


def pictures(look: Look) -> Iterator[Finding]:
    """Do the processes that make pictures beside the event loop work? No picture depends on them."""
    told = _told(look, "pictures")
    if not told:
        return
    if not told["processes"]:
        yield well("small pictures are made by the node itself: it has one processor")
        return
    done = f"{told['made']} pictures made since the node started, {told['refused']} left to the node"
    if told["deaths"]:
        yield wrong(
            f"processes that make pictures have died {_times(told['deaths'])} since the node started ({done}); each is "
            "begun again a minute later, and meanwhile the node makes the pictures itself",
            f"look for picture_process_ended in the node's log{_why(told['deaths'])}; a restart of the node counts "
            "from 0",
        )
    elif told["running"]:
        yield well(f"{told['running']} of {told['processes']} processes make small pictures: {done}")
    else:
        yield well("processes that make small pictures begin when several are wanted at once")


def decoders(look: Look) -> Iterator[Finding]:
    """Do the processes that decode compressed images work?"""
    told = _told(look, "decoders")
    if not told:
        return
    if told["not_started"]:
        yield wrong(
            f"processes that decode images could not be started {_times(told['not_started'])} since the node started; "
            f"{told['running']} of {told['workers']} run",
            "look for decode_worker_not_started in the node's log, and raise MemoryMax and TasksMax of the service; "
            "PACS_ARCHIVE__DECODE_MEMORY_BYTES under 256 MiB is too little",
        )
    if told["refused"]:
        yield wrong(
            f"pictures were refused {_times(told['refused'])} since the node started, as every decoder was at work",
            "raise PACS_ARCHIVE__DECODE_WORKERS if the machine has processors to spare",
        )
    keeps_dying = told["lost"] >= KEEPS_DYING and told["lost"] * LOST_ONE_IN > told["frames"]
    if keeps_dying:
        yield wrong(
            f"processes that decode images were lost {_times(told['lost'])} in {told['frames'] + told['lost']} frames "
            "since the node started; each was replaced, and those frames were not shown",
            f"look for decode_worker_lost in the node's log: it says why{_why(told['lost'])}; one and the same image "
            "that does it every time is damaged or hostile: fetch it as it is stored",
        )
    if not told["not_started"] and not told["refused"] and not keeps_dying:
        yield well(
            f"{told['running']} of {told['workers']} decoders run: {told['frames']} frames since the node started"
        )


def _why(deaths: int) -> str:
    return ", and whether this machine runs out of memory (`dmesg`)" if deaths >= KEEPS_DYING else ""


def _told(look: Look, name: str) -> Mapping[str, int]:
    """What the running node counts under a name; empty where none runs."""
    return look.status.get(name, {}) if look.status is not None else {}


def _prepared(look: Look) -> Mapping[str, int]:
    """What the running node has prepared for arrivals; empty where none runs, and where objects are kept by S3."""
    return _told(look, "prepared")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
