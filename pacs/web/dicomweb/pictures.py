"""Pictures of the decode workers: made once for all who ask at the same moment, kept while there is room."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from pacs.archive.archive import Archive
from pacs.errors import NotAcceptable
from pacs.model import StoredInstance
from pacs.render.workers import Attached, DecodeWorkers, Picture, RenderParameters
from pacs.web.dicomweb.frames import Frames

KEPT_BYTES_MAX = 64 << 20
THREADS = 8

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="render")


@dataclass(frozen=True, slots=True)
class Other:
    """An object that changes how a frame looks, with those of its frames (from 1) that lie over it."""

    kind: Literal["presentation", "segmentation"]
    stored: StoredInstance
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a picture shows: a frame (from 1) of an image, and the other objects that change how it looks."""

    stored: StoredInstance
    frame: int = 1
    others: tuple[Other, ...] = ()

    def etag(self, parameters: RenderParameters) -> str:
        """The picture's identity: what it is made of and how."""
        others = [(other.kind, other.stored.dataset_sha256, other.frames) for other in self.others]
        described = f"{self.stored.dataset_sha256} {self.frame} {others} {parameters}"
        return f'"{hashlib.sha256(described.encode()).hexdigest()[:32]}"'


class Pictures:
    """Makes, shares and keeps pictures."""

    def __init__(
        self, archive: Archive, frames: Frames, workers: DecodeWorkers, kept_bytes_max: int = KEPT_BYTES_MAX
    ) -> None:
        self._archive = archive
        self._frames = frames
        self._workers = workers
        self._kept_bytes_max = kept_bytes_max
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self._kept_bytes = 0
        self._making: dict[str, Future[Picture]] = {}

    async def picture(self, subject: Subject, parameters: RenderParameters) -> Picture:
        """The picture of one frame. Raises NotFound, NotAcceptable, Unreadable, Busy, QueryRefused."""
        if subject.stored.frame_table is None:
            raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
        return await asyncio.get_running_loop().run_in_executor(
            _threads, self._shared, subject.etag(parameters), lambda: self._make(subject, parameters)
        )

    def _make(self, subject: Subject, parameters: RenderParameters) -> Picture:
        attached = tuple(self._attached(other) for other in subject.others)
        job = replace(self._frames.job(subject.stored, subject.frame), parameters=parameters, attached=attached)
        return self._workers.render(job)

    def _attached(self, other: Other) -> Attached:
        stored = other.stored
        return Attached(
            kind=other.kind,
            header=self._archive.header(stored),
            transfer_syntax_uid=stored.transfer_syntax_uid,
            pixel_data_vr=stored.pixel_data_vr,
            frames=tuple((number, self._archive.frame(stored, number)) for number in other.frames),
        )

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
