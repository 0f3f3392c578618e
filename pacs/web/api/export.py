"""What people take away: studies as one ZIP file with a DICOMDIR, and word of the pictures they make: /api/export."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.audit import AuditCode, record
from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action, may
from pacs.access.operation import Answer, Body, Json, Operation, Parameter, done
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder
from pacs.dicom.transliteration import fitting
from pacs.errors import NotFound, QueryRefused, Unreadable
from pacs.index.schema import patient, study
from pacs.model import StorageState, StoredInstance
from pacs.render.workers import DecodeWorkers
from pacs.web.api.bodies import body_as
from pacs.web.dicomweb.answers import checked_uid
from pacs.web.dicomweb.bodies import StoredBytes, StreamedAnswer, taken
from pacs.web.dicomweb.instances import InstanceForm, Instances
from pacs.web.dicomweb.media_types import ANY_SYNTAX, ZIP
from pacs.web.dicomweb.zipped import Zipped

STUDIES_MAX: Final = 100
CHOSEN_MAX: Final = 200
_NAME_CHARACTERS_MAX: Final = 120
_ANY_FORM: Final = InstanceForm(multipart=False, wanted=ANY_SYNTAX)  # as stored, as far as it may leave over the web
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*^=;%]+')
_UIDS = Json({"type": "string", "pattern": r"^[0-9.]{1,64}(,[0-9.]{1,64})*$"})
_SAYS = Operation(
    "Studies as one ZIP file with a DICOMDIR, named after their patient",
    (
        Answer(200, "the file; objects are in the syntax they are stored in", (ZIP,)),
        Answer(206, "all but what is damaged (a Warning says so)", (ZIP,)),
    ),
    (
        Parameter(
            "study", f"Study Instance UIDs with commas between them, at most {STUDIES_MAX}", _UIDS, required=True
        ),
        Parameter("series", f"of them these series only: at most {CHOSEN_MAX} Series Instance UIDs", _UIDS),
        Parameter("instance", f"of them these instances only: at most {CHOSEN_MAX} SOP Instance UIDs", _UIDS),
    ),
    refusals=(400, 404, 410, 422, 503),
)
_PICTURES_MAX: Final = 100_000


class TakenPictures(msgspec.Struct, forbid_unknown_fields=True):
    """The body that says which pictures somebody takes away, before they do. `pictures` of a film are its images."""

    studies: list[str]
    form: Literal["png", "jpeg", "mp4", "print"]
    pictures: int
    identity: Literal["kept", "removed"]
    series: list[str] = []


_TAKES = Operation(
    "Say that pictures are taken away: refused to who may not export, else audited",
    (done("it is on the record; now make them"),),
    body=Body(TakenPictures),
    refusals=(400, 404, 410, 503, 507),
    words="viewers make pictures of what is on the screen; they ask here first, and make none when they are refused",
)


class Exports:
    """Makes files for people to take away, and keeps the record of what they take."""

    def __init__(self, archive: Archive, workers: DecodeWorkers) -> None:
        self._archive = archive
        transcoder = Transcoder(archive, workers.decode, workers.encode)
        self._instances = Instances(archive, StoredBytes(archive), transcoder)
        self._zipped = Zipped(archive, self._instances)

    def routes(self) -> list[Route]:
        """The resources of what is taken away."""
        return [
            Route(("GET",), "/api/export", self._export, Action.EXPORT, says=_SAYS),
            Route(("POST",), "/api/export/pictures", self._pictures, Action.EXPORT, says=_TAKES),
        ]

    async def _export(self, request: Request, principal: Principal) -> Response:
        studies = understood(request.query_params.get("study", ""))
        chosen = {name: _chosen(request, name) for name in ("series", "instance")}
        found = await in_thread(self._found, studies, principal)
        found = [stored for stored in found if _is_chosen(stored, chosen["series"], chosen["instance"])]
        if not found:
            raise NotFound("there is nothing of that in these studies", "check the identifiers", "nothing_there")
        sound = [stored for stored in found if stored.storage is StorageState.STORED]
        if not sound:
            hint = "send it again from its source: that repairs it"
            raise Unreadable("what is stored here is damaged", hint, "damaged")
        said = (f"{name} {uid}" for name, uids in chosen.items() for uid in uids)
        await in_thread(self._record, principal, studies, "; ".join(("zip", *said)))
        name = await in_thread(self._name, studies)
        headers = {"content-disposition": attachment(name + ".zip"), "cache-control": "no-store"}
        damaged = len(found) - len(sound)
        if damaged:
            headers["warning"] = f'299 - "{damaged} damaged instances were left out"'
        first = await in_thread(self._instances.outgoing, sound[0], _ANY_FORM, strict=False)
        pieces = self._zipped.pieces(sound, _ANY_FORM, first, self._archive.clock())
        return StreamedAnswer(taken(pieces), media_type=ZIP, headers=headers, status=206 if damaged else 200)

    async def _pictures(self, request: Request, principal: Principal) -> Response:
        taken_ = await body_as(request, TakenPictures)
        if not 1 <= taken_.pictures <= _PICTURES_MAX:
            raise QueryRefused("that is no number of pictures", f"from 1 to {_PICTURES_MAX}")
        studies = understood(",".join(taken_.studies))
        series = [checked_uid(uid, "series") for uid in dict.fromkeys(taken_.series)][:STUDIES_MAX]
        await in_thread(self._found, studies, principal)
        said = (f"{taken_.pictures} {taken_.form}", f"identity {taken_.identity}", *series)
        await in_thread(self._record, principal, studies, "; ".join(said))
        return Response(None, 204)

    def _found(self, studies: Sequence[str], principal: Principal) -> list[StoredInstance]:
        """What there is of them. Raises NotFound, Gone."""
        for uid in studies:
            if not may(principal, Action.EXPORT, uid):
                raise NotFound("there is no such study", "check the identifier", "study_absent")
        return [stored for uid in studies for stored in self._archive.instances(uid, None, None)]

    def _record(self, principal: Principal, studies: Sequence[str], detail: str) -> None:
        """Durable before anything leaves (PS3.15 A.5.3.5)."""
        at = self._archive.clock()

        def work(connection: Connection) -> None:
            for uid in studies:
                record(
                    connection,
                    at,
                    code=AuditCode.EXPORT,
                    action="export",
                    principal=principal,
                    study_instance_uid=uid,
                    detail=detail,
                )

        self._archive.index.write(work)

    def _name(self, studies: list[str]) -> str:
        """Whose studies they are, of which day; the objects name their patients, so the file says so too."""
        columns = (patient.c.row, patient.c.patient_name, patient.c.patient_id, study.c.study_date)
        joined = study.join(patient, study.c.patient_row == patient.c.row)
        chosen = select(*columns).select_from(joined).where(study.c.study_instance_uid.in_(studies))
        with self._archive.index.read() as connection:
            rows = connection.execute(chosen).all()
        parts = [f"{len(studies)} studies"] if len(studies) > 1 else []
        if len({row.row for row in rows}) == 1:
            name = rows[0].patient_name.partition("=")[0].replace("^", " ")
            parts = [name, rows[0].patient_id, *(parts or [rows[0].study_date])]
        words = " ".join(_NOT_IN_NAMES.sub(" ", " ".join(parts)).split())
        return words[:_NAME_CHARACTERS_MAX].strip(". ") or "study"


def understood(text: str) -> list[str]:
    """The studies of the parameter, each once. Raises QueryRefused."""
    studies = list(dict.fromkeys(checked_uid(uid, "study") for uid in text.split(",") if uid))
    if not studies:
        raise QueryRefused("no study is named", "name them as study=UID,UID")
    if len(studies) > STUDIES_MAX:
        message = f"at most {STUDIES_MAX} studies go into one file"
        raise QueryRefused(message, "make several files", "studies_many")
    return studies


def _chosen(request: Request, name: str) -> list[str]:
    """The UIDs of a parameter, each once; none: no choice. Raises QueryRefused."""
    given = request.query_params.get(name)
    if given is None:
        return []
    uids = list(dict.fromkeys(checked_uid(uid, name) for uid in given.split(",") if uid))
    if not 1 <= len(uids) <= CHOSEN_MAX:
        raise QueryRefused(
            f"that is no choice of {name}", f"name 1 to {CHOSEN_MAX}, or leave the parameter out for all"
        )
    return uids


def _is_chosen(stored: StoredInstance, series: Sequence[str], instances: Sequence[str]) -> bool:
    if series and stored.series_instance_uid not in series:
        return False
    return not instances or stored.sop_instance_uid in instances


def attachment(name: str) -> str:
    """A Content-Disposition with `name` in all its letters, and in Latin ones for who knows no others (RFC 6266)."""
    plain = fitting(name, "UC", "").encode("ascii", "replace").decode("ascii").replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
