"""The S3 store on bad days: between it and a real Ceph gateway sits a relay that loses, damages and refuses."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from storage.errors import KeyExists, KeyMissing, StorageError, StorageFailed, StorageFull, StorageUnfit
from storage.protocol import ByteRange
from storage.s3 import MULTIPART_FROM, S3Store
from tests.support import ceph
from tests.support.process import free_port
from tests.support.relay import Exchange, Relay, cut_answer, damage_request, lose_answer, refuse
from tests.support.services import S3Bucket

KEY = "objects/2026/11/23/07/01JDCD5W8Z6Y3V4X5A7B9C1D2E.dcm"
CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def relay(s3_bucket: S3Bucket) -> Iterator[Relay]:
    with Relay(s3_bucket.gateway.endpoint_url) as relay:
        yield relay


def store_at(url: str, bucket: S3Bucket, folder: Path, *, name: str = "", secret: str = "") -> S3Store:
    gateway = bucket.gateway
    return S3Store(
        name or bucket.name,
        incoming=folder,
        endpoint_url=url,
        region=gateway.region,
        access_key_id=gateway.access_key_id,
        secret_access_key=secret or gateway.secret_access_key,
    )


@pytest.fixture
def store(relay: Relay, s3_bucket: S3Bucket, tmp_path: Path) -> S3Store:
    return store_at(relay.url, s3_bucket, tmp_path)


def put(store: S3Store, content: bytes = CONTENT, *, key: str = KEY) -> Path:
    file = store.incoming / f"{hashlib.sha256(content).hexdigest()}.part"
    file.write_bytes(content)
    store.put(key, file, {"sha256": hashlib.sha256(content).hexdigest()})
    return file


def read(store: S3Store, byte_range: ByteRange | None = None) -> bytes:
    with store.open(KEY, byte_range) as stream:
        return stream.read()


def uploads(bucket: S3Bucket) -> int:
    with ceph.client(bucket.gateway) as s3:
        return len(s3.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []))


def test_a_lost_answer_is_not_a_lost_object(relay: Relay, store: S3Store) -> None:
    relay.on("PUT", lose_answer)

    file = put(store)

    assert [line.split()[0] for line in relay.seen] == ["PUT", "PUT", "HEAD"]
    assert not file.exists()
    assert read(store) == CONTENT


def test_an_upload_in_parts_whose_lost_end_is_found_ended_is_stored(relay: Relay, store: S3Store) -> None:
    relay.on("POST", lose_answer, containing="uploadId=")
    relay.on("POST", refuse(404, "NoSuchUpload"), containing="uploadId=")

    file = put(store, bytes(MULTIPART_FROM))

    assert not file.exists()
    assert store.stat(KEY).size == MULTIPART_FROM


def test_an_upload_in_parts_that_is_lost_is_not_stored(relay: Relay, store: S3Store) -> None:
    relay.on("POST", refuse(404, "NoSuchUpload"), containing="uploadId=")

    with pytest.raises(StorageFailed):
        put(store, bytes(MULTIPART_FROM))

    assert list(store.list()) == []


def test_a_lost_answer_over_another_object_is_a_taken_key(relay: Relay, store: S3Store) -> None:
    put(store)
    relay.on("PUT", lose_answer)

    with pytest.raises(KeyExists):
        put(store, CONTENT[::-1])

    assert read(store) == CONTENT


def test_bytes_damaged_on_the_way_are_refused(relay: Relay, store: S3Store) -> None:
    relay.on("PUT", damage_request)

    with pytest.raises(StorageFailed, match="SHA256"):
        put(store)

    assert list(store.list()) == []
    assert [file.read_bytes() for file in store.incoming.iterdir()] == [CONTENT]


def test_a_passing_refusal_is_outlasted(relay: Relay, store: S3Store) -> None:
    relay.on("PUT", refuse(503, "SlowDown"))
    relay.on("PUT", refuse(409, "ConditionalRequestConflict"))

    put(store)

    assert read(store) == CONTENT


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (503, "ServiceUnavailable", StorageFailed),
        (500, "InternalError", StorageFailed),
        (409, "ConditionalRequestConflict", StorageFailed),
        (403, "AccessDenied", StorageFailed),
        (403, "QuotaExceeded", StorageFull),
        (507, "InsufficientStorage", StorageFull),
    ],
)
def test_a_lasting_refusal_stores_nothing_and_keeps_the_file(
    relay: Relay, store: S3Store, status: int, code: str, expected: type[StorageError]
) -> None:
    relay.on("PUT", refuse(status, code), times=100)

    with pytest.raises(expected, match=code):
        put(store)

    assert list(store.list()) == []
    assert [file.read_bytes() for file in store.incoming.iterdir()] == [CONTENT]


def test_an_answer_that_ends_early_is_an_error_and_no_short_object(relay: Relay, store: S3Store) -> None:
    put(store)

    for size in (-1, 1000):
        relay.on("GET", cut_answer)
        with store.open(KEY) as stream, pytest.raises(StorageFailed, match=re.escape(KEY)):
            b"".join(iter(functools.partial(stream.read, size), b""))


def test_a_large_object_goes_in_parts_and_is_one_object(relay: Relay, store: S3Store, s3_bucket: S3Bucket) -> None:
    block = hashlib.sha256(b"seed").digest() * 32
    content = block * (MULTIPART_FROM // len(block)) + b"the last bytes"
    relay.on("PUT", refuse(500, "InternalError"), containing="partNumber=2")
    # The answer to "put them together" is lost; the repeated request finds the upload finished.
    relay.on("POST", lose_answer, containing="uploadId=")

    file = put(store, content)

    assert not file.exists()
    assert store.stat(KEY).size == len(content)
    assert store.stat(KEY).metadata == {"sha256": hashlib.sha256(content).hexdigest()}
    part = 16 * 1024 * 1024
    assert read(store, ByteRange(part - 500, 1000)) == content[part - 500 : part + 500]
    assert read(store, ByteRange(MULTIPART_FROM)) == b"the last bytes"
    with store.open(KEY) as stream:
        assert hashlib.sha256(stream.read()).digest() == hashlib.sha256(content).digest()
    with pytest.raises(KeyExists):
        put(store, bytes(MULTIPART_FROM))
    assert read(store, ByteRange(0, 1024)) == block
    assert uploads(s3_bucket) == 0


@pytest.mark.parametrize(("method", "containing", "status"), [("PUT", "partNumber=3", 403), ("POST", "uploadId=", 200)])
def test_a_failed_upload_in_parts_leaves_nothing(
    relay: Relay, store: S3Store, s3_bucket: S3Bucket, method: str, containing: str, status: int
) -> None:
    # Putting the parts together may fail with status 200 and an error in the body.
    relay.on(method, refuse(status, "InternalError"), containing=containing, times=100)

    with pytest.raises(StorageFailed, match="InternalError"):
        put(store, bytes(MULTIPART_FROM))

    assert uploads(s3_bucket) == 0
    assert list(store.list()) == []
    assert len(list(store.incoming.iterdir())) == 1


def test_without_conditional_writes_a_key_is_still_written_once(
    relay: Relay, store: S3Store, s3_bucket: S3Bucket
) -> None:
    def let_everybody_win(exchange: Exchange) -> None:
        exchange.ask()
        if exchange.status == 412:
            exchange.say(200)

    relay.on("PUT", let_everybody_win, containing="/race", times=8)

    with capture_logs() as logs:
        store.check()
    put(store)
    with pytest.raises(KeyExists):
        put(store, CONTENT[::-1])

    assert [(line["event"], line["winners"]) for line in logs] == [("s3_conditional_put_not_honoured", 8)]
    assert read(store) == CONTENT


def test_a_service_that_refuses_conditions_gets_none(relay: Relay, store: S3Store) -> None:
    def not_implemented(exchange: Exchange) -> None:
        conditional = "If-None-Match" in exchange.headers
        refuse(501, "NotImplemented")(exchange) if conditional else exchange.ask()

    relay.on("PUT", not_implemented, times=100)

    with capture_logs() as logs:
        store.check()
    put(store)

    assert [line["event"] for line in logs] == ["s3_conditional_put_not_honoured"]
    assert read(store) == CONTENT


def test_a_service_that_does_not_show_what_was_written_is_unfit(relay: Relay, store: S3Store) -> None:
    def forget(exchange: Exchange) -> None:
        exchange.say(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

    relay.on("GET", forget, containing="list-type=2")

    with pytest.raises(StorageUnfit, match="just written"):
        store.check()
    assert list(store.incoming.iterdir()) == []


def test_a_lost_bucket_is_not_a_lost_object(relay: Relay, s3_bucket: S3Bucket, tmp_path: Path) -> None:
    store = store_at(relay.url, s3_bucket, tmp_path, name="no-such-bucket")

    with pytest.raises(StorageUnfit, match="no-such-bucket"):
        store.check()
    for ask in (store.stat, store.open, store.delete):
        with pytest.raises(StorageFailed):
            ask(KEY)
    with pytest.raises(StorageFailed):
        list(store.list())


def test_a_wrong_secret_is_said_but_not_shown(relay: Relay, s3_bucket: S3Bucket, tmp_path: Path) -> None:
    store = store_at(relay.url, s3_bucket, tmp_path, secret="not-the-secret")

    with pytest.raises(StorageUnfit, match="keys") as caught:
        store.check()

    assert "not-the-secret" not in str(caught.value)


def test_a_silent_address_is_unfit_and_fails(tmp_path: Path) -> None:
    store = S3Store(
        "bucket",
        incoming=tmp_path,
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        access_key_id="a",
        secret_access_key="b",
    )

    with pytest.raises(StorageUnfit, match="endpoint"):
        store.check()
    with pytest.raises(StorageFailed) as caught:
        store.stat(KEY)
    assert not isinstance(caught.value, KeyMissing)


@pytest.mark.parametrize("endpoint", ["not a url", "http://"])
def test_an_endpoint_that_is_no_address_is_refused(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(StorageUnfit, match="cannot use the bucket"):
        S3Store("bucket", incoming=tmp_path, endpoint_url=endpoint, access_key_id="a", secret_access_key="b")


def test_foreign_objects_in_the_bucket_are_left_out(store: S3Store, s3_bucket: S3Bucket) -> None:
    put(store)
    with ceph.client(s3_bucket.gateway) as s3:
        for name in ("backup.tar", "objects/notes of the administrator.txt", "objects/.keep", "objectsx/a"):
            s3.put_object(Bucket=s3_bucket.name, Key=name, Body=b"")

    assert list(store.list()) == [KEY]


def test_a_listing_longer_than_a_page_is_whole(s3_bucket: S3Bucket, tmp_path: Path) -> None:
    store = store_at(s3_bucket.gateway.endpoint_url, s3_bucket, tmp_path)
    keys = [f"objects/{number:04}" for number in range(1005)]
    with ceph.client(s3_bucket.gateway) as s3, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda key: s3.put_object(Bucket=s3_bucket.name, Key=key), keys))

    assert list(store.list()) == keys
    assert list(store.list(after=keys[2])) == keys[3:]


def test_a_metadata_name_that_would_not_come_back_is_a_mistake(store: S3Store) -> None:
    file = store.incoming / "a.part"
    file.write_bytes(CONTENT)

    with pytest.raises(ValueError, match="snake case"):
        store.put(KEY, file, {"StudyUID": "1.2"})

    assert file.exists()
