"""Odd objects that are taken in: their series opens, and what can be told of them is given back."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, RLE_LOSSLESS
from pacs.model import Announced
from tests.support.datasets import CT_IMAGE_STORAGE, SEQUENCE_DELIMITER, described, element, encapsulated, implicit
from tests.support.web import ANY_FRAMES, Site, parts

STUDY, SERIES = "1.2.7.1", "1.2.7.2"
H264 = "1.2.840.10008.1.2.4.102"
JPEG = "1.2.840.10008.1.2.4.50"
BEHIND = element(0xFFFAFFFA, "SQ")  # Digital Signatures: an element behind the pixels that has to be found
PIXELS = b"".join(struct.pack("<H", value) for value in range(16))
WITH_A_VR_IN_THEM = b"OW\0\0" * 8


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def head(number: int, *, rows: int = 4, columns: int = 4, bits: int = 16, frames: str = "") -> bytes:
    return b"".join(
        (
            element(0x00080016, "UI", CT_IMAGE_STORAGE),
            element(0x00080018, "UI", f"1.2.7.3.{number}"),
            element(0x00100020, "LO", "ODD-1"),
            element(0x0020000D, "UI", STUDY),
            element(0x0020000E, "UI", SERIES),
            element(0x00200013, "IS", str(number)),
            described(rows, columns, bits=bits, frames=frames),
        )
    )


def implicit_head(number: int) -> bytes:
    return b"".join(
        (
            implicit(0x00080016, CT_IMAGE_STORAGE + "\0"),
            implicit(0x00080018, f"1.2.7.3.{number}\0"),
            implicit(0x00100020, "ODD-1"),
            implicit(0x0020000D, STUDY + "\0"),
            implicit(0x0020000E, SERIES + "\0"),
            implicit(0x00200013, str(number)),
            implicit(0x00280002, b"\1\0"),
            implicit(0x00280004, "MONOCHROME2"),
            implicit(0x00280010, b"\4\0"),
            implicit(0x00280011, b"\4\0"),
            implicit(0x00280100, b"\x10\0"),
        )
    )


def bring(site: Site, dataset: bytes, transfer_syntax_uid: str, number: int) -> None:
    """As C-STORE brings it: the transfer syntax is what was agreed on, whatever the bytes are."""
    announced = Announced(CT_IMAGE_STORAGE, f"1.2.7.3.{number}", transfer_syntax_uid)
    with site.archive.receive(announced, OPERATOR, protocol="test") as reception:
        reception.write(dataset)
        reception.commit()


def url(number: int, rest: str = "") -> str:
    return f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/1.2.7.3.{number}{rest}"


def metadata(client: TestClient, number: int) -> dict[str, Any]:
    """The instance in the metadata of its series, which is what the viewer asks for."""
    response = client.get(f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata")
    assert response.status_code == 200, response.text
    [found] = [one for one in response.json() if one["00200013"]["Value"] == [number]]
    assert client.get(url(number, "/metadata")).json() == [found]
    return found


def given(client: TestClient, number: int, rest: str) -> list[bytes]:
    response = client.get(url(number, rest), headers={"Accept": ANY_FRAMES})
    assert response.status_code == 200, response.text
    return [octets for _, octets in parts(response)]


def checked(found: dict[str, Any], vr: str) -> None:
    assert found["7FE00010"]["vr"] == vr
    assert found["7FE00010"]["BulkDataURI"].endswith("/bulkdata/7FE00010")
    assert found["00280010"]["Value"] == [4]


def test_a_video_of_many_frames_is_one_part(site: Site, client: TestClient) -> None:
    bring(site, head(1, bits=8, frames="250") + encapsulated(b"moov", b"mdat") + BEHIND, H264, 1)
    found = metadata(client, 1)
    checked(found, "OB")
    assert found["00280008"]["Value"] == [250]
    assert found["FFFAFFFA"] == {"vr": "SQ"}
    assert given(client, 1, "/frames/1") == [b"moovmdat"]
    assert given(client, 1, "/bulkdata/7FE00010") == [b"moovmdat"]
    assert client.get(url(1, "/frames/2"), headers={"Accept": ANY_FRAMES}).status_code == 404


@pytest.mark.parametrize("fragments", [1, 2, 3, 5])
def test_rle_whose_header_counts_other_frames(site: Site, client: TestClient, fragments: int) -> None:
    sent = [bytes(64) + bytes([number]) * 2 for number in range(fragments)]
    bring(site, head(1, bits=8, frames="2") + encapsulated(*sent) + BEHIND, RLE_LOSSLESS, 1)
    found = metadata(client, 1)
    checked(found, "OB")
    assert found["FFFAFFFA"] == {"vr": "SQ"}
    assert given(client, 1, "/frames/1") == sent[:1]
    whole = client.get(url(1, "/bulkdata/7FE00010"), headers={"Accept": ANY_FRAMES})
    if fragments >= 2:
        assert [octets for _, octets in parts(whole)] == sent[:2]
    else:  # never a part of them as if it were all
        assert whole.status_code == 422
        assert "retrieve it whole" in whole.json()["hint"]


@pytest.mark.parametrize("delimiter", [SEQUENCE_DELIMITER, b""])
def test_frames_that_cannot_be_told_apart(site: Site, client: TestClient, delimiter: bytes) -> None:
    ends = [b"aaaa", b"\xff\xd8bb\xff\xd9", b"\xff\xd8cc\xff\xd9"]
    behind = BEHIND if delimiter else b""
    bring(site, head(1, bits=8, frames="2") + encapsulated(*ends, delimiter=delimiter) + behind, JPEG, 1)
    checked(metadata(client, 1), "OB")
    for rest in ("/frames/1", "/bulkdata/7FE00010"):
        assert client.get(url(1, rest), headers={"Accept": ANY_FRAMES}).status_code == 422


@pytest.mark.parametrize("pixels", [PIXELS, WITH_A_VR_IN_THEM])
def test_explicit_under_an_implicit_announcement(site: Site, client: TestClient, pixels: bytes) -> None:
    bring(site, head(1) + element(0x7FE00010, "OW", pixels) + BEHIND, IMPLICIT_VR_LITTLE_ENDIAN, 1)
    found = metadata(client, 1)
    checked(found, "OW")
    assert found["FFFAFFFA"] == {"vr": "SQ"}
    assert given(client, 1, "/frames/1") == given(client, 1, "/bulkdata/7FE00010") == [pixels]


@pytest.mark.parametrize("pixels", [PIXELS, WITH_A_VR_IN_THEM])
def test_implicit_under_an_explicit_announcement(site: Site, client: TestClient, pixels: bytes) -> None:
    bring(site, implicit_head(1) + implicit(0x7FE00010, pixels), EXPLICIT_VR_LITTLE_ENDIAN, 1)
    checked(metadata(client, 1), "OW")
    assert given(client, 1, "/frames/1") == given(client, 1, "/bulkdata/7FE00010") == [pixels]


def test_empty_pixel_data_at_the_end(site: Site, client: TestClient) -> None:
    no_pixels = implicit_head(1).replace(implicit(0x00280010, b"\4\0"), b"").replace(implicit(0x00280011, b"\4\0"), b"")
    bring(site, no_pixels + implicit(0x7FE00010, b""), IMPLICIT_VR_LITTLE_ENDIAN, 1)
    found = metadata(client, 1)
    assert found["7FE00010"] == {"vr": "OW"}
    assert client.get(url(1, "/bulkdata/7FE00010")).content in (b"", b"\r\n")


def test_an_object_that_cannot_be_read_leaves_the_series_open(site: Site, client: TestClient) -> None:
    series = f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata"
    for number in (1, 2):
        bring(site, head(number) + element(0x7FE00010, "OW", PIXELS), EXPLICIT_VR_LITTLE_ENDIAN, number)
    [_, second] = site.archive.instances(STUDY)
    file = site.archive.store.local_path(second.object_key)
    assert file is not None
    away = file.rename(file.with_suffix(".away"))
    answer = client.get(series)
    assert answer.status_code == 200
    assert "1 instances" in answer.headers["warning"]
    assert "1 instances" in client.get(f"/dicom-web/studies/{STUDY}/metadata").headers["warning"]
    whole, least = answer.json()
    checked(whole, "OW")
    assert {tag: element.get("Value") for tag, element in least.items()} == {
        "00080016": [CT_IMAGE_STORAGE],
        "00080018": ["1.2.7.3.2"],
        "0020000D": [STUDY],
        "0020000E": [SERIES],
        "00200013": [2],
    }
    away.rename(file)
    again = client.get(series, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, "warning" in again.headers) == (200, False)
    checked(again.json()[1], "OW")


def test_a_series_of_which_nothing_can_be_read_is_an_error(site: Site, client: TestClient) -> None:
    bring(site, head(1) + element(0x7FE00010, "OW", PIXELS), EXPLICIT_VR_LITTLE_ENDIAN, 1)
    [only] = site.archive.instances(STUDY)
    file = site.archive.store.local_path(only.object_key)
    assert file is not None
    file.unlink()
    answer = client.get(f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata")
    assert answer.status_code == 503
    assert "cannot be read" in answer.json()["error"]


def test_pixels_that_nothing_describes_are_given_as_they_are(site: Site, client: TestClient) -> None:
    plain = head(1).replace(described(4, 4), b"")
    bring(site, plain + element(0x7FE00010, "OW", PIXELS), EXPLICIT_VR_LITTLE_ENDIAN, 1)
    assert base64.b64encode(PIXELS) not in client.get(url(1, "/metadata")).content
    assert given(client, 1, "/bulkdata/7FE00010") == [PIXELS]
