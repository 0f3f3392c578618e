"""STOW-RS of metadata and bulk data: what becomes of each kind of file, and what is refused with which reason."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.archive.limits import IngestLimits
from pacs.dicom.native_model import native_dicom_model, read_native_model
from pacs.render.workers import DecodeWorkers
from tests.support.factories import ct_slice, part10, uid
from tests.support.videos import mp4, mpeg2
from tests.support.wado import url_of
from tests.support.web import ANY_OBJECTS, Site, open_site, parts

BOUNDARY = "frontier"
JSON, XML = "application/dicom+json", "application/dicom+xml"
CLASS = "1.2.840.10008.5.1.4.1.1."
PICTURE = (np.indices((24, 32)).sum(0)[..., None] * [3, 5, 7] % 256).astype(np.uint8)
PIXELS = {"7FE00010": {"vr": "OB", "BulkDataURI": "bulk/1"}}
PAPER = {"00420011": {"vr": "OB", "BulkDataURI": "bulk/1"}}
CDA = b'<?xml version="1.0"?><ClinicalDocument><typeId root="9"/><id root="1.2" extension="a"/></ClinicalDocument>'

Part = tuple[str, str, bytes]
"""Content-Location, Content-Type and octets of a part of bulk data."""


@pytest.fixture(scope="module")
def client(module_site: Site) -> TestClient:
    return module_site.as_role(Role.TECHNOLOGIST)


def saved(form: str, picture: Any = PICTURE, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).convert(mode).save(file, form, **options)
    return file.getvalue()


def body(metadata: Sequence[tuple[str, bytes]], bulk: Sequence[Part]) -> bytes:
    line = f"--{BOUNDARY}\r\n".encode()
    heads = [(f"Content-Type: {kind}\r\n\r\n".encode(), octets) for kind, octets in metadata]
    heads += [(f"Content-Type: {kind}\r\nContent-Location: {at}\r\n\r\n".encode(), it) for at, kind, it in bulk]
    return b"".join(line + head + octets + b"\r\n" for head, octets in heads) + f"--{BOUNDARY}--".encode()


def store(client: TestClient, documents: Any, *bulk: Part, study: str = "", accept: str = JSON) -> Any:
    content = body([(JSON, json.dumps(documents).encode())], bulk)
    headers = {"Content-Type": f'multipart/related; type="{JSON}"; boundary={BOUNDARY}', "Accept": accept}
    return client.post(f"/dicom-web/studies{'/' + study if study else ''}", content=content, headers=headers)


def back(client: TestClient, response: Any) -> Dataset:
    """The one object that was stored, as it is given back."""
    assert response.status_code == 200, response.text
    [item] = response.json()["00081199"]["Value"]
    [(_, content)] = parts(client.get(item["00081190"]["Value"][0], headers={"Accept": ANY_OBJECTS}))
    return pydicom.dcmread(io.BytesIO(content))


def reasons(response: Any) -> list[str]:
    answer = response.json()
    items = [*answer.get("00081198", {}).get("Value", []), *answer.get("0008119A", {}).get("Value", [])]
    return [item["00000902"]["Value"][0] for item in items]


def without_pixels(dataset: Dataset) -> dict[str, Any]:
    document: dict[str, Any] = dataset.to_json_dict(bulk_data_threshold=1 << 30)
    return {tag: body for tag, body in document.items() if tag != "7FE00010"}


VERBATIM = {
    "1.2.840.10008.1.2.4.50": ("image/jpeg", saved("JPEG"), "YBR_FULL_422"),
    "1.2.840.10008.1.2.4.80": ("image/jls", imagecodecs.jpegls_encode(PICTURE), "RGB"),
    "1.2.840.10008.1.2.4.81": ("image/jls", imagecodecs.jpegls_encode(PICTURE, level=2), "RGB"),
    "1.2.840.10008.1.2.4.90": ("image/jp2", imagecodecs.jpeg2k_encode(PICTURE, codecformat="j2k"), "YBR_RCT"),
    "1.2.840.10008.1.2.4.201": ("image/jphc", imagecodecs.htj2k_encode(PICTURE, reversible=True), "YBR_RCT"),
    "1.2.840.10008.1.2.4.57": ("image/jpeg", imagecodecs.ljpeg_encode(PICTURE[..., 0].astype("u2")), "MONOCHROME2"),
}


@pytest.mark.parametrize("syntax", VERBATIM)
def test_a_compressed_picture_is_wrapped_as_it_is(client: TestClient, syntax: str) -> None:
    media_type, content, interpretation = VERBATIM[syntax]
    got = back(client, store(client, [PIXELS], ("bulk/1", media_type, content)))
    assert got.file_meta.TransferSyntaxUID == syntax
    assert got.SOPClassUID == f"{CLASS}7"
    assert (got.Rows, got.Columns, got.PhotometricInterpretation) == (24, 32, interpretation)
    [frame] = generate_frames(got.PixelData, number_of_frames=1)
    assert frame in (content, content + b"\0")
    assert ("LossyImageCompression" in got) == (syntax[-2:] in ("50", "81"))


def test_the_codestream_alone_is_taken_out_of_a_jp2_file(client: TestClient) -> None:
    content = bytes(imagecodecs.jpeg2k_encode(PICTURE, codecformat="jp2", reversible=True))
    got = back(client, store(client, [PIXELS], ("bulk/1", "image/jp2", content)))
    [frame] = generate_frames(got.PixelData, number_of_frames=1)
    assert frame[:4] == b"\xff\x4f\xff\x51"
    assert frame.rstrip(b"\0") in content


WORDS = (np.indices((24, 32)).sum(0) * 1000).astype(np.uint16)
UNPACKED = {
    "colour": ("image/png", saved("PNG"), PICTURE, f"{CLASS}7"),
    "palette": ("image/png", saved("PNG", PICTURE // 64 * 64, "P"), None, f"{CLASS}7"),
    "words": ("image/png", bytes(imagecodecs.png_encode(WORDS)), WORDS, f"{CLASS}7"),
    "bits": (
        "image/png",
        saved("PNG", (PICTURE[..., 0] > 99) * np.uint8(255), "1"),
        (PICTURE[..., 0] > 99) * 255,
        None,
    ),
    "shining through": ("image/png", saved("PNG", np.zeros((24, 32, 4), np.uint8), "RGBA"), 255, None),
    "progressive": ("image/jpeg", saved("JPEG", progressive=True), None, f"{CLASS}7"),
    "moving": (
        "image/gif",
        saved("GIF", save_all=True, append_images=[Image.fromarray(255 - PICTURE)], duration=40),
        None,
        f"{CLASS}7.4",
    ),
}


@pytest.mark.parametrize("name", UNPACKED)
def test_what_has_no_transfer_syntax_is_unpacked(client: TestClient, name: str) -> None:
    media_type, content, pixels, sop_class = UNPACKED[name]
    got = back(client, store(client, [PIXELS], ("bulk/1", media_type, content)))
    assert got.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert sop_class in (None, got.SOPClassUID)
    if pixels is None:
        with Image.open(io.BytesIO(content)) as image:
            pixels = np.asarray(image.convert("RGB"))
    shown = got.pixel_array[0] if name == "moving" else got.pixel_array
    assert np.array_equal(shown, np.broadcast_to(pixels, shown.shape))
    if name == "moving":
        assert (got.NumberOfFrames, got.FrameTime, got.FrameIncrementPointer) == (2, 40, 0x00181063)


@pytest.mark.parametrize(
    ("media_type", "content", "sop_class", "mime_type", "modality"),
    [
        ("application/pdf", b"%PDF-1.4 odd", f"{CLASS}104.1", "application/pdf", "DOC"),
        ("text/xml", CDA, f"{CLASS}104.2", "text/xml", "DOC"),
        ("application/sla", b"solid x\nendsolid x\n", f"{CLASS}104.3", "model/stl", "M3D"),
        ("model/obj", b"v 0 0 0\n", f"{CLASS}104.4", "model/obj", "M3D"),
        ("model/mtl", b"newmtl a\n", f"{CLASS}104.5", "model/mtl", "M3D"),
    ],
)
def test_a_document_is_encapsulated(
    client: TestClient, media_type: str, content: bytes, sop_class: str, mime_type: str, modality: str
) -> None:
    equipment = {"Manufacturer": "M", "ManufacturerModelName": "N", "DeviceSerialNumber": "1", "SoftwareVersions": "2"}
    unit = {"CodeValue": {"vr": "SH", "Value": ["mm"]}, "CodingSchemeDesignator": {"vr": "SH", "Value": ["UCUM"]}}
    document = {keyword: {"vr": "LO", "Value": [value]} for keyword, value in equipment.items()}
    document["MeasurementUnitsCodeSequence"] = {"vr": "SQ", "Value": [unit]}
    got = back(client, store(client, [document | PAPER], ("bulk/1", media_type, content)))
    assert (got.SOPClassUID, got.MIMETypeOfEncapsulatedDocument, got.Modality) == (sop_class, mime_type, modality)
    assert got.EncapsulatedDocument[: got.EncapsulatedDocumentLength] == content
    assert got.get("HL7InstanceIdentifier") == ("1.2^a" if mime_type == "text/xml" else None)


@pytest.mark.parametrize(
    ("media_type", "content", "syntax"), [("video/mp4", mp4(), "102"), ("video/mpeg", mpeg2(), "100")]
)
def test_a_video_is_one_fragment(client: TestClient, media_type: str, content: bytes, syntax: str) -> None:
    got = back(client, store(client, [PIXELS], ("bulk/1", media_type, content)))
    assert (got.SOPClassUID, got.file_meta.TransferSyntaxUID[-3:]) == (f"{CLASS}77.1.4.1", syntax)
    assert (got.NumberOfFrames, got.FrameTime, got.Rows, got.Columns) == (50, 40, 240, 320)
    assert got.PixelData[8 + 8 :][: len(content)] == content


@pytest.mark.parametrize("is_xml", [False, True])
def test_the_metadata_of_an_object_and_its_pixels(client: TestClient, is_xml: bool) -> None:
    sent = ct_slice(series="own", number=7 + is_xml)
    sent.PatientName, sent.SpecificCharacterSet = "Иванов^Иван", "ISO_IR 192"
    sent.add_new(0x00091001, "FD", [1.5, -2.25])
    document = without_pixels(sent) | PIXELS
    octets = ("bulk/1", "application/octet-stream", sent.PixelData)
    if is_xml:
        kind, metadata = XML, [(XML, native_dicom_model(document))]
    else:
        kind, metadata = JSON, [(JSON, json.dumps([document]).encode())]
    headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary={BOUNDARY}'}
    got = back(client, client.post("/dicom-web/studies", content=body(metadata, [octets]), headers=headers))
    assert got == sent


def test_what_is_retrieved_in_two_requests_is_stored_in_one(client: TestClient) -> None:
    sent = ct_slice(series="retrieved")
    headers = {"Content-Type": "application/dicom"}
    assert client.post("/dicom-web/studies", content=part10(sent), headers=headers).status_code == 200
    [document] = client.get(url_of(sent, "/metadata")).json()
    uri = document["7FE00010"]["BulkDataURI"]
    [(_, octets)] = parts(client.get(uri, headers={"Accept": 'multipart/related; type="application/octet-stream"'}))
    document["00080018"]["Value"] = [uid("copy")]
    got = back(client, store(client, [document], (uri, "application/octet-stream", octets)))
    assert got.SOPInstanceUID == uid("copy")
    assert got.PixelData == sent.PixelData


@pytest.mark.parametrize("where", ["bulk/1", "bulk/1/frames/{}"])
def test_each_frame_is_a_part(client: TestClient, where: str) -> None:
    frames = [saved("JPEG", np.roll(PICTURE, number, 1)) for number in range(3)]
    bulk = [(where.format(number), "image/jpeg", frame) for number, frame in enumerate(frames, 1)]
    got = back(client, store(client, [PIXELS], *bulk))
    assert (got.SOPClassUID, got.NumberOfFrames, list(got.PageNumberVector)) == (f"{CLASS}7.4", 3, [1, 2, 3])
    found = list(generate_frames(got.PixelData, number_of_frames=3))
    assert [frame.rstrip(b"\0") for frame in found] == [frame.rstrip(b"\0") for frame in frames]


def test_uids_that_are_missing_are_made_once_for_a_request(client: TestClient) -> None:
    bulk = ("bulk/1", "image/jpeg", saved("JPEG"))
    answer = store(client, [PIXELS, PIXELS], bulk).json()
    urls = {item["00081190"]["Value"][0] for item in answer["00081199"]["Value"]}
    assert len(urls) == 2
    assert len({url.rpartition("/instances/")[0] for url in urls}) == 1
    study = uid("an address")
    assert back(client, store(client, [PIXELS], bulk, study=study)).StudyInstanceUID == study


def test_metadata_alone(client: TestClient) -> None:
    document = without_pixels(ct_slice(series="alone")) | {
        "7FE00010": {"vr": "OW", "InlineBinary": base64.b64encode(ct_slice().PixelData).decode()}
    }
    response = client.post("/dicom-web/studies", content=json.dumps([document]), headers={"Content-Type": JSON})
    assert back(client, response).PixelData == ct_slice().PixelData


def test_the_answer_is_xml_for_who_asks(client: TestClient) -> None:
    response = store(client, [PIXELS], ("bulk/1", "image/jpeg", saved("JPEG")), accept=f"{XML}, {JSON};q=0.1")
    assert (response.status_code, response.headers["content-type"]) == (200, XML)
    assert read_native_model(response.content)["00081199"]["Value"][0]["00081150"] == {
        "vr": "UI",
        "Value": [f"{CLASS}7"],
    }


JPEG = ("bulk/1", "image/jpeg", saved("JPEG"))
US_1, US_5 = {"vr": "US", "Value": [1]}, {"vr": "US", "Value": [5]}
CT = without_pixels(ct_slice()) | PIXELS
OCTETS = ("bulk/1", "application/octet-stream", bytes(10))
SOUND = ("bulk/1", "application/octet-stream", ct_slice().PixelData)


@pytest.mark.parametrize(
    ("document", "bulk", "status", "words"),
    [
        ({"Rows": US_5} | PIXELS, [JPEG], 409, "Rows is 5 and in the bytes 24"),
        (
            {"NumberOfFrames": {"vr": "IS", "Value": [3]}} | PIXELS,
            [JPEG],
            409,
            "NumberOfFrames is 3 and in the bytes 1",
        ),
        ({"SamplesPerPixel": US_1} | PIXELS, [JPEG], 409, "SamplesPerPixel is 1 and in the bytes 3"),
        (
            {"SOPClassUID": {"vr": "UI", "Value": [f"{CLASS}77.1.4"]}} | PIXELS,
            [JPEG],
            409,
            "Modality, ImageType are missing",
        ),
        (PAPER, [("bulk/1", "model/stl", b"solid")], 409, "MeasurementUnitsCodeSequence are missing"),
        (PAPER, [("bulk/1", "application/pdf", b"PDF")], 400, "the part is no application/pdf"),
        (PIXELS, [("bulk/1", "image/png", b"PNG")], 400, "the part is no image/png that can be read"),
        (PIXELS, [("bulk/1", "image/jpeg", saved("JPEG", mode="CMYK"))], 400, "4 components"),
        (
            PIXELS,
            [("bulk/1", "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70", saved("JPEG"))],
            400,
            "is in 1.2.840",
        ),
        (PIXELS, [("bulk/1", "video/mp4", b"film")], 400, "neither MP4 nor"),
        (PIXELS, [], 400, "the bulk data bulk/1 is not in the body"),
        (PIXELS, [JPEG, ("bulk/1", "image/jpeg", saved("JPEG", PICTURE[:8]))], 409, "frame 2 is not like the first"),
        (PIXELS, [("bulk/1", "image/x-unheard-of", b"?")], 415, "of type 'image/x-unheard-of' is not stored"),
        (PIXELS, [("", "image/jpeg", saved("JPEG"))], 400, "not in the body"),
        (CT, [OCTETS], 409, "the pixel data are 10 bytes and the metadata say 8192"),
        (CT | {"00280010": {"vr": "US"}}, [OCTETS], 409, "Rows is missing"),
        (CT | {"00280010": {"vr": "US", "Value": ["many"]}}, [OCTETS], 400, "Rows has a value that US cannot hold"),
        (CT | {"00104000": {"vr": "XX"}}, [OCTETS], 400, "unknown VR"),
        (CT | {"00081030": {"vr": "LO", "Value": ["a\\b"]}}, [SOUND], 400, "StudyDescription has a value"),
        (CT | {"00080020": {"vr": "DA", "Value": ["yesterday"]}}, [SOUND], 400, "StudyDate has a value that DA"),
        (CT | {"00280030": {"vr": "DS"}}, [SOUND], 409, "PixelSpacing is missing"),
        (CT | {"nonsense": {}}, [OCTETS], 400, "'nonsense' is no attribute"),
        (
            CT | {"0020000D": {"vr": "UI", "Value": ["x"]}},
            [SOUND],
            409,
            "not a UID",
        ),
        (CT | {"NumberOfFrames": {"vr": "IS", "Value": ["x"]}}, [OCTETS], 400, "NumberOfFrames 'x' is not a number"),
        ({"NumberOfFrames": {"vr": "IS", "Value": [{}]}} | PIXELS, [JPEG], 409, "NumberOfFrames is {}"),
        ({"PhotometricInterpretation": {"vr": "CS", "Value": [{}]}} | PIXELS, [JPEG], 409, "Photometric"),
        (CT | {"BitsAllocated": {"vr": "US", "Value": "16"}}, [OCTETS], 400, "no array"),
        (CT | {"BitsAllocated": {"vr": "US", "Value": ["x"]}}, [OCTETS], 400, "'x' is not a number"),
        ("no object", [], 400, "no object"),
    ],
)
def test_what_is_refused_is_refused_with_a_reason(
    client: TestClient, document: Any, bulk: Sequence[Part], status: int, words: str
) -> None:
    response = store(client, [document], *bulk)
    assert response.status_code == status, response.text
    assert any(words in reason for reason in reasons(response)), reasons(response)
    named = isinstance(document, Mapping) and "00080018" in document
    assert ("00081198" in response.json()) == named


def test_one_of_two_is_refused_by_itself(client: TestClient) -> None:
    response = store(client, [PIXELS, {"Rows": US_5} | PIXELS], JPEG, ("bulk/9", "image/jpeg", b""))
    assert response.status_code == 202
    assert len(response.json()["00081199"]["Value"]) == 1
    assert "no instance refers to the bulk data" in reasons(response)[1]


def test_another_study_than_the_address_is_refused(client: TestClient) -> None:
    response = store(client, [CT], ("bulk/1", "application/octet-stream", ct_slice().PixelData), study=uid("other"))
    assert response.status_code == 409
    assert "StudyInstanceUID is" in reasons(response)[0]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (JSON, b"[{"),
        (JSON, b"[]"),
        (JSON, b"\xff"),
        (JSON, b"[" * 100_000),
        (XML, b"<Other/>"),
        (XML, b'<!DOCTYPE x [<!ENTITY a "b">]><NativeDicomModel/>'),
    ],
)
def test_metadata_that_cannot_be_read(client: TestClient, kind: str, content: bytes) -> None:
    headers = {"Content-Type": f'multipart/related; type="{kind}"; boundary={BOUNDARY}'}
    response = client.post("/dicom-web/studies", content=body([(kind, content)], []), headers=headers)
    assert (response.status_code, bool(response.json()["hint"] or response.json()["error"])) == (400, True)


def test_nothing_is_stored_of_a_body_that_breaks_off(client: TestClient, module_site: Site) -> None:
    before = len(client.get("/dicom-web/instances").json())
    content = body([(JSON, json.dumps([PIXELS]).encode())], [JPEG])[:-5]
    headers = {"Content-Type": f'multipart/related; type="{JSON}"; boundary={BOUNDARY}'}
    assert client.post("/dicom-web/studies", content=content, headers=headers).status_code == 400
    assert len(client.get("/dicom-web/instances").json()) == before
    assert list(module_site.archive.store.incoming.iterdir()) == []


@pytest.fixture
def narrow(tmp_path: Path, workers: DecodeWorkers, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    with open_site(tmp_path, workers, limits=request.param) as site:
        yield site.as_role(Role.SERVICE)


@pytest.mark.parametrize(
    ("narrow", "status"),
    [(IngestLimits(100, 0, 0), 413), (IngestLimits(1 << 30, 1 << 60, 100.0), 507)],
    indirect=["narrow"],
)
def test_too_large_and_no_room(narrow: TestClient, status: int) -> None:
    assert store(narrow, [PIXELS], JPEG).status_code == status
