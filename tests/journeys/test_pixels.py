"""The truth of pixels: every image of the corpus through the real canvas, against pydicom and numpy.

`make test` looks at one image of each kind of pixels. The long form looks at all of them, about ten minutes, or at one
part of several (2/6: the second of six):

    PACS_TEST_PIXELS=all .venv/bin/python -m pytest tests/journeys/test_pixels.py -m browser -q
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, Route, expect
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from tests.journeys.test_corpus import Sent, as_sent, files, send
from tests.journeys.test_viewer import dcmsend, sign_in
from tests.support.canvas import (
    Fit,
    differences,
    differing_planes,
    open_image,
    read_canvas,
    read_planes,
    show_one_series,
)
from tests.support.corpus import CorpusFile
from tests.support.derived_objects import (
    ANGIOGRAPHY_STATE,
    angiography,
    graphic_layer,
    image_reference,
    item,
    presentation_state,
)
from tests.support.drawing import draw, texts, told
from tests.support.factories import cr_image, uid, ultrasound_region, us_cine, write_folder
from tests.support.overlay_planes import SIDE, add_plane, cleared, disc, shown, slices
from tests.support.pixels import Expected, expected
from tests.support.process import NodeProcess

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::UserWarning")]

# one of each way to go wrong: sign, rescale, MONOCHROME1, pixels that are not square, palettes, depths, codecs
SAMPLE = (
    "pydicom-wheel/pydicom/SC_rgb_rle_16bit.dcm",
    "pydicom-wheel/pydicom/SC_rgb_jpeg.dcm",
    "pydicom-wheel/pydicom/SC_ybr_full_422_uncompressed.dcm",
    "pydicom-wheel/pydicom/JPEG-lossy.dcm",
    "pydicom-wheel/pydicom/rtdose_1frame.dcm",
    "pydicom-wheel/pydicom/liver_1frame.dcm",
    "pydicom-wheel-malformed/pydicom/J2K_pixelrep_mismatch.dcm",
    "us-cine/",
    "parametric-map/",
    "seg-sr-sm/highdicom/dx_image.dcm",
    "seg-sr-sm/highdicom/seg_image_sm_control_labelmap.dcm",
    "pt/dicom/testdata/",
)


def _chosen() -> list[CorpusFile]:
    images = [file for file in files(("fuzz",), within=False) if file.decoded_shape]
    wanted = os.environ.get("PACS_TEST_PIXELS", "")
    if wanted == "all":
        return images
    if wanted:
        part, parts = map(int, wanted.split("/"))
        return images[part - 1 :: parts]
    found = (next((file for file in images if file.name.startswith(name)), None) for name in SAMPLE)
    return [file for file in found if file is not None]


CHOSEN = _chosen()


@pytest.fixture(scope="module")
def images(module_node: NodeProcess) -> dict[str, Dataset]:
    """The objects by the name of their file, in the node; without a UID of their own under new ones."""
    read: dict[str, Dataset] = {}
    for file in CHOSEN:
        sent = as_sent(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(file.path, force=True)
            known = {str(other.SOPInstanceUID) for other in read.values()}
            if "SOPInstanceUID" not in dataset or sent.sop_instance_uid in known:
                sent = _renamed(sent, dataset)
        [(_, status)] = send(module_node, [sent])
        assert status == 0, file.name
        read[file.name] = dataset
    return read


def _renamed(sent: Sent, dataset: Dataset) -> Sent:
    """The same pixels as an object, series and study of their own; `dataset` gets the new UIDs too."""
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = (
        uid(f"{level} of {sent.file.name}") for level in ("object", "series", "study")
    )
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = dataset.original_encoding
    write_dataset(buffer, dataset)
    return replace(sent, sop_instance_uid=str(dataset.SOPInstanceUID), dataset=buffer.getvalue())


@pytest.fixture(scope="module")
def reader(module_node: NodeProcess, browser: object, images: dict[str, Dataset]) -> Iterator[Page]:
    """A page of one who is signed in, for all images."""
    context = browser.new_context(viewport={"width": 900, "height": 700})  # type: ignore[attr-defined]
    page = context.new_page()
    sign_in(page, module_node)
    show_one_series(page, images.values())
    yield page
    context.close()


@pytest.mark.parametrize("file", CHOSEN, ids=lambda file: file.name)
def test_what_is_shown_is_what_pydicom_reads(file: CorpusFile, images: dict[str, Dataset], reader: Page) -> None:
    dataset = images[file.name]
    assert open_image(reader, dataset) == "ready"
    assert differences(reader, expected(dataset, 1)) == []
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        reader.keyboard.press("r")  # back to the original view: still white at 0
        assert differences(reader, expected(dataset, 1)) == []
    if dataset.get("Modality") == "PT":
        _previewed(reader, dataset)


def _previewed(page: Page, dataset: Dataset) -> None:
    """Until the frames come, an image with dark uptake on white has the black around it that it has afterwards, and
    nothing can be measured: its place in the patient is that of the frames."""
    held: list[Route] = []
    page.route("**/frames/*", lambda route: held.append(route))
    page.reload()
    preview = page.locator("[data-testid=viewport] img.preview")
    expect(preview).to_have_js_property("complete", True, timeout=30_000)
    picture = np.asarray(imagecodecs.png_decode(preview.screenshot()), np.float64)[:, :, :3].mean(axis=2)
    height, width = picture.shape
    fit = Fit(width, height, dataset.Columns, dataset.Rows, 1.0)
    left = round(fit.at(0, 0)[0])
    assert left > 20, "there is no room beside the image"
    beside, inside = picture[height // 4, left - 12 : left - 4], picture[height // 4, left + 4 : left + 12]
    page.keyboard.press("r")
    page.keyboard.press("l")
    box = preview.bounding_box()
    assert box
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 250, steps=4)
    page.mouse.up()
    page.unroute("**/frames/*")  # lets go of them
    assert beside.max() < 20
    assert inside.min() > 200
    expect(page.get_by_test_id("quality")).to_have_attribute("data-quality", "full", timeout=30_000)
    expect(page.locator(".svg-layer line")).to_have_count(0)
    page.keyboard.press("w")


def test_a_sigmoid_window_is_still_one_after_a_reset(module_node: NodeProcess, reader: Page, tmp_path: Path) -> None:
    chest = cr_image(VOILUTFunction="SIGMOID", WindowWidth=400)
    write_folder([chest], tmp_path / "chest")
    dcmsend(module_node, tmp_path / "chest")
    show_one_series(reader, [chest])
    assert open_image(reader, chest) == "ready"
    for key in ("i", "r"):
        reader.keyboard.press(key)
    assert differences(reader, expected(chest, 1)) == []


def test_a_window_of_width_one_is_a_step(module_node: NodeProcess, reader: Page, tmp_path: Path) -> None:
    chest = cr_image(study="step", WindowWidth=1)
    write_folder([chest], tmp_path / "step")
    dcmsend(module_node, tmp_path / "step")
    show_one_series(reader, [chest])
    assert open_image(reader, chest) == "ready"
    reader.keyboard.press("r")  # which threw, for want of a table of colours
    greys = read_canvas(reader)
    assert ((greys < 3) | (greys > 252)).mean() > 0.8  # but where pixels of the screen lie between two
    assert (greys > 252).any()


def test_a_colour_map_is_the_same_on_the_next_image(module_node: NodeProcess, reader: Page, tmp_path: Path) -> None:
    first, second = (cr_image(study="coloured", number=number) for number in (1, 2))
    second.PixelData = first.PixelData
    write_folder([first, second], tmp_path / "chest")
    dcmsend(module_node, tmp_path / "chest")
    show_one_series(reader, [first])
    assert open_image(reader, first) == "ready"
    greys = read_canvas(reader)
    for name in ("2hot", "jet"):
        reader.get_by_test_id("tool-colour").click()
        reader.get_by_test_id(f"colour-{name}").click()
        coloured = read_canvas(reader)
        assert open_image(reader, second) == "ready"
        np.testing.assert_array_equal(read_canvas(reader), coloured)
        reader.keyboard.press("i")
        turned = read_canvas(reader)
        assert np.abs(turned - coloured).mean() > 20
        assert open_image(reader, first) == "ready"
        np.testing.assert_array_equal(read_canvas(reader), turned)
        reader.keyboard.press("i")
        reader.get_by_test_id("tool-preset").click()
        reader.get_by_test_id("preset-stored").click()
        np.testing.assert_array_equal(read_canvas(reader), coloured)
    reader.get_by_test_id("tool-colour").click()
    reader.get_by_test_id("colour-Grayscale").click()
    np.testing.assert_array_equal(read_canvas(reader), greys)
    expect(reader.locator("[data-testid=viewport]")).to_have_attribute("data-inverted", "false")


TISSUE = ultrasound_region(1, (0, 0, 159, 119), (3, 0.01), (3, 0.02))
SPECTRUM = ultrasound_region(3, (160, 0, 319, 119), (4, 0.005, 150, 0), (7, -1.5, 60, 0))
M_MODE = ultrasound_region(2, (0, 120, 319, 239), (4, 0.01), (3, 0.025))


def test_ultrasound_is_measured_by_the_axes_of_its_regions(
    module_node: NodeProcess, reader: Page, tmp_path: Path
) -> None:
    regions = [TISSUE, SPECTRUM, M_MODE]
    whole = us_cine(study="doppler", frames=1, rows=240, columns=320, SequenceOfUltrasoundRegions=regions)
    cut = us_cine(study="doppler", number=2, frames=1, rows=100, columns=150, SequenceOfUltrasoundRegions=regions)
    cut.SOPInstanceUID = uid("cut")
    write_folder([whole, cut], tmp_path / "doppler")
    dcmsend(module_node, tmp_path / "doppler")
    show_one_series(reader, [whole])
    assert open_image(reader, whole) == "ready"

    (x0, y0), (x1, y1) = draw(reader, whole, 2, "length", (20, 20), (120, 90))
    assert told(reader) == ("# mm", [pytest.approx(np.hypot((x1 - x0) * 0.1, (y1 - y0) * 0.2), abs=0.06)])
    (x0, y0), (x1, y1) = draw(reader, whole, 2, "bidirectional", (20, 60), (140, 70))
    words, (long, short) = told(reader)
    assert words == "# × # mm"
    assert long == pytest.approx(np.hypot((x1 - x0) * 0.1, (y1 - y0) * 0.2), abs=0.06)
    assert 0 < short < long
    (x0, y0), (x1, y1) = draw(reader, whole, 2, "rectangle", (40, 75), (130, 110))
    words, (area, *_) = told(reader)
    assert words.startswith("Area # mm²")
    assert area == pytest.approx(abs((x1 - x0) * 0.1 * (y1 - y0) * 0.2), rel=0.01)
    (x0, y0), (x1, y1) = draw(reader, whole, 2, "length", (180, 100), (260, 20))
    assert told(reader) == (
        "Δt # msΔv # cm/s",
        [pytest.approx((x1 - x0) * 5, abs=0.06), pytest.approx((y0 - y1) * 1.5, abs=0.06)],
    )
    (x0, y0), _ = draw(reader, whole, 2, "probe", (290, 30), (290, 30))
    words, (time, velocity, *_) = told(reader)
    assert words == "t # msv # cm/s"
    assert (time, velocity) == (pytest.approx((x0 - 310) * 5, abs=5.1), pytest.approx((60 - y0) * 1.5, abs=1.6))
    (x0, y0), (x1, y1) = draw(reader, whole, 2, "length", (30, 140), (230, 220))
    assert told(reader) == (
        "Δt # sΔ # mm",
        [pytest.approx((x1 - x0) * 0.01, abs=0.002), pytest.approx((y1 - y0) * 0.25, abs=0.06)],
    )
    draw(reader, whole, 2, "length", (100, 60), (200, 60))
    assert told(reader)[0] == "# pxOutside the calibrated regions"
    reader.keyboard.press("Control+s")
    expect(reader.get_by_test_id("tool-save")).to_have_attribute("data-unsaved", "false", timeout=30_000)
    said = sorted(texts(reader).all_text_contents())
    reader.reload()
    assert open_image(reader, whole) == "ready"
    expect(texts(reader)).to_have_count(len(said))
    assert sorted(texts(reader).all_text_contents()) == said

    assert open_image(reader, cut) == "ready"
    expect(reader.get_by_test_id("spacing-mark")).to_contain_text("cut or made smaller")
    draw(reader, cut, 1, "length", (10, 10), (60, 60))
    assert told(reader)[0] == "# pxImage cut after its regions were written"


RUN = np.random.default_rng(5).integers(100, 1000, (5, 32, 40))
MASK = item(MaskOperation="AVG_SUB", ApplicableFrameRange=[2, 5], MaskFrameNumbers=[1, 2])
MOVED = item(PixelShiftFrameRange=[4, 4], RegionPixelShiftSequence=[item(MaskSubPixelShift=[2.0, 0.5])])
WINDOW = item(WindowCenter=50, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")


def _compound(kind: str, points: list[float]) -> Dataset:
    return item(
        CompoundGraphicInstanceID=1, CompoundGraphicUnits="PIXEL", GraphicDimensions=2,
        NumberOfGraphicPoints=len(points) // 2, GraphicData=points, CompoundGraphicType=kind, GraphicFilled="N",
    )  # fmt: skip


def _greys(values: NDArray[np.float64], low: float, high: float) -> Expected:
    return Expected(values, low, high, sigmoid=False, inverted=False, aspect=1.0)


def test_masks_are_taken_away_as_the_image_or_its_display_state_says(
    module_node: NodeProcess, reader: Page, tmp_path: Path
) -> None:
    run = angiography(RUN, RecommendedViewingMode="SUB", MaskSubtractionSequence=[MASK], StudyInstanceUID=uid("run"))
    del run.WindowCenter, run.WindowWidth
    area = item(GraphicLayer="A", CompoundGraphicSequence=[_compound("RECTANGLE", [5, 5, 20, 15])])
    state = presentation_state(
        [run],
        ANGIOGRAPHY_STATE,
        MaskSubtractionSequence=[MASK],
        PixelShiftSequence=[MOVED],
        SoftcopyVOILUTSequence=[WINDOW],
        GraphicAnnotationSequence=[area],
    )
    state.ReferencedSeriesSequence[0].ReferencedImageSequence = [image_reference(run, [4])]
    write_folder([run, state], tmp_path / "run")
    dcmsend(module_node, tmp_path / "run")
    show_one_series(reader, [run])
    assert open_image(reader, run, 4) == "ready"
    mask = RUN[:2].mean(axis=0)
    mark = reader.get_by_test_id("subtraction")
    mark.evaluate("button => { button.style.pointerEvents = 'none' }")  # a probe may lie beneath it
    strength = float(np.percentile(np.abs(RUN[3] - mask), 99.9))
    assert differences(reader, _greys(RUN[3] - mask, -strength, strength)) == []
    mark.dispatch_event("click")
    expect(mark).to_have_attribute("aria-pressed", "false")
    expect(reader.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready")
    assert differences(reader, _greys(RUN[3].astype(np.float64), float(RUN[3].min()), float(RUN[3].max()))) == []
    reader.get_by_test_id("tool-save").click()
    reader.get_by_test_id("display-state").click()
    expect(reader.locator("[data-mark=RECTANGLE] path")).to_have_count(1)
    reader.keyboard.press("Escape")
    down = np.pad(mask, ((2, 0), (0, 0)), mode="edge")[:32]
    moved = (down + np.pad(down, ((0, 0), (1, 0)), mode="edge")[:, :40]) / 2
    assert differences(reader, _greys(RUN[3] - moved, -450, 550)) == []


WHITE = (255, 255, 255)


def test_overlay_planes_are_drawn_where_numpy_lays_them(
    module_node: NodeProcess, reader: Page, test_data: Path, tmp_path: Path
) -> None:
    page = reader
    real = pydicom.dcmread(test_data / "pydicom-wheel/pydicom/examples_overlay.dcm")
    first, second = slices()
    layer = graphic_layer("A", GraphicLayerRecommendedDisplayGrayscaleValue=32896)
    state = presentation_state([first], GraphicLayerSequence=[layer], SoftcopyVOILUTSequence=[WINDOW])
    state.add_new((0x6002, 0x1001), "CS", "A")
    add_plane(state, 0x6006, disc(SIDE, SIDE)[::-1], label="Of the state")
    state.add_new((0x6006, 0x1001), "CS", "A")
    covered = np.zeros((SIDE, SIDE), np.bool_)
    covered[:12, :20] = True
    add_plane(state, 0x6008, covered)
    state.ShutterShape, state.ShutterOverlayGroup, state.ShutterPresentationValue = "BITMAP", 0x6008, 65535
    write_folder([real, first, second, state], tmp_path / "planes")
    dcmsend(module_node, tmp_path / "planes")
    show_one_series(page, [real, first])

    assert open_image(page, real) == "ready"
    packed = np.unpackbits(np.frombuffer(real[0x6000, 0x3000].value, np.uint8), bitorder="little")
    bits = packed[: real.Rows * real.Columns].reshape(real.Rows, real.Columns).astype(np.bool_)
    assert bits.any()
    assert differing_planes(page, bits, WHITE) == 0

    assert open_image(page, first) == "ready"
    assert differences(page, expected(cleared(first), 1)) == []  # spare bits are no values
    everything = shown(0x6000, 0x6002, 0x6004)
    assert differing_planes(page, everything, WHITE) == 0
    page.keyboard.press("BracketRight")
    assert differing_planes(page, np.rot90(everything, -1), WHITE) == 0
    page.keyboard.press("h")
    assert differing_planes(page, np.rot90(everything, -1)[:, ::-1], WHITE) == 0
    page.keyboard.press("r")
    page.get_by_test_id("marks-button").click()
    expect(page.get_by_test_id("plane-figures")).to_contain_text("41.5 ± 3.25")
    page.get_by_label("Arrow").uncheck()
    assert differing_planes(page, shown(0x6002, 0x6004), WHITE) == 0
    page.get_by_test_id("marks-button").click()
    page.keyboard.press("F9")
    assert read_planes(page) is None
    page.keyboard.press("F9")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("viewport-state")).to_have_attribute("data-state", "ready")
    assert read_planes(page) is None

    page.get_by_test_id("tool-save").click()
    page.get_by_test_id("display-state").click()
    expect(page.get_by_test_id("overlay-planes")).to_have_attribute("data-planes", "2")
    marked = shown(0x6002) | disc(SIDE, SIDE)[::-1]
    assert differing_planes(page, marked, (128, 128, 128)) == 0
    hu = expected(cleared(first), 1).values
    greys = np.where(covered, 255, np.clip((hu + 450) / 1000, 0, 1) * 255)
    assert np.abs(_picture(page, marks=False) - greys).max() <= 1, "what a shutter covers is in no picture"
    assert np.abs(_picture(page, marks=True) - np.where(marked, 128, greys)).max() <= 1


def _picture(page: Page, *, marks: bool) -> NDArray[np.float64]:
    """Greys of a picture that is taken of the whole image, with nothing in it but marks."""
    page.get_by_test_id("pictures-open").click()
    page.get_by_test_id("pictures-size-native").check()
    for name in ("texts", "marks", "scale", "letters"):
        page.get_by_test_id(f"pictures-{name}").set_checked(marks and name == "marks")
    with page.expect_download() as taken:
        page.get_by_test_id("pictures-take").click()
    page.get_by_test_id("pictures-close").click()
    return np.asarray(imagecodecs.png_decode(Path(taken.value.path()).read_bytes()), np.float64)[:, :, 0]
