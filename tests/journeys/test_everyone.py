"""For everyone: every screen in every language and window is whole, translated and keeps WCAG 2.2 AA.

PACS_TEST_MATRIX=full walks through all the screens in four languages in every window; PACS_TEST_MATRIX=large once in
each language, and looks at each screen in all windows that are no phone's; PACS_TEST_MATRIX=small in all others. Else
those on the way of `test_phone.py: test_keys_alone_suffice` stand for them, each in another language and width.
PACS_TEST_PICTURES names a folder for a picture of each screen, to be looked at; PACS_TEST_SCREENS the screens, divided
by commas, that are wanted with those on the way to them instead of all; PACS_TEST_LOOKED those of them that are looked
at, the others being passed.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page
from pydicom.uid import VideoPhotographicImageStorage

from tests.fuzz.openapi import fill
from tests.journeys.test_viewer import dcmsend
from tests.support.corpus import corpus
from tests.support.derived_objects import presentation_state
from tests.support.factories import KAZAKH, KYRGYZ, ct_series, part10, uid, us_cine, write_folder
from tests.support.fused import fused_ct, fused_pet
from tests.support.inspection import LANGUAGES, complaints
from tests.support.peers import program
from tests.support.process import NodeProcess
from tests.support.screens import told_of
from tests.support.screens.walk import Screen, Walk
from tests.support.windows import LARGE, SMALL, WINDOWS, Window

pytestmark = pytest.mark.browser

MATRIX: Final = os.environ.get("PACS_TEST_MATRIX")
PICTURES: Final = os.environ.get("PACS_TEST_PICTURES")
ONLY: Final = os.environ.get("PACS_TEST_SCREENS", "")
LOOKED: Final = set(filter(None, os.environ.get("PACS_TEST_LOOKED", "").split(",")))
TOGETHER: Final = {"large": LARGE, "small": SMALL}
"""Windows in all of which one walk looks at each screen."""
DOCUMENTS: Final = {
    "report": ("sr/",),
    "pdf": ("pdf-sr/dcmjs-dimse/datasets/pdf.dcm",),
    "waveform": ("pydicom-wheel/pydicom/waveform_ecg.dcm",),
    "mammogram": ("mg/fo-dicom/GH133.dcm",),
    "slide": ("seg-sr-sm/highdicom/sm_image.dcm",),
    "marked": ("dcmqi/dcmqi/data/segmentations/ct-3slice/", "dcmqi/dcmqi/data/segmentations/liver.dcm"),
}
NEWCOMER: Final = "newcomer"


def stocked(node: NodeProcess, folder: Path) -> dict[str, str]:
    """The node is given a study of each kind that the screens show: which, by what they call it."""
    words = {
        "StudyDescription": "Көкүрөк көңдөйүнүн КТ изилдөөсү контраст менен",
        "SeriesDescription": "Артериялык фаза",
    }
    now = [
        *ct_series(12, patient=KYRGYZ, study="now", series="a", StudyDate="20260301", SeriesNumber=1, **words),
        *ct_series(6, patient=KYRGYZ, study="now", series="b", StudyDate="20260301", SeriesNumber=2),
    ]
    before = ct_series(3, patient=KYRGYZ, study="before", StudyDate="20250901")
    other = ct_series(2, patient=KYRGYZ, study="other", StudyDate="20200101", PatientName="Other^Boris")
    moments = [
        one
        for moment in range(3)
        for one in ct_series(
            6, study="moments", seed=moment, TemporalPositionIdentifier=moment + 1, TriggerTime=moment * 90
        )
    ]
    for number, one in enumerate(moments, 1):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = uid("moments", number)
        one.InstanceNumber = number
    loops = [us_cine(patient=KAZAKH, study="loops", number=number) for number in (1, 2, 3)]
    imaged = ct_series(2, study="state")
    uneven = [one for index, one in enumerate(ct_series(9, study="uneven")) if index != 4]
    video = us_cine(study="video")
    video.SOPClassUID = video.file_meta.MediaStorageSOPClassUID = VideoPhotographicImageStorage
    studies = {
        "images": now,
        "before": before,
        "other": other,
        "fused": [*fused_ct(), *fused_pet("scanner")],
        "moments": moments,
        "uneven": uneven,
        "loops": loops,
        "state": [*imaged, presentation_state(imaged)],
    }
    for name, series in studies.items():
        write_folder(series, folder / name)
    dcmsend(node, folder)
    echo = [str(program("echoscu", "dcmtk")), "-aec", "ANOTHER", "127.0.0.1", str(node.dimse_port)]
    subprocess.run(echo, check=False, timeout=60, capture_output=True)  # refused: the page of devices tells it
    found = {name: str(series[0].StudyInstanceUID) for name, series in studies.items()}
    found["video"] = fill(node, [part10(video)])[0]["study"]
    for name, beginnings in DOCUMENTS.items():
        files = [one.path.read_bytes() for one in corpus() if one.name.startswith(beginnings)]
        found[name] = fill(node, files[:1] if len(beginnings) == 1 else files)[0]["study"]
    account = {"name": NEWCOMER, "role": "radiologist", "password": node.admin_password}
    headers = {"Content-Type": "application/json"} | node.authorization("admin")
    request = urllib.request.Request(f"{node.web_url}/api/accounts", json.dumps(account).encode(), headers)
    urllib.request.urlopen(request, timeout=30).close()
    return found


@pytest.fixture(scope="module")
def shelf(module_node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return stocked(module_node, tmp_path_factory.mktemp("shelf"))


def _told(found: dict[str, list[str]]) -> None:
    """Fail where there is a complaint, once for all screens that have it."""
    screens: dict[str, list[str]] = {}
    for screen, told in found.items():
        for complaint in told:
            screens.setdefault(complaint, []).append(screen)
    if screens:
        pytest.fail("\n".join(f"{complaint} [{', '.join(where)}]" for complaint, where in screens.items()))


def _pictured(page: Page, screen: Screen, window: Window, language: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{screen.name}-{window.name}-{language}.png")


if MATRIX == "full":

    @pytest.mark.timeout(1500)
    @pytest.mark.parametrize("window", WINDOWS, ids=[window.name for window in WINDOWS])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_screen_is_whole(
        module_node: NodeProcess, browser: Browser, shelf: dict[str, str], language: str, window: Window
    ) -> None:
        with window.opened(browser, language) as page:

            def look(screen: Screen) -> list[str]:
                page.wait_for_timeout(150)
                if LOOKED and screen.name not in LOOKED:
                    return []
                _pictured(page, screen, window, language)
                return complaints(page, language)

            walk = Walk(page, module_node.web_url, "admin", module_node.admin_password, language, shelf, NEWCOMER)
            _told(told_of(walk, look, ONLY))


if MATRIX in TOGETHER:

    @pytest.mark.timeout(1500)
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_screen_is_whole_in_windows_of_a_kind(
        module_node: NodeProcess, browser: Browser, shelf: dict[str, str], language: str
    ) -> None:
        windows = TOGETHER[MATRIX]
        with windows[0].opened(browser, language) as page:
            page.set_default_timeout(90_000)
            layers = page.locator("dialog[open], .menu, .popup, .fusion-looks, .marks-panel")

            def look(screen: Screen) -> list[str]:
                told: list[str] = []
                if LOOKED and screen.name not in LOOKED:
                    page.wait_for_timeout(150)
                    return told
                open_ones: int | None = None
                for window in windows:
                    with window.lent(page):
                        _pictured(page, screen, window, language)
                        open_ones = layers.count() if open_ones is None else open_ones
                        if layers.count() != open_ones:
                            told.append(f"{window.name}: what was open is not")
                        told += [f"{window.name}: {one}" for one in complaints(page, language)]
                page.wait_for_timeout(150)
                return told

            walk = Walk(page, module_node.web_url, "admin", module_node.admin_password, language, shelf, NEWCOMER)
            _told(told_of(walk, look, ONLY))
