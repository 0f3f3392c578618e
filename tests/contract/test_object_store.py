"""What every object store keeps to, over each of them; S3 is a real Ceph gateway."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import KeyExists, KeyInvalid, KeyMissing, StorageFailed
from storage.filesystem import FolderStore
from storage.memory import MemoryStore
from storage.open import open_store
from storage.protocol import ByteRange, ObjectStore
from tests.support.services import S3Bucket

HOUR = "objects/2026/11/23/07"
KEY = f"{HOUR}/01JDCD5W8Z6Y3V4X5A7B9C1D2E.dcm"
CONTENT = bytes(range(256)) * 40
NUMBER = itertools.count()


def folder_store(request: pytest.FixtureRequest, folder: Path) -> ObjectStore:
    return FolderStore(folder / "store")


def memory_store(request: pytest.FixtureRequest, folder: Path) -> ObjectStore:
    return MemoryStore(folder)


def s3_store(request: pytest.FixtureRequest, folder: Path) -> ObjectStore:
    bucket: S3Bucket = request.getfixturevalue("s3_bucket")
    return open_store(bucket.location, folder, bucket.options)


def s3_store_under_a_prefix(request: pytest.FixtureRequest, folder: Path) -> ObjectStore:
    bucket: S3Bucket = request.getfixturevalue("s3_bucket")
    return open_store(f"{bucket.location}/hospital/node-1", folder, bucket.options)


@pytest.fixture(params=[folder_store, memory_store, s3_store, s3_store_under_a_prefix], ids=lambda make: make.__name__)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    make: Callable[[pytest.FixtureRequest, Path], ObjectStore] = request.param
    return make(request, tmp_path)


def arrived(store: ObjectStore, content: bytes = CONTENT) -> Path:
    file = store.incoming / f"{next(NUMBER)}.part"
    file.write_bytes(content)
    return file


def put(store: ObjectStore, key: str = KEY, content: bytes = CONTENT, **metadata: str) -> None:
    store.put(key, arrived(store, content), metadata)


def read(store: ObjectStore, key: str = KEY, byte_range: ByteRange | None = None) -> bytes:
    with store.open(key, byte_range) as stream:
        return stream.read()


def test_what_was_put_is_read_back_and_the_file_has_moved_away(store: ObjectStore) -> None:
    file = arrived(store)

    store.put(KEY, file, {})

    assert read(store) == CONTENT
    assert store.stat(KEY).size == len(CONTENT)
    assert not file.exists()
    assert list(store.incoming.iterdir()) == []


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    put(store, content=b"")

    assert read(store) == b""
    assert read(store, byte_range=ByteRange(0, 10)) == b""
    assert store.stat(KEY).size == 0


def test_a_stream_is_read_in_pieces_of_any_size(store: ObjectStore) -> None:
    content = bytes(200_003)
    put(store, content=content)

    with store.open(KEY) as stream:
        pieces = list(iter(lambda: stream.read(65_537), b""))

    assert [len(piece) for piece in pieces] == [65_537, 65_537, 65_537, 3_392]
    assert b"".join(pieces) == content


def test_a_range_is_cut_at_the_end_of_the_object(store: ObjectStore) -> None:
    put(store)
    size = len(CONTENT)

    for offset, length in [(0, 1), (300, 500), (300, None), (size - 7, None), (size - 7, 7), (0, None), (5, 0)]:
        end = None if length is None else offset + length
        assert read(store, byte_range=ByteRange(offset, length)) == CONTENT[offset:end], (offset, length)
    for offset, length in [(size - 7, 8), (size - 7, 10**9), (0, size + 1)]:
        assert read(store, byte_range=ByteRange(offset, length)) == CONTENT[offset:], (offset, length)
    for offset, length in [(size, None), (size, 1), (size + 1, 5), (10**12, None)]:
        assert read(store, byte_range=ByteRange(offset, length)) == b"", (offset, length)


def test_what_is_read_at_once_is_what_is_there(store: ObjectStore) -> None:
    put(store)
    buffer = memoryview(bytearray(100))
    if isinstance(store, FolderStore | MemoryStore):
        assert store.read_at_once(KEY, 1000, buffer)
        assert buffer == CONTENT[1000:1100]
    else:
        assert not store.read_at_once(KEY, 1000, buffer), "a network is waited for"
    assert not store.read_at_once(KEY, len(CONTENT) - 99, buffer), "it is cut off by the end of the object"
    assert not store.read_at_once(KEY.replace("01J", "01K"), 0, buffer)


@pytest.mark.parametrize(("offset", "length"), [(-1, None), (0, -1), (-5, 5)])
def test_a_negative_range_is_a_mistake(offset: int, length: int | None) -> None:
    with pytest.raises(ValueError, match="negative"):
        ByteRange(offset, length)


@pytest.mark.parametrize("digest", [True, False], ids=["with digest", "without digest"])
def test_a_key_is_written_once(store: ObjectStore, digest: bool) -> None:
    first, other = ({"sha256": hashlib.sha256(each).hexdigest()} if digest else {} for each in (CONTENT, b"other"))
    store.put(KEY, arrived(store), first)
    second = arrived(store, b"other")

    with pytest.raises(KeyExists):
        store.put(KEY, second, other)

    assert read(store) == CONTENT
    assert second.read_bytes() == b"other"


def test_of_eight_writers_of_one_key_exactly_one_wins(store: ObjectStore) -> None:
    contents = [bytes([racer]) * 5000 for racer in range(8)]
    files = [arrived(store, content) for content in contents]

    def race(racer: int) -> bool:
        try:
            store.put(KEY, files[racer], {"sha256": hashlib.sha256(contents[racer]).hexdigest()})
        except KeyExists:
            return False
        return True

    with ThreadPoolExecutor(8) as racers:
        won = list(racers.map(race, range(8)))

    assert won.count(True) == 1
    assert read(store) == contents[won.index(True)]
    assert [file.exists() for file in files] == [not winner for winner in won]


def test_many_threads_put_and_read_at_once(store: ObjectStore) -> None:
    keys = [f"objects/2026/11/23/{hour:02}/{number}.dcm" for hour in range(4) for number in range(10)]

    def put_and_read(key: str) -> bytes:
        put(store, key, key.encode())
        return read(store, key)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(put_and_read, keys)) == [key.encode() for key in keys]
    assert list(store.list()) == sorted(keys)


def test_a_file_that_is_not_there_is_not_stored(store: ObjectStore) -> None:
    with pytest.raises(StorageFailed):
        store.put(KEY, store.incoming / "never-written.part", {})

    assert list(store.list()) == []


def test_a_missing_key_is_said_to_be_missing(store: ObjectStore) -> None:
    put(store)

    for key in (f"{HOUR}/other.dcm", "objects/1999/01/01/00/a.dcm", HOUR, f"{KEY}/below"):
        with pytest.raises(KeyMissing):
            store.open(key)
        with pytest.raises(KeyMissing):
            store.open(key, ByteRange(0, 0))
        with pytest.raises(KeyMissing):
            store.stat(key)
        with pytest.raises(KeyMissing):
            store.delete(key)
    assert read(store) == CONTENT


def test_a_deleted_object_is_gone(store: ObjectStore) -> None:
    put(store)

    store.delete(KEY)

    with pytest.raises(KeyMissing):
        store.open(KEY)
    with pytest.raises(KeyMissing):
        store.delete(KEY)
    assert list(store.list()) == []


KEYS = sorted(
    [
        "objects/2025/12/31/23/a.dcm",
        "objects/2026/01/01/00/a.dcm",
        "objects/2026/01/01/00/b.dcm",
        "objects/2026/01/01/01/A.dcm",
        "objects/2026/01/01/01/a.dcm",
        # Names which sort differently as folders and as keys: "-" and "." come before "/", "0" after it.
        "objects/2026/01/01/a/z.dcm",
        "objects/2026/01/01/a-b.dcm",
        "objects/2026/01/01/a.b.dcm",
        "objects/2026/01/01/a0.dcm",
        "objects/2026/01/01/a_b.dcm",
    ]
)


def test_keys_are_listed_in_order_within_prefix_and_after(store: ObjectStore) -> None:
    for key in reversed(KEYS):
        put(store, key)

    prefixes = [
        "", "o", "objects", "objects/", "objects/2026", "objects/2026/01/01/0", "objects/2026/01/01/a", KEYS[3],
        "objects/2027/", "other", "objects/2026/01/01/a/z.dcm.more",
    ]  # fmt: skip
    afters = ["", *KEYS, "objects/2026/01/01/", "objects/2026/01/01/a/", "objects/2026/01/01/a", "a", "zzz"]
    for prefix, after in itertools.product(prefixes, afters):
        expected = [key for key in KEYS if key.startswith(prefix) and key > after]
        assert list(store.list(prefix, after)) == expected, (prefix, after)


def test_a_listing_may_be_stopped_and_taken_up_again(store: ObjectStore) -> None:
    for key in KEYS:
        put(store, key)

    first = list(itertools.islice(store.list(), 4))

    assert first + list(store.list(after=first[-1])) == KEYS


NO_KEYS = [
    "",
    "objects",
    "objects/",
    "/objects/a",
    "objects//a",
    "objects/a/",
    "objects/./a",
    "objects/../incoming/a",
    "../objects/a",
    "objects/..",
    "objects/.hidden",
    "objects/a\0b",
    "objects/a\n",
    "objects/a b",
    "objects/a\\b",
    "objects/ключ",
    "incoming/a.part",
    "index.db",
    "objects/" + "a" * 10_000,
]


def test_a_name_that_is_no_key_touches_nothing(store: ObjectStore, tmp_path: Path) -> None:
    file = arrived(store)
    before = sorted(tmp_path.rglob("*"))

    for key in NO_KEYS:
        with pytest.raises(KeyInvalid):
            store.put(key, file, {})
        for verb in (store.open, store.stat, store.delete, store.local_path):
            with pytest.raises(KeyInvalid):
                verb(key)

    assert sorted(tmp_path.rglob("*")) == before
    assert list(store.list()) == []


def test_metadata_comes_back_where_it_is_kept(store: ObjectStore) -> None:
    metadata = {
        "study_uid": "1.2.840.113619.2.1",
        "calling_ae": "CT 1 ",
        "note": "50 % Әлия / Сурет",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }
    put(store, KEY, CONTENT, **metadata)

    kept = store.stat(KEY).metadata

    assert kept == ({} if isinstance(store, FolderStore) else metadata)


def test_a_local_path_is_the_object_itself(store: ObjectStore) -> None:
    put(store)

    path = store.local_path(KEY)

    assert path.read_bytes() == CONTENT if isinstance(store, FolderStore) and path else path is None


def test_the_room_left_is_a_figure_or_unknown(store: ObjectStore) -> None:
    space = store.space()

    if isinstance(store, FolderStore):
        assert space.free_bytes is not None
        assert space.total_bytes is not None
        assert 0 <= space.free_bytes <= space.total_bytes
    else:
        assert (space.free_bytes, space.total_bytes) == (None, None)


def test_the_check_passes_and_leaves_nothing(store: ObjectStore) -> None:
    put(store)

    store.check()

    assert list(store.list()) == [KEY]
    assert list(store.incoming.iterdir()) == []


def test_an_error_says_which_object(store: ObjectStore) -> None:
    with pytest.raises(KeyMissing, match=re.escape(KEY)):
        store.stat(KEY)


def test_an_object_forgotten_by_memory_is_read_from_the_medium(store: ObjectStore) -> None:
    put(store)
    store.forget(KEY)
    assert read(store) == CONTENT
    assert list(store.versions(KEY)) == []
    with pytest.raises(KeyInvalid):
        store.forget("../etc/passwd")
