"""The DICOM files from public repositories that lie beside the product's repository (see their README.md).

They are found through PACS_TEST_DATA, else in ``../shared/data``. Read at collection, so that a test can be
parametrised by them; where they are absent the lists are empty and the fixture `test_data` says why it skips.
"""

from __future__ import annotations

import csv
import functools
import os
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import ROOT


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A row of MANIFEST.csv; empty text where nothing is known. `expected` is valid, odd or malformed."""

    name: str
    path: Path
    sha256: str
    size: int
    kind: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str
    expected: str
    decoded_shape: str
    decoded_dtype: str
    decoded_sha256: str
    lossy: bool


def corpus_folder() -> Path:
    """Where the files are or would be."""
    chosen = os.environ.get("PACS_TEST_DATA")
    return Path(chosen) if chosen else ROOT.parent / "shared" / "data"


@functools.cache
def corpus() -> tuple[CorpusFile, ...]:
    """Every file of the manifest, in its order; empty when the folder is absent."""
    manifest = corpus_folder() / "MANIFEST.csv"
    if not manifest.is_file():
        return ()
    with manifest.open(newline="", encoding="utf-8") as rows:
        return tuple(
            CorpusFile(
                name=row["path"],
                path=manifest.parent / row["path"],
                sha256=row["sha256"],
                size=int(row["bytes"]),
                kind=row["kind"],
                sop_class_uid=row["sop_class_uid"],
                transfer_syntax_uid=row["transfer_syntax_uid"],
                modality=row["modality"],
                expected=row["expected"],
                decoded_shape=row["decoded_shape"],
                decoded_dtype=row["decoded_dtype"],
                decoded_sha256=row["decoded_sha256"],
                lossy=row["lossy"] == "1",
            )
            for row in csv.DictReader(rows)
        )
