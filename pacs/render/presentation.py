"""An image as a softcopy presentation state shows it (PS3.4 N.2, PS3.3 A.33): the state's word counts, not the image's.

Grayscale, color, pseudo-color, XA/XRF and blending states. Marks are drawn in the picture's own size, to stay sharp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom.dataset import Dataset

from pacs.dicom.uids import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN
from pacs.errors import Unreadable
from pacs.render import colour, geometry, grayscale, profile
from pacs.render.annotation import annotation_lines
from pacs.render.blending import blended, blending_item
from pacs.render.cielab import Colour, read_colour
from pacs.render.codecs import decoded_photometric_interpretation
from pacs.render.description import PixelDescription, integers, text
from pacs.render.header import FrameHeader, item, items, number, read_header
from pacs.render.lettering import font_size, written
from pacs.render.marks import Layer, Placement, draw_marks
from pacs.render.mask import difference_window, state_shift, subtracted
from pacs.render.native import Pixels
from pacs.render.overlay import Mask, groups, overlays
from pacs.render.picture import image_pixels, painted, whole_words
from pacs.render.picture_file import Shown, encode
from pacs.render.shutter import shade, shutter
from pacs.render.values import OUTPUT_PIXELS_MAX, Attached, Picture, RenderParameters, Viewport

_LAYER = 0x1001
_WHITE = (255, 255, 255)


def render_presented(
    dataset: Dataset,
    description: PixelDescription,
    frame: bytes,
    frame_number: int,
    parameters: RenderParameters,
    attached: Attached,
    rest: Sequence[Attached] = (),
) -> Picture:
    """A picture of one frame (1-based) through the state in `attached`; `rest` are masks that it takes away from it, or
    images that it superimposes.

    Raises Unreadable, NotAcceptable, QueryRefused.
    """
    state = read_header(bytes(attached.header), attached.transfer_syntax_uid)
    sop_instance_uid = text(dataset, "SOPInstanceUID")
    view = _View(
        state, sop_instance_uid, frame_number, description, attached.transfer_syntax_uid != EXPLICIT_VR_BIG_ENDIAN
    )
    pixels = image_pixels(description, frame, frame_number)
    header = FrameHeader(dataset, frame_number, little_endian=not description.big_endian)
    if "BlendingSequence" in state:
        shown = view.blended(header, pixels, rest)
    elif description.samples_per_pixel > 1:
        if description.samples_per_pixel != 3:
            raise Unreadable("this kind of colour has no picture", "fetch the object as it is stored")
        shown = colour.to_rgb(description, decoded_photometric_interpretation(description, frame), pixels)
    elif description.photometric_interpretation == "PALETTE COLOR":
        shown = colour.from_palette(header, description, pixels)
    else:
        taken = [image_pixels(description, bytes(part), number) for mask in rest for number, part in mask.frames]
        shown = view.tones(pixels, taken)

    def words() -> Pixels:
        return whole_words(description, frame, frame_number)

    shown = view.covered(shown)
    layers = view.layers()
    planes = sorted(view.planes(dataset, words), key=lambda pair: pair[0].order)
    for layer, mask in planes:
        shown = painted(shown, mask, layer.colour)
    shown, placement = view.placed(shown, parameters.viewport)
    shown = draw_marks(shown, view.marks(), layers, placement)
    own = b""
    if shown.ndim == 3:
        shown, own = profile.coloured(
            shown, profile.object_profile(state) or profile.object_profile(dataset), parameters.profile
        )
    if parameters.annotation:
        lines = annotation_lines(dataset, parameters.annotation, frame_number, description.number_of_frames)
        shown = written(shown, lines, font_size(shown.shape[0]))
    return encode(shown, parameters, own)


@dataclass(frozen=True, slots=True)
class _View:
    """What a state says about one frame of one image."""

    state: Dataset
    sop_instance_uid: str
    frame_number: int
    description: PixelDescription
    little_endian: bool

    @property
    def header(self) -> FrameHeader:
        """The state's own top level."""
        return self._header(self.state)

    def _header(self, dataset: Dataset) -> FrameHeader:
        return FrameHeader(dataset, 1, self.little_endian)

    def about(self, keyword: str) -> Iterator[Dataset]:
        """The items of a sequence of the state that are about this frame; those that name no image are about all."""
        for entry in items(self.state, keyword):
            references = items(entry, "ReferencedImageSequence")
            if not references or any(self._meant(reference) for reference in references):
                yield entry

    def _meant(self, reference: Dataset) -> bool:
        frames = integers(reference, "ReferencedFrameNumber")
        same = text(reference, "ReferencedSOPInstanceUID") == self.sop_instance_uid
        return same and (not frames or self.frame_number in frames)

    def tones(self, pixels: Pixels, masks: Sequence[Pixels] = ()) -> Shown:
        """Stored values through the state's modality, VOI and presentation LUT; one that is absent changes nothing.

        Masks are taken away before the VOI LUT, which is that of the difference (PS3.4 N.2).
        """
        modality = self._modality()
        if masks:
            masking = list(self.about("MaskSubtractionSequence"))
            presentations = list(self.about("MultiFramePresentationSequence"))
            shift = state_shift(self.state, masking, presentations, self.frame_number)
            pixels = subtracted(modality, pixels, masks, *shift)
            # what is left has both signs, and so have the values that a table begins with
            voi = self._voi(_minus_one) or grayscale.window_transform(*difference_window(pixels))
            modality = grayscale.linear_transform(1.0, 0.0)
        else:
            voi = self._voi(modality) or self._whole_range(modality)
        presentation = self._presentation_table()
        invert = text(self.state, "PresentationLUTShape") == "INVERSE"
        palette = "RedPaletteColorLookupTableDescriptor" in self.state

        def shades(values: grayscale.Values) -> grayscale.Values:
            linear = voi(modality(values))
            if presentation is None:
                return linear
            places = np.rint(np.clip(linear, 0.0, 1.0) * (len(presentation.entries) - 1)).astype(np.int64)
            return np.asarray(presentation.entries[places] / ((1 << presentation.bits) - 1))

        grey = grayscale.apply(pixels, shades, invert)
        if not palette:
            return grey
        return colour.from_whole_palette(self.header, replace(self.description, pixel_representation=0), grey)

    def blended(self, header: FrameHeader, pixels: Pixels, superimposed: Sequence[Attached]) -> Shown:
        """The underlying frame in grey, with what is superimposed over it. Raises Unreadable."""
        if not self.description.photometric_interpretation.startswith("MONOCHROME"):
            raise Unreadable("the underlying image of this state is in colour", "show it by itself")

        def tones(wanted: Dataset, image: Dataset, description: PixelDescription, frame: int, pixels: Pixels) -> Shown:
            uid = text(image, "SOPInstanceUID")
            return _View(wanted, uid, frame, description, self.little_endian).tones(pixels)

        underlying = blending_item(self.state, "UNDERLYING")
        under = tones(underlying, header.dataset, self.description, self.frame_number, pixels)
        return blended(self.header, header, self.description, under, superimposed, tones)

    def _modality(self) -> grayscale.Transform:
        """The table of the X-rays' intensity where the state has one for the frame, else its modality LUT."""
        for entry in self.about("PixelIntensityRelationshipLUTSequence"):
            ranges = integers(entry, "LUTFrameRange")
            pairs = zip(ranges[::2], ranges[1::2], strict=False)
            if not ranges or any(low <= self.frame_number <= high for low, high in pairs):
                signed = bool(self.description.pixel_representation)
                table = grayscale.read_table(self._header(entry), entry, signed)
                if table is not None:
                    return table
        return grayscale.modality_transform(self.header, self.description)

    def _voi(self, modality: grayscale.Transform) -> grayscale.Transform | None:
        for entry in self.about("SoftcopyVOILUTSequence"):
            window = grayscale.own_window(self._header(entry), self.description)
            if window is not None:
                return grayscale.window_transform(*window)
            table = grayscale.own_table(self._header(entry), self.description, modality)
            if table is not None:
                return _scaled(table)
        return None

    def _whole_range(self, modality: grayscale.Transform) -> grayscale.Transform:
        bits = self.description.bits_stored
        low = -(1 << (bits - 1)) if self.description.pixel_representation else 0
        ends = modality(np.array([float(low), float(low + (1 << bits) - 1)]))
        start, width = float(ends.min()), max(float(np.ptp(ends)), np.finfo(np.float64).tiny)
        return lambda values: (values - start) / width

    def _presentation_table(self) -> grayscale.LookUpTable | None:
        sequence = item(self.state, "PresentationLUTSequence")
        return grayscale.read_table(self.header, sequence, signed_input=False) if sequence is not None else None

    def covered(self, shown: Shown) -> Shown:
        """The image under the state's shutter, geometric or bitmap."""
        rows, columns = shown.shape[:2]
        shutters = (*self.about("FrameDisplayShutterSequence"), self.state)
        found = next((one for entry in shutters if (one := shutter(entry, rows, columns)) is not None), None)
        if found is not None:
            shown = painted(shown, found.covered, found.shade)
        group = integers(self.state, "ShutterOverlayGroup")
        for overlay in self._own_overlays(group):
            shown = painted(shown, overlay[1], shade(self.state))
        return shown

    def _own_overlays(self, wanted: list[int]) -> list[tuple[int, Mask]]:
        found = overlays(self.state, self._undetached, 1, _no_words)
        return [(overlay.group, overlay.mask) for overlay in found if overlay.group in wanted]

    @property
    def _undetached(self) -> PixelDescription:
        """The image's matrix for planes of the state, which have no image of their own to hide in."""
        return replace(self.description, transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN)

    def planes(self, dataset: Dataset, words: Callable[[], Pixels]) -> Iterator[tuple[Layer, Mask]]:
        """The overlays that the state switches on, its own before the image's of the same group."""
        layers = self.layers()
        hidden = set(integers(self.state, "ShutterOverlayGroup"))
        active = {
            group: str(self.state[group, _LAYER].value or "").strip()
            for group in groups(self.state)
            if (group, _LAYER) in self.state and group not in hidden
        }
        own = dict(self._own_overlays(list(active)))
        images = overlays(dataset, self.description, self.frame_number, words)
        found = {overlay.group: overlay.mask for overlay in images} | own
        for group, name in active.items():
            if group in found:
                yield layers.get(name, Layer()), found[group]

    def layers(self) -> dict[str, Layer]:
        """The graphic layers by their names."""
        return {
            text(entry, "GraphicLayer"): Layer(
                order=(integers(entry, "GraphicLayerOrder") or [0])[0],
                colour=_layer_colour(entry),
            )
            for entry in items(self.state, "GraphicLayerSequence")
        }

    def marks(self) -> list[Dataset]:
        """The graphic annotations of this frame."""
        return list(self.about("GraphicAnnotationSequence"))

    def placed(self, shown: Shown, viewport: Viewport | None) -> tuple[Shown, Placement]:
        """The displayed area, turned and flipped as the state wants it, in its final size; and where things lie."""
        area = next(self.about("DisplayedAreaSelectionSequence"), Dataset())
        left, top, right, bottom = _box(area, shown)
        turns = (integers(self.state, "ImageRotation") or [0])[0] // 90 % 4
        flip = text(self.state, "ImageHorizontalFlip") == "Y"
        part = _cut(shown, left, top, right, bottom)
        part = np.rot90(part, -turns)
        part = part[:, ::-1] if flip else part
        ratio = _pixel_aspect(area)
        ratio = 1.0 / ratio if turns % 2 else ratio
        rows, columns = part.shape[:2]
        if viewport is None and text(area, "PresentationSizeMode") == "MAGNIFY":
            factor = number(area, "PresentationPixelMagnificationRatio") or 1.0
            wanted = [max(round(side * factor), 1) for side in (columns, rows * ratio)]
            if factor > 0 and wanted[0] * wanted[1] <= OUTPUT_PIXELS_MAX:
                viewport = Viewport(*wanted)
        new_rows, new_columns = geometry.size(rows, columns, ratio, viewport)
        placement = Placement(
            left=left,
            top=top,
            width=right - left,
            height=bottom - top,
            turns=turns,
            flip=flip,
            columns=new_columns,
            rows=new_rows,
        )
        return geometry.scaled(np.ascontiguousarray(part), new_rows, new_columns), placement


def _scaled(table: grayscale.LookUpTable) -> grayscale.Transform:
    top = float((1 << table.bits) - 1)
    return lambda values: table(values) / top


def _minus_one(values: grayscale.Values) -> grayscale.Values:
    return np.full_like(values, -1.0)


def _box(area: Dataset, shown: Shown) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the displayed area, in pixels of the image, which it may overlap only in part."""
    rows, columns = shown.shape[:2]
    corners = integers(area, "DisplayedAreaTopLeftHandCorner"), integers(area, "DisplayedAreaBottomRightHandCorner")
    if not all(len(corner) == 2 for corner in corners):
        return 0, 0, columns, rows
    (left, right), (top, bottom) = (sorted(pair) for pair in zip(*corners, strict=True))
    box = left - 1, top - 1, right, bottom
    if (box[2] - box[0]) * (box[3] - box[1]) > OUTPUT_PIXELS_MAX:
        raise Unreadable("the displayed area of the presentation state is too large", "show the image without it")
    return box


def _cut(shown: Shown, left: int, top: int, right: int, bottom: int) -> Shown:
    """The box out of the picture, black where it reaches beyond."""
    rows, columns = shown.shape[:2]
    part = np.zeros((bottom - top, right - left, *shown.shape[2:]), np.uint8)
    inside = shown[max(top, 0) : max(min(bottom, rows), 0), max(left, 0) : max(min(right, columns), 0)]
    at_row, at_column = max(-top, 0), max(-left, 0)
    part[at_row : at_row + inside.shape[0], at_column : at_column + inside.shape[1]] = inside
    return part


def _pixel_aspect(area: Dataset) -> float:
    """Height of a pixel by its width: the state has to say it, by a spacing or a ratio (PS3.3 C.10.4)."""
    for keyword in ("PresentationPixelSpacing", "PresentationPixelAspectRatio"):
        vertical, horizontal = (number(area, keyword, index) for index in (0, 1))
        if vertical and horizontal and 0.05 <= vertical / horizontal <= 20:
            return vertical / horizontal
    return 1.0


def _layer_colour(entry: Dataset) -> Colour:
    grey = "GraphicLayerRecommendedDisplayGrayscaleValue"
    return read_colour(entry, "GraphicLayerRecommendedDisplayCIELabValue", grey) or _WHITE


def _no_words() -> Pixels:
    return np.zeros((1, 1), np.uint16)
