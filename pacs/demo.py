"""The demonstration studies: a synthetic head CT with a bleed, and a chest radiograph. No patient ever had them.

Everything is computed from fixed seeds, so two sendings of one day are the same objects byte for byte.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
)

from pacs.dimse.scu import Sent, send

Array = NDArray[Any]  # of floats; numpy widens them as it goes

DEMO_PATIENT_IDS = ("DEMO-0001", "DEMO-0002")
DEMO_PURPOSE = "Synthetic demonstration image, not of a patient, not for diagnosis"
_NAMESPACE = uuid.UUID("6f1d2c1e-9f6e-5b0a-8d5c-2d1f0c6b7a11")

CT_SIZE = 512
CT_PIXEL_MM = 0.45
CT_STEP_MM = 3.0
CT_LOWEST_MM = -44.0
CT_AXIAL_SLICES = 45
CT_CORONAL_SLICES = 44
CR_ROWS, CR_COLUMNS, CR_PIXEL_MM = 1280, 1080, 0.3


def send_studies(host: str, port: int, *, called: str, calling: str) -> list[Sent]:
    """Send today's demonstration studies by C-STORE; what became of each image."""
    today = date.today()  # noqa: DTZ011 - a study's date is the site's own
    sent: list[Sent] = []
    with tempfile.TemporaryDirectory(prefix="suret-demo-") as folder:
        for files in write_series(Path(folder), today):
            sent += send(files, host, port, called=called, calling=calling)
    return sent


def write_series(folder: Path, day: date) -> Iterator[list[Path]]:
    """Write the demonstration studies of `day` into `folder` as Part 10 files, a series at a time as it is made."""
    for number, series in enumerate(all_series(day)):
        written = []
        for dataset in series:
            path = folder / f"demo-{number}-{dataset.InstanceNumber:04d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            written.append(path)
        yield written


def all_series(day: date) -> Iterator[Iterator[Dataset]]:
    """The series of the demonstration studies of `day`, the quickest to make first."""
    yield iter([_chest(day)])
    yield _head_axial(day)
    yield _head_coronal(day)


def _uid(day: date, *path: object) -> UID:
    return UID(f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, (day.isoformat(), *path)))).int}")


# --- the head -----------------------------------------------------------------------------------------------------


CT_SIDE_MM = (np.arange(CT_SIZE, dtype=np.float32) - (CT_SIZE - 1) / 2) * np.float32(CT_PIXEL_MM)


def _head_axial(day: date) -> Iterator[Dataset]:
    side = CT_SIDE_MM
    rng = np.random.default_rng(20261)
    for index in range(CT_AXIAL_SLICES):
        z = CT_LOWEST_MM + index * CT_STEP_MM
        hounsfield = head_hounsfield(side[None, :], side[:, None], np.float32(z)) + _grain(rng, CT_SIZE, 4.0)
        position = [float(side[0]), float(side[0]), z]
        yield _ct_instance(day, 1, index, hounsfield, position, [1, 0, 0, 0, 1, 0])


def _head_coronal(day: date) -> Iterator[Dataset]:
    side = CT_SIDE_MM
    rng = np.random.default_rng(20262)
    for index in range(CT_CORONAL_SLICES):
        y = -66.0 + index * CT_STEP_MM
        z_rows = (100.0 - np.arange(CT_SIZE, dtype=np.float32) * CT_PIXEL_MM)[:, None]
        seen = head_hounsfield(side[None, :], np.float32(y), z_rows) + _grain(rng, CT_SIZE, 4.0)
        scanned = (z_rows >= CT_LOWEST_MM) & (z_rows <= CT_LOWEST_MM + (CT_AXIAL_SLICES - 1) * CT_STEP_MM)
        hounsfield = np.where(scanned, seen, np.float32(-1000.0))
        yield _ct_instance(day, 2, index, hounsfield, [float(side[0]), y, 100.0], [1, 0, 0, 0, 0, -1])


def head_hounsfield(x: Array, y: Array | np.float32, z: Array | np.float32) -> Array:
    """Hounsfield units of the phantom at patient coordinates in mm (x to the left, y to the back, z up), broadcast."""
    x, y, z = (np.asarray(axis, dtype=np.float32) for axis in np.broadcast_arrays(x, y, z))
    radius = np.sqrt((x / 76) ** 2 + ((y + 2) / 95) ** 2 + ((z - 4) / 101) ** 2)
    value = np.full(x.shape, -1000.0, dtype=np.float32)
    paint = partial(_paint, value)
    paint(radius < 1.0, 35.0)
    paint((radius > 0.955) & (radius < 0.985), -75.0)
    table = np.abs(radius - 0.905) / 0.04
    paint(table < 1.0, np.where(table > 0.4, 1250.0, 650.0))
    # The bleed pushes the midline over: everything inside the skull is drawn at shifted coordinates.
    push = 5.5 * np.exp(-(((x + 20) / 42) ** 2 + ((y - 2) / 40) ** 2 + ((z - 28) / 30) ** 2))
    _paint_brain(paint, x - push, y, z, radius)
    _paint_bleed(paint, x, y, z, radius)
    _paint_base(paint, x, y, z, radius)
    paint(np.abs(np.hypot(x, y + 60) - 172.0) < 1.6, np.where(y > 90, -120.0, value))  # the head holder
    return value


def _paint(value: Array, where: NDArray[np.bool_], what: Array | float) -> None:
    np.copyto(value, np.float32(what) if isinstance(what, float) else what, where=where, casting="same_kind")


def _ball(x: Array, y: Array, z: Array, centre: tuple[float, float, float], axes: tuple[float, float, float]) -> Array:
    """The distance from `centre` in units of the half axes: below 1 inside."""
    squares = (((a - c) / r) ** 2 for a, c, r in zip((x, y, z), centre, axes, strict=True))
    return np.sqrt(sum(squares, start=np.zeros((), np.float32)))


def _waves(x: Array, y: Array, z: Array, seed: int, wavelength_mm: float, count: int = 9) -> Array:
    """A smooth random field of about unit spread."""
    rng = np.random.default_rng(seed)
    total = np.zeros(x.shape, dtype=np.float32)
    for _ in range(count):
        direction = rng.normal(size=3)
        k = direction / np.linalg.norm(direction) * 2 * np.pi / (wavelength_mm * rng.uniform(0.7, 1.4))
        total += np.sin(x * np.float32(k[0]) + y * np.float32(k[1]) + z * np.float32(k[2]) + rng.uniform(0, 6.28))
    return total * np.float32((2 / count) ** 0.5)


def _paint_brain(paint: Any, x: Array, y: Array, z: Array, radius: Array) -> None:
    inside = radius < 0.865
    folds = _waves(x, y, z, 1, 24.0)
    paint(inside, 27.5 + 1.2 * _waves(x, y, z, 2, 40.0))
    cortex = radius + 0.035 * folds
    paint(inside & (cortex > 0.765), 36.0)
    sulci = np.abs(_waves(x, y, z, 3, 30.0)) < 0.16
    paint(inside & sulci & (radius > 0.745 + 0.03 * folds), 9.0)
    paint(inside & (radius > 0.85), 10.0)
    both = np.abs(x)
    for centre, axes, hounsfield in (
        ((11.0, -22.0, 22.0), (5.5, 13.0, 9.0), 37.5),  # head of the caudate
        ((24.0, -6.0, 20.0), (7.0, 19.0, 12.0), 36.5),  # lentiform nucleus
        ((11.0, 8.0, 20.0), (9.0, 14.0, 11.0), 36.5),  # thalamus
        ((7.0, -28.0, 30.0), (4.2, 13.0, 8.0), 6.0),  # frontal horn
        ((10.0, 0.0, 39.0), (5.0, 27.0, 6.5), 6.0),  # body of the lateral ventricle
        ((20.0, 30.0, 27.0), (5.5, 14.0, 9.0), 6.0),  # atrium
        ((0.0, 2.0, 17.0), (1.8, 13.0, 11.0), 6.0),  # third ventricle
        ((21.0, 31.0, 27.0), (2.2, 3.5, 2.5), 120.0),  # calcified choroid plexus
        ((0.0, 22.0, 17.0), (2.0, 2.2, 2.2), 150.0),  # pineal gland
    ):
        paint(inside & (_ball(both, y, z, centre, axes) < 1 + 0.05 * folds), hounsfield)
    falx = (np.abs(x) < 0.9) & (radius > 0.42) & (z > 12) & (np.abs(y) > 18)
    paint(inside & falx, 48.0)
    posterior = inside & (_ball(x, y, z, (0.0, 42.0, -32.0), (48.0, 34.0, 25.0)) < 1)
    paint(posterior, np.where(np.sin(_ball(x, y, z, (0.0, 32.0, -32.0), (2.2, 2.2, 2.2))) > 0.2, 36.0, 31.0))
    paint(inside & (_ball(x, y, z, (0.0, 22.0, -30.0), (8.0, 6.0, 12.0)) < 1), 7.0)  # fourth ventricle
    paint(inside & (_ball(x, y, z, (0.0, 4.0, -28.0), (17.0, 14.0, 26.0)) < 1), 31.0)  # pons
    star = 1 + 0.3 * np.sin(5 * np.arctan2(y + 16, x))
    paint(inside & (_ball(x, y, z, (0.0, -16.0, -13.0), (13.0, 13.0, 9.0)) < star), 8.0)  # suprasellar cistern
    paint(inside & (_ball(both, y, z, (48.0, -16.0, 8.0), (20.0, 2.6, 14.0)) < 1 + 0.1 * folds), 9.0)  # Sylvian fissure


def _paint_bleed(paint: Any, x: Array, y: Array, z: Array, radius: Array) -> None:
    inside = radius < 0.84
    edge = 0.13 * _waves(x, y, z, 5, 22.0)
    distance = _ball(x, y, z, (-30.0, -1.0, 26.0), (14.5, 20.0, 15.0)) + edge
    paint(inside & (distance < 1.42), 19.0)
    paint(inside & (distance < 1.0), 66.0 + 4.0 * _waves(x, y, z, 6, 12.0))


def _paint_base(paint: Any, x: Array, y: Array, z: Array, radius: Array) -> None:
    both = np.abs(x)
    skin = radius < 0.97
    ridge = _ball(both, y, z, (36.0, 14.0, -40.0), (30.0, 10.0, 9.0))
    paint(skin & (ridge < 1), 1100.0)
    cells = _waves(x, y, z, 7, 7.0) > 0.1
    paint(skin & cells & (_ball(both, y, z, (52.0, 24.0, -38.0), (11.0, 12.0, 10.0)) < 1), -700.0)
    orbit = _ball(both, y, z, (31.0, -66.0, -38.0), (19.0, 24.0, 17.0))
    paint(skin & (orbit < 1.12), 900.0)
    paint(skin & (orbit < 1.0), -85.0)
    globe = _ball(both, y, z, (31.0, -72.0, -38.0), (12.0, 12.0, 12.0))
    paint(globe < 1.0, 42.0)
    paint(globe < 0.86, 10.0)
    paint(_ball(both, y, z, (31.0, -81.0, -38.0), (5.0, 2.2, 5.0)) < 1, 75.0)  # lens
    paint(skin & (_ball(both, y, z, (27.0, -48.0, -38.0), (2.2, 16.0, 2.2)) < 1), 32.0)  # optic nerve
    sinus = np.minimum(
        _ball(both, y, z, (6.0, -62.0, -40.0), (5.0, 18.0, 13.0)), _ball(x, y, z, (0, -30, -40), (13, 10, 9))
    )
    paint(skin & (sinus < 1.12), 700.0)
    paint(skin & (sinus < 1.0), -980.0)
    frontal = _ball(both, y, z, (9.0, -84.0, -16.0), (9.0, 4.5, 10.0))
    paint(skin & (frontal < 1.0), -980.0)


def _grain(rng: np.random.Generator, size: int, spread: float) -> Array:
    """Noise as a soft kernel leaves it: correlated over a few pixels."""
    white = rng.standard_normal((size, size), dtype=np.float32)
    soft = white + np.roll(white, 1, 0) + np.roll(white, 1, 1) + np.roll(white, (1, 1), (0, 1))
    return soft * np.float32(spread / 2)


SERIES_DESCRIPTIONS = {1: "Head axial 3 mm (demo)", 2: "Head coronal 3 mm (demo)"}


def _ct_instance(
    day: date, series: int, index: int, hounsfield: Array, position: list[float], orientation: list[int]
) -> Dataset:
    dataset = _common(day, "ct", CTImageStorage, series, index)
    dataset.PatientName = "Әлиева^Сәуле^Демо=Alieva^Saule^Demo"
    dataset.PatientID, dataset.PatientSex = DEMO_PATIENT_IDS[0], "F"
    dataset.PatientBirthDate, dataset.PatientAge = f"{day.year - 67}0214", "067Y"
    dataset.StudyDescription, dataset.AccessionNumber, dataset.StudyID = "CT head without contrast (demo)", "DEMO1", "1"
    dataset.SeriesDescription = SERIES_DESCRIPTIONS[series]
    dataset.Modality, dataset.BodyPartExamined = "CT", "HEAD"
    dataset.ImageType = ["DERIVED", "PRIMARY", "AXIAL" if series == 1 else "REFORMATTED"]
    dataset.KVP, dataset.ConvolutionKernel = "120", "SOFT"
    dataset.SliceThickness = dataset.SpacingBetweenSlices = str(CT_STEP_MM)
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = _uid(day, "ct", "frame"), ""
    dataset.ImagePositionPatient = [round(value, 3) for value in position]
    dataset.ImageOrientationPatient = orientation
    dataset.PatientPosition = "HFS"
    dataset.PixelSpacing = [CT_PIXEL_MM, CT_PIXEL_MM]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "-1024", "1", "HU"
    dataset.WindowCenter, dataset.WindowWidth = ["40", "500"], ["80", "2000"]
    dataset.WindowCenterWidthExplanation = ["BRAIN", "BONE"]
    _set_pixels(dataset, np.clip(np.rint(hounsfield + 1024), 0, 4095).astype("<u2"), "MONOCHROME2")
    return dataset


# --- the chest ----------------------------------------------------------------------------------------------------


def _chest(day: date) -> Dataset:
    dataset = _common(day, "cr", ComputedRadiographyImageStorage, 1, 0)
    dataset.PatientName = "Токтогулов^Эрмек^Демо=Toktogulov^Ermek^Demo"
    dataset.PatientID, dataset.PatientSex = DEMO_PATIENT_IDS[1], "M"
    dataset.PatientBirthDate, dataset.PatientAge = f"{day.year - 41}0903", "041Y"
    dataset.StudyDescription, dataset.AccessionNumber, dataset.StudyID = "Chest PA (demo)", "DEMO2", "2"
    dataset.SeriesDescription, dataset.Modality, dataset.BodyPartExamined = "Chest PA (demo)", "CR", "CHEST"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.ViewPosition, dataset.PatientOrientation = "PA", ["L", "F"]
    dataset.ImagerPixelSpacing = [CR_PIXEL_MM, CR_PIXEL_MM]
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.PresentationLUTShape = "INVERSE"
    exposure = chest_exposure()
    _set_pixels(dataset, np.clip(np.rint(exposure * 4095), 0, 4095).astype("<u2"), "MONOCHROME1")
    return dataset


def chest_exposure() -> Array:
    """How much gets through the phantom chest, 0 to 1, as (rows, columns): air is 1, dense bone near 0."""
    x = (np.arange(CR_COLUMNS, dtype=np.float32)[None, :] / CR_COLUMNS - 0.5) * 2
    y = (np.arange(CR_ROWS, dtype=np.float32)[:, None] / CR_ROWS - 0.5) * 2
    x, y = np.broadcast_arrays(x, y)

    def soft(distance: Array, width: float) -> Array:
        return np.asarray(1 / (1 + np.exp(np.clip((distance - 1) / width, -30, 30))), dtype=np.float32)

    # The left of the patient is at the right of the picture.
    trunk = soft(np.hypot(x / (0.93 - 0.28 * np.clip(-y - 0.6, 0, 1)), y / 2.2), 0.02)
    neck = soft(np.hypot(x / 0.24, (y + 1.05) / 0.4), 0.05)
    dense = 1.9 * np.maximum(trunk, neck)
    dome = 0.12 * np.cos(2.6 * (np.abs(x) - 0.42))
    for side, inner in ((-1, 0.10), (1, 0.14)):
        across = (x * side - 0.43) / (0.36 - 0.10 * np.clip(-y, 0, 1))
        lung = soft(np.hypot(across, (y + 0.12) / 0.70), 0.05) * soft((y + 1.3) / (1.72 - dome + 0.03 * side), 0.012)
        dense -= 1.45 * lung * soft(2 - x * side / inner, 0.12)
        vessels = np.abs(_waves(x * 100, y * 100, x * 0, 30 + side, 15.0)) < 0.22
        dense += 0.16 * lung * vessels * np.exp(-((np.abs(x) - 0.12) ** 2) / 0.05)
    dense += 0.85 * soft(np.hypot((x - 0.10 - 0.12 * (y - 0.2)) / 0.30, (y - 0.20) / 0.30), 0.05)  # heart
    dense += 0.30 * soft(np.hypot((x - 0.10) / 0.10, (y + 0.22) / 0.12), 0.10)  # aortic arch
    dense += 0.45 * soft(np.abs(x) / 0.085, 0.10) * (0.8 + 0.2 * np.sign(np.sin(y * 42)))  # spine
    dense -= 0.30 * soft(np.abs(x) / 0.030, 0.25) * soft((y + 1.2) / 0.95, 0.03)  # trachea
    for rib in range(9):
        arc = y + 0.86 - 0.165 * rib - 0.34 * (np.abs(x) - 0.30) ** 2 * (1 + 0.12 * rib) + 0.10 * np.abs(x)
        reach = soft(np.abs(x) / (0.80 - 0.05 * abs(rib - 6)), 0.03) * (np.abs(x) > 0.07)
        dense += 0.22 * soft(np.abs(arc) / 0.026, 0.18) * reach
    clavicle = np.abs(y + 0.70 + 0.20 * (np.abs(x) - 0.1)) / 0.028
    dense += 0.30 * soft(clavicle, 0.2) * soft(np.abs(x) / 0.72, 0.04) * (np.abs(x) > 0.06)
    grain = np.random.default_rng(20263).standard_normal(x.shape, dtype=np.float32) * 0.006
    return np.asarray(np.clip(np.exp(-0.85 * dense) + grain, 0, 1), dtype=np.float32)


# --- what all of them carry ---------------------------------------------------------------------------------------


def _common(day: date, study: str, sop_class_uid: UID, series: int, index: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class_uid
    instance_uid = _uid(day, study, series, index)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = instance_uid
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid(day, study), _uid(day, study, series)
    stamp = f"{day:%Y%m%d}"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = stamp
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = "090000"
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = stamp, "090000"
    dataset.ReferringPhysicianName = "Demo^Doctor"
    dataset.InstitutionName, dataset.Manufacturer, dataset.ManufacturerModelName = "Suret demo", "Suret", "Phantom"
    dataset.QualityControlSubject, dataset.BurnedInAnnotation = "YES", "NO"
    dataset.DerivationDescription = DEMO_PURPOSE
    dataset.SeriesNumber, dataset.InstanceNumber, dataset.AcquisitionNumber = series, index + 1, 1
    return dataset


def _set_pixels(dataset: Dataset, pixels: NDArray[np.uint16], photometric_interpretation: str) -> None:
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric_interpretation
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.PixelData = pixels.tobytes()
