"""Stored objects in other transfer syntaxes: values equal to what pydicom reads of the original."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder, attainable
from pacs.errors import StoreFailed, Unreadable
from pacs.model import StoredInstance
from pacs.render.codecs import DECODERS
from pacs.render.values import DECODABLE
from pacs.render.workers import DecodeWorkers
from tests.support.archives import open_archive, send
from tests.support.factories import (
    LOSSLESS_SYNTAXES,
    cr_image,
    ct_slice,
    encapsulated_pdf,
    part10,
    structured_report,
    us_cine,
)
from tests.support.modality import split_part10

PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
MPEG4 = "1.2.840.10008.1.2.4.102"


@pytest.fixture(scope="module")
def workers() -> Iterator[DecodeWorkers]:
    with DecodeWorkers(1) as workers:
        yield workers


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as archive:
        yield archive


@pytest.fixture
def transcoder(archive: Archive, workers: DecodeWorkers) -> Transcoder:
    return Transcoder(archive, workers.decode)


def _stored(archive: Archive, dataset: Dataset) -> StoredInstance:
    send(archive, dataset)
    (stored,) = archive.instances(str(dataset.StudyInstanceUID), None, str(dataset.SOPInstanceUID))
    return stored


def _read(data: bytes, uid: str) -> Dataset:
    read = read_dataset(DicomBytesIO(data), uid == ImplicitVRLittleEndian, True)
    read.file_meta = Dataset()  # type: ignore[assignment]
    read.file_meta.TransferSyntaxUID = UID(uid)
    return read


@pytest.mark.parametrize("uid", PLAIN)
@pytest.mark.parametrize(
    "syntax", [*LOSSLESS_SYNTAXES, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian]
)
def test_pixels_and_values_survive(archive: Archive, transcoder: Transcoder, syntax: UID, uid: UID):
    dataset = ct_slice(transfer_syntax=syntax)
    stored = _stored(archive, dataset)
    ours = _read(b"".join(transcoder.dataset(stored, uid)), uid)
    theirs = dcmread(BytesIO(part10(dataset)))
    assert np.array_equal(ours.pixel_array, theirs.pixel_array)
    assert ours.PixelRepresentation == theirs.PixelRepresentation
    del ours.PixelData, theirs.PixelData
    assert [(element.tag, element.value) for element in ours] == [
        (element.tag, element.value) for element in theirs if element.tag not in (0x7FE00001, 0x7FE00002)
    ]


@pytest.mark.parametrize("uid", PLAIN)
def test_every_frame_of_a_cine_is_decoded(archive: Archive, transcoder: Transcoder, uid: UID):
    dataset = us_cine(transfer_syntax=RLELossless)
    ours = _read(b"".join(transcoder.dataset(_stored(archive, dataset), uid)), uid)
    assert np.array_equal(ours.pixel_array, dcmread(BytesIO(part10(dataset))).pixel_array)


@pytest.mark.parametrize("dataset", [structured_report(), encapsulated_pdf()], ids=["report", "document"])
@pytest.mark.parametrize("uid", PLAIN)
def test_objects_without_pixels_are_converted(archive: Archive, transcoder: Transcoder, dataset: Dataset, uid: UID):
    ours = _read(b"".join(transcoder.dataset(_stored(archive, dataset), uid)), uid)
    assert ours == Dataset(dcmread(BytesIO(part10(dataset))))


def test_the_stored_syntax_is_given_byte_for_byte(archive: Archive, transcoder: Transcoder):
    dataset = cr_image(transfer_syntax=RLELossless)
    data = b"".join(transcoder.dataset(_stored(archive, dataset), RLELossless))
    assert data == split_part10(part10(dataset))[1]


def test_a_large_object_is_never_held_whole(archive: Archive, transcoder: Transcoder):
    stored = _stored(archive, ct_slice(rows=2048, columns=2048))
    for uid in PLAIN:
        assert max(len(piece) for piece in transcoder.dataset(stored, uid)) <= 1 << 20


def test_what_is_attainable():
    assert attainable(ExplicitVRLittleEndian) == (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    assert attainable(ImplicitVRLittleEndian) == (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
    assert attainable(RLELossless) == (RLELossless, *PLAIN)
    assert attainable(MPEG4) == (MPEG4,)


def test_what_cannot_be_made_is_told_before_anything_is_sent(archive: Archive, transcoder: Transcoder):
    stored = _stored(archive, ct_slice())
    with pytest.raises(Unreadable, match="cannot be made RLE"):
        transcoder.dataset(stored, RLELossless)
    archive.store.delete(stored.object_key)
    for uid in PLAIN:
        with pytest.raises(StoreFailed):
            transcoder.dataset(stored, uid)


def test_the_table_of_decodable_syntaxes_is_that_of_the_decoders():
    assert set(DECODERS) == DECODABLE
