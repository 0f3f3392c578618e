"""Display shutters: what each shape leaves open, and what covers the rest."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from pacs.render.shutter import shutter


def shutter_of(**attributes: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


RECTANGLE = {
    "ShutterLeftVerticalEdge": 3,
    "ShutterRightVerticalEdge": 5,
    "ShutterUpperHorizontalEdge": 2,
    "ShutterLowerHorizontalEdge": 4,
}
CIRCLE = {"CenterOfCircularShutter": [4, 4], "RadiusOfCircularShutter": 2}
POLYGON = {"VerticesOfThePolygonalShutter": [2, 2, 2, 6, 6, 6, 6, 2]}


def test_edges_of_a_rectangle_are_open() -> None:
    found = shutter(shutter_of(ShutterShape="RECTANGULAR", **RECTANGLE), 8, 8)
    assert found is not None
    opened = np.argwhere(~found.covered) + 1
    assert (opened.min(axis=0).tolist(), opened.max(axis=0).tolist()) == ([2, 3], [4, 5])
    assert found.shade == (0, 0, 0)


def test_a_circle_and_a_polygon() -> None:
    circle = shutter(shutter_of(ShutterShape="CIRCULAR", **CIRCLE), 8, 8)
    polygon = shutter(shutter_of(ShutterShape="POLYGONAL", **POLYGON), 8, 8)
    assert circle is not None
    assert polygon is not None
    assert (~circle.covered).sum() == 13
    assert (~polygon.covered).sum() == 25


def test_what_is_seen_is_open_in_every_shape() -> None:
    both = shutter(shutter_of(ShutterShape=["RECTANGULAR", "CIRCULAR"], **RECTANGLE, **CIRCLE), 8, 8)
    circle = shutter(shutter_of(ShutterShape="CIRCULAR", **CIRCLE), 8, 8)
    assert both is not None
    assert circle is not None
    assert (both.covered & circle.covered).sum() == circle.covered.sum() < both.covered.sum()


def test_the_shade_is_a_p_value_or_a_colour() -> None:
    grey = shutter(shutter_of(ShutterShape="CIRCULAR", ShutterPresentationValue=0x8000, **CIRCLE), 8, 8)
    red = shutter(
        shutter_of(ShutterShape="CIRCULAR", ShutterPresentationColorCIELabValue=[34885, 53485, 50171], **CIRCLE), 8, 8
    )
    assert grey is not None
    assert red is not None
    assert grey.shade == (128, 128, 128)
    assert red.shade[0] > 240
    assert max(red.shade[1:]) < 40


@pytest.mark.parametrize("attributes", [{}, {"ShutterShape": "ROUND"}, {"ShutterShape": "CIRCULAR"}])
def test_what_describes_no_shape_covers_nothing(attributes: dict[str, object]) -> None:
    assert shutter(shutter_of(**attributes), 8, 8) is None
