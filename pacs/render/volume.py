"""Views of a stack of slices (PS3.18 8.3.5.3, PS3.4 FF): planes and slabs through it, and projections of all of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from pacs.errors import Unreadable
from pacs.render import geometry, grayscale
from pacs.render.description import PixelDescription, numbers, text
from pacs.render.header import FrameHeader, read_header
from pacs.render.native import Pixels
from pacs.render.picture import image_pixels
from pacs.render.picture_file import encode
from pacs.render.planes import Plane, plane_of
from pacs.render.values import VOLUME_BYTES_MAX, Attached, Picture, RenderParameters, VolumeView

_SLICES_MIN = 3
_STEPS_FINE, _STEPS_MAX = 24, 400
_SIDE_FINE, _SIDE_COARSE = 512, 256
_UNEVEN = 0.1
_SAME_STEP = 1e-3
_SAME_PLACE_MM = 0.01
_UPRIGHT = 0.999  # cosine
_HINT = "show the images by themselves"

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Volume:
    """`stored` (slices, rows, columns) of raw values, with slope and intercept a slice.

    `origin` is the centre of the first voxel in mm of the patient, the rows of `axes` are the steps in mm from voxel to
    voxel along slices, rows and columns.
    """

    stored: Pixels
    slopes: NDArray[np.float32]
    intercepts: NDArray[np.float32]
    origin: Vector
    axes: Vector
    header: FrameHeader
    description: PixelDescription


def read_volume(slices: Sequence[Attached]) -> Volume:
    """The slices as one volume, whatever their order. Raises Unreadable, with the reason, for what is no volume."""
    found = [one for attached in slices for one in _slices(attached)]
    if len(found) < _SLICES_MIN:
        raise _no_volume(f"there are {len(found)} slices")
    first = found[0]
    grid = (first.plane.rows, first.plane.columns)
    if any((one.plane.rows, one.plane.columns) != grid or one.kind != first.kind for one in found):
        raise _no_volume("the images differ in size or kind of pixels")
    if not all(one.lies_as(first) for one in found):
        raise _no_volume("the images differ in orientation or spacing")
    normal = first.plane.normal
    found.sort(key=lambda one: float(one.plane.origin @ normal))
    gaps = np.diff([float(one.plane.origin @ normal) for one in found])
    if gaps.min() < 1e-3:
        raise _no_volume("several images lie in the same place")
    if np.ptp(gaps) > _UNEVEN * float(np.median(gaps)):
        raise _no_volume("slices are missing, or the distances between them differ")
    step = (found[-1].plane.origin - found[0].plane.origin) / (len(found) - 1)
    rows, columns = grid
    description = first.description
    if rows * columns * len(found) * description.dtype.itemsize > VOLUME_BYTES_MAX:
        raise _no_volume("it is too large to be put together here")
    stored = np.empty((len(found), rows, columns), description.dtype)
    for place, one in enumerate(found):
        stored[place] = image_pixels(one.description, one.frame, one.header.frame_number)
    return Volume(
        stored,
        np.array([one.slope for one in found], np.float32),
        np.array([one.intercept for one in found], np.float32),
        found[0].plane.origin,
        np.stack([step, first.plane.down, first.plane.across]),
        found[len(found) // 2].header,
        description,
    )


@dataclass(frozen=True, slots=True)
class _Slice:
    header: FrameHeader
    description: PixelDescription
    frame: bytes
    plane: Plane
    slope: float
    intercept: float

    @property
    def kind(self) -> tuple[int, int, int]:
        return self.description.bits_allocated, self.description.bits_stored, self.description.pixel_representation

    def lies_as(self, other: _Slice) -> bool:
        """Whether the pixels of both are as far apart, in the same directions."""
        steps = zip((self.plane.across, self.plane.down), (other.plane.across, other.plane.down), strict=True)
        return all(np.abs(one - two).max() <= _SAME_STEP * float(np.linalg.norm(two)) for one, two in steps)


def _slices(attached: Attached) -> Iterator[_Slice]:
    """The frames of one object."""
    dataset = read_header(bytes(attached.header), attached.transfer_syntax_uid)
    description = PixelDescription.from_dataset(dataset, attached.transfer_syntax_uid, attached.pixel_data_vr)
    if description.samples_per_pixel != 1 or not description.photometric_interpretation.startswith("MONOCHROME"):
        raise _no_volume("the images are in colour")
    if "ModalityLUTSequence" in dataset:
        raise _no_volume("its values stand in tables")
    for number, frame in attached.frames:
        header = FrameHeader(dataset, number, not description.big_endian)
        plane = plane_of(header, description.rows, description.columns)
        plane = plane and _in_grid(plane, dataset, number)
        if plane is None:
            raise _no_volume("the images do not say where in the patient they lie")
        yield _Slice(header, description, bytes(frame), plane, *grayscale.rescale(header))


def _in_grid(plane: Plane, dataset: Dataset, number: int) -> Plane | None:
    """Where a frame of a dose grid lies: offsets are along its normal, or each frame's own z (PS3.3 C.8.8.3.2)."""
    offsets = numbers(dataset, "GridFrameOffsetVector")
    if not offsets:
        return plane
    if number > len(offsets):
        return None
    own = offsets[number - 1]
    if offsets[0] == 0:
        return replace(plane, origin=plane.origin + own * plane.normal)
    if abs(offsets[0] - plane.origin[2]) > _SAME_PLACE_MM or abs(plane.normal[2]) < _UPRIGHT:
        return None
    return replace(plane, origin=np.array([*plane.origin[:2], own]))


def render_volume(slices: Sequence[Attached], view: VolumeView, parameters: RenderParameters) -> Picture:
    """A picture of a plane, a slab or the whole of the volume. Raises Unreadable, QueryRefused."""
    volume = read_volume(slices)
    values = sample(volume, view)
    window = parameters.window or grayscale.own_window(volume.header, volume.description)
    if window is None:
        known = values[np.isfinite(values)]
        low, high = (float(end) for end in np.percentile(known, (0.5, 99.5))) if known.size else (0.0, 1.0)
        window = ((low + high) / 2, max(high - low, 1e-6), "linear-exact")
    invert = text(volume.header.dataset, "PhotometricInterpretation") == "MONOCHROME1"
    shade = grayscale.window_transform(*window)
    outside = ~np.isfinite(values)
    tones = np.clip(shade(np.where(outside, 0.0, values)), 0.0, 1.0)
    shown = np.rint(255 * (1 - tones if invert else tones)).astype(np.uint8)
    shown[outside] = 0
    viewport = parameters.viewport
    return encode(geometry.scaled(shown, *geometry.size(shown.shape[0], shown.shape[1], 1.0, viewport)), parameters)


def sample(volume: Volume, view: VolumeView) -> Vector:
    """Modality values on a grid of square pixels across the view, NaN where there is no volume."""
    right, down = np.array(view.right, np.float64), np.array(view.down, np.float64)
    normal = np.cross(right, down)
    sizes = np.array(volume.stored.shape) - 1
    corners = (
        np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * sizes @ volume.axes + volume.origin
    )
    middle = corners.mean(axis=0)
    center = np.array(view.center, np.float64) if view.center is not None else middle
    steps_mm = np.linalg.norm(volume.axes, axis=1)
    fine = float(steps_mm.min())
    if view.whole:
        ends = corners @ normal
        depths = np.arange(float(ends.min()), float(ends.max()) + fine, float(np.median(steps_mm)))
    else:
        count = max(round(view.slab_mm / fine), 0) + 1
        depths = float(center @ normal) + (np.arange(count) - (count - 1) / 2) * fine
    if len(depths) > _STEPS_MAX:
        depths = np.linspace(depths[0], depths[-1], _STEPS_MAX)
    side = _SIDE_FINE if len(depths) <= _STEPS_FINE else _SIDE_COARSE
    sizes_mm = [
        float(np.abs(volume.axes @ axis) @ (sizes + 1)) for axis in (right, down)
    ]  # with half a voxel at either end
    pixel = max(fine, *(size / side for size in sizes_mm))
    counts = [max(int(size / pixel + 0.5), 1) for size in sizes_mm]
    across, along = (
        float(middle @ axis) + (np.arange(count) - (count - 1) / 2) * pixel
        for axis, count in zip((right, down), counts, strict=True)
    )
    plane = along[:, None, None] * down + across[None, :, None] * right
    to_index = np.linalg.inv(volume.axes)
    total = np.full(plane.shape[:2], {"maximum_ip": -np.inf, "minimum_ip": np.inf}.get(view.method, 0.0))
    counted = np.zeros(plane.shape[:2], np.int32)
    for depth in depths:
        values, inside = _interpolated(volume, (plane + depth * normal - volume.origin) @ to_index)
        counted += inside
        if view.method == "maximum_ip":
            total = np.where(inside, np.maximum(total, values), total)
        elif view.method == "minimum_ip":
            total = np.where(inside, np.minimum(total, values), total)
        else:
            total += np.where(inside, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        shown = total / counted if view.method == "average_ip" else total
    return np.where(counted > 0, shown, np.nan)


def _interpolated(volume: Volume, places: Vector) -> tuple[Vector, NDArray[np.bool_]]:
    """Values between voxels (slice, row, column), linear in each direction, and where there are any."""
    sizes = np.array(volume.stored.shape)
    inside = ((places >= -0.5) & (places <= sizes - 0.5)).all(axis=-1)
    places = np.clip(places, 0, sizes - 1)
    low = np.minimum(places.astype(np.int64), sizes - 2)
    part = places - low
    values = np.zeros(inside.shape)
    for a in (0, 1):
        layer = np.zeros(inside.shape)
        for b in (0, 1):
            for c in (0, 1):
                weight = (part[..., 1] if b else 1 - part[..., 1]) * (part[..., 2] if c else 1 - part[..., 2])
                layer += weight * volume.stored[low[..., 0] + a, low[..., 1] + b, low[..., 2] + c]
        index = low[..., 0] + a
        units = layer * volume.slopes[index] + volume.intercepts[index]
        values += (part[..., 0] if a else 1 - part[..., 0]) * units
    return np.asarray(values), np.asarray(inside)


def _no_volume(reason: str) -> Unreadable:
    return Unreadable(f"these images make no volume: {reason}", _HINT)
