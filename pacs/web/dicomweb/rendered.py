"""Rendered resources and thumbnails over WADO-RS (PS3.18 8.3.5, 8.7.4, 10.4.1.1.3-4)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import structlog
from pydicom.uid import (
    EnhancedPETImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    PositronEmissionTomographyImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import in_thread
from pacs.access.operation import Answer, Json, Operation, Parameter, one_of, whole, words_of
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.errors import NotAcceptable, QueryRefused, Unreadable
from pacs.model import StoredInstance
from pacs.render.values import ANNOTATIONS, GIF, JPEG, MEDIA_TYPES, PNG, PROFILES, QUALITY_DEFAULT, WINDOW_FUNCTIONS
from pacs.render.workers import RenderParameters, Viewport
from pacs.web.dicomweb.animation import APNG, DELAY_MS, ApngFrames, GifFrames, delays_ms
from pacs.web.dicomweb.answers import ACCEPT, accepted_by, entity_tags
from pacs.web.dicomweb.bodies import Pieces, StoredBytes, StreamedAnswer
from pacs.web.dicomweb.documents import DOCUMENT_TYPES, document_answer
from pacs.web.dicomweb.frames import CACHE, frame_numbers
from pacs.web.dicomweb.media_types import MediaRange, parts_of
from pacs.web.dicomweb.multipart import Framing
from pacs.web.dicomweb.pictures import Pictures, Subject
from pacs.web.dicomweb.resources import Resources
from pacs.web.dicomweb.subjects import (
    SEGMENTATIONS,
    is_about_images,
    is_only_an_image,
    refuse_different_sizes,
    subjects,
)
from pacs.web.dicomweb.videos import VIDEO_TYPES, is_video, video_answer

log = structlog.get_logger()

THUMBNAIL = Viewport(128, 128)

OPENED_OTHERWISE = (
    PositronEmissionTomographyImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    EnhancedPETImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)
"""PET in a window of uptake that its series tells, a slide as a whole, of which a frame is one tile."""

_NUMBER = re.compile(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})([eE][+-]?\d{1,2})?")
_WHOLE = re.compile(r"\d{1,6}")

_PAIR = r"^[1-9][0-9]{0,3},[1-9][0-9]{0,3}$"
_TRIPLE = rf"^-?[0-9]{{1,4}},[1-9][0-9]{{0,4}},({'|'.join(WINDOW_FUNCTIONS)})$"

_VIEWPORT = Parameter(
    "viewport", "width,height[,x,y,width,height] in pixels", Json({"type": "string", "pattern": _PAIR})
)
_OF_PICTURES = (
    _VIEWPORT,
    Parameter("window", f"center,width,{'|'.join(WINDOW_FUNCTIONS)}", Json({"type": "string", "pattern": _TRIPLE})),
    Parameter("quality", "of a JPEG", whole(1, 100, QUALITY_DEFAULT)),
    Parameter("annotation", "what is written into the picture", words_of(ANNOTATIONS)),
    Parameter("iccprofile", "which colour profile goes with it", one_of(PROFILES)),
    ACCEPT,
)
_REFUSED = (304, 400, 406, 410, 422)
RENDERED = Operation(
    "Pictures: of an image, of frames, of a presentation state or segmentation; documents, reports, waveforms, video",
    (
        Answer(
            200,
            "one picture, a moving one (APNG, GIF), one a part, a document, or a video as it is stored",
            (*MEDIA_TYPES, APNG, *map(parts_of, MEDIA_TYPES), *DOCUMENT_TYPES, *VIDEO_TYPES),
            headers={"ETag": "of this picture"},
        ),
        Answer(206, "a range of a video", VIDEO_TYPES),
    ),
    _OF_PICTURES,
    refusals=_REFUSED,
)
RENDERED_MANY = Operation(
    "The first frame of every image",
    (
        Answer(
            200,
            "one picture a part; of a series one that moves; of a single image its picture",
            (*map(parts_of, MEDIA_TYPES), *MEDIA_TYPES, APNG),
        ),
    ),
    _OF_PICTURES,
    refusals=_REFUSED,
)
SMALL = Operation(
    "One small picture that stands for it",
    (Answer(200, "the picture", MEDIA_TYPES, headers={"ETag": "of this picture"}),),
    _OF_PICTURES,
    refusals=_REFUSED,
)
FIRST_PICTURE = Operation(
    "The picture that the viewer opens a study with",
    (
        Answer(
            200,
            "the picture",
            MEDIA_TYPES,
            headers={"ETag": "of this picture", "Content-Location": "where its image is rendered"},
        ),
        Answer(
            204,
            "there is none: the study holds no image or videos alone, or opens with PET (in a window of uptake that its"
            " series tells) or a whole slide (of which a frame is one tile)",
        ),
    ),
    _OF_PICTURES,
    refusals=_REFUSED,
)


class Rendered:
    """The answers with pictures."""

    def __init__(self, archive: Archive, pictures: Pictures, stored_bytes: StoredBytes, resources: Resources) -> None:
        self._archive = archive
        self._bytes = stored_bytes
        self._pictures = pictures
        self._resources = resources

    async def one(self, request: Request, principal: Principal) -> Response:
        """An instance or frames of it: one picture, or one a part."""
        numbers = frame_numbers(request.path_params["frames"]) if "frames" in request.path_params else None
        uids = self._resources.uids(request, principal)
        found = self._resources.found_at_once(*uids)

        def prepare(stored: StoredInstance) -> tuple[list[Subject], PictureForm, RenderParameters] | Response:
            state = is_about_images(stored)
            if stored.frame_table is None and not state:
                return document_answer(self._archive, request, stored)
            if is_video(stored):
                for number in numbers or ():
                    frame_table(stored).check(number)
                return video_answer(self._bytes, request, stored)
            shown = subjects(self._archive, stored, numbers)
            # one picture of an image without a frame number is that of its first frame
            single = len(shown) == 1 or (numbers is None and not state)
            form = picture_form(accepted_by(request), single=single, many=True, moving=len(shown) > 1 and not state)
            wanted = asked(request.query_params, PNG if form.media_type == APNG else form.media_type, whole=state)
            if state and wanted.window is not None:
                raise QueryRefused("a presentation state has a window of its own", "leave the window parameter out")
            return shown, form, wanted

        if found is not None and is_only_an_image(found):
            prepared = prepare(found)
        else:
            prepared = await in_thread(lambda: prepare(found or self._archive.instances(*uids)[0]))
        if isinstance(prepared, Response):
            return prepared
        shown, form, wanted = prepared
        if form.multipart:
            return self._parts(request, shown, form, wanted)
        if form.moving:
            return await self._animation(request, shown, form, wanted)
        return await self._picture(request, shown[0], wanted)

    async def many(self, request: Request, principal: Principal) -> Response:
        """The first frame of every image of a study or series: in parts, of a series as one moving picture too, of a
        single image as that one."""
        find = self._resources.found(request, principal)

        def prepare() -> tuple[list[Subject], PictureForm, RenderParameters]:
            instances = find()
            representative(instances)
            shown = [Subject(stored) for stored in instances if stored.frame_table is not None]
            alone = shown[0].stored if len(shown) == 1 and not is_video(shown[0].stored) else None
            several = len(shown) > 1 or (alone is not None and frame_table(alone).number_of_frames > 1)
            moving = several and "series" in request.path_params
            form = picture_form(accepted_by(request), single=alone is not None, many=True, moving=moving)
            if form.moving and alone is not None:
                shown = subjects(self._archive, alone, None)
            elif form.moving:
                refuse_different_sizes(self._archive, shown[0].stored)
            return shown, form, asked(request.query_params, PNG if form.media_type == APNG else form.media_type)

        shown, form, wanted = await in_thread(prepare)
        if form.multipart:
            return self._parts(request, shown, form, wanted)
        if form.moving:
            own = len({subject.stored.sop_instance_uid for subject in shown}) == 1
            return await self._animation(request, shown, form, wanted, None if own else [DELAY_MS] * len(shown))
        return await self._picture(request, shown[0], wanted)

    async def thumbnail(self, request: Request, principal: Principal) -> Response:
        """One small picture that stands for a study, series, instance or frame."""
        form = picture_form(accepted_by(request), single=True, many=False)
        wanted = asked(request.query_params, form.media_type, thumbnail=True)
        find = self._resources.found(request, principal)

        def chosen() -> Subject:
            instances = find()
            if "instance" not in request.path_params:
                return Subject(*representative(instances))
            numbers = frame_numbers(request.path_params["frames"]) if "frames" in request.path_params else [1]
            if len(numbers) != 1:
                raise NotAcceptable("several frames are not one picture", "ask for one frame at a time")
            return subjects(self._archive, instances[0], numbers)[0]

        return await self._picture(request, await in_thread(chosen), wanted)

    async def first(self, request: Request, principal: Principal) -> Response:
        """The picture that the viewer shows when it opens a study, so that it can ask for it before it knows the study.

        Content-Location says which image that is. A small image is not enlarged: the browser does that. Of PET
        there is none: it is read black on white in a window of uptake, which its series tells, and would
        otherwise turn round under the reader's eyes. A study without any is no mistake of who asks: 204.
        """
        form = picture_form(accepted_by(request), single=True, many=False)
        wanted = asked(request.query_params, form.media_type)
        if wanted.viewport is not None:
            wanted = replace(wanted, viewport=replace(wanted.viewport, enlarges=False))
        find = self._resources.found(request, principal)
        stored = await in_thread(lambda: first_image(find()))
        if stored is None or stored.sop_class_uid in OPENED_OTHERWISE:
            return Response(None, 204)
        subject = Subject(stored)
        answer = await self._picture(request, subject, wanted)
        answer.headers["content-location"] = urlsplit(_url(self._resources.service(request), subject)).path
        return answer

    async def _picture(self, request: Request, subject: Subject, wanted: RenderParameters) -> Response:
        if is_video(subject.stored):
            raise NotAcceptable(
                "no picture is made of a video here", "its rendered resource is the video as it is stored"
            )
        tag = subject.etag(wanted)
        headers = {"etag": tag, "cache-control": CACHE, "vary": "accept"}
        if tag in entity_tags(request.headers.get("if-none-match", "")):
            return Response(None, 304, headers)
        picture = await self._pictures.single(subject, wanted, tag)
        return Response(picture.data, 200, headers, picture.media_type)

    async def _animation(
        self,
        request: Request,
        shown: Sequence[Subject],
        form: PictureForm,
        wanted: RenderParameters,
        delays: Sequence[float] | None = None,
    ) -> Response:
        """Each for so many ms, frames of one object for as long as it says; in the place of one that cannot be decoded,
        or would have another form, stands the one before."""
        described = f"{form.media_type} {' '.join(subject.etag(wanted) for subject in shown)}"
        tag = f'"{hashlib.sha256(described.encode()).hexdigest()[:32]}"'
        headers = {"etag": tag, "cache-control": CACHE, "vary": "accept"}
        if tag in entity_tags(request.headers.get("if-none-match", "")):
            return Response(None, 304, headers)
        first = await self._pictures.picture(shown[0], wanted)
        if delays is None:
            metadata = await in_thread(self._archive.instance_metadata, shown[0].stored)
            delays = delays_ms(metadata, [subject.frame for subject in shown])
        frames = (ApngFrames if form.media_type == APNG else GifFrames)(len(shown))

        async def pieces() -> Pieces:
            data = first.data
            yield frames.part(data, delays[0])
            for subject, delay in zip(shown[1:], delays[1:], strict=True):
                try:
                    other = (await self._pictures.picture(subject, wanted)).data
                    part, data = frames.part(other, delay), other
                except Unreadable:
                    log.warning("frame_not_shown", sop_instance_uid=subject.stored.sop_instance_uid)
                    part = frames.part(data, delay)
                yield part
            yield frames.tail()

        return StreamedAnswer(pieces(), media_type=form.media_type, headers=headers)

    def _parts(
        self, request: Request, shown: Sequence[Subject], form: PictureForm, wanted: RenderParameters
    ) -> Response:
        framing = Framing(form.media_type)
        service = self._resources.service(request)

        async def parts() -> Pieces:
            for subject in shown:
                try:
                    picture = await self._pictures.picture(subject, wanted)
                except Unreadable:
                    continue  # one image that cannot be decoded does not take the others away
                url = _url(service, subject)
                yield framing.head({"Content-Type": form.media_type, "Content-Location": url})
                yield picture.data
            yield framing.tail

        return StreamedAnswer(parts(), media_type=framing.content_type, headers={"cache-control": CACHE})


@dataclass(frozen=True, slots=True)
class PictureForm:
    """How pictures are given: their type, and whether in parts."""

    media_type: str
    multipart: bool
    moving: bool = False


def picture_form(accepts: Sequence[MediaRange], *, single: bool, many: bool, moving: bool = False) -> PictureForm:
    """The best form the client takes of one picture, or of any number (PS3.18 Table 8.7.4-1). Raises NotAcceptable."""
    still = max((entry.quality for entry in accepts if entry.includes(JPEG) and not entry.multipart), default=0.0)
    for entry in accepts:
        if moving and entry.media_type in (GIF, APNG) and not entry.multipart:
            # browsers name image/apng in every request for a picture, beside image/*
            if entry.media_type == GIF or entry.quality > still:
                return PictureForm(entry.media_type, multipart=False, moving=True)
            continue
        for media_type in MEDIA_TYPES:
            if not entry.includes(media_type):
                continue
            if single and not entry.multipart:
                return PictureForm(media_type, multipart=False)
            if many and (entry.multipart or entry.anything):
                return PictureForm(media_type, multipart=True)
    if any(entry.media_type.startswith("video/") for entry in accepts):
        raise NotAcceptable("no video is made of images here", f"accept {GIF} or {APNG} for one that moves")
    forms = MEDIA_TYPES if single else ((GIF, APNG) if moving else ()) + ((parts_of(JPEG),) if many else ())
    other = "" if single else ", or ask for the thumbnail: one picture that stands for all"
    raise NotAcceptable("there is no acceptable form of this picture", f"accept {' or '.join(forms)}{other}")


def asked(query: QueryParams, media_type: str, *, thumbnail: bool = False, whole: bool = False) -> RenderParameters:
    """The query parameters of a rendered resource (PS3.18 8.3.5.1); of `whole` ones no region is chosen.

    Raises QueryRefused.
    """
    viewport = _viewport(query["viewport"], whole=thumbnail or whole) if "viewport" in query else None
    words = {word.strip() for word in query["annotation"].split(",")} if "annotation" in query else set()
    if thumbnail and "patient" in words:
        raise QueryRefused("a thumbnail does not name its patient", "ask for the rendered resource")
    return RenderParameters(
        window=_window(query["window"]) if "window" in query else None,
        viewport=viewport or (THUMBNAIL if thumbnail else None),
        quality=_quality(query["quality"]) if "quality" in query else None,
        media_type=media_type,
        annotation=tuple(sorted(words)),
        profile=query.get("iccprofile", "").lower(),
    )


def representative(instances: Sequence[StoredInstance]) -> tuple[StoredInstance, int]:
    """The instance and frame that stand for all of them: the middle one of those with pixels. Raises NotAcceptable."""
    images = [stored for stored in instances if stored.frame_table is not None]
    images = [stored for stored in images if not is_video(stored)] or images
    if not images:
        raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
    series = [stored for stored in images if stored.series_instance_uid == images[0].series_instance_uid]
    middle = series[len(series) // 2]
    return middle, (frame_table(middle).number_of_frames + 1) // 2


def first_image(instances: Sequence[StoredInstance]) -> StoredInstance | None:
    """The first with pixels that is no video, segmentations last, in the archive's order."""
    images = [stored for stored in instances if stored.frame_table is not None and not is_video(stored)]
    return next((stored for stored in images if stored.sop_class_uid not in SEGMENTATIONS), next(iter(images), None))


def _viewport(text: str, *, whole: bool) -> Viewport:
    """`vw,vh[,sx,sy,sw,sh]`; values may be left out, their commas not (PS3.18 8.3.5.1.3). Raises QueryRefused."""
    expected = "viewport=width,height" if whole else "viewport=width,height[,x,y,width,height]"
    parts = text.split(",")
    source = parts[2:]
    if (
        len(parts) not in ((2,) if whole else (2, 6))
        or not all(_WHOLE.fullmatch(part) for part in parts[:2])
        or not all(part == "" or _NUMBER.fullmatch(part) for part in source)
    ):
        raise QueryRefused(f"viewport {text[:64]!r} is not understood", f"expected {expected}")
    region = [float(part) if part else None for part in source] or [None] * 4
    return Viewport(int(parts[0]), int(parts[1]), *region)


def _window(text: str) -> tuple[float, float, str]:
    """`center,width,function`, all three (PS3.18 8.3.5.1.4). Raises QueryRefused."""
    parts = text.split(",")
    if len(parts) != 3 or not all(_NUMBER.fullmatch(part) for part in parts[:2]):
        functions = " or ".join(WINDOW_FUNCTIONS)
        raise QueryRefused(f"window {text[:64]!r} is not understood", f"expected center,width,{functions}")
    return float(parts[0]), float(parts[1]), parts[2].lower()


def _quality(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise QueryRefused(f"quality {text[:16]!r} is not a number", "give a whole number from 1 to 100")
    return int(text)


def _url(service: str, subject: Subject) -> str:
    """The address under which the picture is found again; of an image that has several frames it names one."""
    stored = subject.stored
    several = subject.frame > 1 or (stored.frame_table and frame_table(stored).number_of_frames > 1)
    frame = f"/frames/{subject.frame}" if several else ""
    for other in subject.others:
        stored = other.stored
        frame = f"/frames/{other.frames[0]}" if other.frames else ""
    return (
        f"{service}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}{frame}/rendered"
    )
