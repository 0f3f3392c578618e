"""What the node may be ordered to do with other systems: the kinds of jobs that more than one part adds or performs.

Whoever orders (rules, people, commands) and whoever performs (the DICOM wire) meet here and know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from pacs.archive import jobs
from pacs.archive.jobs import NewJob, Priority

SEND: Final = "send"
FETCH: Final = "fetch"
AVAILABILITY: Final = "availability"


def order_send(
    connection: Connection,
    at: datetime,
    ae_title: str,
    study_instance_uid: str,
    *,
    series: Sequence[str] = (),
    rule: str = "",
    by: str = "",
    priority: Priority = Priority.MEDIUM,
    commitment: bool | None = None,
    delay: timedelta = timedelta(),
    subject: str = "",
) -> str:
    """Inside a write: send a study, or these of its series, to a peer; the id of the job.

    What a `rule` orders is sent once: an object that the peer has taken before is left out. `by` is the person behind
    it. `commitment` None: as the peer is registered. Several orders of one `subject` that wait are one job, which sends
    everything that any of them names.
    """
    payload = {"series": sorted(series), "rule": rule, "by": by, "commitment": commitment}
    return jobs.add(
        connection,
        at,
        NewJob(
            SEND,
            ae_title,
            payload,
            study_instance_uid,
            subject=subject or f"{SEND} {rule or 'by hand'} {ae_title} {study_instance_uid}",
            priority=priority,
            delay=delay,
            merge=_both,
        ),
    )


def order_fetch(
    connection: Connection,
    at: datetime,
    ae_title: str,
    study_instance_uid: str,
    *,
    series: Sequence[str] = (),
    by: str = "",
    with_: str = "",
    priority: Priority = Priority.MEDIUM,
) -> str:
    """Inside a write: fetch what is not here yet of a study, or of these of its series, from a peer; the id of the
    job. `with_`: "get" or "move"; "" for the one that the peer does, C-GET first."""
    payload = {"series": sorted(series), "by": by, "with": with_}
    subject = f"{FETCH} {ae_title} {study_instance_uid}"
    new = NewJob(FETCH, ae_title, payload, study_instance_uid, subject=subject, priority=priority, merge=_both)
    return jobs.add(connection, at, new)


def order_availability(connection: Connection, at: datetime, ae_title: str, study_instance_uid: str) -> str:
    """Inside a write: tell a peer that a study is available here; the id of the job."""
    subject = f"{AVAILABILITY} {ae_title} {study_instance_uid}"
    return jobs.add(connection, at, NewJob(AVAILABILITY, ae_title, {}, study_instance_uid, subject=subject))


def _both(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """No series named means the whole study."""
    whole = not old["series"] or not new["series"]
    return {**new, "series": [] if whole else sorted({*old["series"], *new["series"]})}
