"""Whole pictures, and every image of the corpus through a real worker."""

from __future__ import annotations

from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from pacs.errors import QueryRefused
from pacs.render.description import PixelDescription
from pacs.render.header import read_header
from pacs.render.lettering import font
from pacs.render.picture import render_frame
from pacs.render.values import GIF, JPEG, PNG, Picture, RenderJob, RenderParameters, Viewport
from pacs.render.workers import DecodeWorkers
from tests.support.corpus import CorpusFile
from tests.support.render import decodable, grey_job, read_image

GRADIENT = np.tile(np.arange(100, dtype=np.uint16) * 40, (50, 1))


def rendered(job: RenderJob) -> Picture:
    dataset = read_header(bytes(job.header), job.transfer_syntax_uid)
    description = PixelDescription.from_dataset(dataset, job.transfer_syntax_uid, job.pixel_data_vr)
    return render_frame(dataset, description, bytes(job.frame), job.frame_number, job.parameters)


def pixels_of(picture: Picture) -> np.ndarray:
    decode = {JPEG: imagecodecs.jpeg8_decode, PNG: imagecodecs.png_decode}[picture.media_type]
    image = np.asarray(decode(picture.data))
    assert image.shape[:2] == (picture.height, picture.width)
    return image


def pixel_aspect(dataset: Dataset) -> float:
    """Height of a pixel by its width, as the object says it."""
    shared = dataset.get("SharedFunctionalGroupsSequence") or [Dataset()]
    measures = shared[0].get("PixelMeasuresSequence") or [Dataset()]
    for ratio in (
        dataset.get("PixelAspectRatio"),
        measures[0].get("PixelSpacing"),
        dataset.get("PixelSpacing"),
        dataset.get("ImagerPixelSpacing"),
    ):
        if ratio:
            height, width = (float(value) for value in ratio)
            return height / width if abs(height / width - 1) > 0.005 else 1.0
    return 1.0


@pytest.mark.parametrize("file", decodable(), ids=lambda file: file.name[-60:])
def test_every_image_has_a_picture(file: CorpusFile, decode_workers: DecodeWorkers) -> None:
    image = read_image(file.path)
    count = int(image.dataset.get("NumberOfFrames") or 1)
    number = count // 2 + 1
    parameters = RenderParameters(viewport=Viewport(64, 96))
    picture = decode_workers.render(image.job(image.frames(count)[number - 1], number, parameters))
    rows, columns = image.dataset.Rows, image.dataset.Columns
    tall = rows * pixel_aspect(image.dataset)
    factor = min(64 / columns, 96 / tall)
    assert picture.media_type == JPEG
    assert (picture.width, picture.height) == (max(round(columns * factor), 1), max(round(tall * factor), 1))
    samples = int(image.dataset.get("SamplesPerPixel", 1))
    in_colour = samples == 3 or image.dataset.PhotometricInterpretation == "PALETTE COLOR"
    assert pixels_of(picture).ndim == (3 if in_colour else 2)


def test_png_is_exact_and_the_images_own_size_is_the_default() -> None:
    window = (2000.0, 4000.0, "linear-exact")
    picture = rendered(grey_job(GRADIENT, RenderParameters(window, media_type=PNG)))
    expected = np.rint(((GRADIENT - 2000.0) / 4000 + 0.5) * 255).astype(np.uint8)
    assert np.array_equal(pixels_of(picture), expected)


def test_quality_trades_size_for_likeness() -> None:
    noise = np.random.default_rng(3).integers(0, 255, (128, 128), np.uint8)
    sizes = [len(rendered(grey_job(noise, RenderParameters(quality=quality))).data) for quality in (1, 50, None, 100)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4


def test_a_region_is_windowed_like_the_whole() -> None:
    whole = pixels_of(rendered(grey_job(GRADIENT, RenderParameters(media_type=PNG))))
    viewport = Viewport(10, 10, 20, 5, 10, 10)
    part = pixels_of(rendered(grey_job(GRADIENT, RenderParameters(viewport=viewport, media_type=PNG))))
    assert np.array_equal(part, whole[5:15, 20:30])


def test_colour_is_not_windowed() -> None:
    colours = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    attributes = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    parameters = RenderParameters((5, 2, "linear"), media_type=PNG)
    assert np.array_equal(pixels_of(rendered(grey_job(colours, parameters, **attributes))), colours)


def test_colour_keeps_its_hue_in_jpeg() -> None:
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[:, ::2] = (200, 30, 40)
    colours[:, 1::2] = (20, 30, 220)
    attributes = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    shown = pixels_of(rendered(grey_job(colours, RenderParameters(quality=95), **attributes)))
    assert np.abs(shown.astype(int) - colours).max() < 25


def test_a_region_outside_is_the_askers_mistake(decode_workers: DecodeWorkers) -> None:
    with pytest.raises(QueryRefused, match="outside"):
        decode_workers.render(grey_job(GRADIENT, RenderParameters(viewport=Viewport(10, 10, 500, 0, 10, 10))))


def test_overlays_and_shutters_move_with_the_region() -> None:
    attributes = {
        "ShutterShape": "RECTANGULAR",
        "ShutterLeftVerticalEdge": 31,
        "ShutterRightVerticalEdge": 70,
        "ShutterUpperHorizontalEdge": 11,
        "ShutterLowerHorizontalEdge": 40,
    }
    flipped = Viewport(100, 50, 0, 0, -100, 50)
    whole, mirrored = (
        pixels_of(rendered(grey_job(GRADIENT + 500, RenderParameters(None, viewport, None, PNG), **attributes)))
        for viewport in (None, flipped)
    )
    assert np.argwhere(whole > 0).min(axis=0).tolist() == [10, 30]
    assert np.array_equal(whole[:, ::-1], mirrored)


def test_pixels_that_are_not_square_become_so() -> None:
    tall = rendered(grey_job(GRADIENT, PixelAspectRatio=["2", "1"]))
    wide = rendered(grey_job(GRADIENT, PixelSpacing=["0.5", "1.0"]))
    fitted = rendered(grey_job(GRADIENT, RenderParameters(viewport=Viewport(50, 50)), PixelAspectRatio=["2", "1"]))
    assert (tall.width, tall.height) == (100, 100)
    assert (wide.width, wide.height) == (200, 50)
    assert (fitted.width, fitted.height) == (50, 50)


def test_gif_is_exact_in_grey_and_close_in_colour() -> None:
    grey = pixels_of(rendered(grey_job(GRADIENT, RenderParameters(media_type=PNG))))
    gif = rendered(grey_job(GRADIENT, RenderParameters(media_type=GIF)))
    assert np.array_equal(np.asarray(imagecodecs.gif_decode(gif.data, asrgb=True))[..., 0], grey)
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[:, ::2] = (200, 30, 40)
    attributes = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    shown = imagecodecs.gif_decode(
        rendered(grey_job(colours, RenderParameters(media_type=GIF), **attributes)).data, asrgb=True
    )
    assert np.abs(np.asarray(shown).astype(int) - colours).max() < 10


def embedded_profile(picture: Picture) -> bytes:
    with Image.open(BytesIO(picture.data)) as image:
        return bytes(image.info.get("icc_profile", b""))


@pytest.mark.parametrize("media_type", [JPEG, PNG])
def test_a_colour_profile_stays_goes_or_is_converted_to(media_type: str) -> None:
    own = bytes(imagecodecs.cms_profile("adobergb"))
    colours = np.full((8, 8, 3), (40, 180, 60), np.uint8)
    attributes = {
        "SamplesPerPixel": 3,
        "PhotometricInterpretation": "RGB",
        "PlanarConfiguration": 0,
        "ICCProfile": own,
    }

    def made(profile: str) -> tuple[np.ndarray, bytes]:
        picture = rendered(grey_job(colours, RenderParameters(media_type=media_type, profile=profile), **attributes))
        return pixels_of(picture)[4, 4].astype(int), embedded_profile(picture)

    for profile in ("", "yes"):
        pixel, found = made(profile)
        assert found == own
        assert np.abs(pixel - (40, 180, 60)).max() <= 3
    assert made("no")[1] == b""
    pixel, found = made("srgb")
    assert timeless(found) == timeless(bytes(imagecodecs.cms_profile("srgb")))
    assert pixel[0] < 10  # this green lies outside of sRGB
    for profile in ("adobergb", "rommrgb", "displayp3"):
        assert made(profile)[1][36:40] == b"acsp"


def timeless(profile: bytes) -> bytes:
    """An ICC profile without bytes 24 to 35 of its header: the second at which it was made."""
    return profile[:24] + profile[36:]


def test_annotations_are_written_in_the_letters_of_the_name() -> None:
    black = np.zeros((200, 400), np.uint16)
    attributes = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": "Әубәкірова^Қарлығаш",
        "KVP": "120",
        "Modality": "CT",
    }

    def lit(**parameters: object) -> int:
        options = RenderParameters((1000.0, 100.0, "linear"), media_type=PNG, **parameters)
        return int((pixels_of(rendered(grey_job(black, options, **attributes))) > 128).sum())

    assert lit() == 0
    assert 100 < lit(annotation=("patient",)) < lit(annotation=("patient", "technique"))


def test_the_letters_of_four_languages_are_in_the_font() -> None:
    missing = font(20).getmask("\U0001f9ff").getbbox(), bytes(font(20).getmask("\U0001f9ff"))
    for letter in "ӘҒҚҢӨҰҮҺІәғқңөұүһіЁёЖжЩщЫыЭэ№ŁłÅéß°µ":
        mask = font(20).getmask(letter)
        assert (mask.getbbox(), bytes(mask)) != missing, letter


def test_other_parameters_of_annotation_and_profile_are_refused() -> None:
    for wrong in ({"annotation": ("name",)}, {"profile": "cmyk"}):
        with pytest.raises(QueryRefused):
            RenderParameters(**wrong)
