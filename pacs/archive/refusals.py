"""What was not taken in because something was wrong beneath, kept for the administrator: counted, told, and audited.

The index may be what is wrong, so the audit records are written by a duty, as soon as it takes them: one of each caller
and trouble, with how many and from when to when.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.principals import Principal
from pacs.errors import ArrivalRefused
from pacs.index.engine import Index
from pacs.model import Clock
from pacs.troubles import TROUBLES, trouble_of

log = structlog.get_logger()

CALLERS_MAX: Final = 1000
"""What more of them are refused before the index takes records again is counted, and not told one by one."""


@dataclass(slots=True)
class _Refused:
    """Arrivals of one caller."""

    count: int
    first_at: datetime
    last_at: datetime

    def add(self, other: _Refused) -> None:
        self.count += other.count
        self.first_at, self.last_at = min(self.first_at, other.first_at), max(self.last_at, other.last_at)


_Key = tuple[str, Principal, str]


class Refusals:
    """Those of one node since it started. Thread safe."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = dict.fromkeys(TROUBLES, 0)
        self._last: dict[str, datetime] = {}
        self._waiting: dict[_Key, _Refused] = {}

    def tell(self, error: Exception, principal: Principal, protocol: str) -> None:
        """Keep `error` where it tells of a trouble. Raises the refusal that it amounts to where it is none itself."""
        trouble = trouble_of(error)
        if trouble is None:
            return
        now = self._clock()
        with self._lock:
            self._counts[trouble.code] += 1
            self._last[trouble.code] = now
            self._add((trouble.code, principal, protocol), _Refused(1, now, now))
        if not isinstance(error, ArrivalRefused):
            log.error("arrival_failed", trouble=trouble.code, error=type(error).__name__)
            raise trouble.refused() from error

    def statistics(self) -> dict[str, int]:
        """How many there were, by trouble."""
        return dict(self._counts)

    def told(self) -> dict[str, dict[str, Any]]:
        """Those that there were: how often, and when last (ISO 8601)."""
        with self._lock:
            return {
                code: {"count": self._counts[code], "last_at": at.isoformat(timespec="seconds")}
                for code, at in self._last.items()
            }

    def write_down(self) -> None:
        """Audit what waits. Raises StoreFailed, OutOfResources while the index takes nothing; then it waits on."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return
        try:
            self._index.write(lambda connection: self._record(connection, waiting))
        except Exception:
            with self._lock:
                for key, refused in waiting.items():
                    self._add(key, refused)
            raise

    def _add(self, key: _Key, refused: _Refused) -> None:
        known = self._waiting.get(key)
        if known is not None:
            known.add(refused)
        elif len(self._waiting) < CALLERS_MAX:
            self._waiting[key] = refused

    def _record(self, connection: Connection, waiting: dict[_Key, _Refused]) -> None:
        for (code, principal, protocol), refused in waiting.items():
            since, until = (at.isoformat(timespec="seconds") for at in (refused.first_at, refused.last_at))
            audit.record(
                connection,
                self._clock(),
                code=AuditCode.INSTANCES_TRANSFERRED,
                action="instances_refused",
                principal=principal,
                outcome="failure",
                detail=f"{code} instances={refused.count} protocol={protocol} since={since} until={until}",
            )
