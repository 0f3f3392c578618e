"""The truth of pixels: every image of the corpus through the real canvas, against pydicom and numpy.

`make test` looks at one image of each kind of pixels. The long form looks at all of them, about ten minutes:

    PACS_TEST_PIXELS=all .venv/bin/python -m pytest tests/journeys/test_pixels.py -m browser -q
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import pydicom
import pytest
from playwright.sync_api import Page

from tests.journeys.test_corpus import as_sent, files, send
from tests.journeys.test_viewer import sign_in
from tests.support.canvas import differences, open_image, show_one_series
from tests.support.corpus import CorpusFile
from tests.support.pixels import expected
from tests.support.process import NodeProcess

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::UserWarning")]

# one of each way to go wrong: sign, rescale, MONOCHROME1, pixels that are not square, palettes, depths, codecs
SAMPLE = (
    "pydicom-wheel/pydicom/SC_rgb_rle_16bit.dcm",
    "pydicom-wheel/pydicom/SC_rgb_jpeg.dcm",
    "pydicom-wheel/pydicom/JPEG-lossy.dcm",
    "pydicom-wheel/pydicom/rtdose_1frame.dcm",
    "pydicom-wheel/pydicom/liver_1frame.dcm",
    "pydicom-wheel-malformed/pydicom/J2K_pixelrep_mismatch.dcm",
    "us-cine/",
    "parametric-map/",
    "seg-sr-sm/highdicom/dx_image.dcm",
    "pt/dicom/testdata/",
)


def _chosen() -> list[CorpusFile]:
    images = [file for file in files(("fuzz",), within=False) if file.decoded_shape]
    if os.environ.get("PACS_TEST_PIXELS") == "all":
        return images
    found = (next((file for file in images if file.name.startswith(name)), None) for name in SAMPLE)
    return [file for file in found if file is not None]


CHOSEN = _chosen()


@pytest.fixture(scope="module")
def images(module_node: NodeProcess) -> dict[str, pydicom.Dataset]:
    """The objects by the name of their file, of one UID the first alone, in the node."""
    first: dict[str, CorpusFile] = {}
    for file in CHOSEN:
        first.setdefault(as_sent(file).sop_instance_uid, file)
    for file in first.values():
        [(_, status)] = send(module_node, [as_sent(file)])
        assert status == 0, file.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = {file.name: pydicom.dcmread(file.path, force=True) for file in first.values()}
    return {name: dataset for name, dataset in read.items() if "SOPInstanceUID" in dataset}


@pytest.fixture(scope="module")
def reader(module_node: NodeProcess, browser: object, images: dict[str, pydicom.Dataset]) -> Iterator[Page]:
    """A page of one who is signed in, for all images."""
    context = browser.new_context(viewport={"width": 900, "height": 700})  # type: ignore[attr-defined]
    page = context.new_page()
    sign_in(page, module_node)
    show_one_series(page, images.values())
    yield page
    context.close()


@pytest.mark.parametrize("file", CHOSEN, ids=lambda file: file.name)
def test_what_is_shown_is_what_pydicom_reads(
    file: CorpusFile, images: dict[str, pydicom.Dataset], reader: Page
) -> None:
    dataset = images.get(file.name)
    if dataset is None:
        pytest.skip("it has no SOP Instance UID, or one that another file of the corpus has")
    assert open_image(reader, dataset) == "ready"
    assert differences(reader, expected(dataset, 1)) == []
