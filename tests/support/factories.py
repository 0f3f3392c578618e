"""Synthetic DICOM objects from seeds, so that the tests run on a machine without the public test files.

The same arguments always give the same bytes. Geometry is correct (PS3.3 C.7.6.2), pixels are a phantom with
correlated noise, which compresses about as well as a real image. Sizes are small unless asked otherwise.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    HTJ2K,
    UID,
    BasicTextSRStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
)

Pixels = NDArray[Any]


def _jpeg_lossless(frame: Pixels) -> bytes:
    return cast(bytes, imagecodecs.jpeg_encode(frame, lossless=True, predictor=1))


def _jpeg_ls(frame: Pixels) -> bytes:
    return cast(bytes, imagecodecs.jpegls_encode(frame))


def _jpeg_2000(frame: Pixels) -> bytes:
    return cast(bytes, imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True))


def _htj2k(frame: Pixels) -> bytes:
    return cast(bytes, imagecodecs.htj2k_encode(frame, reversible=True, tlm=True))


def _htj2k_lossy(frame: Pixels) -> bytes:
    return cast(bytes, imagecodecs.htj2k_encode(frame, level=0.001, reversible=False))


def _jpeg_baseline(frame: Pixels) -> bytes:
    return cast(bytes, imagecodecs.jpeg8_encode(frame, level=90))


ENCODERS: MappingProxyType[UID, Callable[[Pixels], bytes]] = MappingProxyType(
    {
        JPEGLosslessSV1: _jpeg_lossless,
        JPEGLSLossless: _jpeg_ls,
        JPEG2000Lossless: _jpeg_2000,
        HTJ2KLossless: _htj2k,
        HTJ2KLosslessRPCL: _htj2k,
        HTJ2K: _htj2k_lossy,
        JPEGBaseline8Bit: _jpeg_baseline,
    }
)
"""Encapsulated transfer syntaxes by imagecodecs; RLE is pydicom's. Baseline takes 8-bit frames only."""

LOSSLESS_SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
)
"""Every transfer syntax below that keeps the pixels exactly."""


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is in the picture; nobody real. `charset` is the Specific Character Set of every object made of it."""

    id: str = "SYN-0001"
    name: str = "Phantom^Anna"
    birth_date: str = "19700102"
    sex: str = "F"
    charset: str = "ISO_IR 100"


KAZAKH = Patient("SYN-KK-1", "Әбдірахманова^Ұлжан^Қайратқызы", "19880317", "F", "ISO_IR 192")
KYRGYZ = Patient("SYN-KY-1", "Төрөкулов^Үсөн^Жеңишович", "19790924", "M", "ISO_IR 192")
RUSSIAN = Patient("SYN-RU-1", "Королёва^Зинаида", "19620711", "F", "ISO_IR 144")
JAPANESE = Patient("SYN-JA-1", "Yamada^Tarou=山田^太郎=やまだ^たろう", "19551030", "M", "\\ISO 2022 IR 87")


def uid(*parts: object) -> UID:
    """A UID under 2.25 (PS3.5 B.2) that is always the same for the same `parts`."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return UID(f"2.25.{int.from_bytes(digest[:16])}")


def phantom(
    rows: int, columns: int, *, seed: int = 0, grey_levels: int = 4096, noise: float = 0.01, phase: float = 0.5
) -> Pixels:
    """A body, two lungs and a spine: uint16, shape (rows, columns), values below `grey_levels`.

    `phase` from 0 to 1 is the place along the body; `noise` is a standard deviation as a fraction of `grey_levels`.
    """
    y, x = np.mgrid[-1.0 : 1.0 : rows * 1j, -1.0 : 1.0 : columns * 1j]
    picture = np.full((rows, columns), 0.02)
    picture[(x / 0.9) ** 2 + (y / 0.7) ** 2 < 1] = 0.26
    lung = 0.15 + 0.2 * np.sin(np.pi * phase)
    for side in (-0.42, 0.42):
        picture[((x - side) / lung) ** 2 + (y / (1.4 * lung)) ** 2 < 1] = 0.06
    picture[x**2 + ((y - 0.45) / 1.2) ** 2 < 0.012] = 0.5
    grain = np.random.default_rng(seed).standard_normal((rows, columns))
    for axis in (0, 1):  # neighbouring pixels agree, as behind a reconstruction kernel
        grain = (np.roll(grain, 1, axis) + 2 * grain + np.roll(grain, -1, axis)) / 2.45
    return np.clip((picture + noise * grain) * grey_levels, 0, grey_levels - 1).astype(np.uint16)


def ct_slice(
    *,
    patient: Patient = Patient(),
    study: str = "study",
    series: str = "series",
    number: int = 1,
    count: int = 1,
    rows: int = 64,
    columns: int = 64,
    spacing_mm: float = 0.7,
    thickness_mm: float = 1.0,
    seed: int = 0,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> Dataset:
    """One axial CT image, 12 bits unsigned with intercept −1024. More `attributes` are set by keyword at the end."""
    dataset = _image(CTImageStorage, "CT", patient, study, series, number, "Chest 1.0", seed)
    _plane(dataset, [1, 0, 0, 0, 1, 0], [0.0, 0.0, (number - 1) * thickness_mm], spacing_mm)
    dataset.SliceThickness = thickness_mm
    dataset.SliceLocation = (number - 1) * thickness_mm
    dataset.KVP = 120
    dataset.BodyPartExamined = "CHEST"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = -1024, 1, "HU"
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    frame = phantom(rows, columns, seed=_seed(seed, number), phase=number / (count + 1))
    return _finish(dataset, frame[np.newaxis], 12, "MONOCHROME2", transfer_syntax, attributes)


def ct_series(count: int, **options: Any) -> list[Dataset]:
    """`count` slices from the feet upwards, Instance Numbers from 1; the options of `ct_slice`."""
    return [ct_slice(number=number, count=count, **options) for number in range(1, count + 1)]


def mr_slice(
    *,
    patient: Patient = Patient(),
    study: str = "study",
    series: str = "mr",
    number: int = 1,
    count: int = 1,
    rows: int = 48,
    columns: int = 64,
    seed: int = 0,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> Dataset:
    """One sagittal MR image, 16 bits signed, without rescale or window."""
    dataset = _image(MRImageStorage, "MR", patient, study, series, number, "T1 SAG", seed)
    _plane(dataset, [0, 1, 0, 0, 0, -1], [-40.0 + 4 * number, -100.0, 100.0], 0.9)
    dataset.SliceThickness, dataset.SpacingBetweenSlices = 3, 4
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "SE", "NONE", ""
    dataset.MRAcquisitionType, dataset.RepetitionTime, dataset.EchoTime = "2D", 500, 12
    dataset.BodyPartExamined = "HEAD"
    frame = phantom(rows, columns, seed=_seed(seed, number), grey_levels=1500, phase=number / (count + 1))
    pixels = (frame.astype(np.int16) - 20)[np.newaxis]
    return _finish(dataset, pixels, 16, "MONOCHROME2", transfer_syntax, attributes)


def mr_series(count: int, **options: Any) -> list[Dataset]:
    """`count` slices from right to left; the options of `mr_slice`."""
    return [mr_slice(number=number, count=count, **options) for number in range(1, count + 1)]


def cr_image(
    *,
    patient: Patient = Patient(),
    study: str = "study",
    series: str = "cr",
    number: int = 1,
    rows: int = 80,
    columns: int = 64,
    seed: int = 0,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> Dataset:
    """A chest radiograph, MONOCHROME1 (high values are dark), 10 bits."""
    dataset = _image(ComputedRadiographyImageStorage, "CR", patient, study, series, number, "Thorax PA", seed)
    dataset.BodyPartExamined, dataset.ViewPosition, dataset.Laterality = "CHEST", "PA", ""
    dataset.ImagerPixelSpacing = [0.2, 0.2]
    dataset.PatientOrientation = ["L", "F"]
    dataset.WindowCenter, dataset.WindowWidth = 512, 1024
    frame = 1023 - phantom(rows, columns, seed=_seed(seed, number), grey_levels=1024)
    return _finish(dataset, frame[np.newaxis], 10, "MONOCHROME1", transfer_syntax, attributes)


def us_cine(
    *,
    patient: Patient = Patient(),
    study: str = "study",
    series: str = "us",
    number: int = 1,
    frames: int = 3,
    rows: int = 48,
    columns: int = 64,
    seed: int = 0,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> Dataset:
    """A colour ultrasound loop: RGB, 8 bits, `frames` frames of 40 ms."""
    dataset = _image(UltrasoundMultiFrameImageStorage, "US", patient, study, series, number, "Cine loop", seed)
    dataset.NumberOfFrames = frames
    dataset.FrameTime = 40
    dataset.FrameIncrementPointer = 0x00181063
    grey = [
        phantom(rows, columns, seed=_seed(seed, number, frame), grey_levels=256, phase=frame / (frames + 1))
        for frame in range(frames)
    ]
    pixels = np.stack([np.stack([frame, frame // 2, 255 - frame], axis=-1) for frame in grey])
    return _finish(dataset, pixels.astype(np.uint8), 8, "RGB", transfer_syntax, attributes)


def ultrasound_region(
    spatial_format: int, box: tuple[int, int, int, int], x: tuple[float, ...], y: tuple[float, ...]
) -> Dataset:
    """A region of an ultrasound image (PS3.3 C.8.5.5): 1 of tissue, 2 an M-mode, 3 a spectrum.

    Of each axis the unit (3 cm, 4 s, 7 cm/s), what a pixel is worth, and the reference pixel with its value.
    """
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = spatial_format, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = box[:2]
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = box[2:]
    for axis, (unit, delta, *reference) in (("X", x), ("Y", y)):
        setattr(region, f"PhysicalUnits{axis}Direction", int(unit))
        setattr(region, f"PhysicalDelta{axis}", delta)
        if reference:
            setattr(region, f"ReferencePixel{axis}0", int(reference[0]))
            setattr(region, f"ReferencePixelPhysicalValue{axis}", reference[1])
    return region


def structured_report(
    *,
    patient: Patient = Patient(),
    study: str = "study",
    series: str = "sr",
    number: int = 1,
    text: str = "No focal lesion.",
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> Dataset:
    """A Basic Text SR with one finding (PS3.3 A.35.1)."""
    dataset = _object(BasicTextSRStorage, "SR", patient, study, series, number, "Report")
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.ReferencedPerformedProcedureStepSequence = Sequence()
    dataset.PerformedProcedureCodeSequence = Sequence()
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = Sequence([_code("18748-4", "LN", "Diagnostic imaging report")])
    finding = Dataset()
    finding.RelationshipType, finding.ValueType, finding.TextValue = "CONTAINS", "TEXT", text
    finding.ConceptNameCodeSequence = Sequence([_code("121071", "DCM", "Finding")])
    dataset.ContentSequence = Sequence([finding])
    return _finish_plain(dataset, transfer_syntax, attributes)


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
"""A page with nothing on it."""


def encapsulated_pdf(
    *,
    patient: Patient = Patient(),
    study: str = "study",
    series: str = "pdf",
    number: int = 1,
    document: bytes = PDF,
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: object,
) -> Dataset:
    """A PDF in a DICOM object (PS3.3 A.45.1)."""
    dataset = _object(EncapsulatedPDFStorage, "DOC", patient, study, series, number, "Letter")
    dataset.ConversionType, dataset.BurnedInAnnotation = "WSD", "NO"
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionDateTime = ""
    dataset.DocumentTitle = "Letter"
    dataset.ConceptNameCodeSequence = Sequence()
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(document)
    dataset.EncapsulatedDocument = document + b"\0" * (len(document) % 2)
    return _finish_plain(dataset, transfer_syntax, attributes)


def part10(dataset: Dataset) -> bytes:
    """The bytes of a DICOM file (PS3.10 clause 7) in the transfer syntax of its meta information."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def write_folder(datasets: Iterable[Dataset], folder: Path) -> list[Path]:
    """Write each object as FOLDER/SOP-INSTANCE-UID.dcm; the paths, in the order given."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for dataset in datasets:
        path = folder / f"{dataset.SOPInstanceUID}.dcm"
        path.write_bytes(part10(dataset))
        paths.append(path)
    return paths


def _object(
    sop_class: UID, modality: str, patient: Patient, study: str, series: str, number: int, description: str
) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = patient.charset.split("\\") if "\\" in patient.charset else patient.charset
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = uid(patient.id, study, series, number)
    dataset.StudyDate, dataset.StudyTime = "20261123", "101500"
    dataset.AccessionNumber = f"A{int(uid(patient.id, study)[5:]) % 10**8:08d}"
    dataset.Modality = modality
    dataset.Manufacturer = "Phantom Works"
    dataset.InstitutionName = "Test Hospital"
    dataset.ReferringPhysicianName = "House^Gregory"
    dataset.StudyDescription = "Synthetic study"
    dataset.SeriesDescription = description
    dataset.PatientName, dataset.PatientID = patient.name, patient.id
    dataset.PatientBirthDate, dataset.PatientSex = patient.birth_date, patient.sex
    dataset.StudyInstanceUID = uid(patient.id, study)
    dataset.SeriesInstanceUID = uid(patient.id, study, series)
    dataset.StudyID = "1"
    dataset.SeriesNumber = int(uid(series)[5:]) % 900 + 1
    dataset.InstanceNumber = number
    return dataset


def _image(
    sop_class: UID,
    modality: str,
    patient: Patient,
    study: str,
    series: str,
    number: int,
    description: str,
    seed: int,
) -> Dataset:
    dataset = _object(sop_class, modality, patient, study, series, number, description)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if modality == "CT" else "OTHER"]
    dataset.AcquisitionNumber = 1
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, f"1016{number % 60:02d}"
    dataset.DeviceSerialNumber = str(seed)
    return dataset


def _plane(dataset: Dataset, orientation: list[int], position_mm: list[float], spacing_mm: float) -> None:
    dataset.FrameOfReferenceUID = uid(dataset.StudyInstanceUID, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.ImageOrientationPatient = orientation
    dataset.ImagePositionPatient = position_mm
    dataset.PixelSpacing = [spacing_mm, spacing_mm]


def _finish(
    dataset: Dataset,
    frames: Pixels,
    bits_stored: int,
    photometric: str,
    transfer_syntax: UID,
    attributes: dict[str, object],
) -> Dataset:
    """Put `frames`, shape (frames, rows, columns[, 3]), into the data set, encoded as `transfer_syntax` wants."""
    dataset.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    dataset.PhotometricInterpretation = photometric
    if frames.ndim == 4:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    dataset.BitsAllocated = frames.dtype.itemsize * 8
    dataset.BitsStored, dataset.HighBit = bits_stored, bits_stored - 1
    dataset.PixelRepresentation = int(frames.dtype.kind == "i")
    _finish_plain(dataset, transfer_syntax, {})
    wide = dataset.BitsAllocated == 16
    raw = frames.astype(frames.dtype.newbyteorder(">" if transfer_syntax == ExplicitVRBigEndian else "<"))
    if transfer_syntax in ENCODERS:
        encoder = ENCODERS[transfer_syntax]
        dataset.PixelData = encapsulate([encoder(np.ascontiguousarray(frame)) for frame in frames])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    else:
        octets = raw.tobytes()
        dataset.PixelData = octets + b"\0" * (len(octets) % 2)
        dataset["PixelData"].VR = "OW" if wide or transfer_syntax == ImplicitVRLittleEndian else "OB"
    if transfer_syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
    if transfer_syntax in {JPEGBaseline8Bit, HTJ2K}:
        dataset.LossyImageCompression = "01"
    _set(dataset, attributes)
    return dataset


def _finish_plain(dataset: Dataset, transfer_syntax: UID, attributes: dict[str, object]) -> Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta = meta
    _set(dataset, attributes)
    return dataset


def _set(dataset: Dataset, attributes: dict[str, object]) -> None:
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _seed(*parts: int) -> int:
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8])
