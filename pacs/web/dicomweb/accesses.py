"""The audit of reading: one record a principal, study and quarter of an hour, not one a slice (PS3.15 A.5.3.4)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from concurrent.futures import Future

import structlog
from sqlalchemy import Connection

from pacs.access.audit import AuditCode, record
from pacs.access.principals import Principal
from pacs.index.engine import Index
from pacs.model import Clock

log = structlog.get_logger()

PERIOD_S = 15 * 60.0
AGAIN_S = 5.0
"""After a record that could not be written, the next one is tried when so much time has passed."""

REMEMBERED_MAX = 10_000


class Accesses:
    """Queues the records to the index's writer without ever waiting, also when that is full: the event loop calls."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock
        self._lock = threading.Lock()
        self._recorded: OrderedDict[tuple[Principal, str, str], float] = OrderedDict()

    def read(self, principal: Principal, study_instance_uid: str) -> None:
        """`principal` looks at objects of the study."""
        self._once(principal, AuditCode.INSTANCES_ACCESSED, "read", study_instance_uid)

    def searched(self, principal: Principal) -> None:
        """`principal` searches."""
        self._once(principal, AuditCode.QUERY, "search", "")

    def _once(self, principal: Principal, code: AuditCode, action: str, study_instance_uid: str) -> None:
        key = (principal, code.value, study_instance_uid)
        now = time.monotonic()
        with self._lock:
            if now - self._recorded.get(key, float("-inf")) < PERIOD_S:
                return
            self._recorded[key] = now
            self._recorded.move_to_end(key)
            if len(self._recorded) > REMEMBERED_MAX:
                self._recorded.popitem(last=False)
        at = self._clock()

        def work(connection: Connection) -> None:
            record(connection, at, code=code, action=action, principal=principal, study_instance_uid=study_instance_uid)

        def told(done: Future[None]) -> None:
            error = done.exception()
            if error is not None:
                log.error("access_not_audited", error=str(error))
                with self._lock:
                    self._recorded[key] = now - PERIOD_S + AGAIN_S

        self._index.submit(work).add_done_callback(told)
