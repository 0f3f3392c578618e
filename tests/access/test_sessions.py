"""Sessions: how long they last, what ends them, that the index keeps no secret."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from pacs.access.accounts import Account, Accounts
from pacs.access.principals import OPERATOR, PrincipalKind, Role
from pacs.access.sessions import Sessions
from pacs.errors import OutOfResources
from pacs.index.engine import Index
from pacs.index.schema import session

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "Correct-horse-battery-1"
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)


@pytest.fixture
def sessions(index: Index, clock: Any) -> Sessions:
    return Sessions(index, clock, idle=IDLE, longest=LONGEST)


@pytest.fixture
def accounts(index: Index, clock: Any) -> Accounts:
    return Accounts(index, clock, CHEAP_HASHER)


@pytest.fixture
def owner(accounts: Accounts) -> Account:
    return accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)


def test_a_session_is_its_owner(sessions: Sessions, owner: Account, index: Index) -> None:
    secret = sessions.open(owner)
    found = sessions.authenticate(secret, "10.0.0.7")
    assert found is not None
    assert (found.principal.kind, found.principal.name, found.principal.address) == (
        PrincipalKind.USER,
        "aigul",
        "10.0.0.7",
    )
    with index.read() as connection:
        assert secret not in connection.execute(select(session.c.secret_sha256)).scalars().all()
    assert sessions.authenticate("") is None
    assert sessions.authenticate("x" * 43) is None
    assert sessions.authenticate("x" * 5000) is None


def test_a_full_disk_ends_no_session_that_is_used(
    sessions: Sessions, owner: Account, clock: Any, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = sessions.open(owner)

    def full(_work: object) -> None:
        raise OutOfResources("the index has no room left on its disk")

    with monkeypatch.context() as patch:
        patch.setattr(index, "write", full)
        for _ in range(4):
            clock.move(IDLE.total_seconds() - 60)
            assert sessions.authenticate(secret) is not None
    clock.move(61)
    assert sessions.authenticate(secret) is not None
    clock.move(IDLE.total_seconds())
    assert sessions.authenticate(secret) is None


def test_idle_sessions_end_and_used_ones_do_not(sessions: Sessions, owner: Account, clock: Any) -> None:
    secret = sessions.open(owner)
    for _ in range(4):
        clock.move(IDLE.total_seconds() - 60)
        assert sessions.authenticate(secret) is not None
    clock.move(IDLE.total_seconds())
    assert sessions.authenticate(secret) is None


def test_watching_is_not_using(sessions: Sessions, owner: Account, clock: Any) -> None:
    secret = sessions.open(owner)
    clock.move(IDLE.total_seconds() - 60)
    assert sessions.authenticate(secret, used=False) is not None
    clock.move(60)
    assert sessions.authenticate(secret, used=False) is None


def test_no_session_lasts_longer_than_the_longest(sessions: Sessions, owner: Account, clock: Any) -> None:
    secret = sessions.open(owner)
    for _ in range(int(LONGEST / timedelta(minutes=20)) - 1):
        clock.move(20 * 60)
        assert sessions.authenticate(secret) is not None
    clock.move(20 * 60)
    assert sessions.authenticate(secret) is None


def test_signing_in_again_ends_the_old_session(sessions: Sessions, owner: Account) -> None:
    old = sessions.open(owner)
    new = sessions.open(owner, replaces=old)
    assert sessions.authenticate(old) is None
    assert sessions.authenticate(new) is not None


def test_signing_out_ends_it_at_once(sessions: Sessions, owner: Account) -> None:
    secret = sessions.open(owner)
    found = sessions.authenticate(secret)
    assert found is not None
    sessions.end(secret, found.principal)
    assert sessions.authenticate(secret) is None
    sessions.end(secret, found.principal)


def test_disabling_and_a_new_password_end_sessions_within_a_second(
    sessions: Sessions, accounts: Accounts, owner: Account, clock: Any
) -> None:
    kept, other = sessions.open(owner), sessions.open(owner)
    assert sessions.authenticate(other) is not None
    accounts.change_password("aigul", PASSWORD, "Quite-another-one-2", keep_session=kept)
    clock.move(1)
    assert sessions.authenticate(other) is None
    assert sessions.authenticate(kept) is not None
    accounts.set_disabled("aigul", True, by=OPERATOR)
    clock.move(1)
    assert sessions.authenticate(kept) is None


def test_seen_at_is_written_once_a_minute(sessions: Sessions, owner: Account, index: Index, clock: Any) -> None:
    secret = sessions.open(owner)
    before = index.statistics()["works"]
    for _ in range(60):
        clock.move(2)
        sessions.authenticate(secret)
    assert index.statistics()["works"] - before == 2


def test_sessions_past_their_time_are_cleared_away(
    sessions: Sessions, owner: Account, index: Index, clock: Any
) -> None:
    sessions.open(owner)
    clock.move(IDLE.total_seconds())
    sessions.open(owner)
    with index.read() as connection:
        assert len(connection.execute(select(session)).all()) == 1
