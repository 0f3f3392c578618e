"""Render jobs out of files, without the product's own parser: an independent pair of eyes."""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import _read_file_meta_info, read_dataset, read_preamble
from pydicom.filewriter import write_dataset

from pacs.render.codecs import NATIVE
from pacs.render.values import RenderJob, RenderParameters
from tests.support.corpus import CorpusFile, corpus

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_IMPLICIT, _BIG_ENDIAN, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file taken apart: header bytes before the pixel data element, and the frames as stored."""

    header: bytes
    dataset: Dataset
    transfer_syntax_uid: str
    pixel_data_vr: str
    pixel_data: bytes

    def frames(self, count: int) -> list[bytes]:
        """The stored bytes of `count` frames, by arithmetic or by pydicom's reading of the fragments."""
        if self.transfer_syntax_uid not in NATIVE:
            return list(generate_frames(self.pixel_data, number_of_frames=count))
        if count == 1:
            return [self.pixel_data]
        dataset = self.dataset
        bits = dataset.Rows * dataset.Columns * int(dataset.get("SamplesPerPixel", 1)) * dataset.BitsAllocated
        return [self.pixel_data[bits * n // 8 : (bits * (n + 1) + 7) // 8] for n in range(count)]

    def job(self, frame: bytes, number: int = 1, parameters: RenderParameters | None = None) -> RenderJob:
        return RenderJob(
            self.header,
            self.transfer_syntax_uid,
            frame,
            number,
            parameters or RenderParameters(),
            self.pixel_data_vr,
        )


def read_image(path: Path) -> ImageFile:
    """Take a file of the test data apart."""
    raw = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stream = BytesIO(raw)
        read_preamble(stream, force=True)
        meta = _read_file_meta_info(stream)
        uid = str(meta.get("TransferSyntaxUID", _IMPLICIT))
        body = raw[stream.tell() :]
        if uid == _DEFLATED:
            body = zlib.decompress(body, -zlib.MAX_WBITS)
        whole = BytesIO(body)
        stop = BytesIO(body)
        how = (uid == _IMPLICIT, uid != _BIG_ENDIAN)
        dataset = read_dataset(whole, *how)
        read_dataset(stop, *how, stop_when=lambda tag, vr, length: tag in (0x7FE00008, 0x7FE00009, 0x7FE00010))
        element = next(dataset[keyword] for keyword in _PIXEL_KEYWORDS if keyword in dataset)
    return ImageFile(body[: stop.tell()], dataset, uid, str(element.VR), element.value)


def decodable() -> list[CorpusFile]:
    """Every file of the corpus with a digest of its decoded pixels."""
    return [file for file in corpus() if file.decoded_sha256]


def header_of(**attributes: object) -> bytes:
    """An Explicit VR Little Endian header with the given attributes, over a small grey 16-bit image by default."""
    dataset = Dataset()
    defaults: dict[str, object] = {
        "Rows": 4,
        "Columns": 4,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
    }
    for keyword, value in (defaults | attributes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    stream = DicomBytesIO()
    stream.is_implicit_VR, stream.is_little_endian = False, True
    write_dataset(stream, dataset)
    return stream.getvalue()


def grey_job(
    pixels: np.ndarray,
    parameters: RenderParameters | None = None,
    uid: str = EXPLICIT_VR_LITTLE_ENDIAN,
    **attributes: object,
) -> RenderJob:
    """A job over native pixels (rows, columns) or (rows, columns, 3)."""
    rows, columns = pixels.shape[:2]
    bits = pixels.dtype.itemsize * 8
    stated: dict[str, object] = {
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    return RenderJob(header_of(**(stated | attributes)), uid, pixels.tobytes(), 1, parameters or RenderParameters())
