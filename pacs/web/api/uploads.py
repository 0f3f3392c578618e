"""Uploads that go on where they were interrupted: /api/uploads, after the IETF draft on resumable uploads for HTTP
(draft-ietf-httpbis-resumable-upload), and what becomes of them: what STOW-RS would answer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import (
    UID,
    Body,
    Operation,
    Parameter,
    done,
    gives,
    one_of,
    whole,
)
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.uploads import OffsetWrong, Upload, expires
from pacs.errors import ArrivalRefused, MediaTypeRefused, OutOfResources, QueryRefused, StoreFailed, SuretError
from pacs.model import Stored
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from pacs.web.dicomweb.answers import checked_uid, service_url
from pacs.web.dicomweb.media_types import (
    DICOM,
    DICOM_JSON,
    DICOM_XML,
    OCTET_STREAM,
    ZIP,
    parsed,
    parts_of,
)
from pacs.web.dicomweb.multipart import MultipartBroken
from pacs.web.dicomweb.stow import body_form, only_study, pieces_of
from pacs.web.dicomweb.stow_answer import ANSWERS, Failure, failure_of, given, told
from pacs.web.dicomweb.zip_delivery import FileResult, store_zip

log = structlog.get_logger()

ROOT = "/api/uploads"
PROTOCOL = "upload"
PARTIAL = "application/partial-upload"
FED_AT_ONCE_BYTES = 1 << 20
_ZIP_BEGINS = b"PK"
_WHOLE = re.compile(r"[0-9]{1,15}")
_PASSING = frozenset({OutOfResources, StoreFailed})


class UploadedFile(msgspec.Struct, frozen=True):
    """What became of one file of an upload: stored, failed or left_out (no DICOM object). `failure_reason` is that of
    PS3.18 I.2.2 (0 where there is none), for programs that have words of their own."""

    name: str
    outcome: str
    words: str
    sop_instance_uid: str
    study_instance_uid: str = ""
    failure_reason: int = 0


_OFFSET = Parameter("Upload-Offset", "where these bytes go on", whole(0, 10**15 - 1), required=True, where="header")
_COMPLETE = Parameter("Upload-Complete", "?1 with the last bytes", one_of(("?0", "?1")), where="header")
_LENGTH = Parameter("Upload-Length", "how many bytes there will be", whole(0, 10**15 - 1), where="header")
_DIGEST = Parameter("Repr-Digest", "sha-256=:…: or sha-512=:…: of the whole (RFC 9530)", where="header")
_AT = "bytes that are on stable storage"
_UPLOAD = {
    "id": str,
    "state": one_of(("uploading", "complete", "done")),
    "content_type": str,
    "offset": int,
    "length": int | None,
    "expires": str,
    "status": int | None,
    "files": list[UploadedFile],
}
_CREATE = Operation(
    "Begin an upload that can go on after an interruption",
    (done("begun", 201, location="the upload", upload_offset=_AT), *ANSWERS),
    (_COMPLETE, _LENGTH, _DIGEST, Parameter("study", "the only study that may be in it", UID)),
    Body(None, (ZIP, DICOM, parts_of(DICOM), parts_of(DICOM_JSON), parts_of(DICOM_XML), OCTET_STREAM), required=False),
    refusals=(404, 429),
)
_SHOW = Operation(
    "How far an upload is, and what became of each file in it",
    (gives(_UPLOAD, upload_offset=_AT),),
    refusals=(404, 503, 507),
)
_APPEND = Operation(
    "Append to an upload; with the last bytes it is taken in",
    (done("appended", upload_offset=_AT), *ANSWERS),
    (_OFFSET, _COMPLETE, _LENGTH, _DIGEST),
    Body(None, (PARTIAL,), required=False),
    refusals=(404,),
)
_REMOVE = Operation("Give an upload up", (done(),), refusals=(404, 503))


class UploadRoutes:
    """Create, append, ask, complete and give up."""

    def __init__(self, archive: Archive, workers: DecodeWorkers, settings: WebSettings) -> None:
        self._archive = archive
        self._uploads = archive.uploads
        self._workers = workers
        self._settings = settings

    def routes(self) -> list[Route]:
        """The resource of all uploads and that of one."""
        one = f"{ROOT}/{{id}}"
        return [
            Route(("POST",), ROOT, self._create, Action.STORE, body_bytes_max=None, says=_CREATE),
            Route(("GET",), one, self._show, Action.STORE, says=_SHOW),
            Route(("PATCH",), one, self._append, Action.STORE, body_bytes_max=None, says=_APPEND),
            Route(("DELETE",), one, self._remove, Action.STORE, says=_REMOVE),
        ]

    async def _create(self, request: Request, principal: Principal) -> Response:
        content_type = request.headers.get("content-type", OCTET_STREAM)
        found = parsed(content_type)
        if found is None or found[0] not in (ZIP, OCTET_STREAM):
            body_form(content_type)
        study = request.query_params.get("study", "")
        if study:
            checked_uid(study, "study")
        elif principal.study_instance_uids is not None:
            study = only_study(principal)
        is_last = _boolean(request, "upload-complete", default=False)
        length = _number(request, "upload-length")
        upload = await in_thread(
            self._uploads.create,
            principal,
            content_type,
            length=length,
            digest=request.headers.get("repr-digest", ""),
            study=study,
        )
        upload = await self._take(request, principal, upload.id, 0)
        if is_last:
            return await self._finish(request, principal, upload.id)
        return Response(None, 201, {"location": f"{ROOT}/{upload.id}", **self._headers(upload)})

    async def _append(self, request: Request, principal: Principal) -> Response:
        upload_id = request.path_params["id"]
        found = parsed(request.headers.get("content-type", PARTIAL))
        if found is None or found[0] not in (PARTIAL, "application/offset+octet-stream"):
            raise MediaTypeRefused("this is no part of an upload", f"send it as {PARTIAL}")
        offset, is_last = _number(request, "upload-offset"), _boolean(request, "upload-complete", default=False)
        if offset < 0:
            raise QueryRefused("the Upload-Offset is missing", "ask for it with HEAD")
        upload = await in_thread(self._uploads.stopped, principal, upload_id)
        if is_last and upload.is_complete and offset == upload.offset:
            return await self._finish(request, principal, upload_id)  # its answer was lost
        try:
            upload = await self._take(request, principal, upload_id, offset)
        except OffsetWrong as error:
            current = {"upload-offset": str(error.offset), "upload-complete": "?0", "cache-control": "no-store"}
            return JSONResponse({"error": error.message, "hint": error.hint}, 409, current)
        if is_last:
            return await self._finish(request, principal, upload_id)
        return Response(None, 204, self._headers(upload))

    async def _show(self, request: Request, principal: Principal) -> Response:
        upload = await in_thread(self._uploads.stopped, principal, request.path_params["id"])
        headers = self._headers(upload)
        if request.method == "HEAD":
            return Response(None, 204, headers)
        return JSONResponse(_shown(upload, expires(upload, self._uploads.limits)), 200, headers)

    async def _remove(self, request: Request, principal: Principal) -> Response:
        await in_thread(self._uploads.remove, principal, request.path_params["id"])
        return Response(None, 204)

    def _headers(self, upload: Upload) -> dict[str, str]:
        limits = self._uploads.limits
        length = {"upload-length": str(upload.length)} if upload.length >= 0 else {}
        return length | {
            "upload-offset": str(upload.offset),
            "upload-complete": "?1" if upload.is_complete else "?0",
            "upload-limit": f"max-size={limits.bytes_max}, max-age={int(limits.kept.total_seconds())}",
            "cache-control": "no-store",
        }

    async def _take(self, request: Request, principal: Principal, upload_id: str, offset: int) -> Upload:
        """Append the body. What came before the connection was lost is kept too."""
        writer = await in_thread(
            self._uploads.appending,
            principal,
            upload_id,
            offset,
            length=_number(request, "upload-length"),
            digest=request.headers.get("repr-digest", ""),
        )
        try:
            async for data in pieces_of(request):
                await in_thread(writer.write, data)
        finally:
            await in_thread(writer.close)
        return writer.upload

    async def _finish(self, request: Request, principal: Principal, upload_id: str) -> Response:
        upload = await in_thread(self._uploads.complete, principal, upload_id)
        if not upload.status:
            upload = await in_thread(self._taken_in, principal, upload, service_url(request, self._settings))
        response = given(request, upload.status, upload.answer)
        response.headers.update(self._headers(upload) | {"location": f"{ROOT}/{upload_id}"})
        return response

    def _taken_in(self, principal: Principal, upload: Upload, service: str) -> Upload:
        """Everything in it through the archive's own door. It is kept when only the moment was bad, so that it can be
        completed again. Raises Busy."""
        with self._uploads.taking(upload) as path:
            upload = self._uploads.get(principal, upload.id)
            if upload.status:
                return upload
            try:
                found = self._results(principal, upload, path, service)
            except (ArrivalRefused, MultipartBroken, MediaTypeRefused) as error:
                found = [FileResult("", _refused(error))]
            results = [one.result for one in found if one.result is not None]
            if not results:
                results = [failure_of(MediaTypeRefused("there is no DICOM file in it", "upload DICOM files"))]
            status, answer = told(results, service)
            files = [_file(one) for one in found]
            made = msgspec.structs.replace(upload, status=status, answer=answer, files=files)
            kept = any(isinstance(result, Failure) and _may_pass(result.error) for result in results)
            if not kept:
                self._uploads.done(upload, status, answer, files)
            log.info("upload_taken_in", files=len(files), status=status, kept=kept)
            return made

    def _results(self, principal: Principal, upload: Upload, path: Path, service: str) -> list[FileResult]:
        content_type = _content_type(upload.content_type, path)
        if content_type == ZIP:
            limit = self._uploads.limits.bytes_max
            return list(store_zip(self._archive, principal, upload.study_instance_uid, PROTOCOL, path, limit))
        delivery = body_form(content_type).delivery(
            self._archive, self._workers, principal, upload.study_instance_uid, f"{service}/studies/", PROTOCOL
        )
        try:
            with path.open("rb") as file:
                while piece := file.read(FED_AT_ONCE_BYTES):
                    delivery.feed(piece)
            delivery.finish()
        finally:
            delivery.close()
        return [FileResult("", result) for result in delivery.results]


def _content_type(content_type: str, path: Path) -> str:
    """What the upload is; of one that came without a type, by how it begins."""
    found = parsed(content_type)
    media_type = found[0] if found is not None else ""
    if media_type != OCTET_STREAM:
        return ZIP if media_type == ZIP else content_type
    with path.open("rb") as file:
        return ZIP if file.read(len(_ZIP_BEGINS)) == _ZIP_BEGINS else DICOM


def _may_pass(error: type[Exception]) -> bool:
    """Whether the same again may succeed: no room, storage that failed, or the node's own fault."""
    return error in _PASSING or not issubclass(error, SuretError)


def _refused(error: ArrivalRefused | MultipartBroken | MediaTypeRefused) -> Failure:
    if isinstance(error, MultipartBroken):
        return Failure(0xC000, MultipartBroken, str(error))
    return failure_of(error)


def _file(one: FileResult) -> dict[str, Any]:
    if one.result is None:
        made = UploadedFile(one.name, "left_out", one.words, "")
    elif isinstance(one.result, Stored):
        made = UploadedFile(one.name, "stored", "", one.result.sop_instance_uid, one.result.study_instance_uid)
    else:
        failure = one.result
        made = UploadedFile(one.name, "failed", failure.words, failure.sop_instance_uid, "", failure.reason)
    return msgspec.structs.asdict(made)


def _shown(upload: Upload, expires_at: str) -> dict[str, Any]:
    return {
        "id": upload.id,
        "state": upload.state,
        "content_type": upload.content_type,
        "offset": upload.offset,
        "length": None if upload.length < 0 else upload.length,
        "expires": expires_at,
        "status": upload.status or None,
        "files": upload.files,
    }


def _number(request: Request, name: str) -> int:
    """The number in a header, -1 where there is none. Raises QueryRefused."""
    text = request.headers.get(name)
    if text is None:
        return -1
    if _WHOLE.fullmatch(text) is None:
        raise QueryRefused(f"{name.title()} {text[:32]!r} is not a number of bytes", "give digits only")
    return int(text)


def _boolean(request: Request, name: str, *, default: bool) -> bool:
    """A boolean of RFC 9651 in a header. Raises QueryRefused."""
    text = request.headers.get(name, "?1" if default else "?0")
    if text not in ("?0", "?1"):
        raise QueryRefused(f"{name.title()} {text[:32]!r} is neither ?0 nor ?1", "?1 with the last bytes")
    return text == "?1"
