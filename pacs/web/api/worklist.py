"""The viewer's worklist: studies by priority, then the newest first: /api/worklist."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, func, or_, select
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import DATE, Json, Operation, Parameter, gives, whole
from pacs.access.principals import Principal
from pacs.archive.priority import band_name
from pacs.dicom.names import folded, skeleton
from pacs.errors import QueryRefused
from pacs.index.engine import Index
from pacs.index.names import word_begins
from pacs.index.schema import NOT_LIVE, instance, patient, series, study
from pacs.model import InstanceState, from_microseconds
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import json_answer
from pacs.web.dicomweb.media_types import JSON

LIMIT_MAX = 200
LIMIT_DEFAULT = 50
SEARCH_CHARACTERS_MAX = 200
WORDS_MAX = 8

_COLUMNS = (
    patient.c.patient_name,
    patient.c.patient_id,
    patient.c.patient_birth_date,
    patient.c.patient_sex,
    study.c.study_instance_uid,
    study.c.study_date,
    study.c.study_time,
    study.c.study_description,
    study.c.accession_number,
    study.c.number_of_series,
    study.c.number_of_instances,
)
_FROM = study.join(patient, study.c.patient_row == patient.c.row)


_TEXT_OR_NOTHING = Json({"type": ["string", "null"]})
_SAYS = Operation(
    "Studies by priority, then the newest first",
    (
        gives(
            {
                "studies": [
                    {str(column.name): int if column.name.startswith("number_of") else str for column in _COLUMNS}
                    | {"modalities": list[str], "received_at": datetime, "priority": str, "conflicts": int}
                    | {"reason": Json({"type": ["object", "null"]}), "priority_source": _TEXT_OR_NOTHING}
                ],
                "total": int,
            },
            "one page, and how many there are",
        ),
    ),
    (
        Parameter("search", "words of a name, number or description, in any script"),
        Parameter("modality", "one or more, with commas between them"),
        Parameter("from", "the earliest study date", DATE),
        Parameter("to", "the latest study date", DATE),
        Parameter("limit", f"how many; at most {LIMIT_MAX} are given", whole(maximum=10**9 - 1, default=LIMIT_DEFAULT)),
        Parameter("offset", "how many are left out before", whole(maximum=10**9 - 1, default=0)),
    ),
    refusals=(400,),
)


def routes(index: Index, accesses: Accesses) -> list[Route]:
    """The route of the worklist."""

    async def worklist(request: Request, principal: Principal) -> Response:
        conditions, limit, offset = understood(request.query_params)
        accesses.searched(principal)
        page = await in_thread(listed, index, conditions, principal.study_instance_uids, limit, offset)
        return json_answer(page, media_type=JSON)

    return [Route(("GET",), "/api/worklist", worklist, Action.QUERY, says=_SAYS)]


def understood(parameters: QueryParams) -> tuple[list[ColumnElement[bool]], int, int]:
    """Conditions, limit and offset out of the URL's parameters. Raises QueryRefused."""
    conditions = [_word(word) for word in parameters.get("search", "")[:SEARCH_CHARACTERS_MAX].split()[:WORDS_MAX]]
    modalities = [name for name in parameters.get("modality", "").split(",") if name]
    if modalities:
        inside = (series.c.study_row == study.c.row, series.c.modality.in_(modalities))
        conditions.append(exists().where(*inside).correlate(study))
    low, high = _date(parameters, "from"), _date(parameters, "to")
    if low or high:
        conditions.append(study.c.study_date != "")
    if low:
        conditions.append(study.c.study_date >= low)
    if high:
        conditions.append(study.c.study_date <= high)
    return conditions, min(_whole(parameters, "limit", LIMIT_DEFAULT), LIMIT_MAX), _whole(parameters, "offset", 0)


def listed(
    index: Index,
    conditions: Sequence[ColumnElement[bool]],
    studies: frozenset[str] | None,
    limit: int,
    offset: int,
) -> dict[str, Any]:
    """One page and how many studies there are on all pages; `studies` are the only ones there are for the caller."""
    allowed = [*conditions] if studies is None else [*conditions, study.c.study_instance_uid.in_(sorted(studies))]
    page = (
        select(*_COLUMNS, study.c.row, study.c.received_at, study.c.priority_band)
        .add_columns(study.c.priority_reason, study.c.priority_source)
        .select_from(_FROM)
        .where(*allowed)
        .order_by(study.c.priority_band, study.c.received_at.desc(), study.c.row.desc())
        .limit(limit)
        .offset(offset)
    )
    with index.read() as connection:
        total = connection.execute(select(func.count()).select_from(_FROM).where(*allowed)).scalar_one()
        rows = connection.execute(page).mappings().all()
        modalities = _modalities(connection, [row["row"] for row in rows])
        conflicts = _conflicts(connection, [row["study_instance_uid"] for row in rows])
    return {
        "studies": [_entry(row, modalities[row["row"]], conflicts.get(row["study_instance_uid"], 0)) for row in rows],
        "total": int(total),
    }


def _entry(row: RowMapping, modalities: list[str], conflicts: int) -> dict[str, Any]:
    return {column.name: row[column.name] for column in _COLUMNS} | {
        "modalities": modalities,
        "received_at": from_microseconds(row["received_at"]).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "priority": band_name(row["priority_band"]),
        "reason": json.loads(row["priority_reason"]) if row["priority_reason"] else None,
        "priority_source": row["priority_source"] or None,
        "conflicts": conflicts,
    }


def _modalities(connection: Connection, rows: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    statement = (
        select(series.c.study_row, series.c.modality)
        .where(series.c.study_row.in_(rows), series.c.modality != "")
        .distinct()
        .order_by(series.c.modality)
    )
    for row in connection.execute(statement):
        found[row.study_row].append(row.modality)
    return found


def _conflicts(connection: Connection, studies: Sequence[str]) -> dict[str, int]:
    statement = (
        select(instance.c.study_instance_uid, func.count())
        .where(NOT_LIVE, instance.c.state == InstanceState.CONFLICT.value)
        .where(instance.c.study_instance_uid.in_(studies))
        .group_by(instance.c.study_instance_uid)
    )
    return {row[0]: int(row[1]) for row in connection.execute(statement)}


def _word(word: str) -> ColumnElement[bool]:
    """A study whose patient, number or description has the word; names are found across scripts."""
    name, sound = _pattern(folded(word)), _pattern(skeleton(word))
    alternatives = [
        _has(patient.c.patient_name_folded, name),
        *_in_any_case(patient.c.patient_id, word),
        *_in_any_case(patient.c.other_patient_ids, word),  # who was merged: the old wristband finds them
        *_in_any_case(study.c.accession_number, word),
        *_in_any_case(study.c.study_description, word),
    ]
    if sound:
        column = patient.c.patient_name_skeleton
        alternatives.append(and_(column != "", word_begins(column, sound)))
    return or_(*alternatives)


def _in_any_case(column: ColumnElement[Any], word: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """As written too: SQLite's lower() knows ASCII alone. No index serves this, words are found inside."""
    return _has(column, _pattern(word)), _has(func.lower(column), _pattern(word.lower()))


def _has(column: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    return column.like(f"%{pattern}%", escape="!")


def _pattern(text: str) -> str:
    return re.sub(r"([!%_])", r"!\1", text)


def _date(parameters: QueryParams, name: str) -> str:
    text = parameters.get(name, "")
    if text and not re.fullmatch(r"\d{8}", text, re.ASCII):
        raise QueryRefused(f"{name} {text[:32]!r} is not a date", "give it as YYYYMMDD")
    return text


def _whole(parameters: QueryParams, name: str, otherwise: int) -> int:
    text = parameters.get(name, "")
    if not text:
        return otherwise
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise QueryRefused(f"{name} {text[:32]!r} is not a whole number", "give digits only")
    return int(text)
