"""A stored object as it goes out where corrections are made of it: its head edited, its pixel data where they lie.

Whoever has an object without corrections never comes here.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pacs.archive.standing import changes_of
from pacs.dicom.amend import Segment, amended
from pacs.dicom.headers import Buffer
from pacs.dicom.paged import ReadAt, bytes_at
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, transfer_syntax
from pacs.dicom.walker import inflate
from pacs.model import StoredInstance

HEAD_WHOLE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A data set as it goes out: `stored` with the offsets that are true of `dataset`, which is inflated where the
    object is deflated."""

    stored: StoredInstance
    dataset: Buffer

    @property
    def head(self) -> Buffer:
        """All before the pixel data."""
        end = self.stored.pixel_element_offset
        return self.dataset if end is None else _part(self.dataset, 0, end)

    @property
    def behind(self) -> bytes:
        """All after the pixel data."""
        start = self.stored.pixel_element_end
        return b"" if start is None else bytes(self.dataset[start : len(self.dataset)])


def outgoing(stored: StoredInstance, read: ReadAt) -> Outgoing:
    """`stored` with what its corrections make of it; `read` gives bytes of its data set as it is stored.

    Raises what `read` raises.
    """
    raw: Buffer = bytes_at(read, stored.dataset_length)
    if transfer_syntax(stored.transfer_syntax_uid).deflated:
        raw = inflate(raw)
    size = len(raw)
    start, end = stored.pixel_element_offset, stored.pixel_element_end
    if start is None or end is None:
        start = end = size
    syntax = transfer_syntax(stored.transfer_syntax_uid)
    syntax = transfer_syntax(EXPLICIT_VR_LITTLE_ENDIAN) if syntax.deflated else syntax
    made = amended(_part(raw, 0, start), _part(raw, end, size), syntax, changes_of(stored.changes))
    if made is None:
        return Outgoing(replace(stored, dataset_length=size), raw)
    behind = [part if isinstance(part, bytes) else range(part.start + end, part.stop + end) for part in made.behind]
    head_length = sum(map(len, made.head))
    whole = _Pieces(raw, [*made.head, range(start, end), *behind])
    if stored.pixel_element_offset is not None:
        stored = replace(stored, pixel_element_offset=head_length, pixel_element_end=head_length + end - start)
    return Outgoing(replace(stored, dataset_length=whole.size), bytes_at(whole.read, whole.size))


def _part(data: Buffer, start: int, end: int) -> Buffer:
    """A stretch of `data`, in memory where it is short."""

    def read(offset: int, length: int) -> bytes:
        return bytes(data[start + offset : start + offset + length])

    return bytes_at(read, end - start, HEAD_WHOLE_BYTES_MAX) if end > start else b""


class _Pieces:
    """Segments one after the other, read by position."""

    def __init__(self, raw: Buffer, segments: Sequence[Segment]) -> None:
        self._raw = raw
        self._segments = [segment for segment in segments if len(segment)]
        self._ends = list(itertools.accumulate(map(len, self._segments)))
        self.size = self._ends[-1] if self._ends else 0

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, as long as they are there."""
        parts = []
        end = offset + length
        at = bisect.bisect_right(self._ends, offset)
        while offset < end and at < len(self._segments):
            segment = self._segments[at]
            first = offset - (self._ends[at] - len(segment))
            last = min(len(segment), first + end - offset)
            if isinstance(segment, bytes):
                parts.append(segment[first:last])
            else:
                parts.append(bytes(self._raw[segment.start + first : segment.start + last]))
            offset += last - first
            at += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)
