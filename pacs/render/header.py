"""The data set of a render job, read by pydicom inside the worker, and values by frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pydicom
import pydicom.config
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from pacs.dicom.uids import EXPLICIT_VR_BIG_ENDIAN
from pacs.errors import Unreadable
from pacs.render.description import first

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"


def read_header(header: bytes, transfer_syntax_uid: str) -> Dataset:
    """Parse the data set that stands before the pixel data. Raises Unreadable."""
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read_dataset(
                BytesIO(header),
                is_implicit_VR=transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN,
                is_little_endian=transfer_syntax_uid != EXPLICIT_VR_BIG_ENDIAN,
            )
    except MemoryError:
        raise
    except Exception as error:  # the parser may raise anything on a damaged header
        raise Unreadable("the header cannot be read", "the stored object is kept as it was sent") from error


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The data set as one frame sees it: its own functional group, then the shared one, then the top level."""

    dataset: Dataset
    frame_number: int
    little_endian: bool

    def within(self, *macros: str) -> Iterator[Dataset]:
        """Data sets in which an attribute of these functional group macros may stand, the most specific first."""
        groups = (
            _item(self.dataset, "PerFrameFunctionalGroupsSequence", self.frame_number - 1),
            _item(self.dataset, "SharedFunctionalGroupsSequence", 0),
        )
        for group in groups:
            for macro in macros:
                item = _item(group, macro, 0) if group is not None else None
                if item is not None:
                    yield item
        yield self.dataset

    def number(self, keyword: str, *macros: str) -> float | None:
        """The first finite value of `keyword` found in `within(*macros)`."""
        for dataset in self.within(*macros):
            value = number(dataset, keyword)
            if value is not None:
                return value
        return None

    def words(self, dataset: Dataset, keyword: str) -> NDArray[np.int64]:
        """All values of an element of 16-bit words (US, SS, OW or ambiguous), unsigned; empty if absent."""
        try:
            value = dataset.get(keyword)
            if isinstance(value, bytes):
                order = "<u2" if self.little_endian else ">u2"
                return np.frombuffer(value, order, count=len(value) // 2).astype(np.int64)
            if value is None or value == "":
                return np.empty(0, np.int64)
            many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            return np.array([int(one) & 0xFFFF for one in many], np.int64)
        except (ValueError, TypeError, AttributeError, OverflowError):
            return np.empty(0, np.int64)


def number(dataset: Dataset, keyword: str, index: int = 0) -> float | None:
    """The value at `index` as a finite number, else None."""
    value = first(dataset, keyword, index)
    try:
        parsed = float(str(value)) if value is not None else None
    except ValueError:
        return None
    return parsed if parsed is not None and np.isfinite(parsed) else None


def item(dataset: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, None when there is none."""
    return _item(dataset, keyword, 0)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Every item of a sequence; none when it is absent or no sequence."""
    try:
        found = dataset.get(keyword)
        return list(found) if isinstance(found, pydicom.Sequence) else []
    except (ValueError, TypeError, AttributeError, KeyError):
        return []


def _item(dataset: Dataset, keyword: str, index: int) -> Dataset | None:
    try:
        sequence = dataset.get(keyword)
        found = sequence[index] if sequence is not None and 0 <= index < len(sequence) else None
    except (ValueError, TypeError, AttributeError, KeyError):
        return None
    return found if isinstance(found, Dataset) else None
