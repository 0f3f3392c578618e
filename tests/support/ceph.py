"""A real S3 server for tests: Ceph's gateway from Debian, started by ceph-up.sh (about 15 s, objects in memory)."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config
from mypy_boto3_s3 import S3Client

from tests.support.peers import program
from tests.support.process import free_port

_SCRIPT = Path(__file__).with_name("ceph-up.sh")
_NEEDED = ("radosgw", "ceph-mon", "ceph-osd")
_START_TIMEOUT_S = 240
_ACCESS_KEY_ID, _SECRET_ACCESS_KEY = "test", "testsecret"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the server is and the keys of its one user."""

    endpoint_url: str
    access_key_id: str = _ACCESS_KEY_ID
    secret_access_key: str = _SECRET_ACCESS_KEY
    region: str = "us-east-1"


def start(folder: Path, owner: int) -> Gateway:
    """A cluster in `folder`, which ends at the latest with the process `owner`; leaves the test without Ceph."""
    for name in _NEEDED:
        program(name, " ".join(_NEEDED))
    gateway = Gateway(f"http://127.0.0.1:{(port := free_port())}")
    environment = os.environ | {
        "OWNER_PID": str(owner),
        "S3_ACCESS_KEY": gateway.access_key_id,
        "S3_SECRET_KEY": gateway.secret_access_key,
    }
    said = folder.with_suffix(".log")
    with said.open("wb") as log:
        done = subprocess.run(
            [_SCRIPT, folder, str(port), str(free_port()), str(free_port())],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            timeout=_START_TIMEOUT_S,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"the Ceph gateway did not start:\n{said.read_text(errors='replace')[-4000:]}")
    _warm_up(gateway)
    return gateway


def stop(folder: Path) -> None:
    """End the cluster of `folder`."""
    subprocess.run([_SCRIPT, "--down", folder], capture_output=True, timeout=60, check=True)


@contextlib.contextmanager
def client(gateway: Gateway) -> Iterator[S3Client]:
    """A client that does what the test says and nothing more (no retries)."""
    session = boto3.session.Session(gateway.access_key_id, gateway.secret_access_key, region_name=gateway.region)
    made = session.client(
        "s3",
        endpoint_url=gateway.endpoint_url,
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=60),
    )
    try:
        yield made
    finally:
        made.close()


def _warm_up(gateway: Gateway) -> None:
    # The first use of each kind makes a pool, which takes seconds that no test should be charged for.
    with client(gateway) as s3:
        s3.create_bucket(Bucket="warm-up")
        s3.put_object(Bucket="warm-up", Key="a", Body=b"a")
        upload = s3.create_multipart_upload(Bucket="warm-up", Key="b")["UploadId"]
        s3.abort_multipart_upload(Bucket="warm-up", Key="b", UploadId=upload)
        s3.list_objects_v2(Bucket="warm-up")
        s3.delete_object(Bucket="warm-up", Key="a")
