"""From the text of a setting to an object store."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from storage.errors import StorageUnfit
from storage.filesystem import FolderStore
from storage.protocol import ObjectStore

_PLACE = re.compile(r"s3://(?P<bucket>[^/]+)(?:/(?P<prefix>.*))?|(?![a-z0-9]+://)(?P<folder>.+)")


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach an S3 service; what is empty is found the way every AWS tool finds it."""

    endpoint_url: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""


def open_store(location: str, data: Path, s3: S3Options, *, make: bool = True) -> ObjectStore:
    """The store at `location`: a folder, ``s3://bucket`` or ``s3://bucket/prefix``.

    An S3 store keeps what is on its way in under ``data/incoming``. With `make` False a folder has to be there and is
    only read: somebody's copy. Raises StorageUnfit.
    """
    place = _PLACE.fullmatch(location)
    if place is None:
        raise StorageUnfit(f"{location!r} is no place for objects; give a folder or s3://bucket[/prefix]")
    if place["folder"]:
        return FolderStore(Path(place["folder"]), make=make)
    # Here and not above: boto3 costs a third of a second, which a node over a folder need not spend.
    from storage.s3 import S3Store

    return S3Store(
        place["bucket"],
        prefix=place["prefix"] or "",
        incoming=data / "incoming",
        endpoint_url=s3.endpoint_url,
        region=s3.region,
        access_key_id=s3.access_key_id,
        secret_access_key=s3.secret_access_key,
    )
