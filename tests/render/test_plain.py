"""Pictures by arithmetic alone are those of the workers, byte for byte; what they are made of is not trusted."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from pacs.errors import Unreadable
from pacs.render import wire
from pacs.render.plain import PLAIN_SYNTAXES, render_plain
from pacs.render.values import GIF, PNG, PlainGrey, RenderJob, RenderParameters, Viewport
from pacs.render.workers import DecodeWorkers
from tests.support.corpus import CorpusFile
from tests.support.render import decodable, grey_job, read_image

WAYS = (
    RenderParameters(),
    RenderParameters(window=(40, 400, "linear"), viewport=Viewport(90, 70, 3, 2, -20, 30), media_type=PNG),
    RenderParameters(window=(100.5, 0.5, "sigmoid"), viewport=Viewport(200, 300), quality=40),
    RenderParameters(window=(500, 1, "linear"), media_type=GIF),
)
RAMP = np.arange(256, dtype=np.int16).reshape(16, 16) - 128
PLAIN = PlainGrey(16, 16, 16, 16, 1, 2.0, -5.0, (40.0, 80.0, "linear"), False, None, 1.0)


def native() -> list[CorpusFile]:
    """Some of them: they come in families, whose members lie side by side."""
    return [file for file in decodable() if file.transfer_syntax_uid in PLAIN_SYNTAXES][::6]


def alike(job: RenderJob, workers: DecodeWorkers) -> int:
    """How many of the ways went without a worker; all of those gave what the worker gives."""
    plain, _ = workers.describe(job)
    made = 0
    for parameters in WAYS if plain is not None else ():
        picture = render_plain(plain, job.frame, parameters)
        if picture is not None:
            made += 1
            assert picture == workers.render(replace(job, parameters=parameters))
    return made


def test_every_plain_image_looks_as_a_worker_shows_it(decode_workers: DecodeWorkers, test_data: object) -> None:
    made = 0
    for file in native():
        image = read_image(file.path)
        if min(image.dataset.Rows, image.dataset.Columns) < 8:
            continue
        count = int(image.dataset.get("NumberOfFrames") or 1)
        number = count // 2 + 1
        made += alike(image.job(image.frames(count)[number - 1], number), decode_workers)
    assert made > len(WAYS)


@pytest.mark.parametrize(
    "attributes",
    [
        {"PhotometricInterpretation": "MONOCHROME1", "WindowCenter": "3", "WindowWidth": "90"},
        {"RescaleSlope": "-2", "RescaleIntercept": "7", "PixelPaddingValue": -20, "PixelPaddingRangeLimit": -9},
        {"PixelSpacing": ["1", "0.4"], "PresentationLUTShape": "INVERSE"},
        {"BitsStored": 12, "HighBit": 11},
    ],
)
def test_each_thing_a_header_says_is_heeded(attributes: dict[str, object], decode_workers: DecodeWorkers) -> None:
    assert alike(grey_job(RAMP, **attributes), decode_workers) >= len(WAYS) - 1


@pytest.mark.parametrize(
    "attributes",
    [
        {"PhotometricInterpretation": "PALETTE COLOR"},
        {"BitsStored": 12, "HighBit": 15},
        {"ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 1, "ShutterRightVerticalEdge": 9}
        | {"ShutterUpperHorizontalEdge": 1, "ShutterLowerHorizontalEdge": 9},
        {"Rows": 2048, "Columns": 1024},
    ],
)
def test_what_takes_more_is_left_to_the_workers(attributes: dict[str, object], decode_workers: DecodeWorkers) -> None:
    assert decode_workers.describe(grey_job(RAMP, **attributes)) == (None, True)


def test_an_unknown_look_a_text_and_a_large_picture_are_left_to_the_workers() -> None:
    frame = RAMP.tobytes()
    assert render_plain(PLAIN, frame, RenderParameters()) is not None
    assert render_plain(replace(PLAIN, window=None), frame, RenderParameters()) is None
    assert render_plain(PLAIN, frame, RenderParameters(annotation=("patient",))) is None
    assert render_plain(PLAIN, frame, RenderParameters(viewport=Viewport(4000, 4000))) is None


def test_a_frame_that_is_too_short_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        render_plain(PLAIN, RAMP.tobytes()[:-1], RenderParameters())


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": 1 << 20},
        {"columns": 0},
        {"bits_allocated": 32},
        {"bits_stored": 17},
        {"slope": float("inf")},
        {"aspect": float("nan")},
        {"padding": (0.0, float("nan"))},
    ],
)
def test_a_worker_that_tells_nonsense_is_not_believed(wrong: dict[str, object]) -> None:
    described = wire.FrameDescribed(PLAIN, True)
    told = msgspec.msgpack.decode(msgspec.msgpack.encode(described))
    assert wire._answers.decode(msgspec.msgpack.encode(told)) == described
    told["plain"] |= wrong
    with pytest.raises(Unreadable):
        wire._answers.decode(msgspec.msgpack.encode(told))
