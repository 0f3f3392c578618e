"""Stored objects in other transfer syntaxes: values equal to what pydicom reads of the original."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from pacs.archive.archive import Archive
from pacs.archive.transcode import Transcoder, attainable
from pacs.errors import NotAcceptable, StoreFailed, Unreadable
from pacs.model import StoredInstance
from pacs.render.codecs import DECODERS
from pacs.render.values import DECODABLE, ENCODABLE, JPEG_BASELINE
from pacs.render.workers import DecodeWorkers
from tests.support.archives import open_archive, send
from tests.support.derived_objects import segmentation
from tests.support.factories import (
    LOSSLESS_SYNTAXES,
    cr_image,
    ct_series,
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


@pytest.mark.parametrize("uid", PLAIN)
def test_single_bits_stay_single_bits(archive: Archive, transcoder: Transcoder, uid: UID):
    masks = np.random.default_rng(1).integers(0, 2, (3, 5, 7)).astype(np.uint8)
    drawn = segmentation(ct_series(3, rows=5, columns=7), {"Liver": masks[0]})
    drawn.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.8.1")
    packed = [np.packbits(mask.reshape(-1), bitorder="little").tobytes() for mask in masks]
    drawn.PixelData = encapsulate([zlib.compress(frame, wbits=-zlib.MAX_WBITS) for frame in packed])
    drawn["PixelData"].is_undefined_length = True
    stored = _stored(archive, drawn)
    assert [transcoder.frame(stored, number).data for number in (1, 2, 3)] == packed
    ours = _read(b"".join(transcoder.dataset(stored, uid)), uid)
    assert (ours.BitsAllocated, ours.BitsStored, ours.HighBit) == (1, 1, 0)
    assert np.array_equal(ours.pixel_array, masks)


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


# Compressing ---------------------------------------------------------------------------------------------------


@pytest.fixture
def compressor(archive: Archive, workers: DecodeWorkers) -> Transcoder:
    return Transcoder(archive, workers.decode, workers.encode)


@pytest.mark.parametrize(
    "target", sorted(ENCODABLE - {JPEG_BASELINE, "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.112"})
)
@pytest.mark.parametrize("make", [ct_slice, us_cine])
def test_an_object_is_compressed_frame_by_frame(
    archive: Archive, compressor: Transcoder, target: str, make: Callable[..., Dataset]
) -> None:
    original = make(transfer_syntax=ImplicitVRLittleEndian)
    dataset = _read(b"".join(compressor.dataset(_stored(archive, original), target)), target)
    assert len(list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1))))) == int(
        original.get("NumberOfFrames", 1)
    )
    assert np.array_equal(dataset.pixel_array, original.pixel_array)
    for element in original:
        if element.keyword not in ("PixelData", "PhotometricInterpretation", "PlanarConfiguration"):
            assert dataset[element.tag].value == element.value, element.keyword


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless])
def test_from_every_form_of_pixels(archive: Archive, compressor: Transcoder, syntax: UID) -> None:
    original = ct_slice(transfer_syntax=syntax)
    found = _read(b"".join(compressor.dataset(_stored(archive, original), str(HTJ2KLosslessRPCL))), HTJ2KLosslessRPCL)
    assert np.array_equal(found.pixel_array, ct_slice().pixel_array)
    assert found["PixelData"].VR == "OB"


def test_without_pixels_there_is_nothing_to_compress(archive: Archive, compressor: Transcoder) -> None:
    original = structured_report(transfer_syntax=ImplicitVRLittleEndian)
    data = b"".join(compressor.dataset(_stored(archive, original), str(JPEG2000Lossless)))
    assert _read(data, JPEG2000Lossless).ContentSequence == original.ContentSequence


def test_what_does_not_fit_is_refused_before_the_first_piece(archive: Archive, compressor: Transcoder) -> None:
    with pytest.raises(Unreadable):  # never lossy: that would be another object
        compressor.dataset(_stored(archive, us_cine()), JPEG_BASELINE)
    with_overlay = ct_slice(number=7)
    with_overlay.add_new(0x60000100, "US", 16)
    with_overlay.add_new(0x60000102, "US", 12)
    with pytest.raises(NotAcceptable, match="overlays"):
        compressor.dataset(_stored(archive, with_overlay), str(JPEG2000Lossless))


def test_without_an_encoder_nothing_is_compressed(archive: Archive, transcoder: Transcoder) -> None:
    stored = _stored(archive, ct_slice())
    with pytest.raises(Unreadable):
        transcoder.dataset(stored, JPEG2000Lossless)
    with pytest.raises(NotAcceptable):
        transcoder.encoded(stored, 1, str(JPEG2000Lossless))
