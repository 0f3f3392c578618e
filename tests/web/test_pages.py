"""The viewer's files: caching, compression, pages of the application, and nothing outside the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pacs.render.workers import DecodeWorkers
from tests.support.web import Site, open_site


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "static"
    (made / "assets").mkdir(parents=True)
    (made / "index.html").write_text("<!doctype html><title>Suret</title>", encoding="utf-8")
    (made / "assets" / "index-D4f8a1Bc.js").write_text("export {};\n" * 500, encoding="utf-8")
    (made / "assets" / "codec-Zz09_-ab.wasm").write_bytes(b"\0asm" + bytes(2000))
    (made / "assets" / "codec-Zz09_-ab.wasm.br").write_bytes(b"pretend brotli")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (made / "link.txt").symlink_to(tmp_path / "secret.txt")
    return made


@pytest.fixture
def client(tmp_path: Path, workers: DecodeWorkers, folder: Path) -> Iterator[TestClient]:
    with open_site(tmp_path / "site", workers, pages=folder) as site:
        yield site.client()


@pytest.mark.parametrize(
    "path", ["/", "/worklist", "/study/1.2.840", "/index.html", f"/{'x' * 300}", f"/{'x/' * 3000}"]
)
def test_pages_of_the_application(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200  # a UID has dots, but it is no file
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert "Suret" in response.text
    again = client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


def test_hashed_files_are_kept_for_ever_and_compressed(client: TestClient, folder: Path) -> None:
    script = client.get("/assets/index-D4f8a1Bc.js", headers={"Accept-Encoding": "gzip, br"})
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.headers["content-encoding"] == "gzip"
    assert script.text == (folder / "assets" / "index-D4f8a1Bc.js").read_text()
    plain = client.get("/assets/index-D4f8a1Bc.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == script.content


def test_files_compressed_beforehand_are_taken(client: TestClient) -> None:
    with client.stream("GET", "/assets/codec-Zz09_-ab.wasm", headers={"Accept-Encoding": "br"}) as response:
        assert response.headers["content-encoding"] == "br"
        assert response.headers["content-type"] == "application/wasm"
        assert b"".join(response.iter_raw()) == b"pretend brotli"


@pytest.mark.parametrize(
    "path",
    ["/assets/missing-12345678.js", "/favicon.ico", "/api/missing", "/dicom-web/missing", "/ai/v1/missing", "/x%00y"],
)
def test_what_is_no_page_is_404_as_json(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/link.txt", "//etc/passwd"]
)
def test_nothing_outside_the_folder(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert "secret" not in response.text.replace("secret.txt", "")
    assert "root:" not in response.text


def test_a_rebuilt_viewer_is_seen_at_once(client: TestClient, folder: Path) -> None:
    before = client.get("/").headers["etag"]
    (folder / "index.html").write_text("<!doctype html><title>Suret, newer</title>", encoding="utf-8")
    assert "newer" in client.get("/").text
    assert client.get("/").headers["etag"] != before


def test_a_page_runs_the_scripts_that_are_written_into_it_and_no_others(client: TestClient, folder: Path) -> None:
    page = '<!doctype html><script data-files="[]">one()</script><script type="module" src="/assets/x.js"></script>'
    (folder / "index.html").write_text(page, encoding="utf-8")
    own = "'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4='"
    shown = client.get("/")
    again = client.get("/", headers={"If-None-Match": shown.headers["etag"]})
    for answer in (shown, again):
        assert f"script-src 'self' 'wasm-unsafe-eval' {own};" in answer.headers["content-security-policy"]
        assert answer.headers["content-security-policy"].count("sha256") == 1
    assert again.status_code == 304
    assert "sha256" not in client.get("/assets/index-D4f8a1Bc.js").headers["content-security-policy"]


def test_a_node_without_a_viewer_says_so(site: Site) -> None:
    response = site.client().get("/")
    assert response.status_code == 503
    assert "make viewer" in response.text
    assert response.headers["content-type"].startswith("text/html")
