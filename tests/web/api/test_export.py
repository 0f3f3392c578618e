"""Studies as one ZIP file to take away: whole, with a DICOMDIR, under a name that says whose they are."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from urllib.parse import unquote

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.factories import KAZAKH, Patient, ct_series, mr_series
from tests.support.wado import stored
from tests.support.web import Site

URL = "/api/export"


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def test_two_studies_of_two_patients_in_one_file(site: Site, client: TestClient) -> None:
    sent = [*ct_series(2, patient=KAZAKH), *mr_series(1, patient=Patient("SYN-2", "Doe^John"), study="other")]
    for dataset in sent:
        stored(site, dataset)
    response = client.get(URL, params={"study": ",".join({dataset.StudyInstanceUID: "" for dataset in sent})})
    assert (response.status_code, response.headers["content-type"]) == (200, "application/zip")
    file = zipfile.ZipFile(io.BytesIO(response.content))
    assert file.testzip() is None
    assert len(file.namelist()) == len(sent) + 1
    assert "DICOMDIR" in file.namelist()
    assert 'filename="2 studies.zip"' in response.headers["content-disposition"]


def test_the_name_says_whose_it_is_in_every_letter(site: Site, client: TestClient) -> None:
    [sent] = ct_series(1, patient=KAZAKH)
    stored(site, sent)
    told = client.get(URL, params={"study": sent.StudyInstanceUID}).headers["content-disposition"]
    words = KAZAKH.name.split("=")[0].replace("^", " ")
    assert f"{words} {KAZAKH.id} {sent.StudyDate}.zip" in unquote(told)
    plain = told.split('"')[1]
    assert plain.isascii()
    assert "_" not in plain  # every letter has a Latin one


@pytest.mark.parametrize(("study", "status"), [("", 400), ("1.2.x", 400), ("1.2.3", 404)])
def test_what_is_no_study(client: TestClient, study: str, status: int) -> None:
    assert client.get(URL, params={"study": study}).status_code == status


def test_too_many_are_refused(client: TestClient) -> None:
    answer = client.get(URL, params={"study": ",".join(f"1.2.{number}" for number in range(101))})
    assert answer.status_code == 400
    assert "several files" in answer.json()["hint"]


def test_a_study_of_others_is_not_there(site: Site) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    client = site.client(site.accounts.task_token("1.2", "01T", site.archive.clock() + timedelta(hours=1)))
    assert client.get(URL, params={"study": sent.StudyInstanceUID}).status_code == 404
