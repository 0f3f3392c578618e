"""Graphic annotations of presentation states (PS3.3 C.10.5): texts and figures, in the order of their layers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from pacs.render.cielab import Colour
from pacs.render.description import numbers, text
from pacs.render.header import items
from pacs.render.lettering import SIZE_MAX, SIZE_MIN, Bytes, clean, font

Point = tuple[float, float]

_POINTS_MAX = 20_000
_LETTERS_MAX = 2000
_LINES_MAX = 50
_STEPS = 96


@dataclass(frozen=True, slots=True)
class Layer:
    """A graphic layer: lower orders are drawn first."""

    order: int = 0
    colour: Colour = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a part of an image lies in the picture: its box in image pixels, then turned clockwise by `turns` quarters,
    then flipped, then scaled to `columns` x `rows`."""

    left: float
    top: float
    width: float
    height: float
    turns: int
    flip: bool
    columns: int
    rows: int

    def of_image(self, point: Point) -> Point:
        """A point of the image, 0\\0 being the top left corner of its first pixel (C.10.5.1.2), in the picture."""
        x, y = point[0] - self.left, point[1] - self.top
        x, y = ((x, y), (self.height - y, x), (self.width - x, self.height - y), (y, self.width - x))[self.turns]
        width, height = (self.height, self.width) if self.turns % 2 else (self.width, self.height)
        x = width - x if self.flip else x
        return x * self.columns / width, y * self.rows / height

    def of_display(self, point: Point) -> Point:
        """A point given in fractions of the displayed area."""
        return point[0] * self.columns, point[1] * self.rows

    def place(self, point: Point, units: str) -> Point:
        """A point in `units` of the standard: DISPLAY, or the image's own."""
        return self.of_display(point) if units == "DISPLAY" else self.of_image(point)


def draw_marks(shown: Bytes, marks: Sequence[Dataset], layers: Mapping[str, Layer], placement: Placement) -> Bytes:
    """The picture with figures and texts over it; in colour where a layer has one."""
    if not marks:
        return shown
    chosen = sorted(
        ((layers.get(text(mark, "GraphicLayer"), Layer()), mark) for mark in marks), key=lambda pair: pair[0].order
    )
    if shown.ndim == 2 and any(len(set(layer.colour)) > 1 for layer, _ in chosen):
        shown = np.repeat(shown[:, :, None], 3, axis=2)
    canvas = Image.fromarray(np.ascontiguousarray(shown))
    draw = ImageDraw.Draw(canvas)
    line = max(1, round(min(placement.rows, placement.columns) / 400))
    for layer, mark in chosen:
        ink = layer.colour if shown.ndim == 3 else layer.colour[0]
        for figure in items(mark, "GraphicObjectSequence"):
            _draw_figure(draw, figure, ink, line, placement)
        for words in items(mark, "TextObjectSequence"):
            _draw_text(draw, words, ink, line, placement)
    return np.asarray(canvas)


def _draw_figure(
    draw: ImageDraw.ImageDraw, figure: Dataset, ink: Colour | int, line: int, placement: Placement
) -> None:
    values = numbers(figure, "GraphicData")[: 2 * _POINTS_MAX]
    units = text(figure, "GraphicAnnotationUnits", "PIXEL")
    points = list(zip(values[0::2], values[1::2], strict=False))
    kind = text(figure, "GraphicType")
    curve = _curve(kind, points)
    drawn = [placement.place(point, units) for point in curve]
    if not drawn:
        return
    if kind == "POINT" or len(drawn) == 1:
        arm = 4 * line
        for x, y in drawn:
            draw.line([(x - arm, y), (x + arm, y)], fill=ink, width=line)
            draw.line([(x, y - arm), (x, y + arm)], fill=ink, width=line)
        return
    if text(figure, "GraphicFilled") == "Y" and len(drawn) > 2:
        draw.polygon(drawn, fill=ink)
    draw.line(drawn, fill=ink, width=line, joint="curve")


def _curve(kind: str, points: Sequence[Point]) -> list[Point]:
    """The points to be joined by straight lines."""
    angles = [2 * math.pi * step / _STEPS for step in range(_STEPS + 1)]
    if kind == "CIRCLE" and len(points) == 2:
        (x, y), edge = points
        radius = math.dist((x, y), edge)
        return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles]
    if kind == "ELLIPSE" and len(points) == 4:
        a, b, c, d = points
        x, y = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
        major, minor = ((b[0] - a[0]) / 2, (b[1] - a[1]) / 2), ((d[0] - c[0]) / 2, (d[1] - c[1]) / 2)
        return [
            (
                x + major[0] * math.cos(angle) + minor[0] * math.sin(angle),
                y + major[1] * math.cos(angle) + minor[1] * math.sin(angle),
            )
            for angle in angles
        ]
    if kind == "INTERPOLATED" and len(points) > 2:
        return _spline(points)
    return list(points)


def _spline(points: Sequence[Point]) -> list[Point]:
    """A smooth curve through every point (Catmull-Rom); closed where the last point is the first."""
    closed = points[0] == points[-1]
    ends = (points[-2], points[1]) if closed else (points[0], points[-1])
    known = [ends[0], *points, ends[1]]
    steps = max(2, min(16, _POINTS_MAX // len(points)))
    curve: list[Point] = []
    for before, start, end, after in zip(known, known[1:], known[2:], known[3:], strict=False):
        for step in range(steps):
            t = step / steps
            curve.append(
                (_cubic(before[0], start[0], end[0], after[0], t), _cubic(before[1], start[1], end[1], after[1], t))
            )
    return [*curve, points[-1]]


def _cubic(before: float, start: float, end: float, after: float, t: float) -> float:
    linear = (end - before) * t
    square = (2 * before - 5 * start + 4 * end - after) * t**2
    cube = (3 * start - before - 3 * end + after) * t**3
    return 0.5 * (2 * start + linear + square + cube)


def _draw_text(draw: ImageDraw.ImageDraw, words: Dataset, ink: Colour | int, line: int, placement: Placement) -> None:
    said = text(words, "UnformattedTextValue")[:_LETTERS_MAX]
    lines = [clean(part) for part in said.replace("\r\n", "\n").replace("\r", "\n").split("\n")][:_LINES_MAX]
    anchor = numbers(words, "AnchorPoint")[:2]
    at_anchor = (
        placement.place((anchor[0], anchor[1]), text(words, "AnchorPointAnnotationUnits")) if len(anchor) == 2 else None
    )
    corners = [numbers(words, f"BoundingBox{corner}HandCorner")[:2] for corner in ("TopLeft", "BottomRight")]
    size = min(max(placement.rows // 30, SIZE_MIN), SIZE_MAX)
    if all(len(corner) == 2 for corner in corners):
        units = text(words, "BoundingBoxAnnotationUnits")
        placed = [placement.place((corner[0], corner[1]), units) for corner in corners]
        (left, right), (top, bottom) = (sorted(pair) for pair in zip(*placed, strict=True))
        size = min(max(int((bottom - top) / len(lines) / 1.2), SIZE_MIN), SIZE_MAX)
    elif at_anchor is not None:
        left, top = at_anchor[0] + 2 * line, at_anchor[1] + 2 * line
        right, bottom = left, top
    else:
        return
    if at_anchor is not None and text(words, "AnchorPointVisibility") == "Y" and right > left:
        nearest = min(max(at_anchor[0], left), right), min(max(at_anchor[1], top), bottom)
        draw.line([at_anchor, nearest], fill=ink, width=line)
    letters = font(size)
    where = text(words, "BoundingBoxTextHorizontalJustification")
    for index, part in enumerate(lines):
        spare = (right - left) - letters.getlength(part)
        shift = {"CENTER": spare / 2, "RIGHT": spare}.get(where, 0.0) if right > left else 0.0
        place = (left + shift, top + index * size * 1.2)
        draw.text(
            place, part, fill=ink, font=letters, stroke_width=1, stroke_fill=0 if isinstance(ink, int) else (0, 0, 0)
        )
