from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import KeyInvalid
from storage.keys import KEY_ROOT, MAX_KEY_LENGTH, check_key, is_key, listing_prefix, split_key

SEGMENTS = st.sampled_from(["", ".", "..", "a", "2026", ".hidden"]) | st.text("./\\\0 \n~aZ0_-é", max_size=12)


@given(st.one_of(st.text(), st.lists(SEGMENTS, max_size=5).map(lambda parts: KEY_ROOT + "/".join(parts))))
def test_no_key_leaves_the_objects(text: str) -> None:
    if is_key(text):
        root = Path("/store")
        path = root / text
        assert ".." not in path.parts
        assert path.is_relative_to(root / "objects")
        assert str(path) == f"/store/{text}"
        assert text.isascii()


@given(st.lists(st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}", fullmatch=True), min_size=1, max_size=6))
def test_plain_segments_make_a_key(segments: list[str]) -> None:
    key = KEY_ROOT + "/".join(segments)

    assert check_key(key) == key
    assert split_key(key) == (key.rpartition("/")[0], segments[-1])


def test_a_key_fits_every_store() -> None:
    longest = KEY_ROOT + "a" * (MAX_KEY_LENGTH - len(KEY_ROOT))

    assert is_key(longest)
    assert not is_key(longest + "a")


def test_the_refusal_shows_a_long_name_only_in_part() -> None:
    with pytest.raises(KeyInvalid) as caught:
        check_key("x" * 10_000)

    assert len(str(caught.value)) < 500


@given(st.text("objects/2a", max_size=12))
def test_a_narrowed_prefix_loses_no_key(prefix: str) -> None:
    narrowed = listing_prefix(prefix)
    for key in ("objects/2", "objects/a/2", "objects/o"):
        assert key.startswith(prefix) == (narrowed is not None and key.startswith(narrowed))
