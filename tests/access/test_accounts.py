"""Accounts: what may be made, who signs in, how guessing is slowed, what a token is good for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from pacs.access.accounts import FREE_FAILURES, LOCK_MAX, AccountRefused, Accounts, SignInRefused
from pacs.access.grants import Action, may
from pacs.access.passwords import PasswordRefused
from pacs.access.principals import OPERATOR, PrincipalKind, Role
from pacs.index.engine import Index
from pacs.index.schema import account, audit, token

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
PASSWORD = "Correct-horse-battery-1"


@pytest.fixture
def accounts(index: Index, clock: Any) -> Accounts:
    return Accounts(index, clock, CHEAP_HASHER)


def audited(index: Index) -> list[tuple[str, str, str]]:
    with index.read() as connection:
        rows = connection.execute(select(audit.c.action, audit.c.outcome, audit.c.detail).order_by(audit.c.number))
        return [(row.action, row.outcome, row.detail) for row in rows]


def test_the_first_start_makes_a_one_time_password_once(accounts: Accounts, index: Index) -> None:
    made = accounts.ensure_administrator("")
    assert made is not None
    assert len(made) >= 16
    assert accounts.ensure_administrator("") is None
    signed_in = accounts.sign_in("admin", made)
    assert signed_in.role is Role.ADMIN
    assert signed_in.must_change_password
    assert ("administrator made", "success", "admin") in audited(index)


def test_a_given_administrator_password_is_taken_and_kept(accounts: Accounts) -> None:
    assert accounts.ensure_administrator(PASSWORD) is None
    assert not accounts.sign_in("admin", PASSWORD).must_change_password
    assert accounts.ensure_administrator("Another-password-2") is None
    accounts.sign_in("admin", PASSWORD)


@pytest.mark.parametrize("password", ["short", "admin12", "adminadmin", "aaaaaaaaaaaaaa", "x" * 2000])
def test_weak_passwords_are_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(PasswordRefused) as refused:
        accounts.ensure_administrator(password)
    assert refused.value.hint
    assert accounts.listing() == []


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "a" * 65, "имя", "-x", "a\n"])
def test_odd_names_are_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountRefused):
        accounts.create(name, Role.CLINICIAN, PASSWORD, by=OPERATOR)


def test_secrets_are_not_kept(accounts: Accounts, index: Index) -> None:
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    secret = accounts.token("aigul")
    with index.read() as connection:
        hashes = connection.execute(select(account.c.password_hash)).scalars().all()
        kept = connection.execute(select(token.c.secret_sha256)).scalars().all()
    assert all(found.startswith("$argon2id$") for found in hashes)
    assert secret not in kept
    assert secret.removeprefix("suret_") not in "".join(kept)


def test_wrong_password_and_unknown_name_sound_alike(accounts: Accounts, index: Index) -> None:
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    with pytest.raises(SignInRefused) as wrong:
        accounts.sign_in("aigul", "not-the-password")
    with pytest.raises(SignInRefused) as unknown:
        accounts.sign_in("nobody", "not-the-password")
    assert str(wrong.value) == str(unknown.value)
    assert [entry for entry in audited(index) if entry[1] == "failure"] == [
        ("login", "failure", "aigul"),
        ("login", "failure", "nobody"),
    ]


@pytest.mark.parametrize("name", ["aigul", "nobody"])
def test_failures_lock_for_ever_longer(accounts: Accounts, clock: Any, name: str) -> None:
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    waits = []
    for _ in range(FREE_FAILURES + 3):
        with pytest.raises(SignInRefused) as refused:
            accounts.sign_in(name, "wrong-password")
        if refused.value.retry_after_s:
            waits.append(refused.value.retry_after_s)
            clock.move(refused.value.retry_after_s)
            with pytest.raises(SignInRefused):
                accounts.sign_in(name, "wrong-password")
    assert waits == sorted(set(waits))
    assert len(waits) >= 2
    assert timedelta(seconds=waits[-1]) <= LOCK_MAX + timedelta(seconds=1)


def test_a_locked_account_refuses_the_right_password_until_its_time(accounts: Accounts, clock: Any) -> None:
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    for _ in range(FREE_FAILURES + 1):
        with pytest.raises(SignInRefused):
            accounts.sign_in("aigul", "wrong-password")
    with pytest.raises(SignInRefused) as locked:
        accounts.sign_in("aigul", PASSWORD)
    clock.move(locked.value.retry_after_s)
    accounts.sign_in("aigul", PASSWORD)
    with pytest.raises(SignInRefused) as again:  # success starts the count anew
        accounts.sign_in("aigul", "wrong-password")
    assert again.value.retry_after_s == 0


def test_parallel_guesses_are_all_counted(accounts: Accounts) -> None:
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)

    def guess(number: int) -> int:
        with pytest.raises(SignInRefused) as refused:
            accounts.sign_in("aigul", f"guess-number-{number}")
        return refused.value.retry_after_s

    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(guess, range(FREE_FAILURES + 6)))
    assert sum(1 for wait in waits if wait == 0) == FREE_FAILURES + 1


def test_changing_a_password(accounts: Accounts) -> None:
    made = accounts.ensure_administrator("")
    assert made is not None
    with pytest.raises(SignInRefused):
        accounts.change_password("admin", "wrong-password", PASSWORD)
    with pytest.raises(PasswordRefused):
        accounts.change_password("admin", made, "short")
    with pytest.raises(AccountRefused):
        accounts.change_password("admin", made, made)
    accounts.change_password("admin", made, PASSWORD)
    assert not accounts.sign_in("admin", PASSWORD).must_change_password
    with pytest.raises(SignInRefused):
        accounts.sign_in("admin", made)


def test_a_disabled_account_neither_signs_in_nor_uses_its_tokens(accounts: Accounts) -> None:
    accounts.ensure_administrator(PASSWORD)
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    secret = accounts.token("aigul")
    assert accounts.authenticate_token(secret) is not None
    accounts.set_disabled("aigul", True, by=OPERATOR)
    assert accounts.authenticate_token(secret) is None
    with pytest.raises(SignInRefused):
        accounts.sign_in("aigul", PASSWORD)
    accounts.set_disabled("aigul", False, by=OPERATOR)
    accounts.sign_in("aigul", PASSWORD)


def test_the_last_administrator_stays(accounts: Accounts) -> None:
    accounts.ensure_administrator(PASSWORD)
    with pytest.raises(AccountRefused):
        accounts.set_disabled("admin", True, by=OPERATOR)


def test_a_token_makes_its_account(accounts: Accounts) -> None:
    secret = accounts.token("scanner")
    principal = accounts.authenticate_token(secret, "10.0.0.5")
    assert principal is not None
    assert (principal.kind, principal.name, principal.roles) == (
        PrincipalKind.TOKEN,
        "scanner",
        frozenset({Role.SERVICE}),
    )
    assert principal.address == "10.0.0.5"
    assert accounts.token("scanner", Role.SERVICE) != secret
    with pytest.raises(AccountRefused):
        accounts.token("scanner", Role.ADMIN)


@pytest.mark.parametrize("text", ["", "suret_", "suret_" + "a" * 43, "Bearer x", "suret_" + "a" * 5000])
def test_foreign_tokens_are_nobody(accounts: Accounts, text: str) -> None:
    accounts.token("scanner")
    assert accounts.authenticate_token(text) is None


def test_revoking_works_within_a_second_on_another_node(index: Index, clock: Any) -> None:
    here, there = Accounts(index, clock, CHEAP_HASHER), Accounts(index, clock, CHEAP_HASHER)
    secret = here.token("scanner")
    assert there.authenticate_token(secret) is not None
    assert here.revoke_tokens("scanner", by=OPERATOR) == 1
    assert here.authenticate_token(secret) is None
    clock.move(1)
    assert there.authenticate_token(secret) is None


def test_only_a_fresh_answer_is_given_without_waiting(accounts: Accounts, clock: Any) -> None:
    secret = accounts.token("scanner")
    assert accounts.authenticate_token(secret, wait=False) is None
    assert accounts.authenticate_token(secret) is not None
    assert accounts.authenticate_token(secret, wait=False) is not None
    clock.move(1)
    assert accounts.authenticate_token(secret, wait=False) is None


def test_a_task_token_reads_one_study_and_ends(accounts: Accounts, index: Index, clock: Any) -> None:
    secret = accounts.task_token("1.2.3", "01TASK", clock.now + timedelta(minutes=10))
    principal = accounts.authenticate_token(secret)
    assert principal is not None
    assert principal.kind is PrincipalKind.TASK
    assert may(principal, Action.RETRIEVE, "1.2.3")
    assert not may(principal, Action.RETRIEVE, "1.2.4")
    assert may(principal, Action.ANSWER_TASK, None, "01TASK")
    assert not may(principal, Action.ANSWER_TASK, None, "02TASK")
    index.write(lambda connection: accounts.end_task_reading(connection, "01TASK"))
    clock.move(1)
    ended = accounts.authenticate_token(secret)
    assert ended is not None
    assert not may(ended, Action.RETRIEVE, "1.2.3")
    assert may(ended, Action.ANSWER_TASK, None, "01TASK")
    clock.move(600)
    assert accounts.authenticate_token(secret) is None


def test_an_old_hash_is_renewed_at_the_next_sign_in(accounts: Accounts, index: Index, clock: Any) -> None:
    accounts.create("aigul", Role.RADIOLOGIST, PASSWORD, by=OPERATOR)
    Accounts(index, clock, PasswordHasher(time_cost=2, memory_cost=128, parallelism=1)).sign_in("aigul", PASSWORD)
    with index.read() as connection:
        assert "m=128,t=2,p=1" in connection.execute(select(account.c.password_hash)).scalar_one()
