"""Forty thousand studies asked for at once: they stream, and memory does not grow with their number."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from pacs.archive.archive import Archive
from pacs.attributes import BY_KEYWORD, Level
from pacs.dimse.command import C_FIND_RQ
from pacs.dimse.identifier import Element, write_identifier
from pacs.dimse.outbound import Outbound, Proposal
from pacs.index.criteria import Query
from pacs.index.schema import patient, study
from pacs.settings import DimseSettings
from tests.support.archives import open_archive
from tests.support.dimse import IMPLICIT, STUDY_ROOT_FIND, listening

STUDIES = 40_000
BATCH = 10_000
GROWTH_MAX = 16 << 20
"""Bytes. All the rows at once are over 40 MiB."""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    with open_archive(Path(tmp_path_factory.mktemp("many"))) as archive:
        for first in range(0, STUDIES, BATCH):
            archive.index.write(lambda connection, first=first: _fill(connection, first))  # type: ignore[misc]
        yield archive


def _fill(connection: object, first: int) -> None:
    numbers = range(first, first + BATCH)
    people = [
        {
            "row": number + 1,
            "identity": f"P{number}",
            "demographics": f"P{number}",
            "patient_id": f"P{number}",
            "patient_name": f"Person^{number}",
            "patient_name_folded": f"person^{number}",
            "patient_name_skeleton": f"person^{number}",
        }
        for number in numbers
    ]
    studies = [
        {
            "row": number + 1,
            "patient_row": number + 1,
            "study_instance_uid": f"1.2.826.0.1.3680043.8.498.{number:032d}",
            "study_date": f"20{number % 26:02d}{number % 12 + 1:02d}{number % 28 + 1:02d}",
            "study_time": f"{number % 24:02d}0000",
            "study_description": "Chest, two views, as it is written in many a hospital",
            "number_of_series": 1,
            "number_of_instances": 1,
            "received_at": number,
            "changed_at": number,
        }
        for number in numbers
    ]
    connection.execute(insert(patient), people)  # type: ignore[attr-defined]
    connection.execute(insert(study), studies)  # type: ignore[attr-defined]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_all_of_them_are_answered_in_constant_memory(archive: Archive):
    asked = [
        Element(0x00080052, "CS", "STUDY"),
        *(Element(tag, vr, "") for tag, vr in ((0x00100010, "PN"), (0x00081030, "LO"), (0x0020000D, "UI"))),
    ]
    identifier = write_identifier(asked, IMPLICIT, "")
    outbound = Outbound(DimseSettings(ae_title="FINDER"))
    outbound.start()
    with (
        listening(archive, find_results_max=2 * STUDIES) as listener,
        outbound.associate(
            "127.0.0.1", listener.port, "SURET", [Proposal(STUDY_ROOT_FIND, (IMPLICIT,))]
        ) as association,
    ):
        (context,) = association.contexts
        responses = association.ask(context, C_FIND_RQ, data_set=identifier)
        for _ in range(2000):  # what the first pages need is there now
            assert next(responses).status == 0xFF00
        before, count = _peak(), 2000
        for response in responses:
            count += response.pending
        assert response.status == 0
    outbound.stop()
    assert count == STUDIES
    assert _peak() - before < GROWTH_MAX


@pytest.mark.parametrize("level", [Level.STUDY, Level.PATIENT])
def test_pages_hold_every_row_once_and_in_order(archive: Archive, level: Level):
    keyword = "StudyInstanceUID" if level is Level.STUDY else "PatientID"
    query = Query(level, returns=(BY_KEYWORD["StudyDate"], BY_KEYWORD["StudyTime"]), limit=STUDIES - 1)
    paged = [row[keyword] for row in archive.find_in_pages(query)]
    assert len(set(paged)) == len(paged) == STUDIES - 1
    assert paged[:5000] == [row[keyword] for row in archive.find(Query(level, limit=5000))]
