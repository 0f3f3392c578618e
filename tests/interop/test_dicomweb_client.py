"""dicomweb-client, written by others, against the server on a real port: search, store, retrieve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless
from requests import HTTPError, Session

from pacs.access.principals import OPERATOR, Role
from pacs.archive.correction import Corrections
from pacs.archive.deletion import Deletions
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from pacs.web.server import WebServer
from tests.support.factories import KAZAKH, Patient, ct_series, structured_report, us_cine
from tests.support.web import Site, open_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("interop")
    with DecodeWorkers(1) as workers, open_site(folder, workers, web=WebSettings(port=0)) as made:
        yield made


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[DICOMwebClient]:
    server = WebServer(site.app, site.settings.web)
    server.start()
    session = Session()
    session.headers["Authorization"] = f"Bearer {site.accounts.token('interop', Role.SERVICE)}"
    yield DICOMwebClient(f"http://127.0.0.1:{server.port}/dicom-web", session=session)
    session.close()
    server.stop(2)


@pytest.fixture(scope="module")
def sent(client: DICOMwebClient) -> list[Dataset]:
    datasets = [
        *ct_series(3),
        *ct_series(2, patient=KAZAKH, study="compressed", transfer_syntax=JPEGLSLossless),
        us_cine(study="cine", frames=3, transfer_syntax=JPEG2000Lossless),
        structured_report(),
    ]
    answer = client.store_instances(datasets)
    assert len(answer.ReferencedSOPSequence) == len(datasets)
    assert "FailedSOPSequence" not in answer
    return datasets


def test_search(client: DICOMwebClient, sent: list[Dataset]) -> None:
    assert len(client.search_for_studies()) == 3
    [found] = client.search_for_studies(search_filters={"PatientName": "әбдірахманова*"}, fields=["InstitutionName"])
    study = Dataset.from_json(found)
    assert study.PatientName == KAZAKH.name
    assert study.InstitutionName == "Test Hospital"
    series = client.search_for_series(study.StudyInstanceUID)
    assert [Dataset.from_json(one).Modality for one in series] == ["CT"]
    assert len(client.search_for_instances(study.StudyInstanceUID)) == 2
    assert len(client.search_for_instances(limit=2, offset=1)) == 2
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []


def test_search_at_every_level(client: DICOMwebClient, sent: list[Dataset]) -> None:
    study, series = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID
    assert len(client.search_for_series()) == 4
    assert len(client.search_for_series(study)) == 2
    assert len(client.search_for_instances()) == 7
    assert len(client.search_for_instances(study)) == 4
    assert len(client.search_for_instances(study, series)) == 3
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    [fuzzy] = client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "Abdirakhmanova"})
    assert Dataset.from_json(fuzzy).PatientName == KAZAKH.name
    pages = [client.search_for_instances(limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1]
    everything = client.search_for_instances(get_remaining=True, limit=2)
    assert everything == [row for page in pages for row in page]


def test_retrieve_instances(client: DICOMwebClient, sent: list[Dataset]) -> None:
    for dataset in sent:
        uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
        stored_syntax = dataset.file_meta.TransferSyntaxUID
        back = client.retrieve_instance(*uids, media_types=(("application/dicom", "*"),))
        assert back == dataset
        assert back.file_meta.TransferSyntaxUID == stored_syntax
        plain = client.retrieve_instance(*uids, media_types=("application/dicom",))
        assert plain.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
        if "PixelData" in dataset:
            assert np.array_equal(plain.pixel_array, dataset.pixel_array)


def test_retrieve_a_study_and_a_series(client: DICOMwebClient, sent: list[Dataset]) -> None:
    study = sent[0].StudyInstanceUID
    assert len(client.retrieve_study(study)) == 4
    series = client.retrieve_series(study, sent[0].SeriesInstanceUID)
    assert [dataset.InstanceNumber for dataset in series] == [1, 2, 3]


def test_a_corrected_object(site: Site, client: DICOMwebClient) -> None:
    sent = ct_series(2, study="corrected", patient=Patient("C-1", "Falsch^Name"))
    client.store_instances(sent)
    corrections, study = Corrections(site.archive), str(sent[0].StudyInstanceUID)
    made = corrections.correct({"PatientName": "Ағыбаева^Әсел"}, by=OPERATOR, reason="x", study_instance_uid=study)
    [found] = client.search_for_studies(search_filters={"PatientName": "Ағыбаева*"})
    assert Dataset.from_json(found).PatientName == "Ағыбаева^Әсел"
    for dataset in client.retrieve_study(study):
        assert dataset.PatientName == "Ағыбаева^Әсел"
        modified = dataset.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
        assert modified.PatientName == "Falsch^Name"
        assert np.array_equal(dataset.pixel_array, sent[dataset.InstanceNumber - 1].pixel_array)
    [first, _] = client.retrieve_study_metadata(study)
    assert first["00100010"]["Value"] == [{"Alphabetic": "Ағыбаева^Әсел"}]
    corrections.undo(made.id, by=OPERATOR)
    assert client.retrieve_study(study) == sent
    Deletions(site.archive).delete(study, by=OPERATOR)


def test_metadata(client: DICOMwebClient, sent: list[Dataset]) -> None:
    found = client.retrieve_series_metadata(sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID)
    assert [one["00200013"]["Value"] for one in found] == [[1], [2], [3]]
    assert len(client.retrieve_study_metadata(sent[0].StudyInstanceUID)) == 4


def test_frames(client: DICOMwebClient, sent: list[Dataset]) -> None:
    cine = sent[5]
    uids = cine.StudyInstanceUID, cine.SeriesInstanceUID, cine.SOPInstanceUID
    frames = client.retrieve_instance_frames(*uids, [1, 3])
    assert frames == [cine.pixel_array[number].tobytes() for number in (0, 2)]
    bare = client.retrieve_instance_frames(*uids, [2], media_types=(("image/jp2", JPEG2000Lossless),))
    assert bare[0].startswith(b"\xff\x4f\xff\x51")


def test_recoded_frames_and_objects(client: DICOMwebClient, sent: list[Dataset]) -> None:
    cine = sent[5]
    uids = cine.StudyInstanceUID, cine.SeriesInstanceUID, cine.SOPInstanceUID
    [coded] = client.retrieve_instance_frames(*uids, [2], media_types=(("image/jls", JPEGLSLossless),))
    assert np.array_equal(imagecodecs.jpegls_decode(coded), cine.pixel_array[1])
    back = client.retrieve_instance(*uids, media_types=(("application/dicom", JPEGLSLossless),))
    assert back.file_meta.TransferSyntaxUID == JPEGLSLossless
    assert np.array_equal(back.pixel_array, cine.pixel_array)


def test_pictures(client: DICOMwebClient, sent: list[Dataset]) -> None:
    uids = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID, sent[0].SOPInstanceUID
    picture = client.retrieve_instance_rendered(*uids, media_types=("image/png",), params={"viewport": "32,32"})
    assert picture.startswith(b"\x89PNG")
    assert client.retrieve_instance_rendered(*uids, media_types=("image/jpeg",)).startswith(b"\xff\xd8")


def test_bulk_data(client: DICOMwebClient, sent: list[Dataset]) -> None:
    [one] = list(client.retrieve_study_metadata(sent[5].StudyInstanceUID))
    assert len(client.retrieve_bulkdata(one["7FE00010"]["BulkDataURI"])) == 3


def test_storing_into_another_study_is_told(client: DICOMwebClient, sent: list[Dataset]) -> None:
    with pytest.raises(HTTPError) as refused:
        client.store_instances([ct_series(1, patient=Patient("X"))[0]], study_instance_uid=sent[0].StudyInstanceUID)
    assert refused.value.response.status_code == 409


def test_a_large_study_streams(client: DICOMwebClient) -> None:
    datasets = ct_series(6, study="large", rows=512, columns=512)
    client.store_instances(datasets)
    back = list(client.iter_study(datasets[0].StudyInstanceUID, media_types=(("application/dicom", "*"),)))
    assert [dataset.PixelData for dataset in back] == [dataset.PixelData for dataset in datasets]


def test_what_can_be_iterated_is_what_is_retrieved(client: DICOMwebClient, sent: list[Dataset]) -> None:
    cine = sent[5]
    series = cine.StudyInstanceUID, cine.SeriesInstanceUID
    uids = *series, cine.SOPInstanceUID
    objects = (("application/dicom", "*"),)
    [one] = client.iter_series(*series, media_types=objects)
    assert one.PixelData == cine.PixelData
    frames = list(client.iter_instance_frames(*uids, [1, 2, 3]))
    assert frames == client.retrieve_instance_frames(*uids, [1, 2, 3])
    metadata = client.retrieve_instance_metadata(*uids)
    url = metadata["7FE00010"]["BulkDataURI"]
    assert list(client.iter_bulkdata(url)) == client.retrieve_bulkdata(url)


def test_pictures_of_frames_and_of_a_series(client: DICOMwebClient, sent: list[Dataset]) -> None:
    cine = sent[5]
    series = cine.StudyInstanceUID, cine.SeriesInstanceUID
    frame = client.retrieve_instance_frames_rendered(*series, cine.SOPInstanceUID, [2], media_types=("image/png",))
    assert frame.startswith(b"\x89PNG")
    moving = client.retrieve_series_rendered(*series, media_types=("image/gif",))
    assert moving == client.retrieve_instance_rendered(*series, cine.SOPInstanceUID, media_types=("image/gif",))
    several = sent[0].StudyInstanceUID, sent[0].SeriesInstanceUID
    assert client.retrieve_series_rendered(*several, media_types=("image/gif",)).startswith(b"GIF89a")
    with pytest.raises(HTTPError) as refused:  # one picture of three images would leave two out
        client.retrieve_series_rendered(*several, media_types=("image/jpeg",))
    assert refused.value.response.status_code == 406
    assert "multipart/related" in refused.value.response.text


def test_deletion_at_every_level(site: Site, sent: list[Dataset], client: DICOMwebClient) -> None:
    with Session() as session:
        session.headers["Authorization"] = f"Bearer {site.accounts.token('remover', Role.ADMIN)}"
        remover = DICOMwebClient(client.base_url, session=session)
        first, second, third = ct_series(3, patient=Patient("D"), study="deleted")
        client.store_instances([first, second, third])
        uids = first.StudyInstanceUID, first.SeriesInstanceUID
        remover.delete_instance(*uids, first.SOPInstanceUID)
        assert len(client.search_for_instances(*uids)) == 2
        remover.delete_series(*uids)
        assert client.search_for_instances(*uids) == []
        with pytest.raises(HTTPError) as gone:
            remover.delete_study(uids[0])
        assert gone.value.response.status_code == 410
        other = ct_series(1, patient=Patient("D"), study="deleted too")[0]
        client.store_instances([other])
        remover.delete_study(other.StudyInstanceUID)
        assert client.search_for_studies(search_filters={"PatientID": "D"}) == []
