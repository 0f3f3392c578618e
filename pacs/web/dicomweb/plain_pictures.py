"""Pictures that need no worker: of grey images as they are stored, where all that a header says of them is known.

A worker reads each header once; after that a picture with another window or size is arithmetic on bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial

from pacs.archive.archive import Archive
from pacs.archive.forgetting import Erased
from pacs.archive.retrieve import frame_table
from pacs.model import StoredInstance
from pacs.render.plain import PLAIN_SYNTAXES, render_plain
from pacs.render.values import JPEG, PLAIN_PIXELS_MAX, Picture, PlainGrey, RenderParameters
from pacs.render.workers import DecodeWorkers
from pacs.web.dicomweb.frames import Frames

DESCRIPTIONS_MAX = 8192
AT_ONCE_PIXELS_MAX = 512 * 512
_FRAME_BITS = (8, 16 * PLAIN_PIXELS_MAX)
_EVERY_FRAME = 0

_Key = tuple[str, str, int]


class PlainPictures:
    """Makes them; remembers what headers say. Blocks; may be called from many threads."""

    def __init__(self, archive: Archive, frames: Frames, workers: DecodeWorkers) -> None:
        self._frames = frames
        self._workers = workers
        self._lock = threading.Lock()
        self._known: OrderedDict[_Key, PlainGrey | None] = OrderedDict()
        archive.forgetting.tell(self._forget)

    def picture(self, stored: StoredInstance, frame: int, parameters: RenderParameters) -> Picture | None:
        """The picture of a frame (from 1); None where a worker has to make it.

        Raises NotFound, Unreadable, QueryRefused, Busy.
        """
        if not self._fits(stored):
            return None
        plain = self._plain(stored, frame)
        return None if plain is None else render_plain(plain, self._frames.as_it_lies(stored, frame), parameters)

    async def picture_soon(
        self, stored: StoredInstance, frame: int, parameters: RenderParameters, wanted: int
    ) -> Picture | None:
        """The same for the event loop, which waits for no disk: a JPEG of a small image in its own size; None for all
        others. Of several that are `wanted` at this moment processes beside it make some.
        """
        plain = self._small(stored, frame, parameters)
        if plain is None:
            return None
        process = self._workers.beside.free(wanted)
        if process is not None:
            length = plain.rows * plain.columns * plain.bits_allocated // 8
            fill = partial(self._frames.read_at_once, stored, frame)
            answer = process.ask(fill, length, plain, parameters)
            picture = None if answer is None else await answer
            if picture is not None:
                return picture
        data = self._frames.as_it_lies_at_once(stored, frame)
        return None if data is None else render_plain(plain, data, parameters)

    def _small(self, stored: StoredInstance, frame: int, parameters: RenderParameters) -> PlainGrey | None:
        """What is known of an image whose picture takes a millisecond."""
        if parameters.media_type != JPEG or parameters.viewport is not None or not self._fits(stored):
            return None
        _, plain = self._remembered(stored, frame)
        small = plain is not None and plain.aspect == 1.0 and plain.rows * plain.columns <= AT_ONCE_PIXELS_MAX
        return plain if small else None

    def _fits(self, stored: StoredInstance) -> bool:
        """Whether it may be a plain image, as far as the index knows."""
        if stored.transfer_syntax_uid not in PLAIN_SYNTAXES or stored.pixel_data_vr in ("OF", "OD"):
            return False
        bits = frame_table(stored).frame_bits
        return bits % 8 == 0 and _FRAME_BITS[0] <= bits <= _FRAME_BITS[1]

    def _remembered(self, stored: StoredInstance, frame: int) -> tuple[bool, PlainGrey | None]:
        """Whether it was described, and how."""
        with self._lock:
            for number in (_EVERY_FRAME, frame):
                key = (stored.sop_instance_uid, stored.shown_as, number)
                if key in self._known:
                    self._known.move_to_end(key)
                    return True, self._known[key]
        return False, None

    def _plain(self, stored: StoredInstance, frame: int) -> PlainGrey | None:
        known, plain = self._remembered(stored, frame)
        if known:
            return plain
        plain, every_frame = self._workers.describe(self._frames.header_job(stored, frame))
        with self._lock:
            key = (stored.sop_instance_uid, stored.shown_as, _EVERY_FRAME if every_frame else frame)
            self._known[key] = plain
            if len(self._known) > DESCRIPTIONS_MAX:
                self._known.popitem(last=False)
        return plain

    def _forget(self, erased: Sequence[Erased]) -> None:
        gone = {one.sop_instance_uid for one in erased}
        with self._lock:
            for key in [key for key in self._known if key[0] in gone]:
                del self._known[key]
