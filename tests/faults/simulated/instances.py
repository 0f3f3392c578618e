"""Tiny instances for many histories: a few encoded data sets with UIDs of equal length put in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from pacs.model import Announced
from tests.support.factories import ct_slice, part10
from tests.support.modality import split_part10

UID_ROOT = "1.2.826.0.1.3680043.9.7433.8."
STUDIES = 2
CURATED = 50  # the number of the one instance of a study that is deleted and corrected


@dataclass(frozen=True, slots=True)
class Instance:
    """One data set as a sender has it."""

    sop_instance_uid: str
    study_instance_uid: str
    variant: int
    dataset: bytes
    digest: str
    file: bytes

    @property
    def announced(self) -> Announced:
        """What a C-STORE says of it beforehand."""
        return Announced(CTImageStorage, self.sop_instance_uid, ExplicitVRLittleEndian)


@cache
def _template(study: int) -> bytes:
    dataset = ct_slice(rows=2, columns=2)
    dataset.SOPInstanceUID = _uid(9, 0)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(_uid(9, 0))
    dataset.StudyInstanceUID = _uid(8, study)
    dataset.SeriesInstanceUID = _uid(7, study)
    dataset.PatientID = f"P{study}"
    return part10(dataset)


def _uid(kind: int, number: int) -> str:
    return f"{UID_ROOT}{kind}{10**6 + number}"


@cache
def instance(number: int, variant: int) -> Instance:
    """Instance `number`; another `variant` has the same UID and other pixels."""
    study = number % STUDIES if number < CURATED else STUDIES
    file = bytearray(_template(study).replace(_uid(9, 0).encode(), _uid(9, number).encode()))
    file[-1] = variant
    dataset = split_part10(bytes(file))[1]
    digest = hashlib.sha256(dataset).hexdigest()
    return Instance(_uid(9, number), _uid(8, study), variant, dataset, digest, bytes(file))
