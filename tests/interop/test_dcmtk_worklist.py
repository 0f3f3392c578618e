"""DCMTK at the worklist: `findscu -W` as the modality, and worklist files as `wlmscpfs` keeps them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.scheduled import ScheduledSteps
from pacs.dicom.documents import read_file
from tests.support.archives import open_archive
from tests.support.dimse import listening
from tests.support.peers import program
from tests.support.steps import KAZAKH_NAME, entry

pytestmark = pytest.mark.interop

# the form of the example files that come with wlmscpfs
WORKLIST_FILE = """
(0008,0005) CS [ISO_IR 144]
(0008,0050) SH [00001]
(0010,0010) PN [{name}]
(0010,0020) LO [AV35674]
(0010,0030) DA [19000101]
(0010,0040) CS M
(0020,000d) UI [1.2.276.0.7230010.3.2.101]
(0032,1060) LO [EXAM6]
(0040,1001) SH [RP454G234]
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS MR
(0040,0001) AE [AA32]
(0040,0002) DA [20261128]
(0040,0003) TM [1100]
(0040,0007) LO [EXAM74]
(0040,0009) SH [SPD3445]
(fffe,e00d) -
(fffe,e0dd) -
(0040,1003) SH LOW
"""


def _run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program(name, "dcmtk"), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )


def _asked(port: int, *keys: str) -> str:
    arguments = [part for key in keys for part in ("-k", key)]
    done = _run("findscu", "-v", "-W", "-aet", "AA32", "-aec", "SURET", *arguments, "127.0.0.1", port)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_findscu_asks_for_what_a_worklist_file_brought(tmp_path: Path) -> None:
    dump = tmp_path / "one.dump"
    dump.write_bytes(WORKLIST_FILE.format(name="Иванов^Иван").encode("iso8859-5"))
    file = tmp_path / "one.wl"
    made = _run("dump2dcm", dump, file)
    assert made.returncode == 0, made.stderr
    with open_archive(tmp_path / "node") as archive:
        ScheduledSteps(archive).add(read_file(file.read_bytes()), by=OPERATOR)
        _see(archive)


def _see(archive: Archive) -> None:
    ScheduledSteps(archive).add(entry("OTHER", PatientName=KAZAKH_NAME), by=OPERATOR)
    with listening(archive) as listener:
        step = "ScheduledProcedureStepSequence[0]"
        said = _asked(
            listener.port,
            "PatientName",
            "AccessionNumber",
            f"{step}.ScheduledStationAETitle=AA32",
            f"{step}.ScheduledProcedureStepStartDate=20261128",
            f"{step}.ScheduledProcedureStepStartTime=1000-1200",
            f"{step}.Modality=MR",
            f"{step}.ScheduledProcedureStepID",
        )
        assert len(re.findall("Find Response: ", said)) == 1
        assert re.search(r"\(0040,0009\) SH \[SPD3445", said)
        assert re.search(r"\(0008,0050\) SH \[00001", said)
        assert len(re.findall("Find Response: ", _asked(listener.port, "PatientName=*", f"{step}.Modality"))) == 2
        assert "Find Response: " not in _asked(listener.port, f"{step}.Modality=US")
