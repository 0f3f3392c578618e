"""Who answers over the web: this node with its accounts, and Orthanc with its DICOMweb plugin, as fast as it goes."""

from __future__ import annotations

import http.client
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.bench.million import Shape, instance_uid, patient_values, series_uid, study_uid, study_values
from tests.bench.peers import ORTHANC_DEFAULT, Candidate, Launch, Server, orthanc
from tests.bench.service.client import WRK, Web
from tests.bench.session import Failed
from tests.support.factories import ct_slice, part10
from tests.support.peers import SYSTEM_PATH

PLUGIN: Final = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SENDERS: Final = 4
GENERATION: Final = 1  # raised when the same studies get other attributes


def _with_plugin(**more: object) -> Callable[[Path, int, int], Launch]:
    settings = {"Plugins": [str(PLUGIN)], "DicomWeb": {"Enable": True}, "KeepAlive": True, **more}
    return orthanc(nodelay=True, **settings)


ORTHANC_WEB: Final = replace(
    ORTHANC_DEFAULT,
    name="orthanc",
    what="Orthanc with its DICOMweb plugin, connections kept, no authentication",
    launch=_with_plugin(),
)


def _least(folder: Path, port: int, web_port: int) -> Launch:
    return Launch([sys.executable, "-m", "tests.bench.service.least", str(folder), str(port), str(web_port)])


LEAST: Final = Candidate(
    "least", "the least that answers of this length cost: as many files, sent by the kernel", "LEAST", 16384, _least
)


def refuse_absent() -> None:
    """Raise Failed where a program is missing without which nothing can be compared."""
    if shutil.which(WRK[0], path=SYSTEM_PATH) is None:
        raise Failed("wrk is absent: sudo apt-get install --no-install-recommends wrk")
    if ORTHANC_WEB.missing or not PLUGIN.exists():
        raise Failed("Orthanc is absent: sudo apt-get install --no-install-recommends orthanc orthanc-dicomweb")


def orthanc_of(shape: Shape, kept: Path) -> Candidate:
    """Orthanc over an archive of `shape` with the attributes of `tests.bench.million`, kept in `kept`."""
    home = kept / f"orthanc-{shape.studies}-{GENERATION}"
    if not home.exists():
        _fill(shape, home)

    def launch(folder: Path, port: int, web_port: int) -> Launch:
        made = _with_plugin()(home, port, web_port)
        return replace(made, files={str(folder / name): text for name, text in made.files.items()})

    return replace(ORTHANC_WEB, launch=launch)


def web(server: Server) -> Web:
    """How `server` is asked; of this node with the token of an account."""
    if server.candidate.name.startswith("suret"):
        return Web(server, "/dicom-web", {"Authorization": f"Bearer {server.token()}"})
    return Web(server, "/dicom-web", {})


def _fill(shape: Shape, home: Path) -> None:
    made = home.with_name(f".{home.name}")
    quick = replace(ORTHANC_WEB, launch=_with_plugin(SyncStorageArea=False))
    with Server(quick, made) as server, ThreadPoolExecutor(SENDERS) as senders:

        def send(first: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.web_port, timeout=60)
            for number in range(first, shape.studies, SENDERS):
                connection.request("POST", "/instances", _object(number, shape))
                answer = connection.getresponse()
                answer.read()
                if answer.status != http.HTTPStatus.OK:
                    raise Failed(f"Orthanc did not take study {number}: {answer.status}")

        list(senders.map(send, range(SENDERS)))
    made.rename(home)


def _object(number: int, shape: Shape) -> bytes:
    """The one instance of study `number`."""
    values = {**patient_values(shape.patient_of(number)), **study_values(number, shape)}
    dataset = ct_slice(rows=16, columns=16)
    for keyword, text in values.items():
        setattr(dataset, keyword, text)
    dataset.StudyInstanceUID = study_uid(number)
    dataset.SeriesInstanceUID, dataset.SOPInstanceUID = series_uid(number, 0), instance_uid(number, 0, 0)
    return part10(dataset)
