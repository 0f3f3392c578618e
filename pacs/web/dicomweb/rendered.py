"""Pictures over WADO-RS (PS3.18 8.3.5, 10.4.1.1.3-4): rendered resources and thumbnails, made by the decode workers.

The same picture is made once for all who ask for it at the same moment, and kept while there is room.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from starlette.datastructures import QueryParams

from pacs.archive.retrieve import frame_table
from pacs.errors import NotAcceptable, QueryRefused
from pacs.model import StoredInstance
from pacs.render.values import JPEG, MEDIA_TYPES, WINDOW_FUNCTIONS
from pacs.render.workers import DecodeWorkers, Picture, RenderParameters, Viewport
from pacs.web.dicomweb.frames import Frames
from pacs.web.dicomweb.media_types import MediaRange

KEPT_BYTES_MAX = 64 << 20
THREADS = 8
THUMBNAIL = Viewport(128, 128)

_NUMBER = re.compile(r"[+-]?(\d{1,9}(\.\d{0,9})?|\.\d{1,9})([eE][+-]?\d{1,2})?")
_WHOLE = re.compile(r"\d{1,6}")

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="render")


def asked(query: QueryParams, media_type: str, *, thumbnail: bool = False) -> RenderParameters:
    """The query parameters of a rendered resource (PS3.18 8.3.5.1). Raises QueryRefused."""
    viewport = _viewport(query["viewport"], whole=thumbnail) if "viewport" in query else None
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


def picture_type(accepts: Sequence[MediaRange], *, multipart: bool) -> str:
    """The best type of picture the client accepts (PS3.18 Table 8.7.4-1). Raises NotAcceptable.

    Several pictures are always in parts, one never is.
    """
    for entry in accepts:
        if entry.multipart is not multipart and not entry.anything:
            continue
        for media_type in MEDIA_TYPES:
            if entry.includes(media_type):
                return media_type
    form = f'multipart/related; type="{JPEG}"' if multipart else " or ".join(MEDIA_TYPES)
    raise NotAcceptable("there is no acceptable form of this picture", f"accept {form}")


def representative(instances: Sequence[StoredInstance]) -> tuple[StoredInstance, int]:
    """The instance and frame that stand for all of them: the middle one of those with pixels. Raises NotAcceptable."""
    images = [stored for stored in instances if stored.frame_table is not None]
    if not images:
        raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
    series = [stored for stored in images if stored.series_instance_uid == images[0].series_instance_uid]
    middle = series[len(series) // 2]
    return middle, (frame_table(middle).number_of_frames + 1) // 2


class Pictures:
    """Makes, shares and keeps pictures."""

    def __init__(self, frames: Frames, workers: DecodeWorkers, kept_bytes_max: int = KEPT_BYTES_MAX) -> None:
        self._frames = frames
        self._workers = workers
        self._kept_bytes_max = kept_bytes_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self._kept_bytes = 0
        self._making: dict[str, Future[Picture]] = {}

    async def picture(self, stored: StoredInstance, frame: int, parameters: RenderParameters) -> Picture:
        """The picture of one frame. Raises NotFound, Unreadable, Busy, QueryRefused."""
        if stored.frame_table is None:
            raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
        key = etag(stored, frame, parameters)
        return await asyncio.get_running_loop().run_in_executor(
            _threads, self._shared, key, lambda: self._make(stored, frame, parameters)
        )

    def _make(self, stored: StoredInstance, frame: int, parameters: RenderParameters) -> Picture:
        return self._workers.render(replace(self._frames.job(stored, frame), parameters=parameters))

    def _shared(self, key: str, make: Callable[[], Picture]) -> Picture:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
            others = self._making.get(key)
            mine: Future[Picture] = Future()
            if others is None:
                self._making[key] = mine
        if others is not None:
            return others.result()
        try:
            picture = make()
        except BaseException as error:
            self._end(key, None)
            mine.set_exception(error)
            raise
        self._end(key, picture)
        mine.set_result(picture)
        return picture

    def _end(self, key: str, picture: Picture | None) -> None:
        with self._lock:
            del self._making[key]
            if picture is None or len(picture.data) > self._kept_bytes_max:
                return
            self._kept[key] = picture
            self._kept_bytes += len(picture.data)
            while self._kept_bytes > self._kept_bytes_max:
                _, oldest = self._kept.popitem(last=False)
                self._kept_bytes -= len(oldest.data)


def etag(stored: StoredInstance, frame: int, parameters: RenderParameters) -> str:
    """The picture's identity: what it is made of and how."""
    described = f"{stored.dataset_sha256} {frame} {parameters}"
    return f'"{hashlib.sha256(described.encode()).hexdigest()[:32]}"'


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
