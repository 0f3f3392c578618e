from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from pacs.archive.keys import ArrivalOrder, object_key

NOW = datetime(2026, 11, 23, 7, 59, 59, tzinfo=UTC)


def test_keys_rise_though_the_clock_stands_still_or_steps_back() -> None:
    moments = iter([NOW, NOW, NOW - timedelta(days=1), NOW, NOW + timedelta(milliseconds=1)])
    order = ArrivalOrder(lambda: next(moments))
    given = [order.next() for _ in range(5)]
    assert given == sorted(given)
    assert len(set(given)) == 5
    assert all(abs(ulid.datetime - NOW) < timedelta(seconds=1) for ulid in given)


def test_threads_never_get_the_same_key() -> None:
    order = ArrivalOrder(lambda: NOW)
    given: list[str] = []
    threads = [threading.Thread(target=lambda: given.extend(str(order.next()) for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given)) == 2000


def test_a_key_is_the_hour_and_the_ulid() -> None:
    ulid = ArrivalOrder(lambda: NOW).next()
    assert object_key(ulid) == f"objects/2026/11/23/07/{ulid}.dcm"
