"""Private tags as keys and answers of programs written by others: dicomweb-client and DCMTK's findscu."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicomweb_client import DICOMwebClient
from pydicom import Dataset, dcmread, dcmwrite
from requests import Session

from pacs.access.principals import OPERATOR, Role
from pacs.archive.reindex import Reindexer
from pacs.render.workers import DecodeWorkers
from pacs.settings import WebSettings
from pacs.web.server import WebServer
from tests.support.archives import send
from tests.support.dimse import listening
from tests.support.factories import ct_slice, uid
from tests.support.peers import program
from tests.support.web import Site, open_site

CREATOR = "ACME IMAGING 1"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    cluster = request.getfixturevalue("postgresql_cluster") if request.param == "postgresql" else None
    database = cluster.create_database() if cluster else ""
    folder: Path = tmp_path_factory.mktemp("extended")
    with (
        DecodeWorkers(1) as workers,
        open_site(folder, workers, web=WebSettings(port=0), database=database) as made,
    ):
        for number in range(3):
            dataset = ct_slice(study=f"s{number}", StudyID=f"s{number}")
            dataset.add_new((0x0009, 0x0010 + number), "LO", CREATOR)
            dataset.add_new((0x0009, 0x1001 + 0x100 * number), "LO", f"Protocol {number}")
            send(made.archive, dataset)
        made.archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
        reindexer = Reindexer(made.archive, share=1)
        while reindexer.step():
            pass
        yield made
    if cluster:
        cluster.drop_database(database)


def test_dicomweb_client_searches_for_a_private_tag(site: Site) -> None:
    server = WebServer(site.app, site.settings.web)
    server.start()
    with Session() as session:
        session.headers["Authorization"] = f"Bearer {site.accounts.token('interop', Role.SERVICE)}"
        client = DICOMwebClient(f"http://127.0.0.1:{server.port}/dicom-web", session=session)
        [found] = client.search_for_studies(search_filters={"00091001": "* 2"}, fields=["00091001"])
        everything = client.search_for_studies(fields=["00091001"])
    server.stop(2)
    study = Dataset.from_json(found)
    assert study.StudyInstanceUID == uid("SYN-0001", "s2")
    assert study.private_block(0x0009, CREATOR)[0x01].value == "Protocol 2"
    assert sorted(row["00091001"]["Value"][0] for row in everything) == [f"Protocol {number}" for number in range(3)]


@pytest.mark.parametrize("block", [0x10, 0x33])
def test_findscu_asks_for_a_private_tag_in_a_block_of_its_own(site: Site, tmp_path: Path, block: int) -> None:
    with listening(site.archive) as listener:
        asked = Dataset()
        asked.QueryRetrieveLevel, asked.StudyInstanceUID, asked.StudyID = "STUDY", "", "s1"
        asked.add_new((0x0009, block), "LO", CREATOR)
        asked.add_new((0x0009, block << 8 | 0x01), "LO", "Protocol ?")
        query = tmp_path / "query.dcm"
        dcmwrite(query, asked, implicit_vr=False, little_endian=True)
        node = ["-aet", "FINDER", "-aec", "SURET", "127.0.0.1", str(listener.port)]
        done = subprocess.run(
            [program("findscu", "dcmtk"), "-S", "-X", "-od", tmp_path, *node, query],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    [answer] = [dcmread(path, force=True) for path in tmp_path.glob("rsp*.dcm")]
    assert answer.StudyInstanceUID == uid("SYN-0001", "s1")
    found = answer.private_block(0x0009, CREATOR)[0x01].value
    assert (found if isinstance(found, str) else found.decode().strip()) == "Protocol 1"
