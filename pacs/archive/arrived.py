"""An object that has come whole: everything the index will say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from pacs.access.principals import Principal
from pacs.archive.extended_values import Told
from pacs.dicom.part10 import FileMeta
from pacs.dicom.rejection import RejectionNote
from pacs.dicom.uids import transfer_syntax
from pacs.dicom.walker import Walk
from pacs.model import StorageState
from pacs.settings import valid_ae_title

DERIVATION = UUID("7f6a6a57-6a35-4b53-9d0c-1b7a2b1c9b1e")


@dataclass(frozen=True, slots=True)
class Arrived:
    """An object that is already put, and everything the index will say of it. Sizes and offsets in bytes."""

    object_key: str
    sop_class_uid: str
    transfer_syntax_uid: str
    dataset_sha256: str
    envelope_sha256: str
    size: int
    dataset_offset: int
    dataset_length: int
    padding_length: int
    walk: Walk
    values: dict[str, str]  # the walk's, with a study and series for an object that names none
    oddities: tuple[str, ...]
    principal: Principal
    protocol: str
    calling_ae_title: str
    received_at: datetime
    storage: StorageState = StorageState.STORED  # damaged: not what was recorded of it, which the digests here are
    note: RejectionNote | None = None  # what it says, where it is a rejection note
    told: tuple[Told, ...] = ()  # what it says of the extended query tags
    told_of: int = -1  # of which generation of them; -1: it was not read for them
    is_news: bool = True  # False when the index is rebuilt: what happened once is not told again


WRITTEN_HERE: Final = "reading"
"""The protocol of what the node writes itself of what readers save."""


@dataclass(frozen=True, slots=True)
class Twin:
    """What an object has to be to take the place of another: the same data set, in the same coding."""

    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset_sha256: str

    def is_of(self, arrived: Arrived) -> bool:
        """Whether `arrived` is one."""
        theirs = (arrived.values["SOPInstanceUID"], arrived.transfer_syntax_uid, arrived.dataset_sha256)
        return theirs == (self.sop_instance_uid, self.transfer_syntax_uid, self.dataset_sha256)


def writer_of(meta: FileMeta) -> str:
    """The AE title that wrote a file; "" where it says none or something that is none."""
    return meta.source_ae_title if valid_ae_title(meta.source_ae_title) else ""


def identified(walked: Walk, sop_class_uid: str, sop_instance_uid: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The walk's values and oddities with every level named.

    A data set that does not name itself is what its sender or its file says it is. One without study or series
    (a palette, a careless exporter) gets UIDs derived from its own, so that it is found again and never falls in
    with another patient's.
    """
    values, oddities = dict(walked.values), walked.oddities
    fallbacks: tuple[tuple[str, Callable[[], str], str], ...] = (
        ("SOPClassUID", lambda: sop_class_uid, "no_sop_class_uid"),
        ("SOPInstanceUID", lambda: sop_instance_uid, "no_sop_instance_uid"),
        ("StudyInstanceUID", lambda: derived_uid("study", values["SOPInstanceUID"]), "no_study_instance_uid"),
        ("SeriesInstanceUID", lambda: derived_uid("series", values["StudyInstanceUID"]), "no_series_instance_uid"),
    )
    for keyword, otherwise, oddity in fallbacks:
        if not values.get(keyword):
            values[keyword] = otherwise()
            oddities += (oddity,)
    return values, oddities


def content_length(walked: Walk, dataset_length: int, transfer_syntax_uid: str) -> int:
    """How many bytes of the data set tell one from another: all but trailing padding, FFFC,FFFC (PS3.10 7.2)."""
    return dataset_length if transfer_syntax(transfer_syntax_uid).deflated else walked.dataset_end


def derived_uid(level: str, uid: str) -> str:
    """A UID of the 2.25 arc that is always the same for the same `level` and `uid` (PS3.5 B.2)."""
    return f"2.25.{uuid5(DERIVATION, f'{level} {uid}').int}"
