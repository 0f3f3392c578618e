"""WADO-URI (PS3.18 chapter 9): one object by the parameters of a URL, as a file or as a picture."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action, may
from pacs.access.operation import UID, Answer, Json, Operation, Parameter, one_of, whole, words_of
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.errors import NotAcceptable, NotFound, QueryRefused
from pacs.model import StoredInstance
from pacs.render.values import ANNOTATIONS, JPEG, MEDIA_TYPES, OUTPUT_PIXELS_MAX, RenderParameters, Viewport
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import checked_uid, entity_tag, known_to
from pacs.web.dicomweb.bodies import StreamedAnswer, taken
from pacs.web.dicomweb.frames import CACHE
from pacs.web.dicomweb.instances import InstanceForm, Instances, not_acceptable, target_of
from pacs.web.dicomweb.media_types import DICOM, MediaRange, accepted
from pacs.web.dicomweb.pictures import Pictures
from pacs.web.dicomweb.subjects import subjects

PATH = "/wado"

_NUMBER = re.compile(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})([eE][+-]?\d{1,2})?")
_WHOLE = re.compile(r"\d{1,6}")
_OF_PICTURES = ("rows", "columns", "region", "windowCenter", "windowWidth", "imageQuality", "annotation")
_REGION = r"^0(\.[0-4])?,0(\.[0-4])?,(0\.[5-9]|1),(0\.[5-9]|1)$"
_UIDS = ("studyUID", "seriesUID", "objectUID")


_SAYS = Operation(
    "One object by WADO-URI: as a file, or a frame of it as a picture",
    (Answer(200, "the file or the picture", (DICOM, *MEDIA_TYPES), headers={"ETag": "of this answer"}),),
    (
        Parameter("requestType", "WADO", one_of(["WADO"]), required=True),
        *(Parameter(name, "which object", UID, required=True) for name in _UIDS),
        Parameter("contentType", "media types, with commas between them"),
        Parameter("transferSyntax", "of a file", UID),
        Parameter("frameNumber", "of a picture, from 1", whole(1, 999_999)),
        Parameter("rows", "height of the picture at most", whole(1, 4096)),
        Parameter("columns", "width of the picture at most", whole(1, 4096)),
        Parameter("region", "left,top,right,bottom, each from 0 to 1", Json({"type": "string", "pattern": _REGION})),
        Parameter("windowCenter", "with windowWidth", Json({"type": "number"})),
        Parameter("windowWidth", "with windowCenter", Json({"type": "number", "minimum": 1})),
        Parameter("imageQuality", "of a JPEG", whole(1, 100)),
        Parameter("annotation", "what is written into the picture", words_of(ANNOTATIONS)),
    ),
    refusals=(304, 400, 404, 406, 410, 422),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one URL asks for."""

    uids: tuple[str, str, str]
    accepts: tuple[MediaRange, ...]
    frame: int | None


class WadoUri:
    """The one resource of the URI service."""

    def __init__(self, archive: Archive, instances: Instances, pictures: Pictures, accesses: Accesses) -> None:
        self._archive = archive
        self._instances = instances
        self._pictures = pictures
        self._accesses = accesses

    def routes(self) -> list[Route]:
        """The resource, at the root of the node as clients of this service expect it."""
        return [Route(("GET",), PATH, self.retrieve, Action.RETRIEVE, says=_SAYS)]

    async def retrieve(self, request: Request, principal: Principal) -> Response:
        """The object as a DICOM file or a frame of it as a picture. Raises QueryRefused, NotFound, NotAcceptable."""
        query = request.query_params
        asked = _asked(query)
        if not may(principal, Action.RETRIEVE, asked.uids[0]):
            raise NotFound("there is no such object here", "check the UIDs, or search for the study")
        self._accesses.read(principal, asked.uids[0])
        [stored] = await in_thread(self._archive.instances, *asked.uids)
        media_type = _media_type(asked, stored)
        if media_type == DICOM:
            return await self._file(request, stored, asked)
        if "transferSyntax" in query:
            raise QueryRefused("transferSyntax is of files, not of pictures", f"leave it out, or ask for {DICOM}")
        return await self._picture(request, stored, asked.frame or 1, media_type)

    async def _file(self, request: Request, stored: StoredInstance, asked: _Asked) -> Response:
        query = request.query_params
        meant = [name for name in ("frameNumber", *_OF_PICTURES) if name in query]
        if meant:
            raise QueryRefused(f"{meant[0]} is of pictures, not of files", f"ask for contentType={JPEG}")
        form = InstanceForm(multipart=False, wanted=query.get("transferSyntax", "").strip())
        target = target_of(stored, form.wanted)
        if not target:
            raise not_acceptable()
        headers = {"cache-control": CACHE, "etag": entity_tag("uri", stored.object_key, stored.shown_as, target)}
        if known_to(request, headers["etag"]):
            return Response(None, 304, headers)
        outgoing = await in_thread(self._instances.outgoing, stored, form)
        headers["content-disposition"] = f'attachment; filename="{stored.sop_instance_uid}.dcm"'
        return StreamedAnswer(
            taken(outgoing.pieces), media_type=outgoing.content_type, length=outgoing.length, headers=headers
        )

    async def _picture(self, request: Request, stored: StoredInstance, frame: int, media_type: str) -> Response:
        query = request.query_params

        def prepare() -> RenderParameters:
            return RenderParameters(
                window=_window(query),
                viewport=_viewport(query, *self._extent(stored))
                if {"rows", "columns", "region"} & set(query)
                else None,
                quality=_whole(query, "imageQuality"),
                media_type=media_type,
                annotation=tuple(sorted(word.strip() for word in query.get("annotation", "").split(",") if word)),
            )

        wanted = await in_thread(prepare)
        subject = (await in_thread(subjects, self._archive, stored, [frame]))[0]
        headers = {"etag": subject.etag(wanted), "cache-control": CACHE}
        if known_to(request, headers["etag"]):
            return Response(None, 304, headers)
        picture = await self._pictures.picture(subject, wanted)
        return Response(picture.data, 200, headers, picture.media_type)

    def _extent(self, stored: StoredInstance) -> tuple[int, int]:
        """Rows and columns of the image."""
        metadata = self._archive.instance_metadata(stored)
        rows, columns = (metadata.get(tag, {}).get("Value", [0])[0] for tag in ("00280010", "00280011"))
        if not (isinstance(rows, int) and isinstance(columns, int) and rows and columns):
            raise NotAcceptable("there is no picture of this", "it holds no image; ask for application/dicom")
        return rows, columns


def _asked(query: QueryParams) -> _Asked:
    if query.get("requestType", "").upper() != "WADO":
        raise QueryRefused("requestType has to be WADO", f"{PATH}?requestType=WADO&studyUID=…&seriesUID=…&objectUID=…")
    missing = [name for name in _UIDS if not query.get(name)]
    if missing:
        raise QueryRefused(f"{', '.join(missing)} is missing", "name study, series and object by their UIDs")
    if query.get("anonymize", "no").lower() not in ("", "no"):
        # to ignore it would give away what the caller must not see
        raise NotAcceptable("objects are not anonymised here", "leave anonymize out, and remove what identifies later")
    study, series, instance = (checked_uid(query[name], name) for name in _UIDS)
    content_types = query.getlist("contentType")
    return _Asked((study, series, instance), accepted(content_types), _whole(query, "frameNumber"))


def _media_type(asked: _Asked, stored: StoredInstance) -> str:
    """The first type of contentType that can be given; where none is named, a picture of a single frame, else the
    file (PS3.18 9.1.2.2.1)."""
    images: tuple[str, ...] = MEDIA_TYPES if stored.frame_table is not None else ()
    several = stored.frame_table is not None and frame_table(stored).number_of_frames > 1
    default = JPEG if images and (not several or asked.frame is not None) else DICOM
    for entry in asked.accepts:
        if entry.anything:
            return default
        for media_type in (DICOM, *images):
            if entry.includes(media_type):
                return media_type
    raise NotAcceptable("the object cannot be given so", f"contentType is {' or '.join((DICOM, *images))}")


def _window(query: QueryParams) -> tuple[float, float, str] | None:
    """Both or neither (PS3.18 9.1.2.2.7)."""
    center, width = query.get("windowCenter"), query.get("windowWidth")
    if center is None and width is None:
        return None
    if center is None or width is None or not (_NUMBER.fullmatch(center) and _NUMBER.fullmatch(width)):
        raise QueryRefused("windowCenter and windowWidth belong together", "give both, as numbers")
    return float(center), float(width), "linear"


def _viewport(query: QueryParams, rows: int, columns: int) -> Viewport:
    """`rows` and `columns` bound the picture, `region` is x and y of two corners in parts of the image (9.1.2.2.6)."""
    region: list[float | None] = [None] * 4
    if "region" in query:
        parts = query["region"].split(",")
        if len(parts) != 4 or not all(_NUMBER.fullmatch(part) for part in parts):
            raise QueryRefused("region is not understood", "expected left,top,right,bottom, each from 0 to 1")
        left, top, right, bottom = map(float, parts)
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise QueryRefused("region is out of range", "left,top,right,bottom from 0 to 1, none of it empty")
        region = [left * columns, top * rows, (right - left) * columns, (bottom - top) * rows]
    height, width = _whole(query, "rows"), _whole(query, "columns")
    if height is None and width is None:
        height, width = round(region[3] or rows), round(region[2] or columns)
    # of one alone the other follows from the shape of the image
    height = height if height is not None else max(1, OUTPUT_PIXELS_MAX // max(width or 1, 1))
    width = width if width is not None else max(1, OUTPUT_PIXELS_MAX // max(height, 1))
    return Viewport(max(width, 0), max(height, 0), *region)


def _whole(query: QueryParams, name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not _WHOLE.fullmatch(text):
        raise QueryRefused(f"{name} {text[:16]!r} is not a number", "give a whole number")
    return int(text)
