"""pynetdicom's reactor, held up for a moment in the very turn in which the next request is sent."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pynetdicom import AE

from pacs.archive.archive import Archive
from pacs.dimse import checkpoint
from tests.support.dimse import VERIFICATION, listening


def test_a_reactor_that_is_held_up_takes_no_response(archive: Archive, monkeypatch: pytest.MonkeyPatch):
    wait = checkpoint._Checkpoint.wait

    def held_up(self: Any, timeout: float | None = None) -> bool:
        gone_on = wait(self, timeout)
        time.sleep(0.05)
        return gone_on

    monkeypatch.setattr(checkpoint._Checkpoint, "wait", held_up)
    with listening(archive) as listener:
        entity: Any = AE("CT1")
        entity.dimse_timeout = 2
        entity.add_requested_context(VERIFICATION)
        association = entity.associate("127.0.0.1", listener.port, ae_title="SURET")
        checkpoint.steady_reactor(association)
        statuses = [association.send_c_echo() for _ in range(10)]
        association.release()
    assert [status.get("Status") for status in statuses] == [0] * 10
    assert association.is_released
