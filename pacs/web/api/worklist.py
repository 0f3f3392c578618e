"""The viewer's worklist: studies by priority, then by date, the newest first: /api/worklist."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import BOOLEAN, DATE, UID, Json, Operation, Parameter, gives, one_of, whole
from pacs.access.principals import Principal
from pacs.archive.patients import SURE, doubts
from pacs.archive.priority import band_name
from pacs.archive.reading import UNREAD, ReadingState, states
from pacs.archive.totals import Totals
from pacs.errors import QueryRefused
from pacs.index.engine import Index
from pacs.index.reading import NEWEST, ORDERS, SORTS, TOTAL_MAX, Reading, late, page, total
from pacs.index.schema import NOT_LIVE, instance, patient, series, study
from pacs.model import Clock, InstanceState, from_microseconds, to_microseconds
from pacs.web.api import doubt
from pacs.web.api.doubt import DOUBT
from pacs.web.api.queries import whole_number
from pacs.web.api.reading import READING_STATE, shown
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import checked_uid, json_answer
from pacs.web.dicomweb.media_types import JSON

LIMIT_MAX = 200
LIMIT_DEFAULT = 50
SEARCH_CHARACTERS_MAX = 200
WORDS_MAX = 8

_COLUMNS = (
    patient.c.patient_name,
    patient.c.patient_id,
    patient.c.issuer_of_patient_id,
    patient.c.patient_birth_date,
    patient.c.patient_sex,
    study.c.study_instance_uid,
    study.c.study_date,
    study.c.study_time,
    study.c.study_description,
    study.c.accession_number,
    study.c.referring_physician_name,
    study.c.institution_name,
    study.c.number_of_series,
    study.c.number_of_instances,
)
_SHOWN = select(
    *_COLUMNS,
    study.c.row,
    study.c.received_at,
    study.c.priority_band,
    study.c.priority_reason,
    study.c.priority_source,
).select_from(study.join(patient, study.c.patient_row == patient.c.row))

_SORTS = [*(name for name in ORDERS if name), *(f"{sign}{name}" for name in SORTS for sign in ("", "-"))]
_MOMENT = Json({"type": "string", "format": "date-time"})
_TEXT_OR_NOTHING = Json({"type": ["string", "null"]})
_SAYS = Operation(
    "Studies by priority, then by study date, the newest first",
    (
        gives(
            {
                "studies": [
                    {str(column.name): int if column.name.startswith("number_of") else str for column in _COLUMNS}
                    | {"modalities": list[str], "received_at": datetime, "priority": str, "conflicts": int}
                    | {"reason": Json({"type": ["object", "null"]}), "priority_source": _TEXT_OR_NOTHING}
                    | {"reading": READING_STATE, "doubt": DOUBT}
                ],
                "total": int,
                "total_is_least": bool,
                "late": int,
                "late_is_least": bool,
            },
            f"one page, and how many there are; of what is looked for {TOTAL_MAX} are counted at most",
        ),
    ),
    (
        Parameter(
            "search",
            f"words of a name, number or description, in any script; beyond the newest {NEWEST} studies of a priority "
            "those that a word of a name, a patient ID or an accession number begins with",
        ),
        Parameter("modality", "one or more, with commas between them"),
        Parameter("from", "the earliest study date", DATE),
        Parameter("to", "the latest study date", DATE),
        Parameter("read", "only what is read, or only what is not", BOOLEAN),
        Parameter("patient_of", "a Study Instance UID: only the studies of its patient", UID),
        Parameter(
            "sort",
            "arrival: by priority, then what arrived last; or by a column, where a minus sign turns the order round",
            one_of(_SORTS),
        ),
        Parameter(
            "since",
            "a moment with its distance from UTC: `late` tells how many that arrived since then are of an earlier day",
            _MOMENT,
        ),
        Parameter("limit", f"how many; at most {LIMIT_MAX} are given", whole(maximum=10**9 - 1, default=LIMIT_DEFAULT)),
        Parameter("offset", "how many are left out before", whole(maximum=10**9 - 1, default=0)),
    ),
    refusals=(400,),
)


def routes(index: Index, clock: Clock, accesses: Accesses) -> list[Route]:
    """The route of the worklist."""
    totals = Totals(index)

    async def worklist(request: Request, principal: Principal) -> Response:
        reading, limit, offset = understood(request.query_params, principal.study_instance_uids)
        since = _since(request.query_params)
        accesses.searched(principal)
        found = await in_thread(listed, index, totals, reading, limit, offset, to_microseconds(clock()))
        if since is not None:
            found |= await in_thread(_late, index, reading, since)
        return json_answer(found, media_type=JSON)

    return [Route(("GET",), "/api/worklist", worklist, Action.QUERY, says=_SAYS)]


def understood(parameters: QueryParams, studies: frozenset[str] | None) -> tuple[Reading, int, int]:
    """What is looked for, limit and offset out of the URL's parameters. Raises QueryRefused."""
    reading = Reading(
        words=tuple(parameters.get("search", "")[:SEARCH_CHARACTERS_MAX].split()[:WORDS_MAX]),
        modalities=tuple(name for name in parameters.get("modality", "").split(",") if name),
        low=_date(parameters, "from"),
        high=_date(parameters, "to"),
        read=_read(parameters),
        patient_of=checked_uid(parameters["patient_of"], "patient_of") if parameters.get("patient_of") else "",
        studies=studies,
        sort=_sort(parameters).removeprefix("-"),
        descending=_sort(parameters).startswith("-"),
    )
    return reading, min(_whole(parameters, "limit", LIMIT_DEFAULT), LIMIT_MAX), _whole(parameters, "offset", 0)


def listed(index: Index, totals: Totals, reading: Reading, limit: int, offset: int, now: int) -> dict[str, Any]:
    """One page and how many studies there are on all pages; `now` in microseconds."""
    with index.read() as connection:
        places = {row: place for place, row in enumerate(page(connection, reading, limit, offset))}
        rows = connection.execute(_SHOWN.where(study.c.row.in_(places))).mappings().all()
        rows = sorted(rows, key=lambda row: places[row["row"]])
        modalities = _modalities(connection, list(places))
        uids = [row["study_instance_uid"] for row in rows]
        conflicts = _conflicts(connection, uids)
        readings = states(connection, uids, now)
        doubtful = doubts(connection, uids, reading.studies)
    if offset == 0 and len(places) < limit:
        found = len(places)
    else:
        reading = replace(reading, sort="", descending=False)
        found = totals.counted(reading, lambda connection: total(connection, reading))
    return {
        "studies": [
            _entry(row, modalities[row["row"]], conflicts.get(uid, 0), readings.get(uid, UNREAD))
            | {"doubt": doubt.shown(doubtful.get(uid, SURE))}
            for row, uid in zip(rows, uids, strict=True)
        ],
        "total": found if reading == Reading() else min(found, TOTAL_MAX),
        "total_is_least": found > TOTAL_MAX and reading != Reading(),
        "late": 0,
        "late_is_least": False,
    }


def _late(index: Index, reading: Reading, since: datetime) -> dict[str, Any]:
    with index.read() as connection:
        found, is_least = late(connection, reading, to_microseconds(since), f"{since:%Y%m%d}")
    return {"late": found, "late_is_least": is_least}


def _entry(row: RowMapping, modalities: list[str], conflicts: int, reading: ReadingState) -> dict[str, Any]:
    return {column.name: row[column.name] for column in _COLUMNS} | {
        "modalities": modalities,
        "received_at": from_microseconds(row["received_at"]).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "priority": band_name(row["priority_band"]),
        "reason": json.loads(row["priority_reason"]) if row["priority_reason"] else None,
        "priority_source": row["priority_source"] or None,
        "conflicts": conflicts,
        "reading": shown(reading),
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


def _date(parameters: QueryParams, name: str) -> str:
    text = parameters.get(name, "")
    if text and not _exists(text):
        raise QueryRefused(f"{name} {text[:32]!r} is not a date", "give one that exists, as YYYYMMDD")
    return text


def _exists(text: str) -> bool:
    if re.fullmatch(r"\d{8}", text, re.ASCII) is None:
        return False
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def _read(parameters: QueryParams) -> bool | None:
    text = parameters.get("read", "")
    if text not in ("", "true", "false"):
        raise QueryRefused(f"read {text[:32]!r} is neither true nor false", "leave it out for both")
    return None if text == "" else text == "true"


def _sort(parameters: QueryParams) -> str:
    text = parameters.get("sort", "")
    if text and text not in _SORTS:
        raise QueryRefused(f"the list is not sorted by {text[:32]!r}", f"sort by arrival, {', '.join(SORTS)}")
    return text


def _since(parameters: QueryParams) -> datetime | None:
    text = parameters.get("since", "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise QueryRefused(f"since {text[:40]!r} is no moment", "give one as 2026-11-29T00:00:00+06:00")
    return moment


def _whole(parameters: QueryParams, name: str, otherwise: int) -> int:
    text = parameters.get(name, "")
    if not text:
        return otherwise
    return whole_number(name, text, digits_max=9)
