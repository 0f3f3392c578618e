"""Instances of any size that nobody holds: each octet of the pixel data follows from its place and the seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.uid import UID

from tests.support.factories import ct_slice, part10
from tests.support.modality import COMMAND, DATASET, LAST, PDU_BYTES, AssociationLost, Modality, prepare, split_part10

MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.7.3"  # Multi-frame Grayscale Word Secondary Capture
SYNTAX = "1.2.840.10008.1.2.1"
MATRIX = 512
FRAME_BYTES = MATRIX * MATRIX * 2
PERIOD = (1 << 20) - 3  # no multiple of a frame, a page or a PDU: octets in a wrong place are wrong octets
FRAMES_MAX = (1 << 32) // FRAME_BYTES - 1  # a length of 32 bits, the highest of which means "undefined"


@dataclass(frozen=True, slots=True)
class Giant:
    """A multi-frame instance of `frames` native frames of 512 KiB each; `head` is its data set up to the pixels."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    frames: int
    head: bytes
    pattern: bytes  # of PERIOD bytes, and the first of it once more for pieces that run over its end

    @property
    def length(self) -> int:
        """The bytes of the whole data set."""
        return len(self.head) + self.frames * FRAME_BYTES

    def pixels(self, offset: int, length: int) -> memoryview:
        """A piece of the pixel data, at most PERIOD long."""
        start = offset % PERIOD
        return memoryview(self.pattern)[start : start + length]

    def differs(self, offset: int, piece: memoryview) -> bool:
        """Whether `piece` is not what the data set has at `offset`."""
        at_head = self.head[offset : offset + len(piece)]
        if at_head and piece[: len(at_head)] != at_head:
            return True
        pixels, offset = piece[len(at_head) :], max(0, offset - len(self.head))
        steps = range(0, len(pixels), PERIOD)
        return any(pixels[at : at + PERIOD] != self.pixels(offset + at, len(pixels[at : at + PERIOD])) for at in steps)


def giant(number: int, length: int, seed: int) -> Giant:
    """Instance `number` with as many frames as fit into `length` bytes, at most 4 GiB less one frame."""
    frames = min(FRAMES_MAX, length // FRAME_BYTES)
    dataset = ct_slice(number=number, rows=2, columns=2, study=f"giants-{seed}")
    del dataset.PixelData
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(MULTI_FRAME)
    dataset.Rows = dataset.Columns = MATRIX
    dataset.NumberOfFrames = frames
    head = split_part10(part10(dataset))[1] + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, frames * FRAME_BYTES)
    octets = random.Random(f"{seed} {number}").randbytes(PERIOD)
    return Giant(
        str(dataset.StudyInstanceUID),
        str(dataset.SeriesInstanceUID),
        str(dataset.SOPInstanceUID),
        frames,
        head,
        octets + octets,
    )


def _pieces(sent: Giant) -> Iterator[tuple[memoryview, bool]]:
    """The data set in fragments, and whether one is the last."""
    step = PDU_BYTES - 6
    yield memoryview(sent.head), False
    end = sent.frames * FRAME_BYTES
    for offset in range(0, end, step):
        length = min(step, end - offset)
        yield sent.pixels(offset, length), offset + length == end


class GiantModality(Modality):
    """Sends giants, a fragment at a time."""

    def __init__(self, port: int, calling: str = "GIANT") -> None:
        super().__init__("127.0.0.1", port, MULTI_FRAME, SYNTAX, calling=calling, timeout_s=600)

    def store_giant(self, sent: Giant) -> int:
        """The status of the node's answer. Raises AssociationLost."""
        command = prepare(MULTI_FRAME, sent.sop_instance_uid, SYNTAX, b"").pdus
        assert command[11] == COMMAND | LAST
        try:
            self._socket.sendall(command)
            for piece, last in _pieces(sent):
                count, control = len(piece), DATASET | (LAST if last else 0)
                header = struct.pack(">BxLLBB", 4, count + 6, count + 2, 1, control)
                self._socket.sendall(header + piece)
        except OSError as error:
            raise AssociationLost(str(error)) from error
        return self._answer()
