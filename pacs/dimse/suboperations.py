"""The sub-operations of C-MOVE and C-GET: counted, and summed up in the last response (PS3.4 C.4.2.1, C.4.3.1)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pacs.dimse.command import (
    CANCELLED,
    CANNOT_PERFORM_SUBOPERATIONS,
    COMPLETED,
    FAILED,
    REMAINING,
    SOME_SUBOPERATIONS_FAILED,
    SUCCESS,
    WARNED,
    is_warning,
)
from pacs.dimse.identifier import Element, write_identifier

FAILED_SOP_INSTANCE_UID_LIST: Final = 0x00080058

SUBOPERATIONS_MAX: Final = 65_535
"""The counters are numbers of 16 bits (PS3.7 9.1.3.1, 9.1.4.1)."""

PENDING_EVERY_S: Final = 2.0
"""An SCU that hears nothing for long gives up."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last response: `identifier` is there only where sub-operations failed (PS3.4 C.4.2.1.4.2)."""

    status: int
    numbers: Mapping[int, int]
    identifier: bytes | None
    comment: str


class Tally:
    """Counts the sub-operations of one request, each exactly once. May be told and asked from different threads."""

    def __init__(self, total: int) -> None:
        self._lock = threading.Lock()
        self._remaining = total
        self._completed = 0
        self._warned = 0
        self._failed: list[str] = []
        self._why = ""

    def note(self, sop_instance_uid: str, status: int | None, comment: str = "") -> None:
        """One has ended with this C-STORE status, None where none came; `comment` says why it failed."""
        with self._lock:
            self._remaining -= 1
            if status == SUCCESS:
                self._completed += 1
            elif status is not None and is_warning(status):
                self._warned += 1
            else:
                self._failed.append(sop_instance_uid)
                self._why = self._why or comment or ("" if status is None else f"the peer answered {status:04X}")

    @property
    def remaining(self) -> int:
        """How many have not ended."""
        return self._remaining

    def pending(self) -> Mapping[int, int]:
        """The counters of a pending response: all four."""
        with self._lock:
            return {REMAINING: self._remaining, **self._ended()}

    def summary(self, transfer_syntax_uid: str, *, cancelled: bool) -> Summary:
        """The last response (PS3.4 Tables C.4-2 and C.4-3). Of a cancelled request "remaining" were not begun."""
        with self._lock:
            numbers = self._ended()
            if cancelled:
                status = CANCELLED
                numbers = {REMAINING: self._remaining, **numbers}
            elif self._failed and not self._completed and not self._warned:
                status = CANNOT_PERFORM_SUBOPERATIONS
            elif self._failed or self._warned:
                status = SOME_SUBOPERATIONS_FAILED
            else:
                status = SUCCESS
            identifier = None
            if self._failed:
                listed = Element(FAILED_SOP_INSTANCE_UID_LIST, "UI", "\\".join(self._failed))
                identifier = write_identifier([listed], transfer_syntax_uid, "")
            return Summary(status, numbers, identifier, self._why)

    def _ended(self) -> dict[int, int]:
        return {COMPLETED: self._completed, FAILED: len(self._failed), WARNED: self._warned}
