"""WADO-URI: files and pictures by the parameters of a URL, and a plain word for every parameter that does not fit."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import HTJ2KLosslessRPCL, ImplicitVRLittleEndian, JPEGLSLossless
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.factories import ct_slice, structured_report, us_cine
from tests.support.wado import reread, stored
from tests.support.web import Site


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def ask(client: TestClient, dataset: Dataset, **parameters: Any) -> Any:
    asked = {
        "requestType": "WADO",
        "studyUID": dataset.StudyInstanceUID,
        "seriesUID": dataset.SeriesInstanceUID,
        "objectUID": dataset.SOPInstanceUID,
    } | parameters
    return client.get("/wado?" + urlencode({name: value for name, value in asked.items() if value is not None}))


def picture_of(response: Any) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.asarray(imagecodecs.imread(io.BytesIO(response.content), codec="png"))


@pytest.mark.parametrize("syntax", [None, "1.2.840.10008.1.2.1", JPEGLSLossless, HTJ2KLosslessRPCL, "*"])
def test_a_file(site: Site, client: TestClient, syntax: str | None) -> None:
    sent = ct_slice(transfer_syntax=ImplicitVRLittleEndian)
    stored(site, sent)
    response = ask(client, sent, contentType="application/dicom", transferSyntax=syntax)
    got = reread(response.content)
    assert got.file_meta.TransferSyntaxUID == (syntax if syntax not in (None, "*") else "1.2.840.10008.1.2.1")
    assert np.array_equal(got.pixel_array, sent.pixel_array)


def test_what_comes_where_no_type_is_named(site: Site, client: TestClient) -> None:
    single, several, report = ct_slice(), us_cine(frames=3), structured_report()
    for dataset in (single, several, report):
        stored(site, dataset)
    assert ask(client, single).headers["content-type"] == "image/jpeg"
    assert ask(client, several).headers["content-type"].startswith("application/dicom;")
    assert ask(client, several, frameNumber=2).headers["content-type"] == "image/jpeg"
    assert ask(client, report).headers["content-type"].startswith("application/dicom;")
    assert ask(client, single, contentType="text/html, image/png").headers["content-type"] == "image/png"


def test_the_parameters_of_a_picture(site: Site, client: TestClient) -> None:
    sent = ct_slice(rows=64, columns=48)
    stored(site, sent)
    png = {"contentType": "image/png"}
    whole = picture_of(ask(client, sent, **png))
    assert whole.shape == (64, 48)
    assert picture_of(ask(client, sent, **png, rows=32, columns=32)).shape == (32, 24)
    assert picture_of(ask(client, sent, **png, rows=32)).shape == (32, 24)
    assert picture_of(ask(client, sent, **png, columns=24)).shape == (32, 24)
    part = picture_of(ask(client, sent, **png, region="0.5,0.25,1,0.75"))
    assert np.array_equal(part, whole[16:48, 24:])
    dark = picture_of(ask(client, sent, **png, windowCenter=5000, windowWidth=10))
    assert dark.max() == 0
    rendered = client.get(
        f"/dicom-web/studies/{sent.StudyInstanceUID}/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}"
        "/rendered",
        headers={"Accept": "image/png"},
    )
    assert np.array_equal(picture_of(rendered), whole)


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"requestType": None}, 400),
        ({"requestType": "QIDO"}, 400),
        ({"studyUID": None}, 400),
        ({"objectUID": "x"}, 400),
        ({"objectUID": "1.2.3"}, 404),
        ({"seriesUID": "1.2.3"}, 404),
        ({"anonymize": "yes"}, 406),
        ({"contentType": "text/html"}, 406),
        ({"contentType": "application/dicom", "transferSyntax": "1.2.3"}, 406),
        ({"contentType": "application/dicom", "rows": "10"}, 400),
        ({"contentType": "image/jpeg", "transferSyntax": JPEGLSLossless}, 400),
        ({"windowCenter": "10"}, 400),
        ({"windowCenter": "a", "windowWidth": "1"}, 400),
        ({"region": "0,0,1"}, 400),
        ({"region": "0.5,0,0.5,1"}, 400),
        ({"rows": "0"}, 400),
        ({"rows": "-1"}, 400),
        ({"imageQuality": "101"}, 400),
        ({"frameNumber": "2"}, 404),
    ],
)
def test_what_does_not_fit_is_told(
    site: Site, client: TestClient, parameters: dict[str, str | None], status: int
) -> None:
    sent = ct_slice()
    stored(site, sent)
    response = ask(client, sent, **parameters)
    assert (response.status_code, bool(response.json()["hint"])) == (status, True), response.text


def test_who_may_not_read_finds_nothing(site: Site) -> None:
    sent = ct_slice()
    stored(site, sent)
    assert ask(site.client(), sent).status_code == 401


def test_an_unchanged_object_is_not_sent_again(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    for parameters in ({"contentType": "application/dicom"}, {"contentType": "image/png"}):
        first = ask(client, sent, **parameters)
        url = str(first.request.url)
        assert client.get(url, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
