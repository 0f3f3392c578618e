"""Metadata as the Native DICOM Model in XML, and what is chosen where a client sends one list for everything."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.factories import ct_series
from tests.support.wado import get, stored, url_of
from tests.support.web import Site, parts

XML = 'multipart/related; type="application/dicom+xml"'
NAMESPACE = {"n": "http://dicom.nema.org/PS3.19/models/NativeDICOM"}


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def test_one_document_an_instance_at_every_level(site: Site, client: TestClient) -> None:
    sent = ct_series(2)
    for dataset in sent:
        stored(site, dataset)
    study = f"/dicom-web/studies/{sent[0].StudyInstanceUID}"
    levels = {
        f"{study}/metadata": 2,
        f"{study}/series/{sent[0].SeriesInstanceUID}/metadata": 2,
        url_of(sent[0], "/metadata"): 1,
    }
    for url, count in levels.items():
        response = get(client, url, XML)
        found = parts(response)
        assert len(found) == count
        for dataset, (headers, octets) in zip(sent, found, strict=False):
            assert headers["content-type"] == "application/dicom+xml"
            assert headers["content-location"].endswith(url_of(dataset, "/metadata"))
            root = ElementTree.fromstring(octets)
            uid = root.findtext("n:DicomAttribute[@keyword='SOPInstanceUID']/n:Value", namespaces=NAMESPACE)
            assert uid == dataset.SOPInstanceUID
        assert get(client, url, XML, **{"If-None-Match": response.headers["etag"]}).status_code == 304
        json = get(client, url, "application/dicom+json", **{"If-None-Match": response.headers["etag"]})
        assert json.status_code == 200


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*", "json"),
        (f"{XML}; q=0.5, application/dicom+json; q=0.4", "multipart"),
        (f"{XML}; q=0.5, application/dicom+json", "json"),
        ("multipart/related; type=application/dicom+xml", "multipart"),
        ('MULTIPART/Related; TYPE="Application/DICOM+xml"', "multipart"),
        ("application/dicom+xml", None),
        ("application/json;q=0.1", "application/json"),
    ],
)
def test_what_is_chosen(site: Site, client: TestClient, accept: str, media_type: str | None) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    response = get(client, url_of(sent, "/metadata"), accept)
    if media_type is None:
        assert (response.status_code, bool(response.json()["hint"])) == (406, True)
        return
    assert media_type in response.headers["content-type"]


def test_the_parameter_of_the_url_with_a_bare_plus_sign(site: Site, client: TestClient) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    for text in ("application/dicom+json", "application/dicom%2Bjson", "application%2Fdicom%2Bjson"):
        response = get(client, url_of(sent, f"/metadata?accept={text}"), "text/html")
        assert (response.status_code, response.headers["content-type"]) == (200, "application/dicom+json")
