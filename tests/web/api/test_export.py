"""Studies as one ZIP file to take away: whole, with a DICOMDIR, under a name that says whose they are."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from urllib.parse import unquote

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from pacs.access.audit import AuditCode
from pacs.access.principals import Role
from pacs.index.schema import audit
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


def test_chosen_series_and_instances_leave_alone(site: Site, client: TestClient) -> None:
    sent = [*ct_series(3), *ct_series(2, series="other")]
    for dataset in sent:
        stored(site, dataset)
    study, series, instance = sent[0].StudyInstanceUID, sent[4].SeriesInstanceUID, sent[1].SOPInstanceUID

    def files(**chosen: str) -> int:
        answer = client.get(URL, params={"study": study, **chosen})
        return len(zipfile.ZipFile(io.BytesIO(answer.content)).namelist()) - 1 if answer.status_code == 200 else 0

    assert (files(), files(series=series), files(instance=instance)) == (5, 2, 1)
    assert client.get(URL, params={"study": study, "series": series, "instance": instance}).status_code == 404
    assert _exports(site)[1:3] == [(study, f"zip; series {series}"), (study, f"zip; instance {instance}")]
    for wrong in ("", "1.2.x", ",".join(f"1.2.{number}" for number in range(201))):
        assert client.get(URL, params={"study": study, "series": wrong}).status_code == 400


@pytest.mark.parametrize(("study", "status"), [("", 400), ("1.2.x", 400), ("1.2.3", 404)])
def test_what_is_no_study(client: TestClient, study: str, status: int) -> None:
    assert client.get(URL, params={"study": study}).status_code == status


def test_too_many_are_refused(client: TestClient) -> None:
    answer = client.get(URL, params={"study": ",".join(f"1.2.{number}" for number in range(101))})
    assert answer.status_code == 400
    assert "several files" in answer.json()["hint"]


def test_who_works_for_one_task_takes_nothing_away(site: Site) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    client = site.client(
        site.accounts.task_token(sent.StudyInstanceUID, "01T", site.archive.clock() + timedelta(hours=1))
    )
    assert client.get(URL, params={"study": sent.StudyInstanceUID}).status_code == 403
    assert client.post(f"{URL}/pictures", json=_pictures(sent.StudyInstanceUID)).status_code == 403
    assert client.get("/api/session").status_code == 403
    assert _exports(site) == []


def _pictures(*studies: str, **other: object) -> dict[str, object]:
    return {"studies": list(studies), "form": "png", "pictures": 2, "identity": "removed", **other}


def _exports(site: Site) -> list[tuple[str, str]]:
    chosen = select(audit.c.study_instance_uid, audit.c.detail).where(audit.c.code == AuditCode.EXPORT)
    with site.archive.index.read() as connection:
        return [(row.study_instance_uid, row.detail) for row in connection.execute(chosen.order_by(audit.c.number))]


def test_what_is_taken_away_is_on_the_record(site: Site, client: TestClient) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    uid, series = sent.StudyInstanceUID, sent.SeriesInstanceUID
    assert client.get("/api/session").json()["exports"] is True
    assert client.get(URL, params={"study": uid}).status_code == 200
    assert client.post(f"{URL}/pictures", json=_pictures(uid, series=[series])).status_code == 204
    assert _exports(site) == [(uid, "zip"), (uid, f"2 png; identity removed; {series}")]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"studies": ["1.2.3"]}, 404),
        ({"studies": []}, 400),
        ({"pictures": 0}, 400),
        ({"form": "tiff"}, 400),
        ({"identity": "hidden"}, 400),
        ({"series": ["x"]}, 400),
    ],
)
def test_pictures_that_cannot_be_told(site: Site, client: TestClient, change: dict[str, object], status: int) -> None:
    [sent] = ct_series(1)
    stored(site, sent)
    assert client.post(f"{URL}/pictures", json=_pictures(sent.StudyInstanceUID) | change).status_code == status
    assert _exports(site) == []
