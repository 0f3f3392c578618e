"""The audit of reading never delays a reader, and a record that was not written is tried again."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import func, select

from pacs.access.principals import OPERATOR, Role
from pacs.index.schema import audit
from pacs.web.dicomweb.accesses import Accesses
from tests.support.archives import full_queue
from tests.support.web import Site


def test_a_full_queue_delays_no_reader(site: Site) -> None:
    reader = site.as_role(Role.RADIOLOGIST)
    assert reader.get("/livez").status_code == 200
    with full_queue(site.archive.index):
        began = time.monotonic()
        assert reader.get("/api/worklist").status_code == 200
        assert reader.get("/readyz").status_code == 503
        assert reader.get("/livez").status_code == 200
        assert time.monotonic() - began < 10


def test_an_access_that_was_not_written_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacs.web.dicomweb.accesses.AGAIN_S", 0)
    index = site.archive.index
    accesses = Accesses(index, site.archive.clock)
    with full_queue(index):
        accesses.read(OPERATOR, "1.2.3")
    for _ in range(2):
        accesses.read(OPERATOR, "1.2.3")
    index.write(lambda connection: None)
    with index.read() as connection:
        count = select(func.count()).where(audit.c.action == "read", audit.c.study_instance_uid == "1.2.3")
        assert connection.execute(count).scalar_one() == 1
