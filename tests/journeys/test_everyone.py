"""For everyone: every screen in every language and width is whole, translated and keeps WCAG 2.2 AA.

PACS_TEST_MATRIX=full walks through all the screens in four languages at four widths; else those on the way of
`test_phone.py: test_keys_alone_suffice` stand for them, each in another language and width.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from tests.fuzz.openapi import fill
from tests.journeys.test_depth import _pet, _series
from tests.journeys.test_viewer import dcmsend
from tests.support.corpus import corpus
from tests.support.factories import KYRGYZ, ct_series, write_folder
from tests.support.process import NodeProcess
from tests.support.screens import LANGUAGES, SIZES, Walk, axe, inspect, walked

pytestmark = pytest.mark.browser

FULL: Final = os.environ.get("PACS_TEST_MATRIX") == "full"
TOUCHED_UP_TO: Final = 600
DOCUMENTS: Final = {
    "report": "sr/",
    "pdf": "pdf-sr/dcmjs-dimse/datasets/pdf.dcm",
    "waveform": "pydicom-wheel/pydicom/waveform_ecg.dcm",
}


@pytest.fixture(scope="module")
def shelf(module_node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A study of each kind that the screens show, by what they call it."""
    words = {
        "StudyDescription": "Көкүрөк көңдөйүнүн КТ изилдөөсү контраст менен",
        "SeriesDescription": "Артериялык фаза",
    }
    now = [
        *ct_series(12, patient=KYRGYZ, study="now", series="a", StudyDate="20260301", SeriesNumber=1, **words),
        *ct_series(6, patient=KYRGYZ, study="now", series="b", StudyDate="20260301", SeriesNumber=2),
    ]
    before = ct_series(3, patient=KYRGYZ, study="before", StudyDate="20250901")
    fused = [*_series(), *_pet("scanner")]
    folder = tmp_path_factory.mktemp("shelf")
    for number, series in enumerate((now, before, fused)):
        write_folder(series, folder / str(number))
    dcmsend(module_node, folder)
    found = {"images": str(now[0].StudyInstanceUID), "fused": str(fused[0].StudyInstanceUID)}
    for name, beginning in DOCUMENTS.items():
        files = [one.path.read_bytes() for one in corpus() if one.name.startswith(beginning)][:1]
        found[name] = fill(module_node, files)[0]["study"]
    return found


@pytest.fixture
def touched(browser: Browser, size: tuple[int, int], language: str) -> Iterator[Page]:
    """A window of this size; the small ones are phones."""
    phone = size[0] < TOUCHED_UP_TO
    viewport = {"width": size[0], "height": size[1]}
    with browser.new_context(viewport=viewport, has_touch=phone, is_mobile=phone, locale=language) as context:  # type: ignore[arg-type]
        yield context.new_page()


if FULL:

    @pytest.mark.timeout(900)
    @pytest.mark.parametrize("size", SIZES, ids=[str(width) for width, _ in SIZES])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_screen_is_whole(
        module_node: NodeProcess, touched: Page, shelf: dict[str, str], language: str, size: tuple[int, int]
    ) -> None:
        walk = Walk(touched, module_node.web_url, "admin", module_node.admin_password, language, shelf)
        found = {}
        for screen in walked(walk):
            touched.wait_for_timeout(150)
            found[screen.name] = inspect(touched, language) + axe(touched)
        assert {screen: told for screen, told in found.items() if told} == {}
