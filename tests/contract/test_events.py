"""Events of two nodes on one PostgreSQL: whoever goes on from the last number misses none."""

from __future__ import annotations

import threading

from sqlalchemy import Connection

from pacs.archive.events import EventLog
from pacs.index.engine import Index
from pacs.model import Event, EventKind, utc_now


def append(connection: Connection, study: str) -> None:
    EventLog.append(connection, utc_now(), EventKind.STUDY_STABLE, study_instance_uid=study)


def test_a_number_that_is_given_early_and_committed_late_is_not_passed_over(postgresql_url: str) -> None:
    one, other = Index(postgresql_url), Index(postgresql_url)
    one.migrate()
    begun, given, go_on = threading.Event(), threading.Event(), threading.Event()

    def older(connection: Connection) -> None:
        EventLog.move_cursor(connection, "somebody", 1)  # it has its transaction's id from here on
        begun.set()
        assert given.wait(30)
        append(connection, "older")

    def younger(connection: Connection) -> None:
        append(connection, "younger")
        given.set()
        assert go_on.wait(30)

    writers = [threading.Thread(target=one.write, args=(older,)), threading.Thread(target=other.write, args=(younger,))]
    writers[0].start()
    assert begun.wait(30)
    writers[1].start()
    assert given.wait(30)
    log, seen = EventLog(one), list[Event]()
    writers[0].join(1)  # long enough for a transaction that nothing holds up
    seen += log.after(0)
    go_on.set()
    for writer in writers:
        writer.join(30)
    seen += log.after(seen[-1].number if seen else 0)
    assert [event.study_instance_uid for event in seen] == ["younger", "older"]
    one.close()
    other.close()
