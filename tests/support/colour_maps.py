"""The viewer's colour maps by numpy alone: from the points that vtk.js ships, in the space that each names."""

from __future__ import annotations

import colorsys
import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.process import ROOT

Colours = NDArray[np.float64]

_SHIPPED = ROOT / "viewer/node_modules/@kitware/vtk.js/Rendering/Core/ColorTransferFunction/ColorMaps.json.js"
_OFFERED = ROOT / "viewer/src/tools/colourMaps.ts"
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])  # D65
_GREY_BETWEEN = np.pi / 3  # hues as far apart meet in a grey (Moreland 2009)


def names() -> list[str]:
    """Of the maps that the viewer offers, the plain greys first."""
    return ["Grayscale", *re.findall(r'^  \["([^"]+)", "', _OFFERED.read_text(encoding="utf-8"), re.MULTILINE)]


def _shipped() -> dict[str, Any]:
    text = _SHIPPED.read_text(encoding="utf-8")
    found = re.search(r'JSON\.parse\(("(?:[^"\\]|\\.)*")\)', text)
    assert found is not None
    return {one["Name"]: one for one in json.loads(json.loads(found[1]))}


def _lab(colour: Colours) -> Colours:
    linear = np.where(colour > 0.04045, ((colour + 0.055) / 1.055) ** 2.4, colour / 12.92)
    share = (_TO_XYZ @ linear) / _WHITE
    root = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def _from_lab(lab: Colours) -> Colours:
    y = (lab[0] + 16) / 116
    root = np.array([y + lab[1] / 500, y, y - lab[2] / 200])
    share = np.where(root**3 > 0.008856, root**3, (root - 16 / 116) / 7.787)
    linear = np.linalg.solve(_TO_XYZ, share * _WHITE)
    colour = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.asarray(np.clip(colour / max(1.0, float(colour.max())), 0, 1))


def _polar(lab: Colours) -> Colours:
    size = float(np.linalg.norm(lab))
    saturation = float(np.arccos(lab[0] / size)) if size > 0.001 else 0.0
    return np.array([size, saturation, np.arctan2(lab[2], lab[1]) if saturation > 0.001 else 0.0])


def _from_polar(polar: Colours) -> Colours:
    size, saturation, hue = polar
    across = size * np.sin(saturation)
    return _from_lab(np.array([size * np.cos(saturation), across * np.cos(hue), across * np.sin(hue)]))


def _turned(saturated: Colours, size: float) -> float:
    """The hue that a grey of another lightness has, for the way between both to be as far everywhere."""
    if saturated[0] >= size - 0.1:
        return float(saturated[2])
    turn = saturated[1] * np.sqrt(size**2 - saturated[0] ** 2) / (saturated[0] * np.sin(saturated[1]))
    return float(saturated[2] + (turn if saturated[2] > -0.3 * np.pi else -turn))


def _diverging(first: Colours, last: Colours, share: float) -> Colours:
    one, other = _polar(_lab(first)), _polar(_lab(last))
    apart = abs((one[2] - other[2] + np.pi) % (2 * np.pi) - np.pi)
    if one[1] > 0.05 and other[1] > 0.05 and apart > _GREY_BETWEEN:
        grey = np.array([max(one[0], other[0], 88.0), 0.0, 0.0])
        one, other, share = (one, grey, 2 * share) if share < 0.5 else (grey, other, 2 * share - 1)
    if one[1] < 0.05 < other[1]:
        one = np.array([one[0], one[1], _turned(other, one[0])])
    elif other[1] < 0.05 < one[1]:
        other = np.array([other[0], other[1], _turned(one, other[0])])
    return _from_polar((1 - share) * one + share * other)


def _hsv(first: Colours, last: Colours, share: float) -> Colours:
    one, other = (np.array(colorsys.rgb_to_hsv(*colour)) for colour in (first, last))
    if abs(one[0] - other[0]) > 0.5:
        (one if one[0] > other[0] else other)[0] -= 1
    hue, saturation, value = (1 - share) * one + share * other
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))


def table(name: str) -> Colours:
    """Red, green and blue, 0 to 1, of 256 levels."""
    shipped = _shipped()[name]
    points = np.array(shipped["RGBPoints"], np.float64).reshape(-1, 4)
    places = (points[:, 0] - points[0, 0]) / (points[-1, 0] - points[0, 0])
    made = []
    for level in np.linspace(0, 1, 256):
        at = min(max(int(np.searchsorted(places, level, "right")) - 1, 0), len(places) - 2)
        share = float((level - places[at]) / (places[at + 1] - places[at]))
        first, last = points[at, 1:], points[at + 1, 1:]
        match "RGB" if len(points) >= 64 else shipped["ColorSpace"]:  # as the viewer mixes them
            case "Lab":
                made.append(_from_lab((1 - share) * _lab(first) + share * _lab(last)))
            case "HSV":
                made.append(_hsv(first, last, share))
            case "Diverging":
                made.append(_diverging(first, last, share))
            case _:
                made.append((1 - share) * first + share * last)
    return np.array(made)
