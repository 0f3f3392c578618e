"""Presentation states that need more than one frame for a picture: subtracted angiography."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.derived_objects import (
    ANGIOGRAPHY_STATE,
    angiography,
    annotated,
    figure,
    graphic_layer,
    image_reference,
    item,
    lut_item,
    presentation_state,
)
from tests.support.wado import get, stored, url_of
from tests.support.web import Site

Pixels = np.ndarray[Any, Any]


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def picture(client: TestClient, dataset: Dataset, rest: str = "/rendered") -> Pixels:
    answer = get(client, url_of(dataset, rest), "image/png")
    assert answer.status_code == 200, answer.text
    return np.asarray(imagecodecs.png_decode(answer.content)).astype(int)


def windowed(values: Pixels, center: float, width: float) -> Pixels:
    """Linear exact, to 0..255."""
    return np.rint(255 * np.clip((values - center) / width + 0.5, 0, 1)).astype(int)


RNG = np.random.default_rng(5)
RUN = RNG.integers(100, 1000, (5, 32, 40))
WINDOW = item(WindowCenter=0, WindowWidth=1000, VOILUTFunction="LINEAR_EXACT")
AVERAGE = item(MaskOperation="AVG_SUB", ApplicableFrameRange=[3, 5], MaskFrameNumbers=[1, 2])


def state_of(run: Dataset, mask: Dataset = AVERAGE, frame: int = 4, **attributes: object) -> Dataset:
    """An XA/XRF state of one frame."""
    if "SoftcopyVOILUTSequence" not in attributes:
        attributes["SoftcopyVOILUTSequence"] = [WINDOW]
    state = presentation_state([run], ANGIOGRAPHY_STATE, MaskSubtractionSequence=[mask], **attributes)
    state.ReferencedSeriesSequence[0].ReferencedImageSequence = [image_reference(run, [frame])]
    return state


MEAN = RUN[:2].mean(axis=0)
MOVED = np.pad(MEAN, ((2, 0), (0, 0)), mode="edge")[:32]
VISIBLE = item(StartTrim=1, StopTrim=5, RecommendedViewingMode="SUB", MaskVisibilityPercentage=25.0)
SQUARES = (np.arange(1024) ** 2 / 1024).astype(int)
SUBTRACTED: dict[str, tuple[dict[str, Any], Pixels]] = {
    "average": ({}, RUN[3] - MEAN),
    "time interval": ({"mask": item(MaskOperation="TID", TIDOffset=2)}, RUN[3] - RUN[1]),
    "moved": (
        {
            "PixelShiftSequence": [
                item(PixelShiftFrameRange=[1, 3], RegionPixelShiftSequence=[item(MaskSubPixelShift=[9.0, 9.0])]),
                item(PixelShiftFrameRange=[4, 4], RegionPixelShiftSequence=[item(MaskSubPixelShift=[2.0, 0.0])]),
            ]
        },
        RUN[3] - MOVED,
    ),
    "mask a little visible": (
        {"MultiFramePresentationSequence": [item(FrameDisplaySequence=[VISIBLE])]},
        RUN[3] - 0.75 * MEAN,
    ),
    "table of the intensity": (
        {"PixelIntensityRelationshipLUTSequence": [lut_item(SQUARES, 0, 16)]},
        SQUARES[RUN[3]] - SQUARES[RUN[:2]].mean(axis=0),
    ),
    "not this frame": ({"frame": 2}, RUN[1]),
    "native": ({"RecommendedViewingMode": "NAT"}, RUN[3]),
}


def test_an_angiography_state_subtracts_its_own_masks(site: Site, client: TestClient) -> None:
    run = angiography(RUN, RecommendedViewingMode="SUB", MaskSubtractionSequence=[item(MaskOperation="TID")])
    stored(site, run)
    for name, (attributes, values) in SUBTRACTED.items():
        state = state_of(run, **attributes)
        state.SOPInstanceUID = state.file_meta.MediaStorageSOPInstanceUID = f"{state.SOPInstanceUID}.{len(name)}"
        stored(site, state)
        assert np.abs(picture(client, state) - windowed(values, 0, 1000)).max() <= 1, name


def test_an_angiography_state_covers_cuts_and_marks_each_frame_by_itself(site: Site, client: TestClient) -> None:
    run = angiography(RUN)
    shutter = {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": 5,
        "ShutterRightVerticalEdge": 40,
        "ShutterUpperHorizontalEdge": 1,
        "ShutterLowerHorizontalEdge": 32,
    }
    fourth = [image_reference(run, [4])]
    square = figure("POLYLINE", [30, 10, 36, 10, 36, 16, 30, 16, 30, 10], filled=True)
    window = item(WindowCenter=100, WindowWidth=500, VOILUTFunction="LINEAR_EXACT", ReferencedImageSequence=fourth)
    other = item(WindowCenter=900, WindowWidth=2, ReferencedImageSequence=[image_reference(run, [3])])
    state = state_of(
        run,
        SoftcopyVOILUTSequence=[other, window],
        FrameDisplayShutterSequence=[item(ReferencedImageSequence=fourth, **shutter)],
        GraphicLayerSequence=[graphic_layer("MARKS")],
        GraphicAnnotationSequence=[annotated(square)],
    )
    state.DisplayedAreaSelectionSequence[0].DisplayedAreaTopLeftHandCorner = [3, 1]
    stored(site, run)
    stored(site, state)
    found = picture(client, state)
    assert found.shape == (32, 38)
    assert found[:, :2].max() == 0
    assert found[12:15, 30:33].min() == 255
    expected = windowed(RUN[3] - MEAN, 100, 500)[:, 2:]
    assert np.abs(found - expected)[:, 2:26].max() <= 1


@pytest.mark.parametrize(
    ("mask", "more", "said"),
    [
        (item(MaskOperation="AVG_SUB", MaskFrameNumbers=[9]), {}, "does not have"),
        (item(MaskOperation="AVG_SUB", MaskFrameNumbers=[1], ContrastFrameAveraging=2), {}, "averages"),
        (item(MaskOperation="OTHER"), {}, "operation"),
        (
            AVERAGE,
            {
                "PixelShiftSequence": [
                    item(RegionPixelShiftSequence=[item(VerticesOfTheRegion=[1, 1], MaskSubPixelShift=[1.0, 1.0])])
                ]
            },
            "parts of its mask",
        ),
    ],
)
def test_a_subtraction_that_is_not_made_says_why(
    site: Site, client: TestClient, mask: Dataset, more: dict[str, object], said: str
) -> None:
    run = angiography(RUN)
    state = state_of(run, mask, **more)
    stored(site, run)
    stored(site, state)
    refused = get(client, url_of(state, "/rendered"), "image/png")
    assert (refused.status_code, said in refused.text) == (406, True)
