"""WADO-RS: bytes as stored, conversions that change no element, frames, metadata, and plain refusals."""

from __future__ import annotations

import struct

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from sqlalchemy import update
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.index.schema import instance
from tests.support.archives import send
from tests.support.datasets import SEQUENCE_DELIMITER, implicit, item
from tests.support.factories import (
    ct_series,
    ct_slice,
    encapsulated_pdf,
    mr_slice,
    part10,
    structured_report,
    us_cine,
)
from tests.support.wado import DICOM, LOSSLESS, NATIVE, OCTETS, dataset_bytes, elements, get, reread, stored, url_of
from tests.support.web import ANY_FRAMES, ANY_OBJECTS, Site, parts


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


# Objects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, *LOSSLESS, JPEGBaseline8Bit]
)
def test_any_syntax_gives_the_data_set_as_sent(site: Site, client: TestClient, syntax: UID) -> None:
    sent = us_cine(transfer_syntax=syntax) if syntax == JPEGBaseline8Bit else ct_slice(transfer_syntax=syntax)
    content = stored(site, sent)
    response = get(client, url_of(sent), ANY_OBJECTS)
    [(headers, part)] = parts(response)
    assert headers["content-type"] == f"application/dicom; transfer-syntax={syntax}"
    assert headers["content-location"].endswith(url_of(sent).removeprefix("/dicom-web"))
    assert dataset_bytes(part) == dataset_bytes(content)
    assert part[:128] == bytes(128)
    single = get(client, url_of(sent), "application/dicom; transfer-syntax=*")
    assert single.content == part
    assert single.headers["content-length"] == str(len(part))
    assert single.headers["content-type"] == headers["content-type"]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("accept", [ANY_OBJECTS, DICOM, "*/*"])
def test_syntaxes_unfit_for_the_web_are_converted(site: Site, client: TestClient, syntax: UID, accept: str) -> None:
    sent = mr_slice(transfer_syntax=syntax)
    stored(site, sent)
    [(headers, part)] = parts(get(client, url_of(sent), accept))
    assert headers["content-type"] == f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"
    got = reread(part)
    assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert elements(got) == elements(sent)
    assert np.array_equal(got.pixel_array, sent.pixel_array)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("accept", ["*/*", DICOM, f"application/dicom; transfer-syntax={ExplicitVRLittleEndian}"])
def test_compressed_objects_are_decoded_for_who_asks_no_syntax(
    site: Site, client: TestClient, syntax: UID, accept: str
) -> None:
    sent = ct_slice(transfer_syntax=syntax)
    plain = ct_slice()
    stored(site, sent)
    response = get(client, url_of(sent), accept)
    content = response.content if accept.startswith("application") else parts(response)[0][1]
    got = reread(content)
    assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(got.pixel_array, plain.pixel_array)
    assert elements(got) == elements(sent)


def test_lossy_colour_loops_are_decoded_frame_by_frame(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3, transfer_syntax=JPEGBaseline8Bit)
    stored(site, sent)
    got = reread(parts(get(client, url_of(sent), DICOM))[0][1])
    assert got.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert got.PlanarConfiguration == 0
    assert got.LossyImageCompression == "01"
    plain = us_cine(frames=3).pixel_array
    assert got.pixel_array.shape == plain.shape
    assert np.abs(got.pixel_array.astype(int) - plain).mean() < 12


@pytest.mark.parametrize("wanted", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.50", "1.2.3"])
def test_syntaxes_that_cannot_be_made_are_406(site: Site, client: TestClient, wanted: str) -> None:
    sent = ct_slice(transfer_syntax=ImplicitVRLittleEndian)
    stored(site, sent)
    response = get(client, url_of(sent), f"{DICOM}; transfer-syntax={wanted}")
    assert response.status_code == 406
    assert "transfer-syntax=*" in response.json()["hint"]
    both = get(client, url_of(sent), f"{DICOM}; transfer-syntax={wanted}, {DICOM}; q=0.5")
    assert both.status_code == 200


def test_a_study_and_a_series_are_all_their_instances(site: Site, client: TestClient) -> None:
    sent = [*ct_series(3), *ct_series(2, series="other", transfer_syntax=JPEGLSLossless), structured_report()]
    for dataset in sent:
        stored(site, dataset)
    study = f"/dicom-web/studies/{sent[0].StudyInstanceUID}"
    whole = parts(get(client, study, ANY_OBJECTS))
    assert {reread(part).SOPInstanceUID for _, part in whole} == {dataset.SOPInstanceUID for dataset in sent}
    series = parts(get(client, f"{study}/series/{sent[0].SeriesInstanceUID}", ANY_OBJECTS))
    assert [reread(part).InstanceNumber for _, part in series] == [1, 2, 3]
    decoded = parts(get(client, study, DICOM))
    assert all(headers["content-type"].endswith("=1.2.840.10008.1.2.1") for headers, _ in decoded)
    assert len(decoded) == 6
    # One part alone is for one instance alone.
    assert get(client, study, "application/dicom").status_code == 406


def test_files_as_they_are_stored_come_with_the_length_of_all(site: Site, client: TestClient) -> None:
    sent = ct_series(3, transfer_syntax=JPEGLSLossless)
    contents = [stored(site, dataset) for dataset in sent]
    response = get(client, f"/dicom-web/studies/{sent[0].StudyInstanceUID}", ANY_OBJECTS)
    assert response.headers["content-length"] == str(len(response.content))
    assert [dataset_bytes(part) for _, part in parts(response)] == [dataset_bytes(content) for content in contents]


def test_a_frame_of_a_series_that_is_being_looked_at(site: Site, client: TestClient) -> None:
    first, second, bad = ct_series(3)
    for dataset in (first, second, bad):
        stored(site, dataset)
    for dataset in (first, second, first, second):
        [(_, frame)] = parts(get(client, url_of(dataset, "/frames/1"), ANY_FRAMES))
        assert frame == dataset.PixelData
    assert get(client, url_of(first, "/frames/2"), ANY_FRAMES).status_code == 404
    assert get(client, url_of(first, "/frames/1").replace(first.SOPInstanceUID, "1.2.3")).status_code == 404
    [found] = site.archive.instances(bad.StudyInstanceUID, bad.SeriesInstanceUID, bad.SOPInstanceUID)
    path = site.archive.store.local_path(found.object_key)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-100])
    assert get(client, url_of(bad, "/frames/1"), ANY_FRAMES).status_code == 422


def test_what_is_not_there_is_404_and_what_is_no_uid_400(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    assert get(client, url_of(sent)).status_code == 200
    assert get(client, url_of(sent).replace(sent.SOPInstanceUID, "1.2.3")).status_code == 404
    assert get(client, url_of(sent).replace(sent.StudyInstanceUID, "1.2.3")).status_code == 404
    assert get(client, url_of(sent).replace(sent.SeriesInstanceUID, "1.2.x")).status_code == 400


def test_damaged_objects_are_never_served_as_good(site: Site, client: TestClient) -> None:
    good, bad = ct_series(2)
    stored(site, good)
    stored(site, bad)
    site.archive.index.write(
        lambda c: c.execute(
            update(instance).where(instance.c.sop_instance_uid == bad.SOPInstanceUID).values(storage="damaged")
        ).close()
    )
    for rest in ("", "/frames/1", "/rendered"):
        response = get(client, url_of(bad, rest))
        assert response.status_code == 422, rest
        assert response.json()["hint"]
    response = get(client, f"/dicom-web/studies/{good.StudyInstanceUID}", ANY_OBJECTS)
    assert response.status_code == 206
    assert "1 damaged" in response.headers["warning"]
    assert [reread(part).SOPInstanceUID for _, part in parts(response)] == [good.SOPInstanceUID]


def test_truncated_files_are_told_not_served(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    [found] = site.archive.instances(sent.StudyInstanceUID)
    path = site.archive.store.local_path(found.object_key)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-100])
    for rest in ("", "/frames/1"):
        response = get(client, url_of(sent, rest), ANY_OBJECTS if not rest else ANY_FRAMES)
        assert response.status_code == 422
        assert "shorter" in response.json()["error"]
    assert site.archive.doubts.take(0) == found.object_key


# Frames --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("accept", [ANY_FRAMES, OCTETS, "*/*", 'multipart/related; type="*/*"'])
def test_native_frames_are_little_endian_octets(site: Site, client: TestClient, syntax: UID, accept: str) -> None:
    sent = mr_slice(transfer_syntax=syntax)
    stored(site, sent)
    [(headers, part)] = parts(get(client, url_of(sent, "/frames/1"), accept))
    assert headers["content-type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"
    assert headers["content-location"].endswith("/frames/1")
    assert part == mr_slice().PixelData


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_compressed_frames_are_bare_codestreams_or_decoded(site: Site, client: TestClient, syntax: UID) -> None:
    sent = ct_slice(transfer_syntax=syntax)
    stored(site, sent)
    [bare] = list(pydicom.encaps.generate_frames(sent.PixelData, number_of_frames=1))
    [(headers, part)] = parts(get(client, url_of(sent, "/frames/1"), ANY_FRAMES))
    assert part == bare
    assert headers["content-type"] == f"application/octet-stream; transfer-syntax={syntax}"
    [(headers, part)] = parts(get(client, url_of(sent, "/frames/1"), OCTETS))
    assert part == ct_slice().PixelData
    assert headers["content-type"] == "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1"


@pytest.mark.parametrize(
    ("syntax", "accept", "media_type"),
    [
        (JPEGLosslessSV1, 'multipart/related; type="image/jpeg"', "image/jpeg"),
        (JPEGLSLossless, 'multipart/related; type="image/x-jls"', "image/jls"),
        (RLELossless, 'multipart/related; type="image/dicom-rle"', "image/dicom-rle"),
        (JPEG2000Lossless, f'multipart/related; type="image/jp2"; transfer-syntax={JPEG2000Lossless}', "image/jp2"),
        (JPEG2000Lossless, 'multipart/related; type="image/*"', "image/jp2"),
        (HTJ2KLossless, 'multipart/related; type="image/jphc"; transfer-syntax=*', "image/jphc"),
    ],
)
def test_compressed_media_types(site: Site, client: TestClient, syntax: UID, accept: str, media_type: str) -> None:
    sent = ct_slice(transfer_syntax=syntax)
    stored(site, sent)
    response = get(client, url_of(sent, "/frames/1"), accept)
    assert f'type="{media_type}"' in response.headers["content-type"]
    assert parts(response)[0][0]["content-type"] == f"{media_type}; transfer-syntax={syntax}"


def test_a_lossy_frame_is_never_passed_off_as_lossless(site: Site, client: TestClient) -> None:
    sent = us_cine(transfer_syntax=JPEGBaseline8Bit)
    stored(site, sent)
    response = get(client, url_of(sent, "/frames/1"), 'multipart/related; type="image/jpeg"')
    [(headers, _)] = parts(response)  # what was lost stays lost, and nothing is lost on the way
    assert headers["content-type"] == f"image/jpeg; transfer-syntax={JPEGLosslessSV1}"
    named = f'multipart/related; type="image/jpeg"; transfer-syntax={JPEGBaseline8Bit}'
    assert get(client, url_of(sent, "/frames/1"), named).status_code == 200


def test_lists_of_frames_come_in_the_order_asked(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=4)
    stored(site, sent)
    size = 48 * 64 * 3
    found = parts(get(client, url_of(sent, "/frames/3,1,4"), ANY_FRAMES))
    assert [part for _, part in found] == [sent.PixelData[size * (number - 1) : size * number] for number in (3, 1, 4)]
    assert [headers["content-location"][-1] for headers, _ in found] == ["3", "1", "4"]


def test_one_frame_alone_without_parts(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=2)
    stored(site, sent)
    response = get(client, url_of(sent, "/frames/2"), "application/octet-stream")
    assert response.content == sent.PixelData[48 * 64 * 3 :]
    assert response.headers["content-length"] == str(48 * 64 * 3)
    assert get(client, url_of(sent, "/frames/1,2"), "application/octet-stream").status_code == 406
    head = client.head(url_of(sent, "/frames/2"), headers={"Accept": "application/octet-stream"})
    assert (head.headers["content-length"], head.content) == (str(48 * 64 * 3), b"")


@pytest.mark.parametrize(
    ("frames", "status"),
    [("0", 404), ("2", 404), ("1,2", 404), ("999999999", 404), ("x", 400), ("1,", 400), ("-1", 400), ("1.5", 400)],
)
def test_frames_that_are_not_there(site: Site, client: TestClient, frames: str, status: int) -> None:
    sent = ct_slice()
    stored(site, sent)
    response = get(client, url_of(sent, f"/frames/{frames}"), ANY_FRAMES)
    assert response.status_code == status
    assert response.json()["hint"]


def test_objects_without_pixels_have_no_frames_and_are_rendered_as_text(site: Site, client: TestClient) -> None:
    sent = structured_report()
    stored(site, sent)
    assert get(client, url_of(sent, "/frames/1"), ANY_FRAMES).status_code == 404
    rendered = get(client, url_of(sent, "/rendered"))
    assert (rendered.status_code, rendered.headers["content-type"].split(";")[0]) == (200, "text/html")
    assert get(client, url_of(sent, "/rendered"), "image/png").status_code == 406
    assert get(client, f"/dicom-web/studies/{sent.StudyInstanceUID}/thumbnail").status_code == 406


def test_single_bits_are_aligned_to_their_frame(site: Site, client: TestClient) -> None:
    bits = np.random.default_rng(1).integers(0, 2, (3, 5, 7), dtype=np.uint8)
    sent = us_cine(frames=3)
    sent.SamplesPerPixel, sent.PhotometricInterpretation = 1, "MONOCHROME2"
    del sent.PlanarConfiguration
    sent.Rows, sent.Columns = 5, 7
    sent.BitsAllocated = sent.BitsStored = 1
    sent.HighBit = 0
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    sent.PixelData = packed + b"\0" * (len(packed) % 2)
    sent["PixelData"].VR = "OB"
    stored(site, sent)
    found = parts(get(client, url_of(sent, "/frames/1,2,3"), ANY_FRAMES))
    for frame, (_, part) in zip(bits, found, strict=True):
        assert part == np.packbits(frame.ravel(), bitorder="little").tobytes()


def test_a_frame_that_was_not_changed_is_not_sent_again(site: Site, client: TestClient) -> None:
    sent = ct_slice(transfer_syntax=JPEGLSLossless)
    stored(site, sent)
    first = get(client, url_of(sent, "/frames/1"), ANY_FRAMES)
    again = get(client, url_of(sent, "/frames/1"), ANY_FRAMES, **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["cache-control"] == "private, no-cache"
    other_form = get(client, url_of(sent, "/frames/1"), OCTETS, **{"If-None-Match": first.headers["etag"]})
    assert other_form.status_code == 200
    assert get(client, url_of(sent, "/frames/1"), ANY_FRAMES).content == first.content


# Metadata and bulk data ----------------------------------------------------------------------------------------


def test_metadata_of_series_study_and_instance(site: Site, client: TestClient) -> None:
    sent = [*ct_series(3), mr_slice(transfer_syntax=ExplicitVRBigEndian), structured_report()]
    for dataset in sent:
        stored(site, dataset)
    study = f"/dicom-web/studies/{sent[0].StudyInstanceUID}"
    series = client.get(f"{study}/series/{sent[0].SeriesInstanceUID}/metadata")
    assert series.headers["content-type"] == "application/dicom+json"
    assert [Dataset.from_json(one, bulk_data_uri_handler=lambda _: b"").InstanceNumber for one in series.json()] == [
        1,
        2,
        3,
    ]
    whole = client.get(f"{study}/metadata").json()
    assert {one["00080018"]["Value"][0] for one in whole} == {dataset.SOPInstanceUID for dataset in sent}
    [one] = client.get(url_of(sent[3], "/metadata")).json()
    read = Dataset.from_json(one, bulk_data_uri_handler=lambda _: b"")
    assert elements(read) == elements(sent[3]) | {0x00080005: "ISO_IR 192"}
    assert one["7FE00010"]["BulkDataURI"].endswith("/bulkdata/7FE00010")


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_metadata_is_compressed_and_not_sent_twice(site: Site, client: TestClient, level: str) -> None:
    sent = ct_slice()
    stored(site, sent)
    study = f"/dicom-web/studies/{sent.StudyInstanceUID}"
    path = {"study": study, "series": f"{study}/series/{sent.SeriesInstanceUID}", "instance": url_of(sent)}[level]
    compressed = client.get(f"{path}/metadata", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"{path}/metadata", headers={"Accept-Encoding": "identity"})
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert compressed.content == plain.content
    assert "accept-encoding" in plain.headers["vary"]
    again = client.get(f"{path}/metadata", headers={"If-None-Match": f'W/{plain.headers["etag"]}, "x"'})
    assert (again.status_code, again.content) == (304, b"")
    if level != "instance":
        stored(site, ct_slice(number=2))
        changed = client.get(f"{path}/metadata", headers={"If-None-Match": plain.headers["etag"]})
        assert changed.status_code == 200
        assert len(changed.json()) == 2


@pytest.mark.parametrize("known", ["{}", "W/{}", '"x", {}', '"x",W/{}'])
def test_frames_are_not_sent_twice(site: Site, client: TestClient, known: str) -> None:
    sent = ct_slice()
    stored(site, sent)
    tag = get(client, url_of(sent, "/frames/1"), ANY_FRAMES).headers["etag"]
    again = get(client, url_of(sent, "/frames/1"), ANY_FRAMES, **{"If-None-Match": known.format(tag)})
    assert (again.status_code, again.content) == (304, b"")


def test_metadata_of_what_is_not_there(client: TestClient) -> None:
    for path in ("", "/series/1.2", "/series/1.2/instances/1.3"):
        assert client.get(f"/dicom-web/studies/1.2.3{path}/metadata").status_code == 404


def test_bulk_data(site: Site, client: TestClient) -> None:
    sent = encapsulated_pdf(document=b"%PDF-1.4" + b"x" * 5000)
    stored(site, sent)
    [one] = client.get(url_of(sent, "/metadata")).json()
    uri = one["00420011"]["BulkDataURI"]
    single = get(client, uri, "application/octet-stream")
    assert single.content == sent.EncapsulatedDocument
    assert single.headers["x-content-type-options"] == "nosniff"
    assert parts(get(client, uri, OCTETS))[0][1] == sent.EncapsulatedDocument
    assert get(client, uri, "image/png").status_code == 406
    assert get(client, url_of(sent, "/bulkdata/00420012/1/00000000"), "*/*").status_code == 404


@pytest.mark.parametrize("syntax", NATIVE)
def test_pixel_data_as_bulk_data_is_one_value(site: Site, client: TestClient, syntax: UID) -> None:
    sent = mr_slice(transfer_syntax=syntax)
    stored(site, sent)
    assert parts(get(client, url_of(sent, "/bulkdata/7FE00010"), OCTETS))[0][1] == mr_slice().PixelData


def test_compressed_pixel_data_as_bulk_data_is_a_part_a_frame(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3, transfer_syntax=JPEGBaseline8Bit)
    stored(site, sent)
    found = parts(get(client, url_of(sent, "/bulkdata/7FE00010"), ANY_FRAMES))
    assert [part for _, part in found] == list(pydicom.encaps.generate_frames(sent.PixelData, number_of_frames=3))


def test_bulk_data_of_big_endian_objects_is_little_endian(site: Site, client: TestClient) -> None:
    words = np.arange(1200, dtype=np.uint16)
    item = Dataset()
    item.add_new(0x00283006, "OW", words.astype(">u2").tobytes())
    item.LUTDescriptor = [1200, 0, 16]
    sent = mr_slice(transfer_syntax=ExplicitVRBigEndian, ModalityLUTSequence=[item])
    stored(site, sent)
    [one] = client.get(url_of(sent, "/metadata")).json()
    uri = one["00283000"]["Value"][0]["00283006"]["BulkDataURI"]
    assert get(client, uri, "application/octet-stream").content == words.astype("<u2").tobytes()


def test_what_is_unknown_in_a_big_endian_object_is_little_endian_already(site: Site, client: TestClient) -> None:
    words = np.arange(1200, dtype="<u2").tobytes()
    sent = mr_slice(transfer_syntax=ExplicitVRBigEndian)
    # of undefined length and UN: what is inside is Implicit VR Little Endian whatever is around it (PS3.5 6.2.2)
    unknown = item(implicit(0x00283006, words)) + SEQUENCE_DELIMITER
    sequence = struct.pack(">HH2sHI", 0x0028, 0x3000, b"UN", 0, 0xFFFFFFFF) + unknown
    content = part10(sent)
    behind = content.index(struct.pack(">HH2s", 0x7FE0, 0x0010, b"OW"))
    send(site.archive, content[:behind] + sequence + content[behind:])
    [one] = client.get(url_of(sent, "/metadata")).json()
    uri = one["00283000"]["Value"][0]["00283006"]["BulkDataURI"]
    assert get(client, uri, "application/octet-stream").content == words
