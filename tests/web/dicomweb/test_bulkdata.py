"""Bulk data: every BulkDataURI resolves, all of them at once, the pixels alone, documents as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pydicom
import pytest
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless, JPEGLSLossless
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.factories import ct_slice, encapsulated_pdf, mr_slice, structured_report, us_cine
from tests.support.wado import OCTETS, get, stored, url_of
from tests.support.web import ANY_FRAMES, Site, parts


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def uris(dataset: dict[str, Any]) -> Iterator[str]:
    for element in dataset.values():
        if "BulkDataURI" in element:
            yield element["BulkDataURI"]
        for item in element.get("Value", []) if element["vr"] == "SQ" else []:
            yield from uris(item)


def with_icon(transfer_syntax: Any = None) -> pydicom.Dataset:
    made = mr_slice(**({"transfer_syntax": transfer_syntax} if transfer_syntax else {}))
    icon = pydicom.Dataset()
    icon.Rows = icon.Columns = 64
    icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
    icon.BitsAllocated = icon.BitsStored = 8
    icon.HighBit, icon.PixelRepresentation = 7, 0
    icon.add_new(0x7FE00010, "OB", bytes(range(256)) * 16)
    made.IconImageSequence = Sequence([icon])
    return made


def test_all_of_an_instance(site: Site, client: TestClient) -> None:
    sent = with_icon(ExplicitVRBigEndian)
    stored(site, sent)
    [metadata] = client.get(url_of(sent, "/metadata")).json()
    named = list(uris(metadata))
    found = parts(get(client, url_of(sent, "/bulkdata"), OCTETS))
    assert [headers["content-location"] for headers, _ in found] == named
    assert [octets for _, octets in found] == [bytes(range(256)) * 16, mr_slice().PixelData]
    for uri, (_, octets) in zip(named, found, strict=True):
        assert get(client, uri, "application/octet-stream").content == octets
    # which an instance is as octets (PS3.18 Table 10.4.4-1)
    assert [octets for _, octets in parts(get(client, url_of(sent), OCTETS))] == [octets for _, octets in found]


def test_pixels_of_a_study_without_icons(site: Site, client: TestClient) -> None:
    sent = [with_icon(), ct_slice(transfer_syntax=JPEGLSLossless), us_cine(frames=2), structured_report()]
    for dataset in sent:
        dataset.StudyInstanceUID = sent[0].StudyInstanceUID
        stored(site, dataset)
    study = f"/dicom-web/studies/{sent[0].StudyInstanceUID}"
    found = parts(get(client, f"{study}/pixeldata", ANY_FRAMES))
    assert sorted(len(octets) for _, octets in found) == sorted(
        [
            len(mr_slice().PixelData),
            len(next(pydicom.encaps.generate_frames(sent[1].PixelData, number_of_frames=1))),
            len(sent[2].PixelData),  # native: all frames as one value
        ]
    )
    series = parts(get(client, f"{study}/series/{sent[1].SeriesInstanceUID}/pixeldata", OCTETS))
    assert [octets for _, octets in series] == [ct_slice().PixelData]
    compressed = f'{ANY_FRAMES}, multipart/related; type="image/jls"'
    instance = get(client, url_of(sent[1], "/pixeldata"), compressed)
    assert parts(instance)[0][0]["content-location"].endswith("/frames/1")
    unchanged = get(client, url_of(sent[1], "/pixeldata"), compressed, **{"If-None-Match": instance.headers["etag"]})
    assert unchanged.status_code == 304


def test_compressed_loops_are_given_by_frame(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3, transfer_syntax=JPEG2000Lossless)
    stored(site, sent)
    found = parts(get(client, url_of(sent, "/pixeldata"), OCTETS))
    assert [octets for _, octets in found] == [frame.tobytes() for frame in us_cine(frames=3).pixel_array]
    assert [headers["content-location"].rpartition("/")[2] for headers, _ in found] == ["1", "2", "3"]


def test_where_there_is_nothing_it_is_told(site: Site, client: TestClient) -> None:
    sent = structured_report()
    stored(site, sent)
    for rest in ("/bulkdata", "/pixeldata"):
        response = get(client, url_of(sent, rest), OCTETS)
        assert (response.status_code, bool(response.json()["hint"])) == (404, True)
    stored(site, mr_slice())
    assert get(client, url_of(mr_slice(), "/pixeldata"), 'multipart/related; type="text/html"').status_code == 406


def test_a_document_comes_as_what_it_is(site: Site, client: TestClient) -> None:
    sent = encapsulated_pdf()
    document = b"%PDF-1.4\n" + bytes(range(256)) * 8
    sent.EncapsulatedDocument = document + b"\n" + b"\0" * (len(document) & 1 == 0)
    sent.EncapsulatedDocumentLength = len(document)
    stored(site, sent)
    url = url_of(sent, "/bulkdata/00420011")
    for accept in ("application/pdf", "*/*", "text/html, application/pdf; q=0.9, */*; q=0.8"):
        response = get(client, url, accept)
        assert (response.headers["content-type"], response.content) == ("application/pdf", document), accept
        assert response.headers["content-disposition"].startswith("attachment")
    part = get(client, url, "application/pdf", Range="bytes=0-7")
    assert (part.status_code, part.content) == (206, b"%PDF-1.4")
    assert get(client, url, "application/octet-stream").content == sent.EncapsulatedDocument
    [(_, octets)] = parts(get(client, url, OCTETS))
    assert octets == sent.EncapsulatedDocument


def test_a_document_that_says_it_is_a_page_is_only_octets(site: Site, client: TestClient) -> None:
    sent = encapsulated_pdf()
    sent.MIMETypeOfEncapsulatedDocument = "text/html"
    sent.EncapsulatedDocument = b"<script>alert(1)</script>" * 100
    stored(site, sent)
    assert get(client, url_of(sent, "/bulkdata/00420011")).headers["content-type"] == "application/octet-stream"
    assert get(client, url_of(sent, "/bulkdata/00420011"), "text/html").status_code == 406


def test_ranges_of_a_value(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3)
    stored(site, sent)
    url = url_of(sent, "/bulkdata/7FE00010")
    part = get(client, url, "application/octet-stream", Range="bytes=100-299")
    assert (part.status_code, part.content) == (206, sent.PixelData[100:300])
    beyond = get(client, url, "application/octet-stream", Range="bytes=99999999-")
    assert (beyond.status_code, beyond.headers["content-type"]) == (416, "application/json")
    assert set(beyond.json()) == {"error", "hint"}
    whole = get(client, url, "application/octet-stream")
    assert get(client, url, "application/octet-stream", **{"If-None-Match": whole.headers["etag"]}).status_code == 304
