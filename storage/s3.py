"""Objects in an S3 bucket (Amazon S3 API, version 2006-03-01) through boto3; the only file that knows boto3.

A key is stored under the store's prefix. Metadata is S3 user metadata: ``study_uid`` travels as ``study-uid``,
because proxies drop headers with underscores, and values are percent-encoded where they are not plain ASCII.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import secrets
import string
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import quote, unquote

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody

from storage.directories import make_folder
from storage.errors import KeyExists, KeyMissing, StorageError, StorageFailed, StorageFull, StorageUnfit
from storage.keys import check_key, is_key, listing_prefix
from storage.protocol import ByteRange, ObjectStat, Space
from storage.ranges import file_range

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import (
        CompletedPartTypeDef,
        CompleteMultipartUploadRequestTypeDef,
        HeadObjectOutputTypeDef,
        PutObjectRequestTypeDef,
    )

_log = structlog.get_logger()

MULTIPART_FROM = 64 * 1024 * 1024
"""Bytes; a file of this size or more is sent in parts, so that a retry repeats a part and not the whole."""

_PART = 16 * 1024 * 1024
_MAX_PARTS = 10_000  # the service's limit
_READ_BUFFER = 1 << 16
_RACERS = 8
_CONFLICT_PAUSES_S = (0.1, 0.3, 1.0)

_CONFIG = Config(
    signature_version="s3v4",
    # The SHA-256 of the body in the signature: the service refuses bytes that were damaged on the way.
    s3={"addressing_style": "path", "payload_signing_enabled": True},
    max_pool_connections=32,
    tcp_keepalive=True,
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    # The checksums boto3 adds by itself are unknown to many services of this kind.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)

_CONFLICT, _PRECONDITION_FAILED, _RANGE_OUTSIDE, _NO_ROOM = 409, 412, 416, 507
_NO_ROOM_CODES = frozenset({"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull"})
_MISSING_CODES = frozenset({"NoSuchKey", "NotFound", "404"})
_METADATA_NAME = re.compile(r"[a-z][a-z0-9_]*")
_PLAIN = string.ascii_letters + string.digits + string.punctuation.replace("%", "")


class S3Store:
    """An object store in a bucket; safe from many threads, and from any number of processes and machines."""

    def __init__(
        self,
        bucket: str,
        *,
        incoming: Path,
        prefix: str = "",
        endpoint_url: str = "",
        region: str = "",
        access_key_id: str = "",
        secret_access_key: str = "",
    ) -> None:
        """Make the client; nothing is asked of the service before `check`. Raises StorageUnfit.

        `prefix` is put before every key; empty options are found the way every AWS tool finds them.
        """
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._incoming = incoming.resolve()
        self.honours_conditions = True
        """Whether `check` found that of several writers of one new key exactly one wins."""
        try:
            make_folder(self._incoming)
            self._client = boto3.session.Session(
                aws_access_key_id=access_key_id or None,
                aws_secret_access_key=secret_access_key or None,
                region_name=region or None,
            ).client("s3", endpoint_url=endpoint_url or None, config=_CONFIG)
        except (BotoCoreError, ValueError, OSError) as error:
            raise StorageUnfit(f"cannot use the bucket {bucket!r}: {error}") from error

    @property
    def incoming(self) -> Path:
        """The local folder given."""
        return self._incoming

    def settle(self, descriptor: int) -> None:
        """Nothing: the file is read and uploaded; see ObjectStore.settle."""

    def put(self, key: str, file: Path, metadata: Mapping[str, str], *, settled: bool = False) -> None:
        """Upload the file, then remove it; see ObjectStore.put. Finding our own earlier upload is success."""
        name = self._name(key)
        with _refusals(f"object {key} was not stored"):
            self._upload(name, file, _to_headers(metadata))
        try:
            file.unlink()
        except OSError as error:
            # The object is safe; what is left is a file like those a crash leaves.
            _log.warning("incoming_file_not_removed", key=key, error=str(error))

    def secure(self) -> None:
        """Nothing: what the service lists it has stored; see ObjectStore.secure."""

    def open(self, key: str, byte_range: ByteRange | None = None) -> BinaryIO:
        """The answer's body as it arrives, not seekable; see ObjectStore.open."""
        name = self._name(key)
        if byte_range is not None and byte_range.length == 0:
            self.stat(key)  # HTTP has no range of no bytes
            return io.BytesIO()
        what = f"object {key} cannot be read"
        with _refusals(what, missing=key):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=name, Range=_range_header(byte_range))
            except ClientError as error:
                if _status(error) == _RANGE_OUTSIDE:
                    return io.BytesIO()
                raise
        return cast(BinaryIO, io.BufferedReader(_Body(answer["Body"], what), _READ_BUFFER))

    def forget(self, key: str) -> None:
        """Nothing: nothing is kept here; see ObjectStore.forget."""
        check_key(key)

    def versions(self, key: str) -> Iterator[BinaryIO]:
        """What a bucket with versions kept beside the current one; see ObjectStore.versions."""
        name, what = self._name(key), f"the versions of {key} cannot be read"
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=name)
        with _refusals(what):
            for page in pages:
                for version in page.get("Versions", ()):
                    if version["Key"] == name and not version["IsLatest"]:
                        answer = self._client.get_object(Bucket=self._bucket, Key=name, VersionId=version["VersionId"])
                        yield cast(BinaryIO, io.BufferedReader(_Body(answer["Body"], what), _READ_BUFFER))

    def read_at_once(self, key: str, offset: int, buffer: memoryview) -> bool:
        """Never: it is a request over a network. See ObjectStore.read_at_once."""
        return False

    def stat(self, key: str) -> ObjectStat:
        """Size in bytes and metadata; see ObjectStore.stat."""
        name = self._name(key)
        with _refusals(f"object {key} cannot be asked for"):
            head = self._head(name)
            if head is None:
                # HEAD answers 404 for a lost bucket as for a lost object; only the second may be told.
                self._client.head_bucket(Bucket=self._bucket)
                raise KeyMissing(f"there is no object {key}")
        return ObjectStat(head["ContentLength"], _from_headers(head["Metadata"]))

    def delete(self, key: str) -> None:
        """Delete the object; see ObjectStore.delete. A bucket with versions keeps the bytes as an old version."""
        self.stat(key)
        with _refusals(f"object {key} was not deleted"):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def list(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """Keys in order, a page of a thousand at a time; see ObjectStore.list."""
        narrowed = listing_prefix(prefix)
        if narrowed is not None:
            names = self._names(self._prefix + narrowed, self._prefix + after)
            yield from filter(is_key, (name.removeprefix(self._prefix) for name in names))

    def local_path(self, key: str) -> Path | None:
        """None: there is no file. See ObjectStore.local_path."""
        check_key(key)
        return None

    def space(self) -> Space:
        """S3 does not tell; see ObjectStore.space."""
        return Space(None, None, None, None)

    def check(self) -> None:
        """Reading and listing see what was just written; conditional writes are tried. Raises StorageUnfit.

        Where the service ignores or refuses `If-None-Match` the store works on: keys are used once anyway.
        A full bucket is logged and passes.
        """
        # Beside the objects: neither a listing nor a sweep takes a probe for an object.
        probe = f"{self._prefix}probe/{secrets.token_hex(8)}/"
        try:
            with _refusals("the bucket does not answer"):
                self._client.head_bucket(Bucket=self._bucket)
                winners = self._race(probe + "race")
            self.honours_conditions = winners == 1
            if not self.honours_conditions:
                _log.warning("s3_conditional_put_not_honoured", bucket=self._bucket, winners=winners)
            self._read_after_write(probe + "object")
        except StorageFull as error:
            # What is stored can still be read: that is no reason to refuse the start.
            _log.error("object_store_full", bucket=self._bucket, error=str(error))
        except StorageError as error:
            raise StorageUnfit(
                f"the bucket {self._bucket!r} cannot hold the archive: {error}; "
                "check its name, the endpoint, the region, the keys and what they may do"
            ) from error
        finally:
            for name in ("race", "object"):
                with contextlib.suppress(ClientError, BotoCoreError):
                    self._client.delete_object(Bucket=self._bucket, Key=probe + name)

    def _race(self, name: str) -> int:
        """How many of several writers of one new key the service lets win, each told to write only a new one."""

        def wins(racer: int) -> bool:
            try:
                self._client.put_object(Bucket=self._bucket, Key=name, Body=bytes([racer]), IfNoneMatch="*")
            except ClientError:
                return False
            return True

        with ThreadPoolExecutor(_RACERS) as racers:
            return sum(racers.map(wins, range(_RACERS)))

    def _read_after_write(self, name: str) -> None:
        content = secrets.token_bytes(64)
        file = self._incoming / f".probe-{secrets.token_hex(8)}"
        try:
            file.write_bytes(content)
            with _refusals("the probe could not be written and read back"):
                self._upload(name, file, {"probe": "1"})
                with self._client.get_object(Bucket=self._bucket, Key=name)["Body"] as body:
                    read = body.read()
                listed = name in self._names(name, "")
        except OSError as error:
            raise StorageFailed(f"the folder {self._incoming} cannot be written to: {error.strerror}") from error
        finally:
            file.unlink(missing_ok=True)
        if read != content or not listed:
            raise StorageFailed("it does not show what was just written; a store must answer reads after writes")

    def _upload(self, name: str, file: Path, headers: Mapping[str, str]) -> None:
        with file.open("rb") as body:
            size = os.fstat(body.fileno()).st_size
            send = self._send_whole if size < MULTIPART_FROM else self._send_in_parts
            # Not every service minds the condition at the end of an upload in parts.
            if (send == self._send_in_parts or not self.honours_conditions) and self._head(name) is not None:
                return self._ours_or_taken(name, size, headers)
            try:
                _again_on_conflict(lambda: send(name, body, size, headers))
            except ClientError as error:
                # Taken, or already put together: perhaps by our own request whose answer was lost.
                if _status(error) != _PRECONDITION_FAILED and _code(error) != "NoSuchUpload":
                    raise
                self._ours_or_taken(name, size, headers)

    def _ours_or_taken(self, name: str, size: int, headers: Mapping[str, str]) -> None:
        """Return when the object is what we send: an answer was lost and the request repeated. Raises KeyExists."""
        head = self._head(name)
        if head is None:
            raise StorageFailed(f"the service says that {name} is there and that it is not")
        digests = {header: value for header, value in headers.items() if header.endswith("sha256")}
        if not digests or head["ContentLength"] != size or not digests.items() <= head["Metadata"].items():
            raise KeyExists(f"{name} is taken: storage keys are used once")

    def _send_whole(self, name: str, body: BinaryIO, size: int, headers: Mapping[str, str]) -> None:
        body.seek(0)
        request: PutObjectRequestTypeDef = {
            "Bucket": self._bucket,
            "Key": name,
            "Body": body,
            "ContentLength": size,
            "Metadata": headers,
        }
        if self.honours_conditions:
            request["IfNoneMatch"] = "*"
        self._client.put_object(**request)

    def _send_in_parts(self, name: str, body: BinaryIO, size: int, headers: Mapping[str, str]) -> None:
        started = self._client.create_multipart_upload(Bucket=self._bucket, Key=name, Metadata=headers)
        upload = started["UploadId"]
        try:
            request: CompleteMultipartUploadRequestTypeDef = {
                "Bucket": self._bucket,
                "Key": name,
                "UploadId": upload,
                "MultipartUpload": {"Parts": list(self._send_parts(name, upload, body, size))},
            }
            if self.honours_conditions:
                request["IfNoneMatch"] = "*"
            self._client.complete_multipart_upload(**request)
        except BaseException:
            with contextlib.suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)
            raise
        head = self._head(name)
        if head is None or head["ContentLength"] != size:
            raise StorageFailed(f"the service put the parts of {name} together to something else")

    def _send_parts(self, name: str, upload: str, body: BinaryIO, size: int) -> Iterator[CompletedPartTypeDef]:
        length = max(_PART, -(-size // _MAX_PARTS))
        for number, offset in enumerate(range(0, size, length), start=1):
            with file_range(os.dup(body.fileno()), size, ByteRange(offset, length)) as part:
                answer = self._client.upload_part(
                    Bucket=self._bucket, Key=name, UploadId=upload, PartNumber=number, Body=part
                )
            yield {"PartNumber": number, "ETag": answer["ETag"]}

    def _head(self, name: str) -> HeadObjectOutputTypeDef | None:
        try:
            return self._client.head_object(Bucket=self._bucket, Key=name)
        except ClientError as error:
            if _code(error) in _MISSING_CODES:
                return None
            raise

    def _names(self, prefix: str, after: str) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix, StartAfter=after
        )
        with _refusals(f"the bucket {self._bucket!r} cannot be listed"):
            for page in pages:
                yield from (entry["Key"] for entry in page.get("Contents", ()))

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)


class _Body(io.RawIOBase):
    """An answer's body, whose errors are the store's; a body that ends early is one of them."""

    def __init__(self, body: StreamingBody, what: str) -> None:
        super().__init__()
        self._body = body
        self._what = what

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        with _refusals(self._what):
            content = self._body.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def readall(self) -> bytes:
        with _refusals(self._what):
            return self._body.read()

    def close(self) -> None:
        self._body.close()
        super().close()


def _again_on_conflict(send: Callable[[], None]) -> None:
    """Call `send` until the service no longer answers that another request for the key is under way."""
    for pause in _CONFLICT_PAUSES_S:
        try:
            return send()
        except ClientError as error:
            if _status(error) != _CONFLICT:
                raise
        time.sleep(random.SystemRandom().uniform(0, pause))
    return send()


def _range_header(byte_range: ByteRange | None) -> str:
    """RFC 9110 14.1.2; the whole object too is asked for as a range, so that one path serves both."""
    if byte_range is None:
        return "bytes=0-"
    end = "" if byte_range.length is None else byte_range.offset + byte_range.length - 1
    return f"bytes={byte_range.offset}-{end}"


def _to_headers(metadata: Mapping[str, str]) -> dict[str, str]:
    """User metadata for the wire. Raises ValueError for a name that is not lower snake case."""
    for name in metadata:
        if not _METADATA_NAME.fullmatch(name):
            raise ValueError(f"metadata names are lower snake case: {name!r}")
    return {name.replace("_", "-"): quote(value, safe=_PLAIN) for name, value in metadata.items()}


def _from_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): unquote(value) for name, value in headers.items()}


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextlib.contextmanager
def _refusals(what: str, missing: str = "") -> Iterator[None]:
    """Turn the client's errors into the store's; with `missing`, "no such key" means no such object."""
    try:
        yield
    except ClientError as error:
        if missing and _code(error) in _MISSING_CODES:
            raise KeyMissing(f"there is no object {missing}") from error
        full = _status(error) == _NO_ROOM or _code(error) in _NO_ROOM_CODES
        raise (StorageFull if full else StorageFailed)(f"{what}: {error}") from error
    except (BotoCoreError, OSError) as error:
        raise StorageFailed(f"{what}: {error}") from error
