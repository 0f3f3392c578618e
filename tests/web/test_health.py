"""Health and figures: what they say when all is well, when it is not, and what they never say."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pacs.archive.limits import IngestLimits
from pacs.render.workers import DecodeWorkers
from pacs.web.app import create_app
from storage.errors import StorageFailed
from tests.support.archives import send
from tests.support.factories import ct_slice
from tests.support.web import URL, Site, open_site


def test_all_is_well(site: Site) -> None:
    client = site.client()
    assert client.get("/livez").json() == {"alive": True}
    assert client.get("/readyz").json() == {"ready": True, "problems": [], "warnings": []}


def test_a_node_that_starts_or_stops_is_not_ready(site: Site, workers: DecodeWorkers) -> None:
    ready = [False]
    app = create_app(
        site.archive, site.accounts, site.sessions, workers, site.settings, peers=site.peers, ready=lambda: ready[0]
    )
    client = TestClient(app, base_url=URL)
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200
    ready[0] = True
    assert client.get("/readyz").status_code == 200


def test_no_room_is_not_ready(tmp_path: Path, workers: DecodeWorkers) -> None:
    with open_site(tmp_path, workers, limits=IngestLimits(1 << 30, 1 << 60, 100.0)) as site:
        response = site.client().get("/readyz")
        assert response.status_code == 503
        assert "MiB" in response.json()["problems"][0]


def test_a_store_that_fails_is_not_ready(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        raise StorageFailed("no such disk")

    monkeypatch.setattr(site.archive.store, "check", failing)
    response = site.client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["problems"] == ["the object store does not take and give objects"]


def test_an_index_that_takes_no_writes_is_not_ready(site: Site) -> None:
    writer = site.archive.index._writer
    assert writer is not None
    writer.broken = True
    try:
        response = site.client().get("/readyz")
    finally:
        writer.broken = False
    assert response.status_code == 503
    assert "restart the node" in response.json()["problems"][0]


def test_figures_name_routes_and_no_patient(site: Site) -> None:
    sent = ct_slice()
    send(site.archive, sent)
    client = site.client()
    client.get(f"/dicom-web/studies/{sent.StudyInstanceUID}/metadata")
    client.get("/nowhere.txt?PatientName=Phantom")
    client.request("BREW", "/coffee.txt")
    text = client.get("/metrics").text
    assert 'route="/dicom-web/studies/{study}/metadata",status="401"' in text
    assert 'method="other"' in text
    assert "suret_store_free_bytes" in text
    assert "suret_index_writer_commits" in text
    assert "process_resident_memory_bytes" in text
    for secret in (sent.StudyInstanceUID, "Phantom", sent.PatientID):
        assert secret not in text
