"""Whole pictures, and every image of the corpus through a real worker."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from pacs.errors import QueryRefused
from pacs.render.description import PixelDescription
from pacs.render.header import read_header
from pacs.render.picture import render_frame
from pacs.render.values import JPEG, PNG, Picture, RenderJob, RenderParameters, Viewport
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


@pytest.mark.parametrize("file", decodable(), ids=lambda file: file.name[-60:])
def test_every_image_has_a_picture(file: CorpusFile, decode_workers: DecodeWorkers) -> None:
    image = read_image(file.path)
    count = int(image.dataset.get("NumberOfFrames") or 1)
    number = count // 2 + 1
    parameters = RenderParameters(viewport=Viewport(64, 96))
    picture = decode_workers.render(image.job(image.frames(count)[number - 1], number, parameters))
    rows, columns = image.dataset.Rows, image.dataset.Columns
    factor = min(64 / columns, 96 / rows)
    assert picture.media_type == JPEG
    assert (picture.width, picture.height) == (max(round(columns * factor), 1), max(round(rows * factor), 1))
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
