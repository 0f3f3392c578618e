"""Pictures: made once for all who ask at the same moment, in a worker or without, kept while there is room."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

from pacs.archive.archive import Archive
from pacs.archive.forgetting import Erased
from pacs.errors import NotAcceptable
from pacs.model import StoredInstance
from pacs.render.workers import Attached, DecodeWorkers, Picture, RenderParameters
from pacs.web.dicomweb.frames import Frames
from pacs.web.dicomweb.plain_pictures import PlainPictures

KEPT_BYTES_MAX = 64 << 20
THREADS = 8
ALONE_MAX = 16
"""Of so many pictures that were asked for one by one, the next look for others only once."""

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="render")


@dataclass(frozen=True, slots=True)
class Other:
    """An object that changes how a frame looks, with those of its frames (from 1) that lie over it."""

    kind: Literal["presentation", "segmentation", "superimposed", "mask"]
    stored: StoredInstance
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a picture shows: a frame (from 1) of an image, and the other objects that change how it looks."""

    stored: StoredInstance
    frame: int = 1
    others: tuple[Other, ...] = ()

    def shows(self, sop_instance_uids: AbstractSet[str]) -> bool:
        """Whether one of these objects is part of it."""
        return not sop_instance_uids.isdisjoint((self.stored.sop_instance_uid, *self._others()))

    def _others(self) -> Iterator[str]:
        return (other.stored.sop_instance_uid for other in self.others)

    def etag(self, parameters: RenderParameters) -> str:
        """The picture's identity: what it is made of and how."""
        others = [(other.kind, other.stored.shown_as, other.frames) for other in self.others]
        described = f"{self.stored.shown_as} {self.frame} {others} {parameters}"
        return f'"{hashlib.sha256(described.encode()).hexdigest()[:32]}"'


class Pictures:
    """Makes, shares and keeps pictures."""

    def __init__(
        self, archive: Archive, frames: Frames, workers: DecodeWorkers, kept_bytes_max: int = KEPT_BYTES_MAX
    ) -> None:
        self._archive = archive
        self._frames = frames
        self._workers = workers
        self._plain = PlainPictures(archive, frames, workers)
        self._kept_bytes_max = kept_bytes_max
        self._wanted = 0  # of `single`, at this moment
        self._alone = 0  # how many were wanted one by one
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[Subject, Picture]] = OrderedDict()
        self._kept_bytes = 0
        self._making: dict[str, Future[Picture]] = {}
        self._forgotten: set[str] = set()  # objects that were erased while something was made
        archive.forgetting.tell(self.forget)

    async def picture(self, subject: Subject, parameters: RenderParameters) -> Picture:
        """The picture of one frame. Raises NotFound, NotAcceptable, Unreadable, Busy, QueryRefused."""
        if subject.stored.frame_table is None:
            raise NotAcceptable("there is no picture of this", "it holds no image; open its metadata or retrieve it")
        return await asyncio.get_running_loop().run_in_executor(
            _threads, self._shared, subject, subject.etag(parameters), lambda: self._make(subject, parameters)
        )

    async def single(self, subject: Subject, parameters: RenderParameters, key: str) -> Picture:
        """The same for one who waits for nothing else; `key` is its etag.

        A small one out of memory takes less than a hop to a thread and back: it is made on the event loop, or, of
        several at a time, by a process beside it.
        """
        if subject.others or subject.stored.frame_table is None:
            return await self.picture(subject, parameters)
        self._wanted += 1
        try:
            await self._see_others()
            return await self._soon(subject, parameters, key) or await self.picture(subject, parameters)
        finally:
            self._wanted -= 1

    async def _see_others(self) -> None:
        """Let those be counted who ask at this moment: always while there are some, else now and then, for it takes
        time from one who asks alone."""
        self._alone = self._alone + 1 if self._wanted == 1 else 0
        if self._alone < ALONE_MAX or not self._alone % ALONE_MAX:
            await asyncio.sleep(0)
            if self._wanted > 1:
                self._alone = 0

    async def _soon(self, subject: Subject, parameters: RenderParameters, key: str) -> Picture | None:
        """Without waiting for a disk or a thread; None where that cannot be done."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept[1]
            if key in self._making:
                return None
            mine = self._making[key] = Future()
        picture = None
        try:
            picture = await self._plain.picture_soon(subject.stored, subject.frame, parameters, self._wanted)
        except Exception as error:
            self._end(subject, key, None)
            mine.set_exception(error)
            raise
        except BaseException:  # whoever asked has gone
            self._end(subject, key, None)
            mine.cancel()
            raise
        self._end(subject, key, picture)
        if picture is None:
            mine.cancel()  # who waits for it makes it himself
        else:
            mine.set_result(picture)
        return picture

    def forget(self, erased: Sequence[Erased]) -> None:
        """Keep no picture any more that shows anything of these objects."""
        gone = {one.sop_instance_uid for one in erased}
        with self._lock:
            if self._making:
                self._forgotten |= gone
            for key in [key for key, (subject, _) in self._kept.items() if subject.shows(gone)]:
                self._kept_bytes -= len(self._kept.pop(key)[1].data)

    def _make(self, subject: Subject, parameters: RenderParameters) -> Picture:
        plain = None if subject.others else self._plain.picture(subject.stored, subject.frame, parameters)
        if plain is not None:
            return plain
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

    def _shared(self, subject: Subject, key: str, make: Callable[[], Picture]) -> Picture:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept[1]
            others = self._making.get(key)
            mine: Future[Picture] = Future()
            if others is None:
                self._making[key] = mine
        if others is not None:
            try:
                return others.result()
            except CancelledError:
                return self._shared(subject, key, make)
        try:
            picture = make()
        except BaseException as error:
            self._end(subject, key, None)
            mine.set_exception(error)
            raise
        self._end(subject, key, picture)
        mine.set_result(picture)
        return picture

    def _end(self, subject: Subject, key: str, picture: Picture | None) -> None:
        with self._lock:
            del self._making[key]
            is_gone = subject.shows(self._forgotten)
            if not self._making:
                self._forgotten.clear()
            if picture is None or is_gone or len(picture.data) > self._kept_bytes_max:
                return
            self._kept[key] = subject, picture
            self._kept_bytes += len(picture.data)
            while self._kept_bytes > self._kept_bytes_max:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._kept_bytes -= len(oldest.data)
