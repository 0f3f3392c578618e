"""dicomweb-client of npm, which OHIF and others are made of, against a running node: each call that it has."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.support.dcmjs import run_script
from tests.support.factories import ct_series, write_folder
from tests.support.process import NodeProcess

PIXEL_DATA = "7FE00010"


def test_each_call(module_node: NodeProcess, tmp_path: Path) -> None:
    slices = ct_series(3)
    files = write_folder(slices, tmp_path)
    said = run_script("dicomweb.js", module_node.dicomweb_url, module_node.token("radiologist"), PIXEL_DATA, *files)
    found: dict[str, Any] = {line["call"]: line["result"] for line in said}
    assert len(found["storeInstances"]["00081199"]["Value"]) == 3
    assert [len(found[f"searchFor{level}"]) for level in ("Studies", "Series", "Instances")] == [1, 1, 3]
    assert [len(found[f"retrieve{level}Metadata"]) for level in ("Study", "Series")] == [3, 3]
    one = found["searchForInstances"][0]["00080018"]["Value"][0]
    [pixels] = [dataset.PixelData for dataset in slices if dataset.SOPInstanceUID == one]
    digest = hashlib.sha256(pixels).hexdigest()
    assert [part["sha256"] for part in found["retrieveInstanceFrames"]] == [digest]
    assert [part["sha256"] for part in found["retrieveBulkData"]] == [digest]
    objects = [*found["retrieveStudy"], *found["retrieveSeries"], found["retrieveInstance"]]
    assert [one["begins"].endswith("DICM") for one in objects] == [True] * 7
    for call, begins in (
        ("InstanceRendered", "\x89PNG"),
        ("InstanceThumbnail", "\xff\xd8\xff"),
        ("InstanceFramesRendered", "\xff\xd8\xff"),
        ("InstanceFramesThumbnail", "\x89PNG"),
    ):
        made = found[f"retrieve{call}"]  # a list of buffers where the client splits parts
        assert (made[0] if isinstance(made, list) else made)["begins"].startswith(begins), call
    calls = {"storeInstances", *(f"searchFor{level}" for level in ("Studies", "Series", "Instances"))}
    assert set(found) == calls | {f"retrieve{what}" for what in RETRIEVED}


RETRIEVED = (
    *("Study", "Series", "Instance", "StudyMetadata", "SeriesMetadata", "InstanceMetadata", "BulkData"),
    *("InstanceFrames", "InstanceRendered", "InstanceThumbnail", "InstanceFramesRendered", "InstanceFramesThumbnail"),
)
