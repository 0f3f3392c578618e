"""The synthetic objects are what they claim to be, or tests that rest on them prove nothing."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from tests.support import factories
from tests.support.peers import program

MAKERS = {
    "ct": factories.ct_slice,
    "mr": factories.mr_slice,
    "cr": factories.cr_image,
    "us": factories.us_cine,
    "sr": factories.structured_report,
    "pdf": factories.encapsulated_pdf,
}
DECODERS = {".70": imagecodecs.jpeg_decode, ".80": imagecodecs.jpegls_decode, ".90": imagecodecs.jpeg2k_decode}


def _read(dataset: Dataset) -> Dataset:
    return dcmread(io.BytesIO(factories.part10(dataset)))


def _pixels(dataset: Dataset) -> np.ndarray:
    syntax = dataset.file_meta.TransferSyntaxUID
    if not syntax.is_encapsulated or syntax == RLELossless:
        return dataset.pixel_array
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    return DECODERS.get(syntax[-3:], imagecodecs.htj2k_decode)(frame)


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_same_arguments_give_the_same_bytes(maker):
    assert factories.part10(maker()) == factories.part10(maker())


@pytest.mark.parametrize("syntax", factories.LOSSLESS_SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("kind", ["ct", "cr"])
def test_every_lossless_syntax_holds_the_same_pixels(syntax: UID, kind: str):
    plain = _read(MAKERS[kind]())
    coded = _read(MAKERS[kind](transfer_syntax=syntax))
    assert coded.file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(_pixels(coded), plain.pixel_array)


def test_baseline_jpeg_holds_every_colour_frame():
    coded = _read(factories.us_cine(frames=4, transfer_syntax=JPEGBaseline8Bit))
    frames = list(generate_frames(coded.PixelData, number_of_frames=4))
    assert [imagecodecs.jpeg8_decode(frame).shape for frame in frames] == [(48, 64, 3)] * 4


def test_a_series_is_one_volume():
    series = factories.ct_series(5)
    assert len({dataset.SeriesInstanceUID for dataset in series}) == 1
    assert len({dataset.SOPInstanceUID for dataset in series}) == 5
    assert [dataset.ImagePositionPatient[2] for dataset in series] == [0, 1, 2, 3, 4]
    assert len({dataset.PixelData for dataset in series}) == 5


@pytest.mark.parametrize("patient", [factories.KAZAKH, factories.KYRGYZ, factories.RUSSIAN, factories.JAPANESE])
def test_names_survive_their_character_set(patient: factories.Patient):
    assert str(_read(factories.ct_slice(patient=patient)).PatientName) == patient.name


def test_attributes_are_set_by_keyword():
    dataset = _read(factories.ct_slice(SOPInstanceUID="1.2.3", AccessionNumber="X7"))
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID == "1.2.3"
    assert dataset.AccessionNumber == "X7"


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_an_independent_reader_finds_them_whole(maker, tmp_path: Path):
    dcmdump = program("dcmdump", "dcmtk")
    paths = factories.write_folder([maker(), maker(number=2, transfer_syntax=ExplicitVRLittleEndian)], tmp_path)
    done = subprocess.run([dcmdump, "-q", *paths], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
