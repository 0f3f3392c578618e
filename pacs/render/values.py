"""What the render floor is asked and what it answers; imports nothing heavy, so the parent process stays small."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from pacs.errors import QueryRefused, Unreadable

JPEG = "image/jpeg"
PNG = "image/png"
GIF = "image/gif"
MEDIA_TYPES = (JPEG, PNG, GIF)
QUALITY_DEFAULT = 90
ANNOTATIONS = ("patient", "technique")
PROFILES = ("no", "yes", "srgb", "adobergb", "rommrgb", "displayp3")
WINDOW_FUNCTIONS = ("linear", "linear-exact", "sigmoid")
OUTPUT_PIXELS_MAX = 64 << 20
FRAME_BYTES_MAX = 256 << 20
"""The largest decoded frame, in bytes: it and its copies fit the workers' default address space."""

PLAIN_PIXELS_MAX = 1 << 20
"""The largest image, and the largest picture of it, that is made without a worker: some milliseconds of arithmetic."""

VOLUME_BYTES_MAX = 160 << 20
"""The largest volume that is put together, in bytes as stored and decoded: three of it fit into a worker."""

DECODABLE = frozenset(
    f"1.2.840.10008.1.2.{number}"
    for number in (
        *("4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91"),
        *("4.110", "4.111", "4.112", "4.201", "4.202", "4.203", "5", "8.1"),
    )
)
"""The compressed transfer syntaxes whose frames can be decoded: those of `pacs.render.codecs.DECODERS`."""

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
ENCODABLE = DECODABLE - {"1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.8.1"}
"""Those which frames can be encoded in, JPEG Baseline alone with loss: those of `pacs.render.encoders.ENCODERS`."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """`viewport=vw,vh[,sx,sy,sw,sh]` (PS3.18 8.3.5.1.3): crop the source region, then scale it to fit, aspect kept.

    Target and source are in pixels, the source's origin at the top left. An elided source value is None: 0 for the
    origin, the image's own size for the extent. A negative source extent flips that axis. `enlarges` false: what is
    smaller keeps its own size (not of the standard: whoever enlarges it himself is spared the bytes).
    Raises QueryRefused.
    """

    width: int
    height: int
    source_x: float | None = None
    source_y: float | None = None
    source_width: float | None = None
    source_height: float | None = None
    enlarges: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1 or self.width * self.height > OUTPUT_PIXELS_MAX:
            raise QueryRefused(
                f"viewport {self.width}x{self.height} is out of range",
                f"ask for a width and height of at least 1 and at most {OUTPUT_PIXELS_MAX} pixels together",
            )
        source = (self.source_x, self.source_y, self.source_width, self.source_height)
        if any(value is not None and not math.isfinite(value) for value in source):
            raise QueryRefused("the viewport's source region is not a number", "give finite pixel values")
        if any(value is not None and value < 0 for value in source[:2]) or 0 in source[2:]:
            raise QueryRefused(
                "the viewport's source region is out of range",
                "the origin must not be negative and width and height must not be 0",
            )


@dataclass(frozen=True, slots=True)
class RenderParameters:
    """How to make a picture (PS3.18 8.3.5.1).

    `window` is (centre, width, function) in the units of the modality LUT's output, for instance HU; None takes the
    object's own. `quality` is 1 to 100 and only means something to JPEG. Raises QueryRefused.
    """

    window: tuple[float, float, str] | None = None
    viewport: Viewport | None = None
    quality: int | None = None
    media_type: str = JPEG
    annotation: tuple[str, ...] = ()
    profile: str = ""

    def __post_init__(self) -> None:
        if self.media_type not in MEDIA_TYPES:
            raise QueryRefused(f"no picture is made as {self.media_type}", f"ask for {' or '.join(MEDIA_TYPES)}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise QueryRefused(f"quality {self.quality} is out of range", "give a whole number from 1 to 100")
        if not set(self.annotation) <= set(ANNOTATIONS):
            raise QueryRefused("annotation names something unknown", f"use {' or '.join(ANNOTATIONS)}")
        if self.profile and self.profile not in PROFILES:
            raise QueryRefused("iccprofile names something unknown", f"use one of {', '.join(PROFILES)}")
        if self.window is not None:
            _check_window(*self.window)


def _check_window(center: float, width: float, function: str) -> None:
    if function not in WINDOW_FUNCTIONS:
        raise QueryRefused(f"unknown window function {function!r}", f"use one of {', '.join(WINDOW_FUNCTIONS)}")
    if not (math.isfinite(center) and math.isfinite(width)):
        raise QueryRefused("window centre or width is not a number", "give finite values")
    # PS3.3 C.11.2.1.2: linear needs a width of at least 1, the other two more than 0
    if width < 1 if function == "linear" else width <= 0:
        raise QueryRefused(f"window width {width:g} is too small", "linear needs at least 1, the others more than 0")


@dataclass(frozen=True, slots=True)
class PlainGrey:
    """All that a header says of a grey image which needs no decoder, no table and has nothing lying over it.

    `slope` and `intercept` make values of what is stored, `window` is the object's own (None: it has none that can be
    used), `padding` the lowest and highest stored value that is no image, `aspect` height by width of a pixel.
    Raises Unreadable: it comes from a worker, which is not trusted.
    """

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    slope: float
    intercept: float
    window: tuple[float, float, str] | None
    inverted: bool
    padding: tuple[float, float] | None
    aspect: float

    def __post_init__(self) -> None:
        numbers = (self.slope, self.intercept, self.aspect, *(self.padding or ()))
        if (
            not all(map(math.isfinite, numbers))
            or self.aspect <= 0
            or not (self.rows > 0 and self.columns > 0 and self.rows * self.columns <= PLAIN_PIXELS_MAX)
            or self.bits_allocated not in (8, 16)
            or not 1 <= self.bits_stored <= self.bits_allocated
            or self.pixel_representation not in (0, 1)
        ):
            raise Unreadable("the decoder described an image that cannot be", "report this object to the administrator")


@dataclass(frozen=True, slots=True)
class VolumeView:
    """How a volume is looked at.

    `right` and `down` of the picture are unit vectors of the patient (LPS), `center` a point in mm in the plane
    (None: the middle), `slab_mm` the thickness of a slab (0: one plane); `whole` projects all of it.
    """

    right: tuple[float, float, float]
    down: tuple[float, float, float]
    method: Literal["maximum_ip", "minimum_ip", "average_ip"] = "average_ip"
    slab_mm: float = 0.0
    center: tuple[float, float, float] | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Attached:
    """What else changes how a frame looks: a presentation state, a segmentation or image whose frames lie over it, or
    frames of its own object that are taken away from it.

    `header` and `frames` (number and bytes) are in the form of `RenderJob`.
    """

    kind: Literal["presentation", "segmentation", "superimposed", "slice", "mask"]
    header: bytes | memoryview
    transfer_syntax_uid: str
    pixel_data_vr: str = ""
    frames: tuple[tuple[int, bytes | memoryview], ...] = ()


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One frame to decode or to make a picture of.

    `header` is the data set up to the pixel data element, in the object's own encoding (of the deflated syntax: already
    inflated). `frame` holds the frame's bytes as stored: of an encapsulated frame its fragments joined, of a native
    frame its byte range; a native 1-bit frame that starts inside a byte is given with every byte it touches, its first
    bit following from `frame_number` (1-based). `pixel_data_vr` is the VR of the pixel data element where it is known
    (it tells OF and OD from OW, and byte-swapped words in Explicit VR Big Endian). `attached` changes the picture only.
    """

    header: bytes | memoryview
    transfer_syntax_uid: str
    frame: bytes | memoryview
    frame_number: int = 1
    parameters: RenderParameters = field(default_factory=RenderParameters)
    pixel_data_vr: str = ""
    attached: tuple[Attached, ...] = ()

    @property
    def parts(self) -> list[bytes | memoryview]:
        """Everything in it that is bytes, in the order in which it goes to a worker."""
        frames = [[other.header, *(frame for _, frame in other.frames)] for other in self.attached]
        return [self.header, self.frame, *(part for parts in frames for part in parts)]


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture; `width` and `height` in pixels."""

    media_type: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame as native little-endian values, in rows from the top left, colour by pixel (PS3.3 C.7.6.3.1).

    `len(data)` is rows * columns * samples_per_pixel * bits_allocated / 8, rounded up: of a 1-bit frame eight pixels
    are in a byte, the first in its lowest bit. `photometric_interpretation` is what the bytes are after decoding
    (YBR_RCT became RGB). `floating` marks OF and OD values.
    """

    data: bytes
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int = 0
    floating: bool = False


@dataclass(frozen=True, slots=True)
class UnpackedPicture:
    """The frames of a picture file one after the other, native little-endian, unsigned, gray or RGB by pixel.

    `frame_time_ms` is 0 where it does not move.
    """

    data: bytes
    number_of_frames: int
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    frame_time_ms: float


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame as a bare codestream, and what the header of an object of such frames has to say (PS3.5 8.2)."""

    data: bytes
    bits_allocated: int
    bits_stored: int
    pixel_representation: int
    photometric_interpretation: str
    planar_configuration: int


@dataclass(frozen=True, slots=True)
class SandboxMeasure:
    """One wall around a decode worker: whether it stands, and where not, what the system said."""

    name: str
    holds: bool
    detail: str = ""
