"""Frames and objects in other syntaxes than the stored one: what is chosen, that nothing is lost, that it is kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    HTJ2K,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.render.workers import DecodeWorkers
from tests.support.factories import ct_series, ct_slice, mr_slice, structured_report, us_cine
from tests.support.wado import DICOM, OCTETS, dataset_bytes, get, reread, stored, url_of
from tests.support.web import ANY_FRAMES, Site, parts


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def frame_as(client: TestClient, dataset: Dataset, accept: str, frames: str = "1") -> tuple[str, list[bytes]]:
    response = get(client, url_of(dataset, f"/frames/{frames}"), accept)
    assert response.status_code == 200, response.text
    found = parts(response)
    assert len({headers["content-type"] for headers, _ in found}) == 1
    return found[0][0]["content-type"], [octets for _, octets in found]


READERS: dict[str, tuple[UID, Any]] = {
    "image/jphc": (HTJ2KLossless, imagecodecs.htj2k_decode),
    f"image/jphc; transfer-syntax={HTJ2KLosslessRPCL}": (HTJ2KLosslessRPCL, imagecodecs.htj2k_decode),
    f"image/jphc; transfer-syntax={HTJ2K}": (HTJ2K, imagecodecs.htj2k_decode),
    "image/jphc; transfer-syntax=*": (HTJ2KLossless, imagecodecs.htj2k_decode),
    "image/jls": (JPEGLSLossless, imagecodecs.jpegls_decode),
    f"image/jls; transfer-syntax={JPEGLSNearLossless}": (JPEGLSNearLossless, imagecodecs.jpegls_decode),
    "image/jp2": (JPEG2000Lossless, imagecodecs.jpeg2k_decode),
    "image/jpeg": (JPEGLosslessSV1, imagecodecs.jpeg8_decode),
    f"image/jpeg; transfer-syntax={JPEGLossless}": (JPEGLossless, imagecodecs.jpeg8_decode),
    "image/jxl": (UID("1.2.840.10008.1.2.4.110"), imagecodecs.jpegxl_decode),
}


@pytest.mark.parametrize("wanted", READERS)
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless])
def test_a_frame_in_the_syntax_that_is_asked_for(site: Site, client: TestClient, syntax: UID, wanted: str) -> None:
    sent = ct_slice(transfer_syntax=syntax)
    stored(site, sent)
    media_type, _, rest = wanted.partition(";")
    uid, read = READERS[wanted]
    accept = f'multipart/related; type="{media_type}"' + (f";{rest}" if rest else "")
    found, [octets] = frame_as(client, sent, accept)
    assert found == f"{media_type}; transfer-syntax={uid}"
    assert np.array_equal(read(octets), ct_slice().pixel_array)


@pytest.mark.parametrize("target", [HTJ2KLosslessRPCL, JPEGLSLossless, RLELossless, ExplicitVRLittleEndian])
@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, JPEG2000Lossless])
def test_a_whole_object_in_the_syntax_that_is_asked_for(
    site: Site, client: TestClient, syntax: UID, target: UID
) -> None:
    sent = us_cine(frames=3, transfer_syntax=syntax)
    stored(site, sent)
    response = get(client, url_of(sent), f"application/dicom; transfer-syntax={target}")
    got = reread(response.content)
    assert response.headers["content-type"] == f"application/dicom; transfer-syntax={target}"
    assert got.file_meta.TransferSyntaxUID == target
    assert np.array_equal(got.pixel_array, us_cine(frames=3).pixel_array)
    again = get(client, url_of(sent), f"application/dicom; transfer-syntax={target}")
    assert again.content == response.content
    unchanged = {"If-None-Match": response.headers["etag"]}
    assert get(client, url_of(sent), f"application/dicom; transfer-syntax={target}", **unchanged).status_code == 304


def test_a_series_is_recoded_and_what_has_no_pixels_only_renamed(site: Site, client: TestClient) -> None:
    sent = [*ct_series(2), structured_report()]
    for dataset in sent:
        stored(site, dataset)
    study = f"/dicom-web/studies/{sent[0].StudyInstanceUID}"
    found = parts(get(client, study, f"{DICOM}; transfer-syntax={JPEGLSLossless}"))
    assert {headers["content-type"].rpartition("=")[2] for headers, _ in found} == {JPEGLSLossless}
    read = {one.SOPInstanceUID: one for one in (reread(part) for _, part in found)}
    assert np.array_equal(read[sent[1].SOPInstanceUID].pixel_array, sent[1].pixel_array)
    assert read[sent[2].SOPInstanceUID].ContentSequence == sent[2].ContentSequence


def test_the_form_of_least_effort_among_equals_and_quality_before_all(site: Site, client: TestClient) -> None:
    sent = ct_slice(transfer_syntax=JPEGLSLossless)
    content = stored(site, sent)
    equal = 'multipart/related; type="image/jphc", multipart/related; type="image/jls"'
    found, [octets] = frame_as(client, sent, equal)
    assert found == f"image/jls; transfer-syntax={JPEGLSLossless}"
    assert octets in dataset_bytes(content)
    better = 'multipart/related; type="image/jphc"; q=0.9, multipart/related; type="image/jls"; q=0.5'
    assert frame_as(client, sent, better)[0] == f"image/jphc; transfer-syntax={HTJ2KLossless}"
    refused = 'multipart/related; type="image/jls"; q=0, multipart/related; type="image/*", */*; q=0.1'
    assert frame_as(client, sent, refused)[0] == f"application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}"
    # what the client named in the URL comes before what its library puts into the header
    in_url = get(client, url_of(sent, '/frames/1?accept=multipart/related;+type="image/jphc"'), ANY_FRAMES)
    assert parts(in_url)[0][0]["content-type"].startswith("image/jphc")


def test_what_an_encoder_has_no_form_for_falls_to_the_next(site: Site, client: TestClient) -> None:
    signed = mr_slice()
    signed.PixelRepresentation = 1
    stored(site, signed)
    jxl = 'multipart/related; type="image/jxl"'
    assert get(client, url_of(signed, "/frames/1"), jxl).status_code == 406
    found, [octets] = frame_as(client, signed, f"{jxl}, {OCTETS}; q=0.1")
    assert (found.partition(";")[0], octets) == ("application/octet-stream", signed.PixelData)
    baseline = get(client, url_of(signed), f"application/dicom; transfer-syntax={JPEGBaseline8Bit}")
    assert baseline.status_code == 406  # lossy, it would be another object
    nobody = get(client, url_of(signed, "/frames/1"), f"{OCTETS}; transfer-syntax={JPEGExtended12Bit}")
    assert (nobody.status_code, bool(nobody.json()["hint"])) == (406, True)


def test_lossy_only_by_name(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=2)
    stored(site, sent)
    found, [octets] = frame_as(
        client, sent, f'multipart/related; type="image/jpeg"; transfer-syntax={JPEGBaseline8Bit}'
    )
    assert found.endswith(JPEGBaseline8Bit)
    assert np.abs(imagecodecs.jpeg8_decode(octets).astype(int) - sent.pixel_array[0]).mean() < 8
    found, [octets] = frame_as(client, sent, 'multipart/related; type="image/jpeg"')
    assert found.endswith(JPEGLosslessSV1)
    read = imagecodecs.jpeg8_decode(octets, colorspace="RGB", outcolorspace="RGB")
    assert np.array_equal(read, sent.pixel_array[0])


def test_one_frame_of_many_is_all_that_is_decoded(
    site: Site, client: TestClient, workers: DecodeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = us_cine(frames=12, transfer_syntax=JPEG2000Lossless)
    stored(site, sent)
    decoded = []
    decode = DecodeWorkers.decode

    def counted(self: DecodeWorkers, job: Any) -> Any:
        decoded.append(job.frame_number)
        return decode(self, job)

    monkeypatch.setattr(DecodeWorkers, "decode", counted)
    client = site.as_role(Role.CLINICIAN)
    for _ in range(2):  # and not again
        assert frame_as(client, sent, OCTETS, "7")[1] == [us_cine(frames=12).pixel_array[6].tobytes()]
    assert decoded in ([7], [])  # the table of the running site was bound before: then the files tell
    assert len(list((site.archive.derived / "frames").glob("??/*"))) == 1


def test_simultaneous_requests_and_a_deleted_folder(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=4, transfer_syntax=RLELossless)
    stored(site, sent)
    plain = us_cine(frames=4).pixel_array
    barrier = threading.Barrier(6)

    def ask(number: int) -> bytes:
        barrier.wait(30)
        return frame_as(client, sent, OCTETS, str(number % 2 + 1))[1][0]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))
    assert answers == [plain[number % 2].tobytes() for number in range(6)]
    kept = list((site.archive.derived / "frames").glob("??/*"))
    assert len(kept) == 2
    for file in kept:
        file.unlink()
    assert frame_as(client, sent, OCTETS, "1,2")[1] == [plain[0].tobytes(), plain[1].tobytes()]


# Ranges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [ANY_FRAMES, "application/octet-stream"])
@pytest.mark.parametrize("frames", ["2", "3,1"])
def test_ranges_of_frames(site: Site, client: TestClient, accept: str, frames: str) -> None:
    sent = us_cine(frames=3)
    stored(site, sent)
    if "," in frames and accept != ANY_FRAMES:
        return
    check_ranges(client, url_of(sent, f"/frames/{frames}"), accept)


def test_ranges_of_recoded_frames_and_of_objects(site: Site, client: TestClient) -> None:
    sent = ct_series(2, transfer_syntax=JPEGLSLossless)
    for dataset in sent:
        stored(site, dataset)
    rpcl = f'multipart/related; type="image/jphc"; transfer-syntax={HTJ2KLosslessRPCL}'
    check_ranges(client, url_of(sent[0], "/frames/1"), rpcl)
    check_ranges(client, url_of(sent[0]), "application/dicom; transfer-syntax=*")
    check_ranges(client, f"/dicom-web/studies/{sent[0].StudyInstanceUID}", f"{DICOM}; transfer-syntax=*")


def check_ranges(client: TestClient, url: str, accept: str) -> None:
    """Whatever is asked of a body is that part of it (RFC 9110 14), also when it was interrupted and goes on."""
    whole = get(client, url, accept)
    total = len(whole.content)
    assert whole.headers["accept-ranges"] == "bytes"
    assert int(whole.headers["content-length"]) == total
    for text, start, end in (
        ("bytes=0-0", 0, 1),
        ("bytes=10-299", 10, 300),
        (f"bytes={total - 5}-", total - 5, total),
        ("bytes=-7", total - 7, total),
        (f"bytes=3-{total * 2}", 3, total),
        (f"bytes=-{total * 2}", 0, total),
    ):
        part = get(client, url, accept, Range=text)
        assert (part.status_code, part.content) == (206, whole.content[start:end]), text
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{total}"
        assert part.headers["etag"] == whole.headers["etag"]
    beyond = get(client, url, accept, Range=f"bytes={total}-")
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{total}")
    for ignored in ("bytes=5-2", "lines=0-1", "bytes=0-1,4-5", "bytes=-"):
        assert get(client, url, accept, Range=ignored).status_code == 200
    etag = whole.headers["etag"]
    assert get(client, url, accept, Range="bytes=0-9", **{"If-Range": etag}).status_code == 206
    assert get(client, url, accept, Range="bytes=0-9", **{"If-Range": '"older"'}).content == whole.content
    assert get(client, url, accept, **{"If-None-Match": etag}).status_code == 304
