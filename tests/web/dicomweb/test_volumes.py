"""Views of a series: planes, slabs and projections against numpy's own, and refusals with their reasons."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage, RTDoseStorage
from starlette.testclient import TestClient

from pacs.access.principals import Role
from tests.support.derived_objects import item
from tests.support.factories import ct_series, ct_slice, us_cine
from tests.support.wado import get, stored
from tests.support.web import Site

SIDE = 24
WINDOW = "window=500,1000,linear-exact"


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


@pytest.fixture
def cube(site: Site) -> np.ndarray[Any, Any]:
    """HU of a cube of voxels of 1 mm, (z, y, x), stored slice by slice in no order."""
    values = np.random.default_rng(11).integers(0, 1000, (SIDE, SIDE, SIDE))
    series = ct_series(SIDE, rows=SIDE, columns=SIDE, spacing_mm=1.0)
    for place in np.random.default_rng(2).permutation(SIDE):
        series[place].PixelData = (values[place] + 1024).astype("<u2").tobytes()
        stored(site, series[place])
    return values


def series_url(dataset: Dataset, rest: str) -> str:
    return f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/{rest}"


def shown(client: TestClient, rest: str) -> np.ndarray[Any, Any]:
    response = get(client, series_url(ct_slice(), rest), "image/png")
    assert response.status_code == 200, response.text
    return np.asarray(imagecodecs.png_decode(response.content)).astype(int)


def grey(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.rint(np.clip(values / 1000, 0, 1) * 255)


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        ("a", lambda cube: cube.max(axis=1)[::-1]),
        ("p", lambda cube: cube.max(axis=1)[::-1, ::-1]),
        ("l", lambda cube: cube.max(axis=2)[::-1]),
        ("r", lambda cube: cube.max(axis=2)[::-1, ::-1]),
        ("f", lambda cube: cube.max(axis=0)),
        ("h", lambda cube: cube.max(axis=0)[:, ::-1]),
    ],
)
def test_projections_from_every_side(client: TestClient, cube: Any, orientation: str, expected: Any) -> None:
    found = shown(client, f"rendered3d?orientation={orientation}&{WINDOW}")
    assert np.abs(found - grey(expected(cube))).max() <= 1


@pytest.mark.parametrize(
    ("method", "reduce"), [("maximum_ip", np.max), ("minimum_ip", np.min), ("average_ip", np.mean)]
)
def test_planes_and_slabs(client: TestClient, cube: Any, method: str, reduce: Any) -> None:
    camera = "viewpointposition=0,-100,0&viewpointlookat=0,10,0&viewpointup=0,0,1"
    plane = shown(client, f"renderedmpr?{camera}&{WINDOW}")
    assert np.abs(plane - grey(cube[:, 10][::-1])).max() <= 1
    slab = shown(client, f"renderedMPR?{camera}&mprslab=4&renderingmethod={method}&{WINDOW}")
    assert np.abs(slab - grey(reduce(cube[:, 8:13], axis=1)[::-1])).max() <= 1


def test_an_oblique_plane_is_cut_through_what_is_there(client: TestClient, cube: Any) -> None:
    camera = "viewpointposition=-50,-50,11.5&viewpointlookat=11.5,11.5,11.5&viewpointup=0,0,1"
    found = shown(client, f"renderedmpr?{camera}&{WINDOW}&viewport=64,64")
    assert found.max() > 0
    assert max(found.shape) == 64
    assert found.shape[1] > found.shape[0]  # across the diagonal it is wider than it is high


@pytest.mark.parametrize(
    "query",
    [
        "orientation=x",
        "viewpointup=0,0,1",
        "mprslab=a",
        "mprslab=-1",
        "renderingmethod=volume_rendered",
        "match=1",
    ],
)
def test_malformed_parameters_are_400_with_a_hint(client: TestClient, cube: Any, query: str) -> None:
    response = get(client, series_url(ct_slice(), f"renderedmpr?{query}"), "image/png")
    assert response.status_code == 400
    assert response.json()["hint"]


def _dose(values: Any) -> Dataset:
    """Its first frame is the lowest, the others are offsets above it."""
    grid = ct_slice(study="dose", rows=SIDE, columns=SIDE)
    del grid.RescaleSlope, grid.RescaleIntercept
    grid.Modality, grid.SOPClassUID, grid.NumberOfFrames = "RTDOSE", RTDoseStorage, SIDE
    grid.ImagePositionPatient, grid.ImageOrientationPatient, grid.PixelSpacing = [0, 0, 7], [1, 0, 0, 0, 1, 0], [1, 1]
    grid.GridFrameOffsetVector, grid.DoseGridScaling = list(range(SIDE)), 0.5
    grid.BitsAllocated, grid.BitsStored, grid.HighBit = 32, 32, 31
    grid.PixelData = (2 * values).astype("<u4").tobytes()
    return grid


def _enhanced(values: Any) -> Dataset:
    """Frames in no order, each with a slope of its own."""
    image = ct_slice(study="enhanced", rows=SIDE, columns=SIDE)
    image.SOPClassUID, image.NumberOfFrames = EnhancedCTImageStorage, SIDE
    order = np.random.default_rng(2).permutation(SIDE)
    for keyword in ("RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "PixelSpacing"):
        del image[keyword]
    image.SharedFunctionalGroupsSequence = [item(PixelMeasuresSequence=[item(PixelSpacing=[1, 1])])]
    image.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, int(place)])],
            PixelValueTransformationSequence=[item(RescaleSlope=1 / (1 + place % 3), RescaleIntercept=0)],
        )
        for place in order
    ]
    image.PixelData = np.stack([values[place] * (1 + place % 3) for place in order]).astype("<u2").tobytes()
    return image


@pytest.mark.parametrize("made", [_dose, _enhanced])
def test_the_frames_of_one_object_are_its_slices(site: Site, client: TestClient, made: Any) -> None:
    values = np.random.default_rng(12).integers(0, 1000, (SIDE, SIDE, SIDE))
    volume = made(values)
    stored(site, volume)
    response = get(client, series_url(volume, f"rendered3d?orientation=l&{WINDOW}"), "image/png")
    assert response.status_code == 200, response.text
    found = np.asarray(imagecodecs.png_decode(response.content)).astype(int)
    assert np.abs(found - grey(values.max(axis=2)[::-1])).max() <= 1


def test_what_is_no_volume_is_refused_with_the_reason(site: Site, client: TestClient) -> None:
    gap = [one for one in ct_series(9, study="gap") if one.InstanceNumber not in (4, 5)]
    same = ct_series(4, study="same")
    for one in same:
        one.ImagePositionPatient = [0, 0, 0]
    colour = us_cine(frames=3, study="colour")
    for dataset in (*gap, *same, colour):
        stored(site, dataset)
    for dataset, reason in ((gap[0], "missing"), (same[0], "same place"), (colour, "colour")):
        response = get(client, series_url(dataset, "rendered3d"), "image/png")
        assert response.status_code == 422
        assert reason in response.text, response.text
