from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pacs.access import activity
from pacs.access.activity import KEPT_PER_TITLE, WORDS, Activities, Activity, Ending, Reason
from pacs.index.engine import Index
from tests.access.conftest import MovedClock


@pytest.fixture
def activities(index: Index, clock: MovedClock) -> Activities:
    return Activities(index, clock)


@pytest.fixture
def released(clock: MovedClock) -> Activity:
    return Activity(
        clock(), "CT1", "192.0.2.7", True, Ending.because(Reason.RELEASED), 1.5, {"store_succeeded": 3}, "A700 no room"
    )


def test_every_reason_has_words():
    assert set(WORDS) == set(Reason)


def test_what_was_noted_is_told_newest_first(activities: Activities, released: Activity):
    refused = replace(
        released,
        ae_title="MR1",
        accepted=False,
        at=released.at + timedelta(seconds=1),
        ending=Ending.because(Reason.CALLED_AE_TITLE, called="PACS", own="SURET"),
    )
    activities.note(released)
    activities.note(refused)
    assert list(activities.latest()) == [refused, released]
    assert str(activities.latest()[0].ending) == "sent to AE title PACS; this node is SURET"
    assert list(activities.latest("CT1")) == [released]
    assert list(activities.latest(limit=1)) == [refused]


def test_one_talkative_title_does_not_push_out_the_others(activities: Activities, released: Activity):
    activities.note(replace(released, ae_title="QUIET"))
    for _ in range(KEPT_PER_TITLE + 20):
        activities.note(released)
    assert len(activities.latest("CT1", 1000)) == KEPT_PER_TITLE
    assert len(activities.latest("QUIET")) == 1


def test_the_log_is_bounded(activities: Activities, released: Activity, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(activity, "KEPT_MAX", 10)
    for number in range(30):
        activities.note(replace(released, ae_title=f"T{number}"))
    assert [entry.ae_title for entry in activities.latest(limit=100)] == [f"T{number}" for number in range(29, 19, -1)]
