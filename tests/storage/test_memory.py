from __future__ import annotations

from pathlib import Path

from storage.memory import MemoryStore


def test_a_listing_bears_changes_on_its_way(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)

    def put(key: str) -> None:
        (tmp_path / "a.part").write_bytes(b"")
        store.put(key, tmp_path / "a.part", {})

    for key in ("objects/b", "objects/d", "objects/f"):
        put(key)
    listing = store.list()
    seen = [next(listing)]
    put("objects/a")
    put("objects/c")
    store.delete("objects/d")

    assert seen + list(listing) == ["objects/b", "objects/c", "objects/f"]


def test_metadata_is_the_stores_own_copy(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    metadata = {"sop": "1.2"}
    (tmp_path / "a.part").write_bytes(b"")
    store.put("objects/a", tmp_path / "a.part", metadata)

    metadata["sop"] = "changed"

    assert store.stat("objects/a").metadata == {"sop": "1.2"}
