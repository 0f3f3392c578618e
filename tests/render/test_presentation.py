"""Images through presentation states, against DCMTK's own renderer and by hand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset

from pacs.render.values import PNG, Attached, Picture, RenderJob, RenderParameters, Viewport
from pacs.render.workers import DecodeWorkers
from tests.support.derived_objects import (
    PSEUDO_COLOR_STATE,
    annotated,
    displayed_area,
    figure,
    graphic_layer,
    image_reference,
    item,
    lettering,
    lut_item,
    presentation_state,
)
from tests.support.factories import ct_slice, part10
from tests.support.peers import program
from tests.support.render import EXPLICIT_VR_LITTLE_ENDIAN, read_image

Pixels = np.ndarray[Any, Any]
WINDOW = item(WindowCenter=40, WindowWidth=400)
RED = [34885, 53485, 50171]


@pytest.fixture
def image() -> Dataset:
    return ct_slice(rows=64, columns=48)


def job_of(image: Dataset, state: Dataset, folder: Path, **parameters: Any) -> RenderJob:
    path = folder / "image.dcm"
    path.write_bytes(part10(image))
    file = read_image(path)
    content = part10(state)
    start = 144 + int.from_bytes(content[140:144], "little")
    attached = Attached("presentation", content[start:], EXPLICIT_VR_LITTLE_ENDIAN)
    return RenderJob(
        file.header,
        file.transfer_syntax_uid,
        file.frames(1)[0],
        1,
        RenderParameters(media_type=PNG, **parameters),
        file.pixel_data_vr,
        (attached,),
    )


def shown(picture: Picture) -> Pixels:
    return np.asarray(imagecodecs.png_decode(picture.data)).astype(int)


def dcmtk(image: Dataset, state: Dataset, folder: Path) -> Pixels:
    """What dcmp2pgm makes of both, which draws no figures."""
    (folder / "image.dcm").write_bytes(part10(image))
    (folder / "state.dcm").write_bytes(part10(state))
    command = [program("dcmp2pgm", "dcmtk"), "-p", folder / "state.dcm", folder / "image.dcm", folder / "out.pgm"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    content = (folder / "out.pgm").read_bytes()
    found = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", content)
    assert found is not None, content[:40]
    columns, rows = int(found[1]), int(found[2])
    return np.frombuffer(content[-columns * rows :], np.uint8).reshape(rows, columns).astype(int)


STATES: dict[str, dict[str, object]] = {
    "no window": {},
    "window": {"SoftcopyVOILUTSequence": [WINDOW]},
    "inverse": {"SoftcopyVOILUTSequence": [WINDOW], "PresentationLUTShape": "INVERSE"},
    "table": {"SoftcopyVOILUTSequence": [item(VOILUTSequence=[lut_item(np.arange(800) ** 2 / 10, 0, 16)])]},
    "presentation table": {
        "SoftcopyVOILUTSequence": [WINDOW],
        "PresentationLUTShape": None,
        "PresentationLUTSequence": [lut_item(np.sqrt(np.arange(1024) / 1023) * 4095, 0, 12)],
    },
    "rotated": {"SoftcopyVOILUTSequence": [WINDOW], "ImageRotation": 90, "ImageHorizontalFlip": "N"},
    "turned and flipped": {"SoftcopyVOILUTSequence": [WINDOW], "ImageRotation": 270, "ImageHorizontalFlip": "Y"},
}


@pytest.mark.parametrize("name", STATES)
def test_states_look_as_dcmtk_shows_them(
    name: str, image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    attributes = STATES[name]
    state = presentation_state([image], **{key: value for key, value in attributes.items() if value is not None})
    for keyword, value in attributes.items():
        if value is None:
            delattr(state, keyword)
    if "ImageRotation" not in attributes:
        state.ImageRotation, state.ImageHorizontalFlip = 0, "N"
    found = shown(decode_workers.render(job_of(image, state, tmp_path)))
    expected = dcmtk(image, state, tmp_path)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 2


def test_the_displayed_area_is_cut_out_or_reaches_beyond(
    image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    whole = shown(
        decode_workers.render(job_of(image, presentation_state([image], SoftcopyVOILUTSequence=[WINDOW]), tmp_path))
    )

    def area(box: tuple[int, int, int, int], **more: object) -> Pixels:
        state = presentation_state(
            [image],
            SoftcopyVOILUTSequence=[WINDOW],
            DisplayedAreaSelectionSequence=[displayed_area(image, box, **more)],
        )
        return shown(decode_workers.render(job_of(image, state, tmp_path)))

    assert np.array_equal(area((11, 21, 30, 50)), whole[20:50, 10:30])
    beyond = area((-9, 1, 58, 64))
    assert beyond.shape == (64, 68)
    assert np.array_equal(beyond[:, 10:58], whole)
    assert beyond[:, :10].max() == beyond[:, 58:].max() == 0
    magnified = area((11, 21, 30, 50), PresentationSizeMode="MAGNIFY", PresentationPixelMagnificationRatio=2.0)
    assert magnified.shape == (60, 40)
    assert area((1, 1, 48, 64), PresentationPixelSpacing=[1.0, 0.5]).shape == (128, 48)


def test_figures_and_words_follow_the_turned_image(
    image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    square = figure("POLYLINE", [4, 8, 12, 8, 12, 20, 4, 20, 4, 8], filled=True)
    dark = item(WindowCenter=5000, WindowWidth=10)

    def made(**attributes: object) -> Pixels:
        state = presentation_state(
            [image],
            SoftcopyVOILUTSequence=[dark],
            GraphicLayerSequence=[graphic_layer("MARKS")],
            GraphicAnnotationSequence=[annotated(square)],
            **attributes,
        )
        return shown(decode_workers.render(job_of(image, state, tmp_path)))

    upright = made() > 128
    assert upright[10:19, 5:11].all()
    assert upright.sum() < 13 * 18
    turned = made(ImageRotation=90, ImageHorizontalFlip="N") > 128
    assert turned[5:11, 64 - 19 : 64 - 10].all()
    flipped = made(ImageRotation=0, ImageHorizontalFlip="Y") > 128
    assert flipped[10:19, 48 - 11 : 48 - 5].all()


def test_layers_have_colours_and_display_units_are_fractions(
    image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    state = presentation_state(
        [image],
        SpecificCharacterSet="ISO_IR 192",
        SoftcopyVOILUTSequence=[item(WindowCenter=5000, WindowWidth=10)],
        GraphicLayerSequence=[
            graphic_layer("OVER", 2, GraphicLayerRecommendedDisplayCIELabValue=RED),
            graphic_layer("UNDER", 1),
        ],
        GraphicAnnotationSequence=[
            annotated(figure("CIRCLE", [0.5, 0.5, 0.5, 0.75], "DISPLAY", filled=True), layer="OVER"),
            annotated(lettering("Ісік · опухоль", [0.0, 0.0, 1.0, 0.2], "DISPLAY"), layer="UNDER"),
        ],
    )
    picture = shown(decode_workers.render(job_of(image, state, tmp_path, viewport=Viewport(480, 640))))
    assert picture.shape == (640, 480, 3)
    red, green, _ = picture[320, 240]
    assert red > 230
    assert green < 40
    words = picture[:110]
    assert (words.min(axis=2) > 200).sum() > 100


@pytest.mark.parametrize("kind", ["POINT", "INTERPOLATED", "ELLIPSE", "CIRCLE", "POLYLINE"])
def test_every_figure_leaves_a_mark(kind: str, image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path) -> None:
    points = {
        "POINT": [20, 20],
        "CIRCLE": [20, 20, 30, 20],
        "ELLIPSE": [10, 20, 30, 20, 20, 15, 20, 25],
    }.get(kind, [5, 5, 20, 30, 40, 10, 30, 50])
    state = presentation_state(
        [image],
        SoftcopyVOILUTSequence=[item(WindowCenter=5000, WindowWidth=10)],
        GraphicLayerSequence=[graphic_layer("MARKS")],
        GraphicAnnotationSequence=[annotated(figure(kind, points))],
    )
    assert (shown(decode_workers.render(job_of(image, state, tmp_path))) > 128).sum() > 8


def test_what_is_said_of_other_images_does_not_count(
    image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    other = ct_slice(number=2)
    dark = item(WindowCenter=5000, WindowWidth=10, ReferencedImageSequence=[image_reference(other)])
    bright = item(WindowCenter=-5000, WindowWidth=10, ReferencedImageSequence=[image_reference(image, [1])])
    state = presentation_state([image, other], SoftcopyVOILUTSequence=[dark, bright])
    assert shown(decode_workers.render(job_of(image, state, tmp_path))).min() == 255


def test_overlays_are_shown_where_the_state_switches_them_on(
    image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    mask = np.zeros((64, 48), np.uint8)
    mask[10:20, 10:20] = 1
    for number, vr, value in (
        (0x0010, "US", 64),
        (0x0011, "US", 48),
        (0x0040, "CS", "G"),
        (0x0050, "SS", [1, 1]),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x3000, "OW", np.packbits(mask.reshape(-1), bitorder="little").tobytes()),
    ):
        image.add_new((0x6000, number), vr, value)
    dark = {"SoftcopyVOILUTSequence": [item(WindowCenter=5000, WindowWidth=10)]}
    off = presentation_state([image], **dark)
    on = presentation_state([image], GraphicLayerSequence=[graphic_layer("PLANE")], **dark)
    on.add_new((0x6000, 0x1001), "CS", "PLANE")
    assert shown(decode_workers.render(job_of(image, off, tmp_path))).max() == 0
    assert np.array_equal(shown(decode_workers.render(job_of(image, on, tmp_path))) > 0, mask > 0)


def test_a_pseudo_color_state_gives_grey_a_palette(
    image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path
) -> None:
    attributes: dict[str, object] = {"SoftcopyVOILUTSequence": [WINDOW]}
    for colour, entries in (("Red", np.arange(256)), ("Green", np.zeros(256)), ("Blue", 255 - np.arange(256))):
        attributes[f"{colour}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        attributes[f"{colour}PaletteColorLookupTableData"] = (entries * 257).astype("<u2").tobytes()
    state = presentation_state([image], PSEUDO_COLOR_STATE, **attributes)
    grey = shown(
        decode_workers.render(job_of(image, presentation_state([image], SoftcopyVOILUTSequence=[WINDOW]), tmp_path))
    )
    found = shown(decode_workers.render(job_of(image, state, tmp_path)))
    assert np.array_equal(found[..., 0], grey)
    assert np.array_equal(found[..., 2], 255 - grey)
    assert found[..., 1].max() == 0


def test_the_shutter_is_the_states(image: Dataset, decode_workers: DecodeWorkers, tmp_path: Path) -> None:
    edges = {
        "ShutterLeftVerticalEdge": 10,
        "ShutterRightVerticalEdge": 40,
        "ShutterUpperHorizontalEdge": 5,
        "ShutterLowerHorizontalEdge": 60,
    }
    bright = item(WindowCenter=-5000, WindowWidth=10)
    state = presentation_state([image], SoftcopyVOILUTSequence=[bright], ShutterShape="RECTANGULAR", **edges)
    opened = np.argwhere(shown(decode_workers.render(job_of(image, state, tmp_path))) > 0) + 1
    assert (opened.min(axis=0).tolist(), opened.max(axis=0).tolist()) == ([5, 10], [60, 40])
