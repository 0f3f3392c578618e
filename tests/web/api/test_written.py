"""What a reader saves over HTTP, read again by DCMTK, pydicom and highdicom, and from the node itself."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage
from sqlalchemy import select
from starlette.testclient import TestClient

from pacs.access.principals import OPERATOR, Role
from pacs.archive.written import Writer
from pacs.dicom.written.common import made_uid
from pacs.dicom.written.values import KINDS, Marked
from pacs.index.schema import instance
from pacs.model import InstanceState, Outcome, Stored
from tests.support.archives import send
from tests.support.factories import KAZAKH, cr_image, ct_series, ct_slice, us_cine
from tests.support.peers import program
from tests.support.wado import get, reread, url_of
from tests.support.web import Site

POINTS = {
    "length": [[1.5, 2.25], [30, 40]],
    "bidirectional": [[1, 2], [30, 40], [5, 5], [9, 9]],
    "angle": [[1, 2], [30, 40], [5, 5]],
    "cobb": [[1, 2], [30, 40], [5, 5], [9, 9]],
    "ellipse": [[10, 20], [40, 20], [25, 15], [25, 25]],
    "rectangle": [[1, 2], [30, 2], [30, 40], [1, 40]],
    "freehand": [[1, 2], [30, 2], [30, 40], [15.125, 50]],
    "arrow": [[1, 2], [30, 40]],
    "text": [[5, 6]],
    "probe": [[7, 8]],
    "curve": [[1, 2], [30, 40], [60, 45.5]],
}
ON_IMAGES = [kind for kind, written in KINDS.items() if not written.in_space]
FIGURES = {
    "length": [("length", 33.25, "mm")],
    "bidirectional": [("long_axis", 33.25, "mm"), ("short_axis", 4.0, "mm")],
    "angle": [("angle", 12.5, "deg")],
    "cobb": [("angle", 12.5, "deg")],
    "ellipse": [("area", 115.5, "mm2"), ("mean", -3.0625, "HU"), ("standard_deviation", 7.5, "HU")],
    "rectangle": [("area", 540.25, "px2")],
    "probe": [("value", -1004.0, "HU")],
    "curve": [("length", 81.75, "mm")],
}


def measured(image: Dataset, kind: str, number: int, **others: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "series_instance_uid": image.SeriesInstanceUID,
        "sop_instance_uid": image.SOPInstanceUID,
        "points": POINTS[kind],
        "tracking_uid": f"2.25.{number + 1}",
        "label": "Ошақ, 3-деңгей" if kind in ("arrow", "text", "curve") else "",
        "figures": [{"name": name, "value": value, "unit": unit} for name, value, unit in FIGURES.get(kind, ())],
        **others,
    }


def measured_in_space(image: Dataset, kind: str, number: int) -> dict[str, Any]:
    """On a coronal plane of the patient."""
    space = [[column - 20.5, 12.25, 40.125 - row] for column, row in POINTS[kind]]
    others = {"points": [], "space": space, "frame_of_reference_uid": image.FrameOfReferenceUID}
    if KINDS[kind].in_space:  # type: ignore[index]
        others["line"] = [space[0], [0.5, 12.25, 20.0], [9.5, 12.25, 3.5], *space[1:]]
    return measured(image, kind, number, **others)


def marked(image: Dataset, **others: Any) -> dict[str, Any]:
    return {"series_instance_uid": image.SeriesInstanceUID, "sop_instance_uid": image.SOPInstanceUID, **others}


def save(client: TestClient, image: Dataset, what: str, body: dict[str, Any]) -> Dataset:
    """The object that was saved, as the node gives it."""
    answer = client.post(f"/api/studies/{image.StudyInstanceUID}/{what}", json=body)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    found = reread(get(client, answer.headers["location"].removesuffix("/metadata"), "application/dicom").content)
    assert (found.SOPInstanceUID, found.SOPClassUID) == (said["sop_instance_uid"], said["sop_class_uid"])
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "AccessionNumber", "StudyDate"):
        assert found.get(keyword) == image.get(keyword), keyword
    return found


def _dcmtk(tool: str, dataset: Dataset, folder: Path, *options: str) -> str:
    path = folder / "saved.dcm"
    dataset.save_as(path)
    done = subprocess.run([program(tool, "dcmtk"), *options, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _groups(report: Dataset) -> list[Dataset]:
    [measurements] = [item for item in report.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "126010"]
    return list(measurements.ContentSequence)


def test_every_kind_of_measurement_is_a_report_that_others_read(site: Site, tmp_path: Path) -> None:
    first, second = ct_series(2, patient=KAZAKH)
    for image in (first, second):
        send(site.archive, image)
    body = {"measurements": [measured((first, second)[at % 2], kind, at) for at, kind in enumerate(ON_IMAGES)]}
    body["measurements"][0]["figures"][0]["at_detector"] = True
    body["measurements"][ON_IMAGES.index("ellipse")]["partly_outside"] = True
    report = save(site.browser(), first, "measurements", body)
    assert (report.Modality, report.Manufacturer, report.CompletionFlag) == ("SR", "Suret", "COMPLETE")
    text = _dcmtk("dsrdump", report, tmp_path, "+Pl")
    for words in ("aigul", "Ошақ, 3-деңгей", '"33.25" (mm,UCUM,"millimeter")', '"-3.0625" ([hnsf\'U],UCUM'):
        assert words in text
    assert "W: " not in text.replace("W: The VR checker does not support this Specific Character Set", "")
    content = highdicom.sr.srread(tmp_path / "saved.dcm").content
    assert len(content.get_image_measurement_groups()) == 4
    groups = _groups(report)
    assert len(groups) == len(ON_IMAGES)
    for group, sent in zip(groups, body["measurements"], strict=True):
        texts = {item.ConceptNameCodeSequence[0].CodeValue: item for item in group.ContentSequence}
        assert sent["tracking_uid"] == texts["112040"].UID
        extent = texts.get("REGION_EXTENT")
        assert (extent is not None) is sent.get("partly_outside", False)
        assert extent is None or extent.ConceptCodeSequence[0].CodeValue == "PARTLY_OUTSIDE"
        assert texts["112039"].TextValue.endswith(f":{KINDS[sent['kind']].tool}")
        numbers = [item for item in group.ContentSequence if item.ValueType == "NUM"]
        values = [float(item.MeasuredValueSequence[0].NumericValue) for item in numbers]
        assert values == [figure["value"] for figure in sent["figures"]]
        methods = [
            [one.ConceptCodeSequence[0].CodeValue for one in item.ContentSequence if one.ValueType == "CODE"]
            for item in numbers
        ]
        assert methods == [["AT_DETECTOR"] if figure.get("at_detector") else [] for figure in sent["figures"]]
        scoords = [item for item in group.ContentSequence if item.ValueType == "SCOORD"] or [
            one for item in numbers for one in item.ContentSequence if one.ValueType == "SCOORD"
        ]
        drawn = [value for item in scoords for value in item.GraphicData]
        assert drawn[:2] == sent["points"][0]
        assert all(value in drawn for point in sent["points"] for value in point)
        source = scoords[0].ContentSequence[0].ReferencedSOPSequence[0]
        assert source.ReferencedSOPInstanceUID == sent["sop_instance_uid"]
        assert "ReferencedFrameNumber" not in source


def test_what_is_measured_by_axes_of_time_and_velocity_is_no_length(site: Site) -> None:
    [image] = ct_series(1)
    send(site.archive, image)
    axes = [{"name": "time", "value": 0.125, "unit": "s"}, {"name": "velocity", "value": -43.5, "unit": "cm/s"}]
    body = {"measurements": [measured(image, kind, at, figures=axes) for at, kind in enumerate(("length", "probe"))]}
    codes = []
    for group in _groups(save(site.browser(), image, "measurements", body)):
        [tool] = [
            item.TextValue for item in group.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "112039"
        ]
        assert tool.startswith("Suret:"), "by Cornerstone's name others would take seconds for millimetres"
        numbers = [item for item in group.ContentSequence if item.ValueType == "NUM"]
        values = [item.MeasuredValueSequence[0] for item in numbers]
        units = [one.MeasurementUnitsCodeSequence[0] for one in values]
        assert [float(one.NumericValue) for one in values] == [0.125, -43.5]
        assert [(one.CodingSchemeDesignator, one.CodeValue) for one in units] == [("UCUM", "s"), ("UCUM", "cm/s")]
        codes += [item.ConceptNameCodeSequence[0].CodeValue for item in numbers]
    assert codes == ["TIME_SPAN", "VELOCITY_SPAN", "TIME", "VELOCITY"]


def test_what_is_measured_on_planes_is_saved_in_the_space_of_the_patient(site: Site, tmp_path: Path) -> None:
    images = ct_series(3)
    for one in images:
        one.FrameOfReferenceUID = "2.25.77"
        send(site.archive, one)
    body = {"measurements": [measured_in_space(images[1], kind, at) for at, kind in enumerate(KINDS)]}
    report = save(site.browser(), images[0], "measurements", body)
    assert report.SOPClassUID == Comprehensive3DSRStorage
    text = _dcmtk("dsrdump", report, tmp_path, "+Pl")
    assert text.count("SCOORD3D") >= len(KINDS)
    assert "W: " not in text.replace("W: The VR checker does not support this Specific Character Set", "")
    assert len(highdicom.sr.srread(tmp_path / "saved.dcm").content.get_image_measurement_groups()) > 0
    for group, sent in zip(_groups(report), body["measurements"], strict=True):
        below = [item for one in group.ContentSequence for item in (one, *one.get("ContentSequence", ()))]
        shapes = [item for item in below if item.ValueType == "SCOORD3D"]
        assert {item.ReferencedFrameOfReferenceUID for item in shapes} == {"2.25.77"}
        [source] = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
        assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == sent["sop_instance_uid"]
        drawn = [value for item in shapes for value in item.GraphicData]
        assert drawn[:3] == sent["space"][0]
        assert all(value in drawn for point in sent["space"] for value in point)
    curve = {item.GraphicType: np.reshape(item.GraphicData, (-1, 3)).tolist() for item in shapes}  # is the last
    assert curve == {"POLYLINE": sent["line"], "MULTIPOINT": sent["space"]}
    elsewhere = {**body["measurements"][0], "frame_of_reference_uid": "2.25.78"}
    address = f"/api/studies/{images[0].StudyInstanceUID}/measurements"
    assert site.browser().post(address, json={"measurements": [elsewhere]}).status_code == 400


def test_where_nothing_was_measured_the_points_are_kept(site: Site) -> None:
    image = ct_slice()
    send(site.archive, image)
    kinds = [kind for kind in ON_IMAGES if not KINDS[kind].region]
    body = {"measurements": [measured(image, kind, at, figures=[]) for at, kind in enumerate(kinds)]}
    for group, sent in zip(
        _groups(save(site.browser(), image, "measurements", body)), body["measurements"], strict=True
    ):
        [drawn] = [item.GraphicData for item in group.ContentSequence if item.ValueType == "SCOORD"]
        assert all(value in drawn for point in sent["points"] for value in point)


def test_a_report_takes_the_place_of_another_which_stays(site: Site) -> None:
    image = ct_slice()
    send(site.archive, image)
    client = site.browser()
    body = {"measurements": [measured(image, "length", 1)]}
    first = save(client, image, "measurements", body)
    second = save(client, image, "measurements", {**body, "replaces": [marked(first)]})
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    [study] = second.PredecessorDocumentsSequence
    [series] = study.ReferencedSeriesSequence
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert get(client, url_of(first), "application/dicom").status_code == 200
    last = save(client, image, "measurements", {"measurements": [], "replaces": [marked(second)]})
    assert "PredecessorDocumentsSequence" in last  # everything was taken away: that, too, is told


def test_key_images_by_frame(site: Site, tmp_path: Path) -> None:
    cine = us_cine()
    send(site.archive, cine)
    body = {"images": [marked(cine, frame_number=3), marked(cine, frame_number=2)], "description": "Қараңыз"}
    document = save(site.browser(), cine, "key-images", body)
    text = _dcmtk("dsrdump", document, tmp_path, "+Pl")
    assert "Key Object Selection" in text
    assert "Қараңыз" in text
    [image] = [item for item in document.ContentSequence if item.ValueType == "IMAGE"]
    assert image.ReferencedSOPSequence[0].ReferencedFrameNumber == [3, 2]


def test_no_image_is_a_key_image_any_more(site: Site) -> None:
    image = ct_slice(study="no more keys")
    send(site.archive, image)
    client = site.browser()
    path = f"/api/studies/{image.StudyInstanceUID}/key-images"
    assert client.post(path, json={"images": []}).status_code == 204  # there was none
    first = save(client, image, "key-images", {"images": [marked(image)]})
    assert client.post(path, json={"images": []}).status_code == 204
    assert get(client, url_of(first), "application/dicom").status_code == 404
    assert len(client.get(f"/dicom-web/instances?StudyInstanceUID={image.StudyInstanceUID}").json()) == 1
    second = save(client, image, "key-images", {"images": [marked(image)]})  # and marked again
    assert get(client, url_of(second), "application/dicom").status_code == 200
    [taken_back] = [one for one in client.get("/api/deletions").json()["deletions"] if one["kind"] == "rejected"]
    assert client.post(f"/api/deletions/{taken_back['id']}/restore").status_code == 200
    assert get(client, url_of(first), "application/dicom").status_code == 200
    assert client.post("/api/studies/1.2.3/key-images", json={"images": []}).status_code == 404


STATE: dict[str, Any] = {
    "area": {"left": 10, "top": 5, "right": 50, "bottom": 45},
    "window": {"center": 40.5, "width": 350},
    "inverted": True,
    "rotation": 90,
    "flipped": True,
    "label": "LUNG",
    "description": "Өкпе",
}


def test_a_display_state_is_one_that_others_apply(site: Site, tmp_path: Path) -> None:
    images = ct_series(2)
    for image in images:
        send(site.archive, image)
    drawn = [measured(images[0], kind, at, label=f"{at} mm") for at, kind in enumerate(ON_IMAGES)]
    body = {"state": STATE, "images": [marked(image) for image in images], "measurements": drawn}
    state = save(site.browser(), images[0], "presentation-states", body)
    assert state.PresentationLUTShape == "INVERSE"
    assert (state.ImageRotation, state.ImageHorizontalFlip) == (90, "Y")
    assert [len(series.ReferencedImageSequence) for series in state.ReferencedSeriesSequence] == [2]
    assert (state.RescaleIntercept, state.RescaleSlope) == (-1024, 1)
    path = tmp_path / "image.dcm"
    images[0].save_as(path, enforce_file_format=True)
    state.save_as(tmp_path / "state.dcm")
    command = [program("dcmpschk", "dcmtk"), tmp_path / "state.dcm"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "passed" in checked.stdout + checked.stderr
    assert "Error" not in checked.stdout + checked.stderr
    picture = get(site.browser(), url_of(state, "/rendered"), 'multipart/related; type="image/jpeg"')
    assert picture.status_code == 200, picture.text


def test_colour_and_inverted_images_have_states_too(site: Site) -> None:
    client = site.browser()
    for image, shape in ((us_cine(), None), (cr_image(), "IDENTITY")):
        send(site.archive, image)
        colour = image.PhotometricInterpretation not in ("MONOCHROME1", "MONOCHROME2")
        state = save(client, image, "presentation-states", {"state": STATE, "images": [marked(image)]})
        assert ("ICCProfile" in state) is colour
        if shape and image.PhotometricInterpretation == "MONOCHROME1":
            assert state.PresentationLUTShape == shape


def test_what_is_wrong_is_told(site: Site) -> None:
    image = ct_slice()
    send(site.archive, image)
    client = site.browser()
    path = f"/api/studies/{image.StudyInstanceUID}"
    length = measured(image, "length", 1)
    wrong: list[tuple[str, dict[str, Any], int, str]] = [
        ("measurements", {"measurements": []}, 400, "no measurement"),
        ("measurements", {"measurements": [{**length, "points": [[1, 2]]}]}, 400, "1 points, 2 are wanted"),
        ("measurements", {"measurements": [{**length, "tracking_uid": "x"}]}, 400, "is not a UID"),
        ("measurements", {"measurements": [{**length, "sop_instance_uid": "1.2.3"}]}, 404, "not in this study"),
        ("measurements", {"measurements": [{**length, "frame_number": 2}]}, 400, "no frame 2"),
        ("measurements", {"measurements": [{**length, "kind": "guess"}]}, 400, "not understood"),
        ("measurements", {"measurements": [measured(image, "curve", 1)]}, 400, "lies in space"),
        ("measurements", {"measurements": [{**length, "partly_outside": True}]}, 400, "no region"),
        ("measurements", {"measurements": [{**length, "line": [[1, 2, 3], [4, 5, 6]]}]}, 400, "no line"),
        ("presentation-states", {"state": {**STATE, "rotation": 45}, "images": [marked(image)]}, 400, "quarter"),
        (
            "presentation-states",
            {"state": STATE, "images": [marked(image)], "measurements": [{**length, "points": []}]},
            400,
            "0 points, 2 are wanted",
        ),
        (
            "presentation-states",
            {"state": {**STATE, "area": {**STATE["area"], "bottom": 2**48 - 1}}, "images": [marked(image)]},
            400,
            "ends nowhere",
        ),
    ]
    for what, body, status, words in wrong:
        answer = client.post(f"{path}/{what}", json=body)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert len(client.get(f"/dicom-web/instances?StudyInstanceUID={image.StudyInstanceUID}").json()) == 1


def test_who_may_only_read_cannot_save(site: Site) -> None:
    image = ct_slice()
    send(site.archive, image)
    body = {"measurements": [measured(image, "length", 1)]}
    answer = site.as_role(Role.CLINICIAN).post(f"/api/studies/{image.StudyInstanceUID}/measurements", json=body)
    assert answer.status_code == 403


@pytest.mark.parametrize("odd", [{"PatientSex": "D", "StudyDate": "", "StudyTime": ""}, {"PatientName": ""}])
def test_what_a_study_says_of_itself_is_taken_as_it_is(site: Site, odd: dict[str, str]) -> None:
    image = ct_slice(study=str(odd), **odd)
    send(site.archive, image)
    report = save(site.browser(), image, "measurements", {"measurements": [measured(image, "length", 1)]})
    for keyword, value in odd.items():
        assert str(report.get(keyword) or "") == value


def test_what_had_no_answer_is_sent_again_and_made_once(site: Site) -> None:
    image, other = ct_series(2, patient=KAZAKH)
    for one in (image, other):
        send(site.archive, one)
    aigul, bakyt = site.browser(), site.browser("bakyt")
    area = {"left": 1, "top": 1, "right": 9, "bottom": 9}
    bodies: dict[str, tuple[dict[str, Any], str]] = {
        "measurements": ({"measurements": [measured(image, "length", 0)]}, "measurements"),
        "key-images": ({"images": [marked(image)]}, "images"),
        "presentation-states": ({"state": {"area": area}, "images": [marked(image)]}, "images"),
    }

    def uid(what: str, body: dict[str, Any], request_id: str, by: TestClient = aigul) -> str:
        answer = by.post(f"/api/studies/{image.StudyInstanceUID}/{what}", json={**body, "request_id": request_id})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sop_instance_uid"])

    for what, (body, named) in bodies.items():
        with ThreadPoolExecutor(4) as pool:
            [made] = set(pool.map(uid, [what] * 4, [body] * 4, ["a"] * 4))
        assert uid(what, body, "a") == made
        elsewhere = {**body, named: [{**body[named][0], "sop_instance_uid": other.SOPInstanceUID}]}
        others = [uid(what, body, "b"), uid(what, body, "a", bakyt), uid(what, elsewhere, "a")]
        others += [uid(what, body, ""), uid(what, body, "")]
        assert len({made, *others}) == 6, "anything else is another object"
    found = get(aigul, f"/dicom-web/studies/{image.StudyInstanceUID}/instances").json()
    assert len(found) == 2 + 3 * 6


def test_of_two_nodes_with_one_index_one_writes_what_is_sent_again(site: Site) -> None:
    image = ct_slice()
    send(site.archive, image)
    by, uid, study = OPERATOR, made_uid(), str(image.StudyInstanceUID)
    one, other = Writer(site.archive), Writer(site.archive)  # each knows of its own turns alone
    write = partial(one.key_images, study, [Marked(image.SeriesInstanceUID, image.SOPInstanceUID)], by=by)
    made = []

    def late() -> Stored:
        made.append(other.once(study, uid, partial(write, sop_instance_uid=uid)))
        return write(sop_instance_uid=uid)

    made.append(one.once(study, uid, late))
    assert [stored.outcome for stored in made] == [Outcome.STORED, Outcome.DUPLICATE]
    assert {stored.sop_instance_uid for stored in made} == {uid}
    with site.archive.index.read() as connection:
        rows = connection.execute(select(instance.c.state).where(instance.c.sop_instance_uid == uid)).scalars().all()
    assert rows == [InstanceState.LIVE.value]
