"""Local accounts: people who sign in with a password and scripts that carry a bearer token.

Passwords are kept as Argon2id, tokens as SHA-256. Every change is audited in its own transaction.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from pacs.access.audit import AuditCode, record
from pacs.access.credentials import SECRET_CHARACTERS_MAX, TOKEN_PREFIX, ShortMemory, digest, new_secret
from pacs.access.passwords import checked
from pacs.access.principals import ANONYMOUS, OPERATOR, Principal, PrincipalKind, Role
from pacs.errors import SuretError
from pacs.index.engine import Index
from pacs.index.schema import account, session, token
from pacs.model import Clock, from_microseconds, to_microseconds
from pacs.settings import PASSWORD_CHARACTERS_MAX

T = TypeVar("T")

ADMINISTRATOR = "admin"
FREE_FAILURES = 4
LOCK_MAX = timedelta(minutes=15)
STRANGERS_MAX = 1024
HASHES_AT_ONCE = 2  # each takes 64 MiB

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class SignInRefused(SuretError):
    """Name or password is wrong, or too many attempts failed; `retry_after_s` is then more than 0."""

    def __init__(self, message: str, hint: str = "", retry_after_s: int = 0) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class AccountRefused(SuretError):
    """An account or token that cannot be made as asked."""


class AccountUnknown(AccountRefused):
    """There is no account of that name."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account without its secrets."""

    row: int
    name: str
    role: Role
    must_change_password: bool
    disabled: bool
    created_at: datetime

    def principal(self, kind: PrincipalKind, address: str = "") -> Principal:
        """The account as the access decision sees it."""
        return Principal(kind, self.name, frozenset({self.role}), address=address)


@dataclass(frozen=True, slots=True)
class _Attempt:
    account: Account | None
    password_hash: str
    wait: timedelta


class Accounts:
    """The accounts of one node. Every method blocks and may be called from any thread."""

    def __init__(self, index: Index, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._index = index
        self._clock = clock
        self._hasher = hasher or PasswordHasher()  # its defaults are RFC 9106's second recommendation
        self._hashing = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._strangers: OrderedDict[str, tuple[int, datetime]] = OrderedDict()
        self._strangers_lock = threading.Lock()
        self._decoy = self._hash(new_secret())
        self._principal_of = ShortMemory(self._look_up_token, clock)

    # Making and changing ---------------------------------------------------------------------------------------

    def ensure_administrator(self, password: str = "") -> str | None:
        """Make the account `admin` when no administrator can sign in; gives the one-time password it made, if it did.

        With `password` that one is taken, and need not be changed. Raises PasswordRefused.
        """
        with self._index.read() as connection:
            able = select(account.c.row).where(
                account.c.role == Role.ADMIN, account.c.disabled == 0, account.c.password_hash != ""
            )
            if connection.execute(able.limit(1)).first() is not None:
                return None
        made = "" if password else secrets.token_urlsafe(15)
        values = {
            "role": Role.ADMIN.value,
            "password_hash": self._hash(checked(password or made, ADMINISTRATOR)),
            "must_change_password": int(not password),
            "disabled": 0,
            "failures": 0,
            "locked_until": None,
        }

        def work(connection: Connection) -> None:
            if _find(connection, ADMINISTRATOR) is None:
                connection.execute(insert(account).values(name=ADMINISTRATOR, created_at=self._now(), **values))
            else:
                connection.execute(update(account).where(account.c.name == ADMINISTRATOR).values(**values))
            self._audit(connection, "administrator made", OPERATOR, ADMINISTRATOR)

        self._change(work)
        return made or None

    def create(self, name: str, role: Role, password: str = "", *, by: Principal, must_change: bool = False) -> Account:
        """A new account; without a password it can only carry tokens. Raises AccountRefused,
        PasswordRefused."""
        password_hash = self._hash(checked(password, name)) if password else ""

        def work(connection: Connection) -> Account:
            made = self._insert(connection, name, role, password_hash, must_change)
            self._audit(connection, "account made", by, f"{name} {role}")
            return made

        return self._change(work)

    def set_password(self, name: str, password: str, *, by: Principal, must_change: bool = True) -> None:
        """Give `name` another password and end its sessions. Raises AccountRefused, PasswordRefused."""
        password_hash = self._hash(checked(password, name))

        def work(connection: Connection) -> None:
            self._put_password(connection, account_named(connection, name), password_hash, must_change)
            self._audit(connection, "password set", by, name)

        self._change(work)

    def change_password(self, name: str, current: str, new: str, *, address: str = "", keep_session: str = "") -> None:
        """Change one's own password; other sessions of the account end. Raises SignInRefused, AccountRefused."""
        password_hash = self._hash(checked(new, name))
        if secrets.compare_digest(current.encode(), new.encode()):
            raise AccountRefused("the new password is the old one", "choose another one", "same")
        known = self.sign_in(name, current, address)

        def work(connection: Connection) -> None:
            self._put_password(connection, known, password_hash, must_change=False, keep_session=keep_session)
            self._audit(connection, "password changed", known.principal(PrincipalKind.USER, address), name)

        self._change(work)

    def set_disabled(self, name: str, disabled: bool, *, by: Principal) -> None:
        """Close the account, its sessions and its tokens, or open it again. Raises AccountRefused."""

        def work(connection: Connection) -> None:
            known = account_named(connection, name)
            if disabled and known.role is Role.ADMIN and _administrators(connection) == [name]:
                raise _last_administrator(name)
            connection.execute(
                update(account)
                .where(account.c.row == known.row)
                .values(disabled=int(disabled), failures=0, locked_until=None)
            )
            if disabled:
                connection.execute(delete(session).where(session.c.account_row == known.row))
            self._audit(connection, "account disabled" if disabled else "account enabled", by, name)

        self._change(work)

    def set_role(self, name: str, role: Role, *, by: Principal) -> None:
        """What the account, its sessions and its tokens may do from now on. Raises AccountRefused."""

        def work(connection: Connection) -> None:
            known = account_named(connection, name)
            if role is not Role.ADMIN and known.role is Role.ADMIN and _administrators(connection) == [name]:
                raise _last_administrator(name)
            connection.execute(update(account).where(account.c.row == known.row).values(role=role.value))
            connection.execute(update(token).where(token.c.account_row == known.row).values(role=role.value))
            self._audit(connection, "role changed", by, f"{name} {known.role} {role}")

        self._change(work)

    def unlock(self, name: str, *, by: Principal) -> None:
        """Forget the failed attempts to sign in: the next one need not wait. Raises AccountRefused."""

        def work(connection: Connection) -> None:
            known = account_named(connection, name)
            values = update(account).where(account.c.row == known.row).values(failures=0, locked_until=None)
            connection.execute(values)
            self._audit(connection, "account unlocked", by, name)

        self._change(work)

    def listing(self) -> list[Account]:
        """Every account by name."""
        with self._index.read() as connection:
            rows = connection.execute(select(account).order_by(account.c.name)).mappings()
            return [_account(row) for row in rows]

    # Signing in ------------------------------------------------------------------------------------------------

    def sign_in(self, name: str, password: str, address: str = "") -> Account:
        """The account whose name and password these are. Raises SignInRefused.

        The failure is counted before the password is looked at, so that parallel guesses gain nothing; from the fifth
        on every failure doubles the wait. Unknown names are treated, and timed, as known ones are.
        """
        name, password = name[:64], password[: PASSWORD_CHARACTERS_MAX + 1]
        attempt = self._index.write(partial(self._begin_attempt, name))
        if attempt.account is None:
            attempt = replace(attempt, wait=self._count_stranger(name))
        caller = ANONYMOUS.at(address)
        if attempt.wait > timedelta(0):
            seconds = int(attempt.wait.total_seconds()) + 1
            raise SignInRefused("too many attempts have failed", f"try again in {seconds} s", seconds)
        right = self._verify(attempt.password_hash or self._decoy, password)
        if attempt.account is None or attempt.account.disabled or not right or not attempt.password_hash:
            self._index.write(lambda c: self._audit(c, "login", caller, name, "failure", AuditCode.USER_AUTHENTICATION))
            raise SignInRefused("name or password is wrong", "check both, or ask an administrator for a new password")
        known, password_hash = attempt.account, attempt.password_hash
        renewed = self._hash(password) if self._hasher.check_needs_rehash(password_hash) else password_hash

        def work(connection: Connection) -> None:
            connection.execute(
                update(account)
                .where(account.c.row == known.row, account.c.password_hash == password_hash)
                .values(failures=0, locked_until=None, password_hash=renewed)
            )
            user = known.principal(PrincipalKind.USER, address)
            self._audit(connection, "login", user, name, code=AuditCode.USER_AUTHENTICATION)

        self._index.write(work)
        return known

    def _begin_attempt(self, name: str, connection: Connection) -> _Attempt:
        row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
        if row is None:
            return _Attempt(None, "", timedelta(0))
        now = self._clock()
        locked_until = row["locked_until"]
        if locked_until is not None and from_microseconds(locked_until) > now:
            return _Attempt(_account(row), "", from_microseconds(locked_until) - now)
        failures = row["failures"] + 1
        connection.execute(
            update(account)
            .where(account.c.row == row["row"])
            .values(failures=failures, locked_until=to_microseconds(now + _lock(failures)))
        )
        return _Attempt(_account(row), row["password_hash"], timedelta(0))

    def _count_stranger(self, name: str) -> timedelta:
        now = self._clock()
        with self._strangers_lock:
            failures, locked_until = self._strangers.get(name, (0, now))
            if locked_until > now:
                return locked_until - now
            self._strangers[name] = (failures + 1, now + _lock(failures + 1))
            self._strangers.move_to_end(name)
            if len(self._strangers) > STRANGERS_MAX:
                self._strangers.popitem(last=False)
        return timedelta(0)

    # Tokens ----------------------------------------------------------------------------------------------------

    def token(self, name: str, role: Role | None = None, *, by: Principal = OPERATOR) -> str:
        """A new bearer token of the account `name`, which is made (role service unless given) when there is none.

        Raises AccountRefused.
        """
        secret = TOKEN_PREFIX + new_secret()

        def work(connection: Connection) -> None:
            owner = _find(connection, name) or self._insert(connection, name, role or Role.SERVICE, "", False)
            if owner.disabled:
                raise AccountRefused(f"the account {name} is disabled", "enable it or take another name")
            if role is not None and role is not owner.role:
                raise AccountRefused(
                    f"the account {name} has the role {owner.role}, not {role}",
                    "leave the role out or take another name",
                )
            connection.execute(
                insert(token).values(
                    secret_sha256=digest(secret), account_row=owner.row, role=owner.role.value, created_at=self._now()
                )
            )
            self._audit(connection, "token made", by, f"{name} {owner.role}")

        self._change(work)
        return secret

    def revoke_tokens(self, name: str, *, by: Principal) -> int:
        """Make every token of `name` worthless, here at once and on other nodes within a second; gives their number."""

        def work(connection: Connection) -> int:
            owner = account_named(connection, name)
            number = connection.execute(delete(token).where(token.c.account_row == owner.row)).rowcount
            self._audit(connection, "tokens revoked", by, f"{name} {number}")
            return int(number)

        return self._change(work)

    def task_token(self, study_instance_uid: str, task_id: str, expires_at: datetime) -> str:
        """A token that reads this one study and hands in the result of this one task."""
        secret = TOKEN_PREFIX + new_secret()

        def work(connection: Connection) -> None:
            connection.execute(
                insert(token).values(
                    secret_sha256=digest(secret),
                    account_row=None,
                    role=Role.SERVICE.value,
                    study_instance_uid=study_instance_uid,
                    task_id=task_id,
                    created_at=self._now(),
                    expires_at=to_microseconds(expires_at),
                )
            )
            record(
                connection,
                self._clock(),
                code=AuditCode.APPLICATION_ACTIVITY,
                action="task token made",
                principal=OPERATOR,
                study_instance_uid=study_instance_uid,
                detail=task_id,
            )

        self._change(work)
        return secret

    def end_task_reading(self, connection: Connection, task_id: str) -> None:
        """Inside a write: the task's tokens read nothing any more; a result may be handed in until they expire."""
        connection.execute(
            update(token).where(token.c.task_id == task_id, token.c.revoked_at.is_(None)).values(revoked_at=self._now())
        )
        self._principal_of.forget()

    def authenticate_token(self, text: str, address: str = "", *, wait: bool = True) -> Principal | None:
        """Whose token this is; None when it is nobody's (any more).

        With `wait` False only an answer of the last second is given, which never blocks.
        """
        if not text.startswith(TOKEN_PREFIX) or len(text) > SECRET_CHARACTERS_MAX:
            return None
        found = self._principal_of(digest(text)) if wait else self._principal_of.peek(digest(text))
        return found.at(address) if found else None

    def _look_up_token(self, secret_sha256: str) -> Principal | None:
        statement = (
            select(token, account.c.name, account.c.disabled, account.c.role.label("account_role"))
            .select_from(token.outerjoin(account, token.c.account_row == account.c.row))
            .where(token.c.secret_sha256 == secret_sha256)
        )
        with self._index.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
        if row is None or (row["expires_at"] is not None and row["expires_at"] <= self._now()):
            return None
        if row["task_id"]:
            # Reading has ended: no study exists for this caller any more, the task still does.
            studies = frozenset[str]() if row["revoked_at"] is not None else frozenset({row["study_instance_uid"]})
            return Principal(PrincipalKind.TASK, row["task_id"], study_instance_uids=studies, task_id=row["task_id"])
        if row["revoked_at"] is not None or row["disabled"] != 0:
            return None
        return Principal(PrincipalKind.TOKEN, row["name"], frozenset({Role(row["role"])}))

    # Common ----------------------------------------------------------------------------------------------------

    def _change(self, work: Callable[[Connection], T]) -> T:
        result = self._index.write(work)
        self._principal_of.forget()
        return result

    def _now(self) -> int:
        return to_microseconds(self._clock())

    def _hash(self, password: str) -> str:
        with self._hashing:
            return self._hasher.hash(password)

    def _verify(self, password_hash: str, password: str) -> bool:
        with self._hashing:
            try:
                return self._hasher.verify(password_hash, password)
            except (VerificationError, InvalidHashError):
                return False

    def _insert(self, connection: Connection, name: str, role: Role, password_hash: str, must_change: bool) -> Account:
        if not _NAME.fullmatch(name):
            raise AccountRefused(
                f"{name!r} is no account name",
                "use 1 to 64 letters, digits and . _ @ -, beginning with a letter or digit",
                "account_name",
                {"name": "account_name"},
            )
        if _find(connection, name) is not None:
            taken = {"name": "account_exists"}
            raise AccountRefused(f"there is an account {name} already", "take another name", "account_exists", taken)
        connection.execute(
            insert(account).values(
                name=name,
                role=role.value,
                password_hash=password_hash,
                must_change_password=int(must_change),
                created_at=self._now(),
            )
        )
        return account_named(connection, name)

    def _put_password(
        self, connection: Connection, known: Account, password_hash: str, must_change: bool, keep_session: str = ""
    ) -> None:
        connection.execute(
            update(account)
            .where(account.c.row == known.row)
            .values(password_hash=password_hash, must_change_password=int(must_change), failures=0, locked_until=None)
        )
        kept = digest(keep_session) if keep_session else ""
        connection.execute(delete(session).where(session.c.account_row == known.row, session.c.secret_sha256 != kept))

    def _audit(
        self,
        connection: Connection,
        action: str,
        by: Principal,
        detail: str,
        outcome: str = "success",
        code: AuditCode = AuditCode.APPLICATION_ACTIVITY,
    ) -> None:
        record(connection, self._clock(), code=code, action=action, principal=by, outcome=outcome, detail=detail)


def _lock(failures: int) -> timedelta:
    if failures <= FREE_FAILURES:
        return timedelta(0)
    return min(LOCK_MAX, timedelta(seconds=2 ** min(failures - FREE_FAILURES, 20)))


def _account(row: RowMapping) -> Account:
    return Account(
        row=row["row"],
        name=row["name"],
        role=Role(row["role"]),
        must_change_password=bool(row["must_change_password"]),
        disabled=bool(row["disabled"]),
        created_at=from_microseconds(row["created_at"]),
    )


def _find(connection: Connection, name: str) -> Account | None:
    row = connection.execute(select(account).where(account.c.name == name)).mappings().one_or_none()
    return _account(row) if row is not None else None


def account_named(connection: Connection, name: str) -> Account:
    """The account `name`. Raises AccountUnknown."""
    found = _find(connection, name)
    if found is None:
        raise AccountUnknown(f"there is no account {name!r}", "`pacs user list` shows them all", "account_unknown")
    return found


def _last_administrator(name: str) -> AccountRefused:
    hint = "make another administrator first"
    return AccountRefused(f"{name} is the last administrator", hint, "last_administrator")


def _administrators(connection: Connection) -> list[str]:
    statement = select(account.c.name).where(account.c.role == Role.ADMIN, account.c.disabled == 0)
    return list(connection.execute(statement).scalars())
