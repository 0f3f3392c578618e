"""Images with overlay planes of every kind, and what numpy says that these cover."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import Dataset

from tests.support.factories import ct_slice, part10

SIDE = 64


def add_plane(
    dataset: Dataset, group: int, mask: NDArray[np.bool_], origin: tuple[int, int] = (1, 1), **said: object
) -> None:
    rows, columns = mask.shape[-2:]
    for element, vr, value in (
        (0x0010, "US", rows),
        (0x0011, "US", columns),
        (0x0040, "CS", said.get("kind", "G")),
        (0x0050, "SS", list(origin)),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x1500, "LO", said.get("label", "")),
        (0x3000, "OW", np.packbits(np.append(mask.reshape(-1), [False] * 8), bitorder="little").tobytes()),
    ):
        dataset.add_new((group, element), vr, value)


def disc(rows: int, columns: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[:rows, :columns]
    return np.asarray((y - rows / 2) ** 2 + (x - columns / 2) ** 2 < min(rows, columns) ** 2 / 9)


def slices() -> list[Dataset]:
    """The first has planes of every kind, the second has none."""
    first, second = (
        ct_slice(number=number, count=2, study="planes", series="planes", rows=SIDE, columns=SIDE) for number in (1, 2)
    )
    add_plane(first, 0x6000, disc(20, 40), (-4, 40), label="Arrow")
    add_plane(first, 0x6002, disc(SIDE, SIDE), kind="R", label="Lesion")
    for element, value in ((0x1301, 357), (0x1302, "41.5"), (0x1303, "3.25")):
        first.add_new((0x6002, element), "IS" if element == 0x1301 else "DS", value)
    spare = np.zeros((SIDE, SIDE), np.bool_)
    spare[50:60, ::3] = True
    words = np.frombuffer(first.PixelData, "<u2").reshape(SIDE, SIDE) & 0x0FFF
    first.PixelData = (words | spare.astype("<u2") << 13).astype("<u2").tobytes()
    for element, size in ((0x0010, SIDE), (0x0011, SIDE), (0x0100, 16), (0x0102, 13)):
        first.add_new((0x6004, element), "US", size)
    first.add_new((0x6004, 0x0040), "CS", "G")
    first.add_new((0x6004, 0x0050), "SS", [1, 1])
    return [first, second]


def shown(*groups: int) -> NDArray[np.bool_]:
    """What the planes of the first slice cover of it."""
    covered = np.zeros((SIDE, SIDE), np.bool_)
    if 0x6000 in groups:
        covered[:15, 39:] |= disc(20, 40)[5:, :25]
    if 0x6002 in groups:
        whole = disc(SIDE, SIDE)
        inner = whole.copy()
        for axis in (0, 1):
            for step in (-1, 1):
                inner &= np.roll(whole, step, axis)
        covered |= whole & ~inner
    if 0x6004 in groups:
        covered[50:60, ::3] = True
    return covered


def cleared(dataset: Dataset) -> Dataset:
    """Without what lies in its spare bits."""
    plain = pydicom.dcmread(BytesIO(part10(dataset)))
    plain.PixelData = (np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF).astype("<u2").tobytes()
    return plain
