"""Modality worklist (PS3.4 Annex K): C-FIND of the scheduled procedure steps."""

from __future__ import annotations

from typing import Final

from pacs.archive.archive import Archive
from pacs.archive.scheduled import START, ScheduledSteps
from pacs.dimse.command import C_FIND_RQ
from pacs.dimse.documents import DocumentFind
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, Service
from pacs.settings import DimseSettings

MODALITY_WORKLIST: Final = "1.2.840.10008.5.1.4.31"


def service(archive: Archive, settings: DimseSettings) -> Service:
    """The Modality Worklist service; one response for each scheduled step."""
    steps = ScheduledSteps(archive)
    find = DocumentFind(
        archive,
        settings,
        "modality worklist",
        steps.matching,
        combined=(START,),
    )
    return Service("modality worklist", MESSAGE_TRANSFER_SYNTAXES, {C_FIND_RQ: find.find})
