"""Delete, reject and restore over HTTP: what is gone is gone on every resource, and who may do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.render.workers import DecodeWorkers
from pacs.web.dicomweb import plain_pictures
from tests.support.archives import send
from tests.support.factories import ct_series, mr_slice
from tests.support.web import Site


def _study(site: Site) -> tuple[str, str]:
    sent = [*ct_series(2), mr_slice()]
    for dataset in sent:
        send(site.archive, dataset)
    return str(sent[0].StudyInstanceUID), str(sent[0].SeriesInstanceUID)


def _statuses(client: TestClient, study: str) -> list[int]:
    paths = ("", "/metadata", "/thumbnail")
    return [client.get(f"/dicom-web/studies/{study}{path}").status_code for path in paths]


def test_a_study_is_deleted_and_restored(site: Site) -> None:
    study, _ = _study(site)
    admin = site.as_role(Role.ADMIN)
    deleted = admin.delete(f"/dicom-web/studies/{study}", params={"reason": "a test"})
    assert (deleted.status_code, deleted.content) == (204, b"")
    for path in ("studies", "series", "instances"):
        assert admin.get(f"/dicom-web/{path}").json() == []
    assert admin.get("/api/worklist").json()["studies"] == []
    assert _statuses(admin, study) == [410, 410, 410]
    again = admin.delete(f"/dicom-web/studies/{study}")
    assert (again.status_code, again.json()["error"]) == (410, "it has been deleted")
    [listed] = admin.get("/api/deletions").json()["deletions"]
    assert (listed["reason"], listed["principal_name"], listed["instances"]) == ("a test", "test-admin", 3)
    assert deleted.headers["location"] == f"/api/deletions/{listed['id']}"
    restored = admin.post(f"{deleted.headers['location']}/restore")
    assert (restored.status_code, restored.json()["restored_at"] is not None) == (200, True)
    assert _statuses(admin, study)[1] == 200
    [row] = admin.get("/api/worklist").json()["studies"]
    assert (row["number_of_instances"], row["modalities"]) == (3, ["CT", "MR"])
    assert admin.post(f"{deleted.headers['location']}/restore").status_code == 409
    assert admin.get("/api/deletions").json() == {"deletions": [], "undo_days": 30.0, "rejected_days": None}
    assert len(admin.get("/api/deletions", params={"all": "true", "study": study}).json()["deletions"]) == 1


def test_a_series_and_an_instance(site: Site) -> None:
    study, series = _study(site)
    admin = site.as_role(Role.ADMIN)
    instance = admin.get(f"/dicom-web/studies/{study}/series/{series}/instances").json()[0]["00080018"]["Value"][0]
    path = f"/dicom-web/studies/{study}/series/{series}"
    assert admin.delete(f"{path}/instances/{instance}").status_code == 204
    assert len(admin.get(f"{path}/instances").json()) == 1
    assert admin.get(f"{path}/instances/{instance}").status_code == 410
    assert admin.delete(path).status_code == 204
    [row] = admin.get("/dicom-web/studies", params={"includefield": "ModalitiesInStudy"}).json()
    assert row["00080061"]["Value"] == ["MR"]
    assert admin.delete(f"/dicom-web/studies/{study}/series/1.2.3").status_code == 404
    assert admin.delete("/dicom-web/studies/abc").status_code == 400
    erased = admin.post(f"/api/deletions/{admin.get('/api/deletions').json()['deletions'][0]['id']}/erase")
    assert erased.json()["erased_at"] is not None


def test_pictures_of_what_is_erased_are_kept_nowhere(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    study, series = _study(site)
    admin = site.as_role(Role.ADMIN)
    made: list[str] = []

    def counted(word: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def count(*arguments: Any) -> Any:
            made.append(word)
            return original(*arguments)

        return count

    monkeypatch.setattr(DecodeWorkers, "describe", counted("header", DecodeWorkers.describe))
    monkeypatch.setattr(plain_pictures, "render_plain", counted("picture", plain_pictures.render_plain))
    url = f"/dicom-web/studies/{study}/series/{series}/thumbnail"
    pictures = [admin.get(url).content for _ in range(2)]
    assert made == ["header", "picture"]
    deleted = admin.delete(f"/dicom-web/studies/{study}")
    assert admin.post(f"{deleted.headers['location']}/erase").status_code == 200
    assert _study(site) == (study, series)  # it comes again
    pictures.append(admin.get(url).content)
    assert made == ["header", "picture"] * 2
    assert len(set(pictures)) == 1


def test_who_may_reject_and_who_may_delete(site: Site) -> None:
    study, series = _study(site)
    body = {"study_instance_uid": study, "series_instance_uid": series, "code": "113001", "reason": "he moved"}
    for role in (Role.CLINICIAN, Role.SERVICE):
        client = site.as_role(role)
        assert client.post("/api/rejections", json=body).status_code == 403
        assert client.delete(f"/dicom-web/studies/{study}").status_code == 403
        assert client.get("/api/deletions").status_code == 403
    radiologist = site.as_role(Role.RADIOLOGIST)
    assert radiologist.delete(f"/dicom-web/studies/{study}").status_code == 403
    assert radiologist.post("/api/rejections", json={**body, "code": "113000"}).status_code == 400
    made = radiologist.post("/api/rejections", json=body)
    assert (made.status_code, made.json()["code"], made.json()["instances"]) == (201, "113001", 2)
    assert radiologist.get(f"/dicom-web/studies/{study}/series/{series}/metadata").status_code == 404
    assert len(radiologist.get(f"/dicom-web/studies/{study}/metadata").json()) == 1
    assert radiologist.post(f"{made.headers['location']}/erase").status_code == 403
    assert radiologist.post(f"{made.headers['location']}/restore").status_code == 200
    assert len(radiologist.get(f"/dicom-web/studies/{study}/metadata").json()) == 3
    assert radiologist.post("/api/deletions/01KB0000000000000000000000/restore").status_code == 404
    gone = site.as_role(Role.ADMIN).delete(f"/dicom-web/studies/{study}").headers["location"]
    assert radiologist.post(f"{gone}/restore").status_code == 403
