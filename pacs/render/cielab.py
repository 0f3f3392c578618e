"""Colours of the display: CIELab as DICOM codes it (PS3.3 C.10.7.1.1), and grey P-Values, to RGB of 8 bits."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

from pacs.render.description import integers

Colour = tuple[int, int, int]

# CIE D50 of the ICC profile connection space, adapted to the D65 of sRGB (Bradford): rows R, G, B; columns X, Y, Z
_WHITE = (0.9642, 1.0, 0.8249)
_TO_RGB = ((3.1339, -1.6169, -0.4906), (-0.9788, 1.9161, 0.0335), (0.0719, -0.2290, 1.4052))


def from_cielab(values: Sequence[int]) -> Colour:
    """L*, a*, b*, each coded as 0 to 65535, to sRGB, clipped to what it can show."""
    lightness = values[0] / 65535 * 100
    a, b = (value / 65535 * 255 - 128 for value in values[1:3])
    y = (lightness + 16) / 116
    xyz = [_inverse(part) * white for part, white in zip((y + a / 500, y, y - b / 200), _WHITE, strict=True)]
    linear = [sum(weight * part for weight, part in zip(row, xyz, strict=True)) for row in _TO_RGB]
    red, green, blue = (round(255 * _gamma(min(max(part, 0.0), 1.0))) for part in linear)
    return red, green, blue


def from_p_value(value: int) -> Colour:
    """A grey P-Value of 16 bits."""
    grey = round(min(max(value, 0), 65535) / 65535 * 255)
    return grey, grey, grey


def read_colour(dataset: Dataset, cielab_keyword: str, p_value_keyword: str = "") -> Colour | None:
    """The colour in which something is recommended to be shown, None where there is no word of it."""
    cielab = integers(dataset, cielab_keyword)
    if len(cielab) == 3:
        return from_cielab(cielab)
    p_value = integers(dataset, p_value_keyword) if p_value_keyword else []
    return from_p_value(p_value[0]) if p_value else None


def _inverse(value: float) -> float:
    cubed = value**3
    return cubed if cubed > 0.008856 else (value - 16 / 116) / 7.787


def _gamma(value: float) -> float:
    return float(12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)
