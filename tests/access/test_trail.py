"""What the audit trail tells who reads it, and that reading it is told too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pacs.access.audit import AuditCode, record
from pacs.access.principals import OPERATOR, Principal, PrincipalKind
from pacs.access.trail import KINDS, Trail, Wanted, codes_of
from pacs.errors import SettingsInvalid
from pacs.index.engine import Index
from tests.access.conftest import MovedClock

AIGUL = Principal(PrincipalKind.USER, "aigul", address="10.0.0.7")
CT1 = Principal(PrincipalKind.PEER, "CT1", address="192.0.2.7")


@pytest.fixture
def trail(index: Index, clock: MovedClock) -> Trail:
    """Three records, a minute after one another: a sign-in that failed, a study that was looked at, one that came."""

    def note(**values: Any) -> None:
        index.write(lambda connection: record(connection, clock(), **values))
        clock.move(60)

    note(code=AuditCode.USER_AUTHENTICATION, action="login", principal=AIGUL, outcome="failure")
    note(code=AuditCode.INSTANCES_ACCESSED, action="read", principal=AIGUL, study_instance_uid="1.2.3")
    note(
        code=AuditCode.INSTANCES_TRANSFERRED, action="stored", principal=CT1, study_instance_uid="1.2.4", detail="1.2.5"
    )
    return Trail(index, clock)


def test_the_newest_comes_first_with_everything_that_was_noted(trail: Trail, clock: MovedClock) -> None:
    newest, _, oldest = trail.read(Wanted(), 10, by=OPERATOR)
    assert (newest.kind, newest.code, newest.action, newest.outcome) == (
        "instances-transferred",
        "110104",
        "stored",
        "success",
    )
    assert (newest.by, newest.by_kind, newest.address) == ("CT1", "peer", "192.0.2.7")
    assert (newest.study_instance_uid, newest.detail) == ("1.2.4", "1.2.5")
    assert oldest.at == clock() - timedelta(minutes=3)


def test_each_wish_narrows(trail: Trail, clock: MovedClock) -> None:
    def actions(**wished: Any) -> list[str]:
        return [one.action for one in trail.read(Wanted(**wished), 10, by=OPERATOR) if one.by != OPERATOR.name]

    assert actions(by="aigul") == ["read", "login"]
    assert actions(study_instance_uid="1.2.3") == ["read"]
    assert actions(kinds=codes_of(["instances-accessed", "user-authentication"])) == ["read", "login"]
    assert actions(only_failures=True) == ["login"]
    assert actions(since=clock() - timedelta(minutes=2)) == ["stored", "read"]
    assert actions(until=clock() - timedelta(minutes=2)) == ["login"]
    assert actions(by="aigul", kinds=codes_of(["instances-transferred"])) == []


def test_a_page_follows_another(trail: Trail) -> None:
    (first,) = trail.read(Wanted(), 1, by=OPERATOR)
    rest = trail.read(Wanted(before=first.number), 10, by=OPERATOR)
    assert [one.action for one in rest] == ["read", "login"]


def test_reading_it_is_a_record(trail: Trail) -> None:
    trail.read(Wanted(study_instance_uid="1.2.3"), 10, by=AIGUL)
    newest = trail.read(Wanted(), 1, by=OPERATOR)[0]
    assert (newest.kind, newest.by, newest.study_instance_uid, newest.detail) == (
        "audit-log-used",
        "aigul",
        "1.2.3",
        "1 record",
    )


def test_a_kind_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(SettingsInvalid, match="instances-accessed"):
        codes_of(["reading"])
    assert set(KINDS.values()) == set(AuditCode)
