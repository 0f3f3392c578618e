"""What peers have taken is known for as long as the objects are here, and no longer."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select

from pacs.archive import deliveries
from pacs.archive.archive import Archive
from pacs.archive.deliveries import Delivered
from pacs.index.schema import instance
from pacs.index.transfers import delivery
from tests.support.archives import send
from tests.support.factories import ct_series


def test_what_was_taken_of_an_object_is_forgotten_with_it(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "ROWS_AT_ONCE", 2)
    datasets = ct_series(5)
    for dataset in datasets:
        send(archive, dataset)
    study = str(datasets[0].StudyInstanceUID)
    for title in ("ONE", "TWO"):
        with archive.index.read() as connection:
            taken = [Delivered(one, 0) for one in deliveries.due(connection, title, study, job_id="j", once=True)]
        archive.index.write(
            lambda connection, title=title, taken=taken: deliveries.record(  # type: ignore[misc]
                connection, archive.clock(), title, "j", taken
            )
        )
    duty = deliveries.pruning_duty(archive)
    assert [duty() for _ in range(6)] == [0] * 6, "everything is here"
    gone = {str(datasets[0].SOPInstanceUID), str(datasets[3].SOPInstanceUID)}
    archive.index.write(
        lambda connection: connection.execute(delete(instance).where(instance.c.sop_instance_uid.in_(gone))).close()
    )
    assert sum(duty() for _ in range(12)) == 4, "of each peer"
    with archive.index.read() as connection:
        left = connection.execute(select(delivery.c.ae_title, delivery.c.sop_instance_uid)).all()
        assert deliveries.due(connection, "ONE", study, job_id="k", once=True) == [], "nothing is sent twice"
    assert {(row.ae_title, row.sop_instance_uid) for row in left} == {
        (title, str(one.SOPInstanceUID))
        for title in ("ONE", "TWO")
        for one in datasets
        if str(one.SOPInstanceUID) not in gone
    }
