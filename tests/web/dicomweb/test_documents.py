"""Reports, encapsulated documents and waveforms, as somebody without a viewer opens them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.archives import send
from tests.support.derived_objects import item
from tests.support.factories import KAZAKH, PDF, encapsulated_pdf, structured_report
from tests.support.wado import get, stored, url_of
from tests.support.web import Site

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


class Page(HTMLParser):
    """The elements of a page and its text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_a_report_is_a_page_in_the_readers_language(site: Site, client: TestClient) -> None:
    report = structured_report(patient=KAZAKH, text="Ошақты өзгеріс жоқ")
    stored(site, report)
    for asked, flag in (
        ("kk-KZ,ru;q=0.8", "Расталмаған"),
        ("ru", "Не подтверждён"),
        ("ky", "Тастыктала элек"),
        ("de", "Not verified"),
    ):
        response = get(client, url_of(report, "/rendered"), "text/html", **{"Accept-Language": asked})
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        page = Page(response.text)
        assert flag in " ".join(page.words)
        assert "Ошақты өзгеріс жоқ" in " ".join(page.words)
        assert "Әбдірахманова Ұлжан Қайратқызы" in page.words
    assert "(121071, DCM)" in " ".join(page.words)
    plain = get(client, url_of(report, "/rendered"), "text/plain")
    assert "Finding: Ошақты өзгеріс жоқ" in plain.text
    marked_up = get(client, url_of(report, "/rendered"), "text/xml")
    assert "Ошақты өзгеріс жоқ" in {found.text for found in ElementTree.fromstring(marked_up.content).iter()}
    assert len({given.headers["etag"] for given in (response, plain, marked_up)}) == 3
    assert get(client, url_of(report, "/rendered")).headers["content-type"].startswith("text/html")
    assert get(client, url_of(report, "/rendered"), "image/jpeg").status_code == 406


def test_nothing_in_a_report_is_markup(site: Site, client: TestClient) -> None:
    report = structured_report(text="<script>alert(1)</script> & <b>bold</b>\nsecond line")
    stored(site, report)
    response = get(client, url_of(report, "/rendered"), "text/html")
    page = Page(response.text)
    assert not {"script"} & {tag for tag, _ in page.tags}
    assert "<script>alert(1)</script> & <b>bold</b>" in " ".join(page.words)
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_measurements_have_values_and_units(site: Site, client: TestClient, test_data: Path) -> None:
    path = test_data / "seg-sr-sm/highdicom/sr_document.dcm"
    send(site.archive, path.read_bytes())
    dataset = pydicom.dcmread(path)
    text = get(client, url_of(dataset, "/rendered"), "text/plain").text
    numbers = [one for one in _content(dataset) if one.get("ValueType") == "NUM"]
    assert numbers
    for number in numbers:
        measured = number.MeasuredValueSequence[0]
        unit = measured.MeasurementUnitsCodeSequence[0].CodeValue
        said = number.ConceptNameCodeSequence[0].CodeMeaning
        assert any(
            line.strip().startswith(f"{said}: {float(measured.NumericValue):g}"[:12]) and unit in line
            for line in text.splitlines()
        ), said


def _content(dataset: Any) -> list[Any]:
    found = []
    for one in dataset.get("ContentSequence", []):
        found += [one, *_content(one)]
    return found


def test_every_report_of_the_corpus_can_be_read(site: Site, client: TestClient, test_data: Path) -> None:
    for name in ("pydicom-wheel/pydicom/test-SR.dcm", "seg-sr-sm/highdicom/sr_document.dcm"):
        send(site.archive, (test_data / name).read_bytes())
        dataset = pydicom.dcmread(test_data / name)
        text = get(client, url_of(dataset, "/rendered"), "text/plain").text
        for one in _content(dataset):
            if one.get("ValueType") == "TEXT":
                assert str(one.TextValue).split("\n")[0].strip() in text


def test_a_document_is_given_as_its_type(site: Site, client: TestClient) -> None:
    letter = encapsulated_pdf()
    stored(site, letter)
    response = get(client, url_of(letter, "/rendered"), "application/pdf")
    assert response.headers["content-type"] == "application/pdf"
    assert response.content == PDF
    assert response.headers["x-content-type-options"] == "nosniff"
    again = get(client, url_of(letter, "/rendered"), **{"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    page = encapsulated_pdf(number=2, document=b"<html><script>alert(1)</script></html>")
    stored(site, page)
    assert get(client, url_of(page, "/rendered")).status_code == 422
    markup = encapsulated_pdf(number=4, document=b"<ClinicalDocument/>", MIMETypeOfEncapsulatedDocument="text/xml")
    stored(site, markup)
    response = get(client, url_of(markup, "/rendered"), "text/xml")
    assert response.content == b"<ClinicalDocument/>"
    assert "sandbox" in response.headers.get_list("content-security-policy")[0]
    unknown = encapsulated_pdf(number=3, MIMETypeOfEncapsulatedDocument="text/html")
    stored(site, unknown)
    assert get(client, url_of(unknown, "/rendered")).status_code == 406


def test_an_ecg_is_drawn_on_its_paper(site: Site, client: TestClient, test_data: Path) -> None:
    path = test_data / "pydicom-wheel/pydicom/waveform_ecg.dcm"
    send(site.archive, path.read_bytes())
    dataset = pydicom.dcmread(path)
    response = get(client, url_of(dataset, "/rendered"))
    assert response.headers["content-type"] == "image/svg+xml"
    drawing = ElementTree.fromstring(response.content)
    said = [element.text for element in drawing.iter(f"{SVG}text")]
    assert {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V6", "25 mm/s   10 mm/mV"} <= set(said)
    paths = [element.get("d", "") for element in drawing.iter(f"{SVG}path") if len(element.get("d", "")) > 1000]
    assert len(paths) == 12
    points = [tuple(float(part) for part in step.split()) for step in paths[1].replace("M", "L").split("L")[1:]]
    # lead II of the object itself: 1.25 uV a step, 10 mm/mV, 25 mm/s
    group = dataset.WaveformSequence[0]
    lead = np.frombuffer(group.WaveformData, "<i2").reshape(-1, 12)[:, 1] * 1.25 / 1000 * 10
    heights = [y for _, y in points]
    assert max(heights) - min(heights) == pytest.approx(float(np.ptp(lead)), abs=0.02)
    assert points[-1][0] - points[0][0] == pytest.approx(250, abs=1)


def test_a_waveform_that_cannot_be_drawn_says_why(site: Site, client: TestClient) -> None:
    dataset = structured_report(number=7)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    group = item(
        NumberOfWaveformChannels=2,
        NumberOfWaveformSamples=500,
        SamplingFrequency=500,
        WaveformBitsAllocated=16,
        WaveformSampleInterpretation="SS",
        WaveformOriginality="ORIGINAL",
    )
    group.add_new(0x54001010, "OW", b"\0" * 100)
    dataset.WaveformSequence = [group]
    stored(site, dataset)
    response = get(client, url_of(dataset, "/rendered"))
    assert response.status_code == 422
    assert "shorter" in response.text
