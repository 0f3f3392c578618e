"""Instances by number: the same number always gives the same bytes, another variant other pixels under its UID."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from tests.support.factories import ct_slice, part10
from tests.support.modality import Prepared, prepare, split_part10

UID_ROOT = "1.2.826.0.1.3680043.9.7433.9."
LARGE_EVERY = 8
LARGE_MATRIX = 448
"""More than `hasher.BYTES_MIN` before its last PDU: of a lone sender it is hashed by a process of its own."""


def uid_of(number: int) -> str:
    """Always as long, and no component begins with 0."""
    return f"{UID_ROOT}{10**11 + number}"


class Template:
    """Makes instances by putting a UID of the same length into one encoded data set."""

    def __init__(self, matrix: int = 96) -> None:
        dataset = ct_slice(rows=matrix, columns=matrix)
        dataset.SOPInstanceUID = UID(uid_of(0))
        dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid_of(0))
        content = part10(dataset)
        start, self._dataset = split_part10(content)
        self._head = content[:start]
        self.study_instance_uid = str(dataset.StudyInstanceUID)
        self.series_instance_uid = str(dataset.SeriesInstanceUID)

    def dataset(self, number: int, *, variant: int = 0) -> bytes:
        """The data set of instance `number`; another `variant` has the same UID and other pixels."""
        content = bytearray(self._dataset.replace(uid_of(0).encode(), uid_of(number).encode()))
        content[-1] = variant
        return bytes(content)

    def file(self, number: int, *, variant: int = 0) -> bytes:
        """The same as a DICOM file (PS3.10 7.1)."""
        head = self._head.replace(uid_of(0).encode(), uid_of(number).encode())
        return head + self.dataset(number, variant=variant)

    def make(self, number: int, *, variant: int = 0) -> Prepared:
        """The same, ready for the wire."""
        return prepare(CTImageStorage, uid_of(number), ExplicitVRLittleEndian, self.dataset(number, variant=variant))


class Mix:
    """Small instances, and large ones where `is_large` says so of the number: every eighth."""

    def __init__(
        self, small: int = 64, is_large: Callable[[int], bool] = lambda number: number % LARGE_EVERY == 0
    ) -> None:
        self._small, self._large, self._is_large = Template(small), Template(LARGE_MATRIX), is_large

    def dataset(self, number: int, *, variant: int = 0) -> bytes:
        """The data set of instance `number`."""
        return self._of(number).dataset(number, variant=variant)

    def file(self, number: int, *, variant: int = 0) -> bytes:
        """The same as a DICOM file (PS3.10 7.1)."""
        return self._of(number).file(number, variant=variant)

    def make(self, number: int, *, variant: int = 0) -> Prepared:
        """The same, ready for the wire."""
        return self._of(number).make(number, variant=variant)

    def _of(self, number: int) -> Template:
        return self._large if self._is_large(number) else self._small


def digest_of(dataset: bytes) -> str:
    """What the node has to have recorded for these bytes."""
    return hashlib.sha256(dataset).hexdigest()
