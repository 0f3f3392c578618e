"""What an element takes from the data set around it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.context import Context, little_endian
from pacs.dicom.uids import transfer_syntax
from tests.support.datasets import implicit, item

IMPLICIT = transfer_syntax("1.2.840.10008.1.2")
PIXEL_REPRESENTATION, LUT_DESCRIPTOR, BITS_ALLOCATED = 0x00280103, 0x00283002, 0x00280100


def test_a_plain_vr_is_itself() -> None:
    assert Context(b"", IMPLICIT).resolve("LO") == "LO"


@pytest.mark.parametrize(
    ("vr", "resolved"), [("US or SS", "US"), ("OB or OW", "OW"), ("US or SS or OW", "OW"), ("US or OW", "OW")]
)
def test_without_anything_around_it_the_usual_vr(vr: str, resolved: str) -> None:
    assert Context(b"", IMPLICIT).resolve(vr) == resolved


def test_signedness_is_looked_up_ahead_and_only_at_top_level() -> None:
    signed = implicit(PIXEL_REPRESENTATION, b"\1\0")
    assert Context(implicit(0x00189810, b"\0\0") + signed, IMPLICIT).resolve("US or SS") == "SS"
    assert Context(implicit(0x00081140, item(signed)), IMPLICIT).resolve("US or SS") == "US"


def test_items_inherit_signedness_and_may_differ() -> None:
    context = Context(b"", IMPLICIT)
    context.note(PIXEL_REPRESENTATION, b"\1\0", big_endian=False)
    context.enter()
    assert context.resolve("US or SS") == "SS"
    context.note(PIXEL_REPRESENTATION, b"\0\0", big_endian=False)
    assert context.resolve("US or SS") == "US"
    context.leave()
    assert context.resolve("US or SS") == "SS"


def test_a_lookup_table_of_one_entry_is_a_number() -> None:
    context = Context(b"", IMPLICIT)
    context.note(LUT_DESCRIPTOR, struct.pack(">3H", 1, 0, 16), big_endian=True)
    assert context.resolve("US or OW") == "US"
    context.enter()
    assert context.resolve("US or OW") == "OW"


@pytest.mark.parametrize(
    ("tag", "vr", "bits", "expected"),
    [(0x7FE00010, "OW", 16, 2), (0x7FE00010, "OW", 32, 4), (0x7FE00010, "OW", 64, 8), (0x7FE00010, "OB", 8, 1),
     (0x00281201, "OW", 32, 2), (0x00189087, "FD", 16, 8), (0x00080060, "CS", 16, 1)],
)  # fmt: skip
def test_the_word_that_byte_order_turns(tag: int, vr: str, bits: int, expected: int) -> None:
    context = Context(b"", IMPLICIT)
    context.note(BITS_ALLOCATED, struct.pack("<H", bits), big_endian=False)
    assert context.word_bytes(tag, vr) == expected


@given(st.binary(max_size=40), st.sampled_from([1, 2, 4, 8]))
def test_turning_words_twice_changes_nothing(raw: bytes, word: int) -> None:
    turned = little_endian(raw, word)
    assert little_endian(turned, word) == raw
    whole = len(raw) // word * word
    assert turned[:whole] == b"".join(raw[i : i + word][::-1] for i in range(0, whole, word))
    assert turned[whole:] == raw[whole:]


def test_the_look_ahead_happens_once_however_many_items_ask() -> None:
    """In quadratic time this would meet the time-out of a test."""
    data = implicit(0x00081140, item() * 50_000) + implicit(PIXEL_REPRESENTATION, b"\1\0")
    context = Context(data, IMPLICIT)
    for _ in range(50_000):
        context.enter()
        assert context.resolve("US or SS") == "SS"
        context.leave()
