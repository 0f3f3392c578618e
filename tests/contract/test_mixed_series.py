"""Series that hold images and other objects: what images say comes first, on both pairs of back ends."""

from __future__ import annotations

from itertools import permutations

from pydicom import Dataset

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.correction import Corrections
from pacs.archive.deletion import Deletions
from pacs.archive.recovery import rebuild
from pacs.archive.standing import CorrectionLevel
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.rejection import RejectionCode
from pacs.index.criteria import Criterion, OneOf, Query
from tests.contract.test_deletion import note
from tests.support.archives import send
from tests.support.derived_objects import segmentation
from tests.support.factories import ct_slice, structured_report

SAID = ("Modality", "SeriesDescription", "BodyPartExamined", "ProtocolName", "StationName")
OF_IMAGES = {"Modality": "CT", "SeriesDescription": "Axial", "BodyPartExamined": "CHEST", "StationName": "CT01"}
MIXED = OF_IMAGES | {"ProtocolName": "Dictation"}
OF_REPORT = {"Modality": "SR", "SeriesDescription": "Report", "ProtocolName": "Dictation", "BodyPartExamined": "HEAD"}


def _objects(study: str) -> tuple[Dataset, Dataset, Dataset]:
    """Two images, of which each says what the other leaves out, and a report in their series."""
    first = ct_slice(study=study, series=study, number=1, SeriesDescription="", BodyPartExamined="CHEST")
    second = ct_slice(study=study, series=study, number=2, SeriesDescription="Axial", BodyPartExamined="")
    told = {"SeriesDescription": "Report", "ProtocolName": "Dictation", "BodyPartExamined": "HEAD"}
    report = structured_report(study=study, series=study, number=3, **told)
    for image in (first, second):
        image.ProtocolName, image.StationName = "", "CT01"
    return first, second, report


def _said(archive: Archive, study_instance_uid: str) -> dict[str, str]:
    """What is answered of the one series of a study; and the study has the one modality that it has."""
    only = (Criterion(BY_KEYWORD["StudyInstanceUID"], OneOf((study_instance_uid,))),)
    (row,) = archive.find(Query(Level.SERIES, only, tuple(BY_KEYWORD[keyword] for keyword in SAID)))
    (of_study,) = archive.find(Query(Level.STUDY, only, (BY_KEYWORD["ModalitiesInStudy"],)))
    assert of_study["ModalitiesInStudy"] == row["Modality"]
    return {keyword: row[keyword] for keyword in SAID if row.get(keyword)}


def test_the_order_of_arrival_says_nothing(archive: Archive) -> None:
    studies = []
    for number, order in enumerate(permutations(range(3))):
        objects = _objects(f"study {number}")
        for place in order:
            send(archive, objects[place])
        studies.append(objects[0].StudyInstanceUID)
    assert [_said(archive, uid) for uid in studies] == [MIXED] * 6
    rebuild(archive)
    assert [_said(archive, uid) for uid in studies] == [MIXED] * 6


def test_a_segmentation_has_pixels_and_is_no_image(archive: Archive) -> None:
    image = ct_slice(study="study", series="ct")
    marked = segmentation([image], {"liver": image.pixel_array > 0}, SeriesInstanceUID=image.SeriesInstanceUID)
    send(archive, marked)
    assert _said(archive, image.StudyInstanceUID)["Modality"] == "SEG"
    send(archive, image)
    assert _said(archive, image.StudyInstanceUID)["Modality"] == "CT"


def test_what_is_out_of_sight_says_nothing(archive: Archive) -> None:
    first, second, report = _objects("study")
    for one in (first, report, second):
        send(archive, one)
    deletions, uid = Deletions(archive), str(first.StudyInstanceUID)

    def delete(one: Dataset) -> str:
        place = (uid, str(one.SeriesInstanceUID), str(one.SOPInstanceUID))
        return deletions.delete(*place, by=OPERATOR, reason="a test").id

    gone = [delete(first)]
    assert _said(archive, uid) == MIXED
    gone.append(delete(second))
    assert _said(archive, uid) == OF_REPORT
    deletions.restore(gone[0], by=OPERATOR)
    assert _said(archive, uid) == MIXED
    deletions.restore(gone[1], by=OPERATOR)
    gone = [delete(report)]
    assert _said(archive, uid) == OF_IMAGES
    deletions.restore(gone[0], by=OPERATOR)
    assert _said(archive, uid) == MIXED
    send(archive, note(RejectionCode.QUALITY, first, second))
    rebuild(archive)
    assert _said(archive, uid) == OF_REPORT


def test_what_was_rejected_before_it_came_tells_of_images_when_it_comes_back(archive: Archive) -> None:
    first, second, report = _objects("study")
    send(archive, note(RejectionCode.QUALITY, first, second))
    for one in (report, second, first):
        send(archive, one)
    deletions, uid = Deletions(archive), str(first.StudyInstanceUID)
    (rejected,) = deletions.listing(by=OPERATOR)
    assert _said(archive, uid) == OF_REPORT
    deletions.restore(rejected.id, by=OPERATOR)
    assert _said(archive, uid) == MIXED


def test_a_correction_stays_and_is_undone_to_what_images_say(archive: Archive) -> None:
    first, second, report = _objects("study")
    send(archive, report)
    corrections, uid = Corrections(archive), str(first.StudyInstanceUID)
    made = corrections.correct(
        {"SeriesDescription": "Thorax"},
        by=OPERATOR,
        reason="a test",
        study_instance_uid=uid,
        series_instance_uid=str(first.SeriesInstanceUID),
    )
    assert made.level is CorrectionLevel.SERIES
    for one in (first, second):
        send(archive, one)
    assert _said(archive, uid) == MIXED | {"SeriesDescription": "Thorax"}
    deletions = Deletions(archive)
    gone = [
        deletions.delete(uid, str(one.SeriesInstanceUID), str(one.SOPInstanceUID), by=OPERATOR, reason="a test").id
        for one in (first, second)
    ]
    assert _said(archive, uid) == OF_REPORT | {"SeriesDescription": "Thorax"}
    for identifier in gone:
        deletions.restore(identifier, by=OPERATOR)
    corrections.undo(made.id, by=OPERATOR)
    assert _said(archive, uid) == MIXED
