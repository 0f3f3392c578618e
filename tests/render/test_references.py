"""Pictures against what other programs make of the same objects: pydicom's pipeline, and DCMTK's dcmj2pnm."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pacs.render.description import PixelDescription
from pacs.render.header import read_header
from pacs.render.picture import render_frame
from pacs.render.values import PNG, RenderParameters
from tests.support.corpus import CorpusFile
from tests.support.factories import ct_slice, part10
from tests.support.peers import program
from tests.support.render import decodable, read_image

Pixels = np.ndarray[Any, Any]


def ours(path: Path) -> Pixels:
    """The picture that the product makes of the first frame."""
    image = read_image(path)
    frames = int(image.dataset.get("NumberOfFrames") or 1)
    dataset = read_header(image.header, image.transfer_syntax_uid)
    description = PixelDescription.from_dataset(dataset, image.transfer_syntax_uid, image.pixel_data_vr)
    made = render_frame(dataset, description, image.frames(frames)[0], 1, RenderParameters(media_type=PNG))
    return np.asarray(imagecodecs.png_decode(made.data)).astype(int)


def theirs(path: Path, *options: str) -> Pixels | None:
    """The picture that DCMTK makes, None where it does not read the object."""
    run = subprocess.run([program("dcmj2pnm", "dcmtk"), "+on", *options, path], capture_output=True, timeout=60)
    return np.asarray(imagecodecs.png_decode(run.stdout)).astype(int) if run.stdout else None


def grey_with_a_window() -> list[CorpusFile]:
    """Objects of one frame whose header has a window at its top, and pixels that are square."""
    chosen = []
    for file in decodable():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(file.path, stop_before_pixels=True, force=True)
        square = len({float(value) for value in dataset.get("PixelSpacing") or [1]}) == 1
        if (
            dataset.get("WindowCenter")
            and dataset.get("SamplesPerPixel", 1) == 1
            and dataset.get("PhotometricInterpretation") in ("MONOCHROME1", "MONOCHROME2")
            and int(dataset.get("NumberOfFrames") or 1) == 1
            and "VOILUTSequence" not in dataset
            and "PixelPaddingValue" not in dataset
            and "PixelAspectRatio" not in dataset
            and square
        ):
            chosen.append(file)
    return chosen[::5]


def pydicom_grey(dataset: Dataset) -> Pixels:
    """0..255 by pydicom: modality, then the first window, whose output range is that of the modality's values."""
    stored = dataset.pixel_array
    values = apply_modality_lut(stored, dataset)
    shown = apply_windowing(values, dataset)
    ends = [-(1 << (dataset.BitsStored - 1)), (1 << (dataset.BitsStored - 1)) - 1]
    if not dataset.PixelRepresentation:
        ends = [0, (1 << dataset.BitsStored) - 1]
    low, high = (
        float(end) * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0)) for end in ends
    )
    grey = np.clip((shown - low) / (high - low), 0, 1)
    return np.asarray(np.rint(255 * (1 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey)))


@pytest.mark.parametrize("file", grey_with_a_window(), ids=lambda file: file.name[-50:])
def test_windowed_grey_is_what_pydicom_makes(file: CorpusFile) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(file.path, force=True)
        if "TransferSyntaxUID" not in dataset.file_meta:
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        try:
            expected = pydicom_grey(dataset)
        except (RuntimeError, NotImplementedError, ValueError) as error:
            pytest.skip(f"pydicom does not decode it: {error}")
    assert np.abs(ours(file.path) - expected).max() <= 1


@pytest.mark.parametrize("file", grey_with_a_window()[::3], ids=lambda file: file.name[-50:])
def test_windowed_grey_is_what_dcmtk_makes(file: CorpusFile) -> None:
    expected = theirs(file.path, "+Wi", "1", "-O")
    if expected is None:
        pytest.skip("DCMTK does not read it")
    found = ours(file.path)
    # its tables have fewer steps than the values
    assert np.abs(found - expected).max() <= 2
    assert np.abs(found - expected).mean() < 0.6


def plane(rows: int, columns: int) -> Pixels:
    """A disc and a bar that reaches into a corner."""
    y, x = np.ogrid[:rows, :columns]
    return np.asarray(((y - rows / 2) ** 2 + (x - columns / 2) ** 2 < 60) | ((y < 3) & (x < columns // 2)))


def add_overlay(
    dataset: Dataset, mask: Pixels, group: int = 0x6000, kind: str = "G", origin: tuple[int, int] = (1, 1)
) -> None:
    dataset.add_new((group, 0x0010), "US", mask.shape[0])
    dataset.add_new((group, 0x0011), "US", mask.shape[1])
    dataset.add_new((group, 0x0040), "CS", kind)
    dataset.add_new((group, 0x0050), "SS", list(origin))
    dataset.add_new((group, 0x0100), "US", 1)
    dataset.add_new((group, 0x0102), "US", 0)
    packed = np.packbits(mask.reshape(-1), bitorder="little").tobytes()
    dataset.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))


@pytest.mark.parametrize("origin", [(1, 1), (5, 9), (-3, -2), (50, 40)])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_overlays_lie_where_dcmtk_lays_them(tmp_path: Path, origin: tuple[int, int], syntax: UID) -> None:
    dataset = ct_slice(rows=64, columns=64, transfer_syntax=syntax)
    mask = plane(40, 31)
    add_overlay(dataset, mask, 0x6002, origin=origin)
    if syntax == ExplicitVRBigEndian:
        swapped = np.frombuffer(dataset[0x6002, 0x3000].value, "<u2").byteswap().tobytes()
        dataset[0x6002, 0x3000].value = swapped
    path = tmp_path / "overlay.dcm"
    path.write_bytes(part10(dataset))
    expected = theirs(path, "+Wi", "1", "+O", "0")
    assert expected is not None
    found = ours(path)
    assert np.array_equal(found == 255, expected == 255)
    assert np.abs(found - expected).max() <= 2


def test_a_plane_that_is_the_shutter_covers_and_does_not_mark(tmp_path: Path) -> None:
    dataset = ct_slice(rows=64, columns=64)
    mark, hidden = np.zeros((64, 64), np.bool_), np.zeros((64, 64), np.bool_)
    hidden[:, 32:], mark[20:24] = True, True
    add_overlay(dataset, mark, 0x6000)
    add_overlay(dataset, hidden, 0x6002)
    dataset.ShutterShape, dataset.ShutterOverlayGroup = "BITMAP", 0x6002
    path = tmp_path / "shutter.dcm"
    path.write_bytes(part10(dataset))
    found = ours(path)
    assert (found[mark] == 255).all()
    assert (found[hidden & ~mark] == 0).all()
    assert found[~hidden & ~mark].mean() > 20


def test_overlays_in_spare_bits_are_found(tmp_path: Path) -> None:
    dataset = ct_slice(rows=64, columns=64)
    mask = plane(64, 64)
    stored = (np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF).reshape(64, 64)
    dataset.PixelData = (stored | (mask.astype("<u2") << 13)).astype("<u2").tobytes()
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    dataset.add_new((0x6000, 0x0010), "US", 64)
    dataset.add_new((0x6000, 0x0011), "US", 64)
    dataset.add_new((0x6000, 0x0040), "CS", "G")
    dataset.add_new((0x6000, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6000, 0x0100), "US", 16)
    dataset.add_new((0x6000, 0x0102), "US", 13)
    path = tmp_path / "embedded.dcm"
    path.write_bytes(part10(dataset))
    expected = theirs(path, "+Wi", "1", "+O", "0")
    assert expected is not None
    found = ours(path)
    assert np.array_equal(found == 255, expected == 255)
    assert (found[mask] == 255).all()
    assert (found == 255).mean() < 0.5


def test_samples_in_the_high_bits_are_brought_down(tmp_path: Path) -> None:
    dataset = ct_slice(rows=64, columns=64)
    stored = (np.frombuffer(dataset.PixelData, "<u2") & 0x0FFF).reshape(64, 64)
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    dataset.PixelData = stored.tobytes()
    path = tmp_path / "low.dcm"
    path.write_bytes(part10(dataset))
    low = ours(path)
    dataset.HighBit, dataset.PixelData = 15, (stored << 4 | 9).astype("<u2").tobytes()
    path.write_bytes(part10(dataset))
    assert np.array_equal(ours(path), low)


def lut(entries: Pixels, first: int, bits: int, signed: bool) -> Dataset:
    found = Dataset()
    found.add_new(0x00283002, "US" if first >= 0 else "SS", [len(entries), first, bits])
    found.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    if signed:
        found.add_new(0x00283004, "LO", "US")
    return found


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_tables_map_as_pydicoms_do(tmp_path: Path, photometric: str) -> None:
    dataset = ct_slice(rows=64, columns=64)
    stored = (np.arange(64 * 64) % 4096).astype("<u2").reshape(64, 64)
    dataset.PixelData = stored.tobytes()
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
    dataset.PhotometricInterpretation = photometric
    for keyword in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        delattr(dataset, keyword)
    to_units = np.sqrt(np.arange(4000)) * 64
    dataset.ModalityLUTSequence = [lut(to_units, 40, 16, signed=True)]
    shades = np.linspace(0, 1, 3000) ** 2 * 65535
    dataset.VOILUTSequence = [lut(shades, 500, 16, signed=False)]
    path = tmp_path / "tables.dcm"
    path.write_bytes(part10(dataset))
    expected = apply_voi(apply_modality_lut(stored, dataset), dataset) / 65535
    expected = np.rint(255 * (1 - expected if photometric == "MONOCHROME1" else expected))
    assert np.abs(ours(path) - expected).max() <= 1


def palette_object(rows: int = 16, bits: int = 16) -> Dataset:
    dataset = ct_slice(rows=rows, columns=rows)
    dataset.PhotometricInterpretation = "PALETTE COLOR"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = bytes(range(256))[: rows * rows]
    for keyword in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        delattr(dataset, keyword)
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, bits])
    return dataset


def test_palettes_in_segments_expand_as_pydicoms_do(tmp_path: Path) -> None:
    dataset = palette_object()
    # discrete 2, linear to a peak, both once more by an indirect segment, then linear down
    red = [0, 2, 100, 4000, 1, 62, 65535, 2, 2, 0, 0, 1, 128, 500]
    green = [0, 1, 0, 1, 255, 65535]
    blue = [0, 1, 65535, 1, 255, 0]
    for colour, words in (("Red", red), ("Green", green), ("Blue", blue)):
        setattr(dataset, f"Segmented{colour}PaletteColorLookupTableData", np.array(words, "<u2").tobytes())
    path = tmp_path / "segments.dcm"
    path.write_bytes(part10(dataset))
    stored = np.frombuffer(dataset.PixelData, np.uint8).reshape(16, 16)
    expected = apply_color_lut(stored, dataset) >> 8
    assert np.abs(ours(path) - expected).max() <= 1


def test_palettes_are_shown_as_dcmtk_shows_them(tmp_path: Path) -> None:
    dataset = palette_object()
    random = np.random.default_rng(5)
    for colour in ("Red", "Green", "Blue"):
        entries = random.integers(0, 65536, 256).astype("<u2")
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries.tobytes())
    path = tmp_path / "palette.dcm"
    path.write_bytes(part10(dataset))
    expected = theirs(path)
    assert expected is not None
    assert np.abs(ours(path) - expected).max() <= 1


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour_is_what_dcmtk_makes(tmp_path: Path, photometric: str, planar: int) -> None:
    dataset = palette_object()
    for colour in ("Red", "Green", "Blue"):
        delattr(dataset, f"{colour}PaletteColorLookupTableDescriptor")
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, photometric, planar
    dataset.PixelData = np.random.default_rng(7).integers(0, 256, 768, np.uint8).tobytes()
    path = tmp_path / "colour.dcm"
    path.write_bytes(part10(dataset))
    expected = theirs(path)
    assert expected is not None
    assert np.abs(ours(path) - expected).max() <= 2  # its arithmetic is that of whole numbers
