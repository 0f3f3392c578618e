"""OHIF as it is published on npm, on an origin of its own, opens what is here; nothing in its console is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pydicom
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as WebError
from pydicom.dataset import Dataset

from tests.fuzz.openapi import fill
from tests.support.corpus import corpus
from tests.support.ohif import serving
from tests.support.process import NodeProcess

pytestmark = pytest.mark.browser

SLOW = 60_000


def _of_a_page(error: WebError) -> bool:
    """Chromium shows a PDF by an extension of its own, which at times is told that there is no local storage."""
    return "chrome-extension://" not in (error.stack or "")


@dataclass(frozen=True, slots=True)
class Hospital:
    """A node, and OHIF beside it."""

    node: NodeProcess
    ohif: str

    def open(
        self,
        page: Page,
        beginnings: tuple[str, ...],
        most: int = 6,
        *,
        measured: Callable[[Dataset], list[object]] | None = None,
    ) -> list[str]:
        """Store the files whose names begin so, and open their study; what is to be wrong afterwards is collected.

        `measured` gives what is measured on the first of them, and saved before.
        """
        files = [
            one.path.read_bytes()
            for beginning in beginnings
            for one in [one for one in corpus() if one.name.startswith(beginning)][:most]
        ]
        study = fill(self.node, files)[0]["study"]
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(f"{error} {error.stack}") if _of_a_page(error) else None)
        page.on("requestfailed", lambda request: wrong.append(f"{request.failure} {request.url}"))
        token = self.node.token("radiologist")
        if measured is not None:
            body = {"measurements": measured(pydicom.dcmread(BytesIO(files[0])))}
            headers = {"Authorization": f"Bearer {token}"}
            url = f"{self.node.dicomweb_url.removesuffix('/dicom-web')}/api/studies/{study}/measurements"
            assert httpx2.post(url, json=body, headers=headers).status_code == 201
        page.goto(f"{self.ohif}/viewer?StudyInstanceUIDs={study}&token={token}")
        return wrong


@pytest.fixture(autouse=True)
def silent_console() -> None:
    """These pages are another viewer's: `Hospital.open` collects what they say."""


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory, test_data: Path) -> Iterator[Hospital]:
    node = NodeProcess(tmp_path_factory.mktemp("hospital"))
    with serving(node.dicomweb_url) as origin:
        node.environment["PACS_WEB__ALLOWED_ORIGINS"] = origin
        with node:
            yield Hospital(node, origin)


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[BrowserContext]:
    """One reader, whose browser has the pages of OHIF from the first study on."""
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        context.add_init_script("localStorage?.setItem('shownTours', '[\"basicViewerTour\"]')")
        yield context


@pytest.fixture
def page(reader: BrowserContext) -> Iterator[Page]:
    with reader.new_page() as page:
        yield page


def _comes(page: Page, is_so: Callable[[np.ndarray], bool]) -> bool:
    """Whether the picture on the canvas becomes so."""
    for _ in range(SLOW // 200):
        shot = page.locator("canvas").first.screenshot()
        if is_so(np.asarray(Image.open(BytesIO(shot)).convert("RGB")).astype(int)):
            return True
        page.wait_for_timeout(200)
    return False


@pytest.mark.parametrize(
    ("beginnings", "images"),
    [
        pytest.param(("ct-series/data/dicom/andrei_abdomen/data/",), "6", id="CT"),
        pytest.param(("mr-series/dcm_qa_decubitus/In/HFS/3_t1_fl2d_sag/",), "6", id="MR"),
        pytest.param(("us-cine/healthcare-dicom-dicomweb-adapter/",), "10", id="US cine"),
    ],
)
def test_images(hospital: Hospital, page: Page, beginnings: tuple[str, ...], images: str) -> None:
    wrong = hospital.open(page, beginnings)
    expect(page.get_by_text(f"/{images})")).to_be_visible(timeout=SLOW)
    assert _comes(page, lambda picture: picture.max() > 100), "nothing is to be seen"
    assert wrong == []


def test_a_report_is_read(hospital: Hospital, page: Page) -> None:
    wrong = hospital.open(page, ("pdf-sr/dcmjs-dimse/datasets/sr.dcm",))
    expect(page.get_by_text("Discharge Summary")).to_be_visible(timeout=SLOW)
    assert wrong == []


DRAWN: dict[str, tuple[str, list[list[float]], dict[str, float]]] = {
    "length": ("Length", [[100, 200], [200, 200]], {"length": 100}),
    "bidirectional": ("Bidirectional", [[100, 260], [200, 260], [150, 240], [150, 280]], {"length": 100, "width": 40}),
    "angle": ("Angle", [[260, 100], [300, 140], [300, 80]], {"angle": 45}),
    "cobb": ("CobbAngle", [[320, 100], [380, 110], [320, 160], [380, 140]], {"angle": 27.897}),
    "ellipse": ("EllipticalROI", [[260, 300], [260, 380], [240, 340], [280, 340]], {"area": 800 * np.pi}),
    "rectangle": ("RectangleROI", [[320, 300], [400, 300], [400, 340], [320, 340]], {"area": 3200}),
    "freehand": ("PlanarFreehandROI", [[320, 400], [380, 400], [380, 430], [320, 450]], {"area": 2400}),
    "arrow": ("ArrowAnnotate", [[220, 420], [260, 450]], {}),
    "text": ("Probe", [[150, 440]], {}),
}
"""By kind: the tool there, points in pixels, and what is calculated of them in pixels or degrees."""
FIGURES = {"length": ["length"], "bidirectional": ["long_axis", "short_axis"], "angle": ["angle"], "cobb": ["angle"]}
UNITS = {"angle": "deg", "area": "mm2"}
TAKEN_OVER = """() => window.cornerstoneTools.annotation.state.getAllAnnotations().map(({metadata, data}) => {
  const points = data.contour?.polyline?.length ? data.contour.polyline : data.handles?.points ?? [];
  const at = (point) => window.cornerstone.utilities.worldToImageCoords(metadata.referencedImageId, point);
  const [stats] = Object.values(data.cachedStats ?? {});
  return {tool: metadata.toolName, points: metadata.referencedImageId ? points.map(at) : [], stats: stats ?? {}};
})"""


def test_measurements_are_where_they_were_made_and_measure_the_same(hospital: Hospital, page: Page) -> None:
    spacing: list[float] = []

    def drawn(image: Dataset) -> list[object]:
        uids = {"series_instance_uid": image.SeriesInstanceUID, "sop_instance_uid": image.SOPInstanceUID}
        spacing.append(float(image.PixelSpacing[0]))
        made: list[object] = []
        for number, (kind, (_, points, true)) in enumerate(DRAWN.items()):
            names = FIGURES.get(kind, ["area"]) if true else []
            # another value than the true one, since they are to be calculated anew
            figures = [{"name": name, "value": 78.91, "unit": UNITS.get(name, "mm")} for name in names]
            one = {"kind": kind, "points": points, "tracking_uid": f"2.25.{number + 1}", "figures": figures, **uids}
            made.append({**one, "label": "here"} if kind in ("arrow", "text") else one)
        return made

    wrong = hospital.open(page, ("ct-series/data/dicom/andrei_abdomen/data/",), measured=drawn)
    expect(page.get_by_text("/6)")).to_be_visible(timeout=SLOW)
    page.get_by_text("Measurements", exact=True).first.dblclick()
    expect(page.locator(".svg-layer text").filter(has_text="78.91 mm")).not_to_have_count(0, timeout=SLOW)
    page.get_by_role("button", name="Yes").click(timeout=SLOW)
    expect(page.locator(".svg-layer text").filter(has_text="27.90 °")).to_have_count(1, timeout=SLOW)
    found = {one["tool"]: one for one in page.evaluate(TAKEN_OVER)}
    for tool, points, true in DRAWN.values():
        there = found[tool]
        away = np.linalg.norm(np.array(points)[:, None] - np.array(there["points"])[None], axis=2).min(axis=1)
        assert away.max() < 0.01, f"{tool} lies elsewhere"
        for name, value in true.items():
            size = 1 if name == "angle" else spacing[0] ** (2 if name == "area" else 1)
            assert there["stats"][name] == pytest.approx(value * size, rel=1e-4), f"{name} of {tool}"
    assert wrong == []


def test_a_segmentation_lies_over_its_images(hospital: Hospital, page: Page) -> None:
    folder = "dcmqi/dcmqi/data/segmentations/24x38x3"
    wrong = hospital.open(page, (f"{folder}/image/", f"{folder}/seg/label.seg"))
    expect(page.get_by_text("/3)")).to_be_visible(timeout=SLOW)
    page.get_by_text("Segmentation 24x38x3").first.dblclick()
    expect(page.get_by_text("Do you want to open this Segmentation?")).to_be_visible(timeout=SLOW)
    assert _comes(page, lambda picture: (picture[..., 0] - picture[..., 2]).max() > 30), "nothing is in colour"
    assert wrong == []


def test_a_document_is_shown(hospital: Hospital, page: Page) -> None:
    wrong = hospital.open(page, ("pdf-sr/dcmjs-dimse/datasets/pdf.dcm",))
    expect(page.locator("object[type='application/pdf']")).to_be_visible(timeout=SLOW)
    assert wrong == []
