"""Video over WADO-RS: the stored stream under its own type, whole and by ranges."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.archives import send
from tests.support.factories import uid, us_cine
from tests.support.videos import H265, mp4, mpeg2, program_stream, transport_stream
from tests.support.wado import url_of
from tests.support.web import Site, parts

SYNTAX = "1.2.840.10008.1.2.4."
FILM = mp4(data=bytes(range(251)) * 40_001)


def video(name: str, content: bytes, syntax: str, *, fragments: int = 1) -> Dataset:
    made = us_cine()
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = uid("video", name)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
    made.file_meta.TransferSyntaxUID = SYNTAX + syntax
    made.NumberOfFrames, made.Rows, made.Columns, made.BitsAllocated = 50, 240, 320, 8
    made.PixelData = encapsulate([content], fragments_per_frame=fragments, has_bot=False)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return made


VIDEOS = {
    "mp4": (FILM, "102", "video/mp4"),
    "hevc": (mp4(coding=H265, profile=1), "107", "video/mp4"),
    "level 4.2": (mp4(level=42), "104", "video/mp4"),
    "fragmentable": (mp4(), "102.1", "video/mp4"),
    "mpeg2": (mpeg2(), "100", "video/mpeg"),
    "program stream": (program_stream(mpeg2()), "101", "video/mpeg"),
    "transport stream": (transport_stream(mpeg2()), "100", "video/mp2t"),
    "bare h264": (b"\0\0\0\1\x67" + bytes(999), "102", "video/h264"),
    "bare h265": (b"\0\0\0\1\x40" + bytes(999), "107", "video/h265"),
}


@pytest.fixture(scope="module")
def urls(module_site: Site) -> dict[str, str]:
    found = {}
    for name, (content, syntax, _) in VIDEOS.items():
        made = video(name, content, syntax, fragments=3 if "." in syntax else 1)
        send(module_site.archive, made)
        found[name] = url_of(made)
    return found


@pytest.fixture(scope="module")
def client(module_site: Site) -> TestClient:
    return module_site.as_role(Role.CLINICIAN)


@pytest.mark.parametrize("name", VIDEOS)
def test_the_stored_stream_under_its_own_type(client: TestClient, urls: dict[str, str], name: str) -> None:
    content, _, media_type = VIDEOS[name]
    padded = content + b"\0" * (len(content) & 1)
    for accept in ("*/*", media_type, f"image/jpeg;q=0.5, {media_type}", "video/*"):
        response = client.get(urls[name] + "/rendered", headers={"Accept": accept})
        assert (response.status_code, response.headers["content-type"]) == (200, media_type), response.text
        assert response.content == padded
    known = client.get(urls[name] + "/rendered", headers={"If-None-Match": response.headers["etag"]})
    assert known.status_code == 304


def test_a_study_of_videos_has_no_first_picture(client: TestClient, urls: dict[str, str]) -> None:
    study = urls["mp4"].split("/")[3]
    assert client.get(f"/api/studies/{study}/first-picture", headers={"Accept": "image/jpeg"}).status_code == 204


def test_a_browser_seeks(client: TestClient, urls: dict[str, str]) -> None:
    url = urls["mp4"] + "/rendered"
    for wanted, begin, end in (("0-", 0, None), ("5000000-5000009", 5_000_000, 5_000_010), ("-7", -7, None)):
        response = client.get(url, headers={"Range": f"bytes={wanted}", "Accept": "video/mp4"})
        assert response.status_code == 206
        assert response.content == (FILM + b"\0" * (len(FILM) & 1))[begin:end]
        assert response.headers["accept-ranges"] == "bytes"
    assert client.get(url, headers={"Range": "bytes=999999999-"}).status_code == 416
    assert client.head(url).headers["content-length"] == str(len(FILM) + (len(FILM) & 1))


@pytest.mark.parametrize(("name", "accept"), [("mpeg2", "video/mp4"), ("mp4", "image/jpeg"), ("mp4", "image/png")])
def test_what_it_is_not_is_not_acceptable(client: TestClient, urls: dict[str, str], name: str, accept: str) -> None:
    response = client.get(urls[name] + "/rendered", headers={"Accept": accept})
    assert response.status_code == 406
    assert VIDEOS[name][2] in response.json()["hint"]


def test_there_is_one_frame_and_no_still_picture(client: TestClient, urls: dict[str, str]) -> None:
    assert client.get(urls["mp4"] + "/frames/1/rendered").status_code == 200
    assert client.get(urls["mp4"] + "/frames/2/rendered").status_code == 404
    refused = client.get(urls["mp4"] + "/thumbnail")
    assert (refused.status_code, "rendered" in refused.json()["hint"]) == (406, True)


@pytest.mark.parametrize("name", ["mp4", "level 4.2", "fragmentable", "mpeg2"])
@pytest.mark.parametrize("rest", ["/frames/1", "/bulkdata/7FE00010", "/pixeldata"])
def test_frames_and_bulk_data(client: TestClient, urls: dict[str, str], name: str, rest: str) -> None:
    content, syntax, _ = VIDEOS[name]
    media_type = "video/mpeg" if name == "mpeg2" else "video/mp4"
    accept = f'multipart/related; type="{media_type}"'
    [(headers, octets)] = parts(client.get(urls[name] + rest, headers={"Accept": accept}))
    assert headers["content-type"] == f"{media_type}; transfer-syntax={SYNTAX}{syntax}"
    assert octets == content + b"\0" * (len(content) & 1)


def test_alone_and_by_ranges(client: TestClient, urls: dict[str, str]) -> None:
    asked: Any = {"Accept": "video/mp4", "Range": "bytes=100-199"}
    for rest in ("/frames/1", "/bulkdata/7FE00010"):
        response = client.get(urls["level 4.2"] + rest, headers=asked)
        assert response.status_code == 206
        assert response.content == mp4(level=42)[100:200]
