"""Presentation states that need more than one frame for a picture: subtracted angiography, blended images."""

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
    blending_state,
    figure,
    graphic_layer,
    image_reference,
    item,
    lut_item,
    presentation_state,
)
from tests.support.factories import ct_series, ct_slice
from tests.support.wado import get, stored, url_of
from tests.support.web import Site, parts

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


HOT = np.stack([np.arange(256), np.arange(256) // 2, 255 - np.arange(256)], axis=1)


def coarse(number: int, z_mm: float, **attributes: object) -> Dataset:
    """A slice of 12 x 16 pixels, 2.8 mm wide and 2.1 mm high, 3 mm thick, over a part of the slices of 0.7 mm."""
    return ct_slice(
        series="over",
        number=number,
        rows=12,
        columns=16,
        thickness_mm=3.0,
        PixelSpacing=[2.1, 2.8],
        ImagePositionPatient=[7.0, 9.1, z_mm],
        RescaleIntercept=-1500,
        **attributes,
    )


def values_of(image: Dataset) -> Pixels:
    return np.asarray(image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept))


def laid_over(under: Dataset, over: Dataset, opacity: float) -> Pixels:
    """What is to be seen: by numpy's own interpolation, first along rows, then along columns."""
    place = np.arange(64) * 0.7
    left, top, _ = over.ImagePositionPatient
    columns, rows = left + 2.8 * np.arange(16), top + 2.1 * np.arange(12)
    grey = windowed(values_of(over), 0, 1000)
    wide = np.array([np.interp(place, columns, row) for row in grey])
    fine = np.array([np.interp(place, rows, column) for column in wide.T]).T
    high = (place >= rows[0] - 1.05) & (place <= rows[-1] + 1.05)
    there = np.outer(high, (place >= columns[0] - 1.4) & (place <= columns[-1] + 1.4))
    assert 0 < there.sum() < there.size
    picture = np.repeat(windowed(values_of(under), 0, 1000)[..., None], 3, axis=2).astype(float)
    picture[there] = (1 - opacity) * picture[there] + opacity * HOT[np.rint(fine).astype(int)][there]
    return picture


def test_a_blending_state_lays_one_series_over_another_where_both_lie(site: Site, client: TestClient) -> None:
    under = ct_series(3)  # at 0, 1 and 2 mm
    over = [coarse(1, -1.1), coarse(2, 1.9)]
    state = blending_state(under, over, 0.4, HOT)
    for dataset in (*under, *over, state):
        stored(site, dataset)
    for number, nearest in ((1, over[0]), (3, over[1])):
        alone = blending_state([under[number - 1]], over, 0.4, HOT)
        stored(site, alone)
        found = picture(client, alone)
        assert np.abs(found - laid_over(under[number - 1], nearest, 0.4)).max() <= 1.01
    several = parts(get(client, url_of(state, "/rendered"), 'multipart/related; type="image/png"'))
    assert len(several) == 3
    assert np.array_equal(imagecodecs.png_decode(several[2][1]), found)
    assert picture(client, alone, "/rendered?viewport=32,32").shape == (32, 32, 3)


def test_slices_that_are_crossed_are_all_seen(site: Site, client: TestClient) -> None:
    """A sagittal plane through a stack of axial slices, each of one value, in files of their own or in one."""
    sagittal = ct_slice(
        Rows=30, Columns=20, ImageOrientationPatient=[0, 1, 0, 0, 0, -1], ImagePositionPatient=[10.0, 10.0, 20.0]
    )
    sagittal.PixelSpacing, sagittal.PixelData = [1.0, 1.0], np.full((30, 20), 1024, "<u2").tobytes()
    stack = []
    for number in range(1, 11):
        one = coarse(number, 3.0 * (number - 1) + 0.2)
        one.PixelData = np.full((12, 16), 1000 + 100 * number, "<u2").tobytes()
        stack.append(one)
    whole = coarse(20, 0.0, NumberOfFrames=10, PixelData=b"".join(one.PixelData for one in stack))
    del whole.ImagePositionPatient
    whole.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=one.ImagePositionPatient)]) for one in stack
    ]
    state, same = (blending_state([sagittal], over, 1.0, HOT) for over in (stack, [whole]))
    same.SOPInstanceUID = same.file_meta.MediaStorageSOPInstanceUID = f"{state.SOPInstanceUID}.1"
    for dataset in (sagittal, *stack, whole, state, same):
        stored(site, dataset)
    found = picture(client, state)
    assert np.array_equal(picture(client, same), found)
    height = 20.0 - np.arange(30)
    nearest = np.clip(np.rint((height - 0.2) / 3.0), 0, 9)
    there = np.abs(height - 0.2 - 3.0 * nearest) <= 1.5
    expected = HOT[windowed(1100 + 100 * nearest - 1500, 0, 1000)]
    expected[~there] = windowed(np.array(0), 0, 1000)
    assert there.sum() in range(18, 30)
    assert np.abs(found[:, 8] - expected).max() <= 1


def test_what_cannot_be_blended_says_why(site: Site, client: TestClient) -> None:
    under, over = ct_slice(), coarse(1, 0.0)
    elsewhere = coarse(2, 0.0, FrameOfReferenceUID="1.2.3")
    for dataset in (under, over, elsewhere):
        stored(site, dataset)
    registered = {"ReferencedSpatialRegistrationSequence": [image_reference(over)]}
    for number, (images, more, status, said) in enumerate(
        (
            ([over], registered, 406, "registration"),
            ([elsewhere], {}, 406, "frame of reference"),
            ([coarse(3, 0.0)], {}, 422, "superimposes"),
            ([over], {"BlendingSequence": []}, 422, "over what"),
            ([over], {"RelativeOpacity": 7.0}, 422, "how much"),
        )
    ):
        state = blending_state([under], images, 0.5, HOT, **more)
        state.SOPInstanceUID = state.file_meta.MediaStorageSOPInstanceUID = f"{state.SOPInstanceUID}.{number}"
        stored(site, state)
        refused = get(client, url_of(state, "/rendered"), "image/png")
        assert (refused.status_code, said in refused.text) == (status, True), (said, refused.text)
