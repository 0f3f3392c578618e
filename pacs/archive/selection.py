"""Which instances are meant: by patient, studies, series or single ones, without the weight of their rows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pacs.archive.archive import Archive
from pacs.attributes import BY_KEYWORD, Level
from pacs.errors import NotFound
from pacs.index.criteria import Criterion, Query
from pacs.model import StoredInstance

_RETURNS = (BY_KEYWORD["SOPClassUID"], BY_KEYWORD["AvailableTransferSyntaxUID"])


@dataclass(frozen=True, slots=True)
class Selected:
    """An instance that is meant, as the index knew it when it was selected."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str


def select_instances(
    archive: Archive,
    criteria: Sequence[Criterion],
    *,
    most: int,
    study_instance_uids: frozenset[str] | None = None,
) -> list[Selected]:
    """The live instances that meet `criteria`, series by series and in the order of their numbers; `most` + 1 of them
    tell that there are more. `study_instance_uids`, when given, are the only studies that exist for the caller."""
    query = Query(Level.IMAGE, tuple(criteria), _RETURNS, limit=most + 1, study_instance_uids=study_instance_uids)
    return [
        Selected(
            # the same few values again and again: one copy each is kept
            sys.intern(row["StudyInstanceUID"]),
            sys.intern(row["SeriesInstanceUID"]),
            row["SOPInstanceUID"],
            sys.intern(row["SOPClassUID"]),
            sys.intern(row["AvailableTransferSyntaxUID"]),
        )
        for row in archive.find(query)
    ]


def stored(archive: Archive, selected: Selected) -> StoredInstance:
    """The row of `selected` as it is now. Raises NotFound where it is gone meanwhile."""
    found = archive.instances(selected.study_instance_uid, selected.series_instance_uid, selected.sop_instance_uid)
    if not found:
        raise NotFound("the object is gone meanwhile", "search for the study again", "image_gone")
    return found[0]
