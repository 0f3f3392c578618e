"""How a person likes the screen: JSON values under names, kept by account, so that they follow to another device."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sqlalchemy import Connection, delete, func, select

from pacs.access.principals import Principal
from pacs.errors import QueryRefused
from pacs.index.engine import Index
from pacs.index.people import preference
from pacs.index.upsert import upsert
from pacs.model import Clock, to_microseconds

VALUE_BYTES_MAX: Final = 16 << 10
COUNT_MAX: Final = 64
"""Of one account."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}")


class Preferences:
    """The preferences of every account. Blocks; thread safe. The node gives them no meaning."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def of(self, principal: Principal) -> dict[str, Any]:
        """Name to value."""
        chosen = select(preference.c.name, preference.c.value).where(preference.c.account_name == principal.name)
        with self._index.read() as connection:
            return {name: json.loads(value) for name, value in connection.execute(chosen)}

    def keep(self, principal: Principal, name: str, value: Any) -> None:
        """Durable when it returns. Raises QueryRefused for a name or value that is not kept."""
        if _NAME.fullmatch(name) is None:
            raise QueryRefused(f"{name[:64]!r} is no name of a preference", "use a-z, 0-9, points, - and _")
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > VALUE_BYTES_MAX:
            most = f"at most {VALUE_BYTES_MAX} bytes of JSON are kept"
            raise QueryRefused("the preference is too long", most, "preference_long")
        key = {"account_name": principal.name, "name": name}
        now = to_microseconds(self._clock())

        def work(connection: Connection) -> None:
            others = select(func.count()).where(preference.c.account_name == principal.name, preference.c.name != name)
            if connection.execute(others).scalar_one() >= COUNT_MAX:
                message = f"an account keeps {COUNT_MAX} preferences at most"
                raise QueryRefused(message, "delete one of them", "preferences_many")
            kept = {"value": text, "changed_at": now}
            connection.execute(
                upsert(connection, preference)
                .values(**key, **kept)
                .on_conflict_do_update(index_elements=list(key), set_=kept)
            )

        self._index.write(work)

    def forget(self, principal: Principal, name: str) -> None:
        """As if it had never been chosen."""
        own = delete(preference).where(preference.c.account_name == principal.name, preference.c.name == name)
        self._index.write(lambda connection: connection.execute(own).close())
