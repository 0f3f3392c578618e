"""Rendered pictures and thumbnails: window, viewport, warnings, and one picture made for all who ask."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    VLWholeSlideMicroscopyImageStorage,
)
from starlette.testclient import TestClient

from pacs.access.principals import Role
from pacs.archive.forgetting import Erased
from pacs.render.workers import DecodeWorkers
from pacs.web.dicomweb import pictures, plain_pictures
from tests.support.derived_objects import angiography, item, presentation_state, segmentation
from tests.support.factories import (
    Patient,
    cr_image,
    ct_series,
    ct_slice,
    structured_report,
    uid,
    us_cine,
)
from tests.support.wado import LOSSLESS, get, stored, url_of
from tests.support.web import ANY_FRAMES, Site, parts


@pytest.fixture
def client(site: Site) -> TestClient:
    return site.as_role(Role.CLINICIAN)


def decoded(response: Any) -> np.ndarray[Any, Any]:
    codec = {"image/jpeg": imagecodecs.jpeg8_decode, "image/png": imagecodecs.png_decode}
    picture: np.ndarray[Any, Any] = codec[response.headers["content-type"]](response.content)
    return picture


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, *LOSSLESS])
def test_pictures_fit_their_viewport(site: Site, client: TestClient, syntax: UID) -> None:
    sent = cr_image(rows=80, columns=64, transfer_syntax=syntax)
    stored(site, sent)
    response = get(client, url_of(sent, "/rendered?viewport=32,32&quality=80"), "image/jpeg")
    assert response.status_code == 200, response.text
    assert decoded(response).shape[:2] == (32, 26)
    assert decoded(get(client, url_of(sent, "/rendered"), "image/png")).shape[:2] == (80, 64)


def test_the_window_of_the_request_beats_the_objects_own(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    dark = decoded(get(client, url_of(sent, "/rendered?window=3000,10,linear"), "image/png"))
    bright = decoded(get(client, url_of(sent, "/rendered?window=-3000,10,linear"), "image/png"))
    own = decoded(get(client, url_of(sent, "/rendered"), "image/png"))
    assert dark.max() == 0
    assert bright.min() == 255
    assert 0 < own.mean() < 255


def test_each_frame_has_a_picture(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3)
    stored(site, sent)
    first, last = (decoded(get(client, url_of(sent, f"/frames/{n}/rendered"), "image/png")) for n in (1, 3))
    assert not np.array_equal(first, last)
    assert np.array_equal(first, sent.pixel_array[0])
    assert get(client, url_of(sent, "/frames/4/rendered")).status_code == 404
    found = parts(get(client, url_of(sent, "/frames/3,1/rendered"), 'multipart/related; type="image/png"'))
    assert [content for _, content in found] == [
        get(client, url_of(sent, f"/frames/{n}/rendered"), "image/png").content for n in (3, 1)
    ]
    assert len(parts(get(client, url_of(sent, "/rendered"), 'multipart/related; type="image/jpeg"'))) == 3
    assert get(client, url_of(sent, "/frames/1,2/rendered"), "image/jpeg").status_code == 406


@pytest.mark.parametrize(
    "query",
    [
        "window=40,400",
        "window=40,400,round",
        "window=a,b,linear",
        "window=40,0,linear",
        "viewport=0,10",
        "viewport=10",
        "viewport=10,10,1",
        "viewport=99999,99999",
        "viewport=10,10,,,0,10",
        "quality=0",
        "quality=101",
        "quality=good",
        "annotation=name",
        "iccprofile=cmyk",
    ],
)
def test_malformed_parameters_are_400_with_a_hint(site: Site, client: TestClient, query: str) -> None:
    sent = ct_slice()
    stored(site, sent)
    response = get(client, url_of(sent, f"/rendered?{query}"), "image/jpeg")
    assert response.status_code == 400, response.text
    assert response.json()["hint"]


def test_annotations_are_burnt_in_where_they_are_asked_for(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    plain, named, both = (
        decoded(get(client, url_of(sent, f"/rendered?window=5000,10,linear{rest}"), "image/png"))
        for rest in ("", "&annotation=patient", "&annotation=patient,technique")
    )
    assert plain.max() == 0
    assert 0 < (named > 128).sum() < (both > 128).sum()
    assert get(client, url_of(sent, "/thumbnail?annotation=patient")).status_code == 400


def test_a_gif_is_given_where_it_is_asked_for(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    response = get(client, url_of(sent, "/rendered"), "image/gif")
    assert response.headers["content-type"] == "image/gif"
    assert np.array_equal(
        imagecodecs.gif_decode(response.content, asrgb=True)[..., 0],
        decoded(get(client, url_of(sent, "/rendered"), "image/png")),
    )


def test_the_first_picture_of_a_study_says_which_image_it_is(site: Site, client: TestClient) -> None:
    second, first = ct_series(2, series="b"), ct_series(3, series="a")
    report = structured_report()
    for number, series in enumerate(([report], first, second)):
        for dataset in reversed(series):
            dataset.SeriesNumber = number
            stored(site, dataset)
    answer = get(client, f"/api/studies/{report.StudyInstanceUID}/first-picture?viewport=32,32&quality=70")
    assert answer.headers["content-location"] == url_of(first[0], "/rendered")
    assert (decoded(answer) == decoded(get(client, url_of(first[0], "/rendered?viewport=32,32&quality=70")))).all()
    large = get(client, f"/api/studies/{report.StudyInstanceUID}/first-picture?viewport=768,768&quality=70")
    assert decoded(large).shape[:2] == (first[0].Rows, first[0].Columns), "it is enlarged on the way"
    moving = us_cine(frames=3, study="moving")
    stored(site, moving)
    shown = get(client, f"/api/studies/{moving.StudyInstanceUID}/first-picture")
    assert shown.headers["content-location"] == url_of(moving, "/frames/1/rendered"), "room for a slider"
    alone = structured_report(study="words")
    stored(site, alone)
    assert get(client, f"/api/studies/{alone.StudyInstanceUID}/first-picture").status_code == 204
    for sop_class in (PositronEmissionTomographyImageStorage, VLWholeSlideMicroscopyImageStorage):
        [otherwise] = ct_series(1, study=sop_class)
        otherwise.SOPClassUID = otherwise.file_meta.MediaStorageSOPClassUID = sop_class
        stored(site, otherwise)
        assert get(client, f"/api/studies/{otherwise.StudyInstanceUID}/first-picture").status_code == 204


def test_thumbnails_at_every_level(site: Site, client: TestClient) -> None:
    sent = [structured_report(), *ct_series(3)]
    for dataset in sent:
        stored(site, dataset)
    study = f"/dicom-web/studies/{sent[1].StudyInstanceUID}"
    for path in (study, f"{study}/series/{sent[1].SeriesInstanceUID}", url_of(sent[1]), url_of(sent[1], "/frames/1")):
        picture = decoded(get(client, f"{path}/thumbnail?viewport=16,16"))
        assert picture.shape[:2] == (16, 16)
    assert get(client, f"{study}/thumbnail?viewport=16,16,0,0,8,8").status_code == 400


def test_a_rendered_series_is_a_picture_a_part(site: Site, client: TestClient) -> None:
    sent = ct_series(3)
    for dataset in sent:
        stored(site, dataset)
    path = f"/dicom-web/studies/{sent[0].StudyInstanceUID}/series/{sent[0].SeriesInstanceUID}/rendered"
    found = parts(get(client, path, 'multipart/related; type="image/jpeg"'))
    assert [headers["content-type"] for headers, _ in found] == ["image/jpeg"] * 3
    refused = get(client, path, "image/jpeg")
    assert refused.status_code == 406
    assert "image/gif" in refused.json()["hint"]


@pytest.mark.parametrize(("media_type", "name"), [("image/gif", "GIF"), ("image/apng", "PNG")])
def test_a_series_moves_where_a_moving_picture_is_asked_for(
    site: Site, client: TestClient, media_type: str, name: str
) -> None:
    sent = ct_series(3)
    for number, dataset in enumerate(sent):
        dataset.WindowCenter = 500 * number
        stored(site, dataset)
    path = url_of(sent[0]).partition("/instances")[0] + "/rendered"
    with Image.open(BytesIO(get(client, path, media_type).content)) as image:
        assert (image.format, image.n_frames, image.info["duration"]) == (name, 3, 100)
        for number, dataset in enumerate(sent):
            image.seek(number)
            alone = get(client, url_of(dataset, "/rendered"), "image/png")
            assert np.array_equal(np.asarray(image.convert("L")), decoded(alone))
    other = ct_slice(series="ct", number=9, rows=32, columns=32)
    other.SeriesInstanceUID = sent[0].SeriesInstanceUID
    other.StudyInstanceUID = sent[0].StudyInstanceUID
    stored(site, other)
    refused = get(client, path, media_type)
    assert (refused.status_code, "differ in size" in refused.text) == (406, True)
    assert len(parts(get(client, path, 'multipart/related; type="image/png"'))) == 4


def test_a_series_of_one_image_is_that_picture(site: Site, client: TestClient) -> None:
    sent, cine = ct_slice(), us_cine(frames=3)
    for dataset in (sent, cine):
        stored(site, dataset)
    path = url_of(sent).partition("/instances")[0] + "/rendered"
    picture = get(client, path, "image/jpeg")
    assert picture.content == get(client, url_of(sent, "/rendered"), "image/jpeg").content
    moving = get(client, url_of(cine).partition("/instances")[0] + "/rendered", "image/gif")
    assert moving.content == get(client, url_of(cine, "/rendered"), "image/gif").content


def test_a_picture_is_made_once_for_all(site: Site, client: TestClient) -> None:
    sent = ct_slice()
    stored(site, sent)
    first = get(client, url_of(sent, "/rendered"), "image/jpeg")
    assert get(client, url_of(sent, "/rendered"), "image/jpeg").content == first.content
    again = get(client, url_of(sent, "/rendered"), "image/jpeg", **{"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


def test_a_plain_image_needs_a_worker_once(
    site: Site, client: TestClient, workers: DecodeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = ct_slice()
    stored(site, sent)
    asked: list[str] = []
    for name in ("render", "describe"):
        kept = getattr(workers, name)
        monkeypatch.setattr(workers, name, lambda job, name=name, kept=kept: (asked.append(name), kept(job))[1])
    answers = [get(client, url_of(sent, f"/rendered?window={n},400,linear"), "image/png") for n in (40, 50, 60)]
    assert len({answer.content for answer in answers}) == 3
    assert asked == ["describe"]
    assert get(client, url_of(sent, "/rendered?annotation=technique"), "image/png").status_code == 200
    assert asked == ["describe", "render"]


def test_a_small_jpeg_out_of_memory_is_made_without_a_thread(
    site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = ct_slice()
    stored(site, sent)
    first, in_threads = get(client, url_of(sent, "/rendered?window=40,400,linear"), "image/jpeg"), []
    kept = pictures._threads.submit
    monkeypatch.setattr(pictures._threads, "submit", lambda *given: (in_threads.append(given), kept(*given))[1])
    made = [get(client, url_of(sent, f"/rendered?window=40,{width},linear"), "image/jpeg") for width in (300, 300, 200)]
    assert made[0].content == made[1].content
    assert len({first.content, made[0].content, made[2].content}) == 3
    assert not in_threads
    read_at_once = site.archive.read_at_once
    monkeypatch.setattr(site.archive, "read_at_once", lambda *_: False)  # it lies on the disk alone
    waited = get(client, url_of(sent, "/rendered?window=40,100,linear"), "image/jpeg")
    assert len(in_threads) == 1
    monkeypatch.setattr(site.archive, "read_at_once", read_at_once)
    again = get(client, url_of(sent, "/rendered?window=40,100,linear&quality=90"), "image/jpeg")
    assert np.abs(decoded(waited).astype(int) - decoded(again)).max() <= 16
    assert len(in_threads) == 1


def test_what_is_erased_while_its_picture_is_made_is_not_kept(
    site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = ct_slice()
    stored(site, sent)
    path = url_of(sent, "/rendered?window=40,400,linear")
    assert get(client, url_of(sent, "/rendered"), "image/jpeg").status_code == 200
    made = plain_pictures.render_plain
    rendered = []

    def erased_meanwhile(*given: Any) -> Any:
        rendered.append(given)
        for forget in site.archive.forgetting._holders:
            forget([Erased(sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)])
        return made(*given)

    monkeypatch.setattr(plain_pictures, "render_plain", erased_meanwhile)
    assert get(client, path, "image/jpeg").content == get(client, path, "image/jpeg").content
    assert len(rendered) == 2


def test_reading_is_audited_once_a_study(site: Site, client: TestClient) -> None:
    from sqlalchemy import select

    from pacs.index.schema import audit

    sent = ct_series(2)
    for dataset in sent:
        stored(site, dataset)
    for dataset in sent:
        get(client, url_of(dataset))
        get(client, url_of(dataset, "/frames/1"), ANY_FRAMES)
    site.archive.index.write(lambda c: None)
    with site.archive.index.read() as connection:
        rows = connection.execute(select(audit).where(audit.c.code == "110103")).mappings().all()
    assert [(row["principal_name"], row["study_instance_uid"]) for row in rows] == [
        ("test-clinician", sent[0].StudyInstanceUID)
    ]


def test_a_token_of_one_task_reads_one_study(site: Site) -> None:
    mine, other = ct_slice(study="mine"), ct_slice(study="other")
    stored(site, mine)
    stored(site, other)
    scoped = site.client(site.accounts.task_token(mine.StudyInstanceUID, "01TASK", datetime(2100, 1, 1, tzinfo=UTC)))
    for rest in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail"):
        assert scoped.get(url_of(mine, rest)).status_code == 200, rest
        hidden = scoped.get(url_of(other, rest))
        absent = scoped.get(url_of(other, rest).replace(other.StudyInstanceUID, uid(Patient().id, "no")))
        assert hidden.status_code == absent.status_code == 404
        assert hidden.json() == absent.json()


def test_a_presentation_state_is_seen_in_its_images(site: Site, client: TestClient) -> None:
    first, second = ct_slice(number=1), ct_slice(number=2)
    bright = item(WindowCenter=-5000, WindowWidth=10)
    both = presentation_state([first, second], SoftcopyVOILUTSequence=[bright])
    one = presentation_state([second], SoftcopyVOILUTSequence=[bright], ImageRotation=90)
    alone = presentation_state([ct_slice(series="elsewhere", number=9)])
    for dataset in (first, second, both, one, alone):
        stored(site, dataset)
    found = parts(get(client, url_of(both, "/rendered"), 'multipart/related; type="image/png"'))
    assert len(found) == 2
    assert all(imagecodecs.png_decode(content).min() == 255 for _, content in found)
    assert get(client, url_of(both, "/rendered"), "image/png").status_code == 406
    assert len(parts(get(client, url_of(both, "/rendered")))) == 2
    single = get(client, url_of(one, "/rendered?viewport=32,32"), "image/png")
    assert decoded(single).min() == 255
    assert decoded(get(client, url_of(both, "/thumbnail"))).shape == (128, 128)
    for refused in ("window=40,400,linear", "viewport=32,32,0,0,8,8"):
        assert get(client, url_of(one, f"/rendered?{refused}"), "image/png").status_code == 400
    assert get(client, url_of(alone, "/rendered"), "image/png").status_code == 422


@pytest.mark.parametrize(("media_type", "name"), [("image/gif", "GIF"), ("image/apng", "PNG")])
@pytest.mark.parametrize("colour", [False, True])
def test_a_cine_moves_at_its_own_pace(site: Site, client: TestClient, media_type: str, name: str, colour: bool) -> None:
    sent = us_cine(frames=4, FrameTime="40.0")
    if not colour:
        sent.PixelData = sent.pixel_array[..., 0].tobytes()
        sent.PhotometricInterpretation, sent.SamplesPerPixel = "MONOCHROME2", 1
        del sent.PlanarConfiguration
    stored(site, sent)
    response = get(client, url_of(sent, "/rendered?viewport=40,40"), media_type)
    assert response.headers["content-type"] == media_type
    with Image.open(BytesIO(response.content)) as image:
        assert (image.format, image.n_frames, image.info["loop"]) == (name, 4, 0)
        for number in range(4):
            image.seek(number)
            assert image.info["duration"] == 40
            still = decoded(get(client, url_of(sent, f"/frames/{number + 1}/rendered?viewport=40,40"), "image/png"))
            found = np.asarray(image.convert("RGB" if colour else "L")).astype(int)
            assert np.abs(found - still).max() <= (60 if colour and name == "GIF" else 0)
    some = get(client, url_of(sent, "/frames/2,4/rendered"), media_type)
    with Image.open(BytesIO(some.content)) as image:
        assert image.n_frames == 2


@pytest.mark.parametrize(("number", "said"), [(6, "planes"), (8, "pipeline")])
def test_a_state_that_is_not_shown_says_why(site: Site, client: TestClient, number: int, said: str) -> None:
    state = presentation_state([ct_slice()])
    state.SOPClassUID = state.file_meta.MediaStorageSOPClassUID = UID(f"1.2.840.10008.5.1.4.1.1.11.{number}")
    stored(site, state)
    refused = get(client, url_of(state, "/rendered"), "image/png")
    assert (refused.status_code, said in refused.text) == (406, True)


def test_no_video_is_made_of_a_cine(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3)
    stored(site, sent)
    refused = get(client, url_of(sent, "/rendered"), "video/mp4")
    assert (refused.status_code, "image/gif" in refused.json()["hint"]) == (406, True)


def test_a_browser_that_takes_anything_gets_one_picture(site: Site, client: TestClient) -> None:
    sent = us_cine(frames=3)
    stored(site, sent)
    chromium = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
    assert get(client, url_of(sent, "/rendered"), chromium).headers["content-type"] == "image/jpeg"


def test_a_segmentation_lies_over_the_images_it_was_drawn_on(site: Site, client: TestClient) -> None:
    images = ct_series(3)
    liver, spleen = np.zeros((64, 64), bool), np.zeros((64, 64), bool)
    liver[10:30, 10:30], spleen[40:50, 40:50] = True, True
    drawn = segmentation(images, {"Liver": liver, "Көкбауыр": spleen}, SpecificCharacterSet="ISO_IR 192")
    drawn.SegmentSequence[0].RecommendedDisplayCIELabValue = [34885, 53485, 50171]  # red
    for dataset in (*images, drawn):
        stored(site, dataset)
    plain = decoded(get(client, url_of(images[1], "/rendered"), "image/png")).astype(int)
    over = decoded(get(client, url_of(drawn, "/rendered"), "image/png")).astype(int)
    assert over.shape == (64, 64, 3)
    untouched = ~(liver | spleen)
    untouched[36:, :] = False  # the legend
    assert np.array_equal(over[untouched], np.repeat(plain[untouched][:, None], 3, axis=1))
    assert over[10, 10].tolist()[0] > 230  # the outline
    assert over[10, 10].max() - over[10, 10].min() > 200
    inside = over[20, 20] - plain[20, 20]
    assert inside[0] > inside[1]
    second = decoded(get(client, url_of(drawn, "/frames/4/rendered"), "image/png")).astype(int)
    first = decoded(get(client, url_of(images[0], "/rendered"), "image/png")).astype(int)
    assert np.array_equal(second[untouched], np.repeat(first[untouched][:, None], 3, axis=1))
    assert len(parts(get(client, url_of(drawn, "/rendered"), 'multipart/related; type="image/png"'))) == 3
    flipped = decoded(get(client, url_of(drawn, "/rendered?viewport=64,64,0,0,-64,64"), "image/png"))
    assert flipped[10, 53].tolist() == over[10, 10].tolist()


def test_a_segmentation_on_a_grid_of_its_own_is_brought_onto_its_images(site: Site, client: TestClient) -> None:
    images = ct_series(2)
    mask = np.zeros((20, 32), bool)
    mask[5:15, 5:25] = True
    drawn = segmentation(images, {"Liver": mask}, Rows=20, Columns=32)
    spacing = float(images[0].PixelSpacing[0])
    left, top, _ = images[0].ImagePositionPatient
    measures = item(PixelSpacing=[2 * spacing, spacing], SliceThickness=images[0].SliceThickness)
    drawn.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        )
    ]
    for group, image in zip(drawn.PerFrameFunctionalGroupsSequence, images, strict=True):
        corner = [left + 10 * spacing, top + 4.5 * spacing, image.ImagePositionPatient[2]]
        group.PlanePositionSequence = [item(ImagePositionPatient=corner)]
    for dataset in (*images, drawn):
        stored(site, dataset)
    plain = decoded(get(client, url_of(images[1], "/rendered"), "image/png")).astype(int)
    over = decoded(get(client, url_of(drawn, "/frames/2/rendered"), "image/png")).astype(int)
    touched = (over != plain[:, :, None]).any(axis=2)
    assert touched[14:34, 15:35].all()
    touched[14:34, 15:35] = False
    assert not touched[:36].any()  # below it is the legend


def test_an_angiography_is_seen_less_its_masks(site: Site, client: TestClient) -> None:
    still = np.tile(np.arange(64, dtype=np.uint16) * 30 + 500, (48, 1))
    contrast = still.copy()
    contrast[20:28, 10:40] //= 2
    run = angiography(np.stack([still, still, still, contrast]))
    run.PixelIntensityRelationship, run.RecommendedViewingMode = "LIN", "SUB"
    run.MaskSubtractionSequence = [item(MaskOperation="AVG_SUB", ApplicableFrameRange=[3, 4], MaskFrameNumbers=[1, 2])]
    stored(site, run)

    def frame(number: int, query: str = "") -> Any:
        return decoded(get(client, url_of(run, f"/frames/{number}/rendered{query}"), "image/png")).astype(int)

    assert np.ptp(frame(1, "?window=1500,2000,linear")) > 200  # a mask itself, as it is
    assert np.ptp(frame(3)) == 0
    subtracted = frame(4)
    assert set(np.unique(subtracted[20:28, 10:40])) == {0}  # as dark wherever the vessel is as dense
    subtracted[20:28, 10:40] = 128
    assert set(np.unique(subtracted)) == {128}
    assert frame(4, "?window=0,2,linear-exact")[24, 20] == pytest.approx(255 * (0.5 - np.log(2) / 2), abs=1)
    run.RecommendedViewingMode = "NAT"
    run.SOPInstanceUID = run.file_meta.MediaStorageSOPInstanceUID = uid("unsubtracted")
    stored(site, run)
    assert np.ptp(frame(3, "?window=1500,2000,linear")) > 200


def test_a_segmentation_without_its_images_is_a_mask(site: Site, client: TestClient) -> None:
    mask = np.zeros((64, 64), bool)
    mask[10:30, 10:30] = True
    drawn = segmentation(ct_series(2), {"Liver": mask})
    stored(site, drawn)
    assert np.array_equal(decoded(get(client, url_of(drawn, "/rendered"), "image/png")) > 0, mask)
