"""Curves through points of the patient, and the points of the pictures along them, in numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def along(points: Array, count: int) -> tuple[float, Array, Array]:
    """A centripetal Catmull-Rom curve: its length, `count` places at equal lengths, and its directions there."""
    ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    pieces = []
    for four in np.lib.stride_tricks.sliding_window_view(ends, 4, axis=0).transpose(0, 2, 1):
        knots = np.concatenate([[0], np.cumsum(np.sqrt(np.linalg.norm(np.diff(four, axis=0), axis=1)))])
        # as a cubic of Hermite: the slopes of unequally spaced Catmull-Rom
        t0, t1, t2, t3 = knots
        a, b, c, d = four
        start = (t2 - t1) * ((b - a) / (t1 - t0) - (c - a) / (t2 - t0) + (c - b) / (t2 - t1))
        end = (t2 - t1) * ((c - b) / (t2 - t1) - (d - b) / (t3 - t1) + (d - c) / (t3 - t2))
        u = np.linspace(0, 1, 1500)[:, None]
        pieces.append(b + start * u + (3 * (c - b) - 2 * start - end) * u**2 + (2 * (b - c) + start + end) * u**3)
    fine = np.vstack(pieces)
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    wanted = np.linspace(0, lengths[-1], count)
    places = np.stack([np.interp(wanted, lengths, fine[:, axis]) for axis in range(3)], axis=1)
    ways = np.gradient(places, axis=0)
    return float(lengths[-1]), places, ways / np.linalg.norm(ways, axis=1)[:, None]


def straightened(places: Array, ways: Array, rows: int, step: float) -> Array:
    """Points of the straightened picture, row after row: up is carried along without a turn about the curve."""
    up = np.array([0, -1, 0] if abs(ways[0][2]) > 0.9 else [0, 0, 1], float)
    ups = []
    for way in ways:
        up = up - (up @ way) * way  # of steps this small, what parallel transport is
        up /= np.linalg.norm(up)
        ups.append(up)
    down = (np.arange(rows) - (rows - 1) / 2) * step
    return np.asarray(places[None] - down[:, None, None] * np.array(ups)[None])
