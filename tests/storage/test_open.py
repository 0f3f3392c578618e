from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import StorageUnfit
from storage.filesystem import FolderStore
from storage.open import S3Options, open_store
from storage.s3 import S3Store
from tests.support.process import ROOT, clean_environment

KEYS = S3Options(endpoint_url="http://127.0.0.1:9", region="us-east-1", access_key_id="a", secret_access_key="b")


def test_a_path_is_a_folder_store(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "images"), tmp_path / "data", S3Options())

    assert isinstance(store, FolderStore)
    assert store.incoming == tmp_path / "images" / "incoming"


@pytest.mark.parametrize("location", ["s3://bucket", "s3://bucket/a/prefix/"])
def test_s3_keeps_what_comes_in_under_the_data_folder(tmp_path: Path, location: str) -> None:
    store = open_store(location, tmp_path / "data", KEYS)

    assert isinstance(store, S3Store)
    assert store.incoming == tmp_path / "data" / "incoming"
    assert store.incoming.is_dir()


@pytest.mark.parametrize("location", ["", "http://host/bucket", "gs://bucket", "file:///images", "s3://", "s3:///a"])
def test_what_is_neither_is_refused_in_plain_words(tmp_path: Path, location: str) -> None:
    with pytest.raises(StorageUnfit, match=r"s3://bucket\[/prefix\]"):
        open_store(location, tmp_path, KEYS)

    assert list(tmp_path.iterdir()) == []


def test_a_node_over_a_folder_does_not_load_boto3(tmp_path: Path) -> None:
    ask = "import sys, pathlib, storage.open as o; o.open_store(sys.argv[1], pathlib.Path(), o.S3Options());"
    ask += "print('boto3' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", ask, str(tmp_path)],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip

    assert done.stdout.strip() == "False"
