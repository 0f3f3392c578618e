"""The scan itself: events, quirks that are forgiven, and what is not."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.dicom.elements import (
    ELEMENT,
    FRAGMENT,
    FRAGMENTS,
    FRAGMENTS_END,
    ITEM,
    ITEM_END,
    NULLS,
    SEQUENCE,
    SEQUENCE_END,
    scan,
)
from pacs.dicom.uids import transfer_syntax
from pacs.errors import IncompleteDataSet, NotUnderstood, SuretError
from tests.support.datasets import (
    ITEM_DELIMITER,
    SEQUENCE_DELIMITER,
    UNDEFINED,
    element,
    encapsulated,
    implicit,
    item,
    open_item,
    open_sequence,
    us,
)

EXPLICIT = transfer_syntax("1.2.840.10008.1.2.1")
IMPLICIT = transfer_syntax("1.2.840.10008.1.2")
BIG_ENDIAN = transfer_syntax("1.2.840.10008.1.2.2")
SEQUENCE_TAG = 0x00081140
LATER = element(0x00100020, "LO", "ID")


def shape(data: bytes, syntax: object = EXPLICIT) -> tuple[list[tuple[int, int, str]], set[str]]:
    """(kind, tag, VR) of every event, and the oddities."""
    odd: set[str] = set()
    assert syntax in (EXPLICIT, IMPLICIT, BIG_ENDIAN)
    events = [(kind, tag, vr) for kind, tag, vr, *_ in scan(data, syntax, oddities=odd)]
    return events, odd


NESTED = [
    (SEQUENCE, SEQUENCE_TAG, "SQ"),
    (ITEM, SEQUENCE_TAG, "SQ"),
    (ELEMENT, 0x00081155, "UI"),
    (ITEM_END, SEQUENCE_TAG, ""),
    (SEQUENCE_END, SEQUENCE_TAG, "SQ"),
    (ELEMENT, 0x00100020, "LO"),
]
REFERENCE = element(0x00081155, "UI", "1.2.3")


@pytest.mark.parametrize(
    "sequence",
    [
        element(SEQUENCE_TAG, "SQ", item(REFERENCE)),
        element(SEQUENCE_TAG, "SQ", open_item(REFERENCE)),
        open_sequence(SEQUENCE_TAG, item(REFERENCE)),
        open_sequence(SEQUENCE_TAG, open_item(REFERENCE)),
    ],
    ids=["defined", "defined-open-item", "open", "open-open-item"],
)
def test_sequences_of_either_length_give_the_same_events(sequence: bytes) -> None:
    assert shape(sequence + LATER) == (NESTED, set())


def test_only_what_is_wanted_of_the_plain_elements_at_top_level() -> None:
    nested = element(SEQUENCE_TAG, "SQ", item(REFERENCE + LATER))
    kinds = [kind for kind, *_ in scan(us(0x00080001, 7) + nested + LATER, EXPLICIT, wanted={0x00080001, 0x00081155})]
    assert kinds == [ELEMENT, SEQUENCE, ITEM, ITEM_END, SEQUENCE_END]
    with pytest.raises(IncompleteDataSet):
        list(scan(nested + LATER[:-1], EXPLICIT, wanted=()))


def test_offsets_and_lengths_are_those_of_the_bytes() -> None:
    data = us(0x00080001, 7) + open_sequence(SEQUENCE_TAG, open_item(REFERENCE)) + LATER
    events = list(scan(data, EXPLICIT))
    _, _, _, start, value, length = events[3]
    assert data[start : value + length] == REFERENCE
    assert [event[3:] for event in events if event[0] in (SEQUENCE, SEQUENCE_END)] == [
        (10, 22, UNDEFINED),
        (len(data) - len(LATER) - 8, len(data) - len(LATER), 0),
    ]


def test_an_implicit_data_set_takes_its_vrs_from_the_dictionary() -> None:
    data = implicit(SEQUENCE_TAG, item(implicit(0x00081155, "1.2.3"))) + implicit(0x00100020, "ID")
    assert shape(data, IMPLICIT) == (NESTED, set())


def test_private_tags_of_a_known_creator_have_their_vr_in_implicit_vr() -> None:
    data = (
        implicit(0x00090010, "GEMS_IDEN_01")
        + implicit(0x00091027, struct.pack("<i", 5))
        + implicit(0x000910FF, b"??")
        + implicit(0x00110010, "NOBODY")
        + implicit(0x00111027, b"\0\0")
    )
    assert [vr for _, _, vr in shape(data, IMPLICIT)[0]] == ["LO", "SL", "UN", "LO", "UN"]


def test_big_endian() -> None:
    data = element(0x00280010, "US", b"\x01\x00", order=">") + element(0x7FE00010, "OW", b"\0\1", order=">")
    assert shape(data, BIG_ENDIAN) == ([(ELEMENT, 0x00280010, "US"), (ELEMENT, 0x7FE00010, "OW")], set())


def test_unknown_with_undefined_length_is_an_implicit_sequence() -> None:
    data = open_sequence(0x00091010, open_item(implicit(0x00081155, "1.2.3")), vr="UN") + LATER
    events, odd = shape(data)
    assert events[2] == (ELEMENT, 0x00081155, "UI")
    assert events[-1] == (ELEMENT, 0x00100020, "LO")
    assert odd == set()


def test_encapsulated_pixel_data() -> None:
    data = encapsulated(b"aa", b"bbbb") + element(0xFFFCFFFC, "OB", bytes(4))
    events = list(scan(data, EXPLICIT))
    assert [event[0] for event in events] == [FRAGMENTS, FRAGMENT, FRAGMENT, FRAGMENT, FRAGMENTS_END, ELEMENT]
    assert [data[event[4] : event[4] + event[5]] for event in events[1:4]] == [b"", b"aa", b"bbbb"]


# name of the oddity, bytes, kinds of events
QUIRKS = [
    ("group_length", element(0x00080000, "UL", bytes(4)) + LATER, [ELEMENT, ELEMENT]),
    ("odd_length", element(0x00081030, "LO", b"odd") + LATER, [ELEMENT, ELEMENT]),
    ("tag_order", LATER + REFERENCE, [ELEMENT, ELEMENT]),
    ("duplicate_tag", LATER + LATER, [ELEMENT, ELEMENT]),
    ("trailing_nulls", LATER + bytes(512), [ELEMENT, NULLS]),
    ("trailing_nulls", LATER + bytes(2), [ELEMENT, NULLS]),
    ("unknown_vr", element(0x00081030, "ZZ", b"ab") + LATER, [ELEMENT, ELEMENT]),
    ("unknown_vr", element(0x00081030, "??", b"ab") + LATER, [ELEMENT, ELEMENT]),
    ("unknown_vr", struct.pack("<HH2sHI", 8, 0x1030, b"ZZ", 0, 70000) + bytes(70000) + LATER, [ELEMENT, ELEMENT]),
    ("implicit_element", REFERENCE + implicit(0x00100010, "NAME") + LATER, [ELEMENT, ELEMENT, ELEMENT]),
    ("transfer_syntax_wrong", implicit(0x00081030, "TEXT") + implicit(0x00100020, "ID"), [ELEMENT, ELEMENT]),
    ("reserved_bytes", struct.pack("<HH2sHI", 8, 0x1030, b"UT", 9, 2) + b"ab" + LATER, [ELEMENT, ELEMENT]),
    ("reserved_bytes", struct.pack("<HH2sH", 8, 0x1030, b"UT", 2) + b"ab" + LATER, [ELEMENT, ELEMENT]),
    ("sequence_without_items", element(SEQUENCE_TAG, "SQ", b"nonsense") + LATER, [ELEMENT, ELEMENT]),
    ("stray_delimiter", LATER + ITEM_DELIMITER + SEQUENCE_DELIMITER, [ELEMENT]),
    (
        "stray_delimiter",
        element(SEQUENCE_TAG, "SQ", item(REFERENCE) + SEQUENCE_DELIMITER),
        [SEQUENCE, ITEM, ELEMENT, ITEM_END, SEQUENCE_END],
    ),
    (
        "delimiter_length",
        element(SEQUENCE_TAG, "SQ", item() + struct.pack("<HHI", 0xFFFE, 0xE0DD, 4), length=UNDEFINED),
        [SEQUENCE, ITEM, ITEM_END, SEQUENCE_END],
    ),
    (
        "delimiter_length",
        open_sequence(SEQUENCE_TAG, item(length=UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE00D, 4)),
        [SEQUENCE, ITEM, ITEM_END, SEQUENCE_END],
    ),
    (
        "missing_item_delimiter",
        open_sequence(SEQUENCE_TAG, item(REFERENCE, length=UNDEFINED)),
        [SEQUENCE, ITEM, ELEMENT, ITEM_END, SEQUENCE_END],
    ),
    (
        "missing_item_delimiter",
        element(SEQUENCE_TAG, "SQ", item(REFERENCE, length=UNDEFINED)) + LATER,
        [SEQUENCE, ITEM, ELEMENT, ITEM_END, SEQUENCE_END, ELEMENT],
    ),
    (
        "missing_sequence_delimiter",
        element(SEQUENCE_TAG, "SQ", item(element(0x00081199, "SQ", item(REFERENCE), length=UNDEFINED))) + LATER,
        [SEQUENCE, ITEM, SEQUENCE, ITEM, ELEMENT, ITEM_END, SEQUENCE_END, ITEM_END, SEQUENCE_END, ELEMENT],
    ),
    (
        "wrong_vr",
        open_sequence(SEQUENCE_TAG, item(REFERENCE), vr="UT"),
        [SEQUENCE, ITEM, ELEMENT, ITEM_END, SEQUENCE_END],
    ),
]


@pytest.mark.parametrize(("oddity", "data", "kinds"), QUIRKS)
def test_a_quirk_is_forgiven_and_named(oddity: str, data: bytes, kinds: list[int]) -> None:
    events, odd = shape(data)
    assert [kind for kind, *_ in events] == kinds
    assert odd == {oddity}


def test_an_explicit_element_inside_an_implicit_data_set_is_understood() -> None:
    data = implicit(0x00080020, "20260101") + REFERENCE + implicit(0x00100020, "ID")
    assert shape(data, IMPLICIT) == (
        [(ELEMENT, 0x00080020, "DA"), (ELEMENT, 0x00081155, "UI"), (ELEMENT, 0x00100020, "LO")],
        {"explicit_element"},
    )


def test_an_explicit_data_set_announced_as_implicit_is_understood() -> None:
    events, odd = shape(REFERENCE + element(0x00081199, "SQ", item(REFERENCE)) + LATER, IMPLICIT)
    assert [vr for _, _, vr in events if vr] == ["UI", "SQ", "SQ", "UI", "SQ", "LO"]
    assert odd == {"transfer_syntax_wrong"}


def test_a_length_that_spells_a_vr_is_still_a_length() -> None:
    value = bytes(0x5355)  # the letters US
    data = implicit(0x00090010, "X") + implicit(0x00091001, value) + implicit(0x00100020, "ID")
    events, odd = shape(data, IMPLICIT)
    assert [tag for _, tag, _ in events] == [0x00090010, 0x00091001, 0x00100020]
    assert odd == {"odd_length"}


@pytest.mark.parametrize(
    "data",
    [
        LATER[:-1],
        LATER + b"\x10",
        LATER + b"\0",
        LATER + LATER[:7],
        element(0x00081030, "UT", b"", length=0)[:10],
        element(SEQUENCE_TAG, "SQ", item(REFERENCE), length=100),
        element(SEQUENCE_TAG, "SQ", item(REFERENCE, length=100)),
        element(SEQUENCE_TAG, "SQ", item(REFERENCE) + b"\xfe\xff"),
        element(SEQUENCE_TAG, "SQ", item(element(0x00081155, "UI", b"12", length=50))) + LATER,
        open_sequence(SEQUENCE_TAG, item(REFERENCE))[:-8],
        open_sequence(SEQUENCE_TAG, item(REFERENCE))[:-1],
        open_sequence(SEQUENCE_TAG, open_item(REFERENCE))[:-16],
        open_sequence(SEQUENCE_TAG, open_item(REFERENCE))[:-12],
        element(SEQUENCE_TAG, "SQ", b"", length=UNDEFINED),
        encapsulated(b"aaaa")[:-9],
        encapsulated(b"aaaa")[:-4],
        open_sequence(SEQUENCE_TAG, open_item(encapsulated(b"aaaa", delimiter=b"")))[:-16],
        implicit(0x00100010, "NAME")[:8],
        REFERENCE + implicit(0x00100010, "NAME")[:8],
    ],
)
def test_what_ends_inside_something_is_incomplete(data: bytes) -> None:
    with pytest.raises(IncompleteDataSet):
        list(scan(data, EXPLICIT))


@pytest.mark.parametrize(
    "data",
    [
        LATER + item(REFERENCE),
        element(SEQUENCE_TAG, "SQ", REFERENCE, length=UNDEFINED),
        element(SEQUENCE_TAG, "SQ", item() + LATER, length=UNDEFINED),
        element(0x7FE00010, "OB", b"garbage!" * 3, length=UNDEFINED),
        element(0x7FE00010, "OB", item(b"", length=UNDEFINED) + bytes(20), length=UNDEFINED),
        LATER + b"\x11\x00\x10\x00\x01\x02\x03\xff" + b"\xff" * 20,
    ],
)
def test_what_makes_no_sense_is_not_understood(data: bytes) -> None:
    with pytest.raises(NotUnderstood):
        list(scan(data, EXPLICIT))


@given(st.binary(max_size=300), st.sampled_from([EXPLICIT, IMPLICIT, BIG_ENDIAN]))
def test_no_bytes_crash_the_scan(data: bytes, syntax: object) -> None:
    try:
        events = list(scan(data, syntax))  # type: ignore[arg-type]
    except SuretError:
        return
    assert all(event[3] <= event[4] <= len(data) for event in events)


PIECES = [
    LATER, REFERENCE, us(0x00280010, 4), item(), open_item(REFERENCE), ITEM_DELIMITER, SEQUENCE_DELIMITER,
    element(SEQUENCE_TAG, "SQ", b"", length=UNDEFINED), item(length=UNDEFINED), encapsulated(b"ab"),
    element(0x00091010, "UN", b"", length=UNDEFINED), implicit(0x00100010, "NAME"), bytes(8), b"\x08\x00",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=20).map(b"".join))
def test_events_nest_whatever_the_pieces(data: bytes) -> None:
    opened: list[int] = []
    closes = {SEQUENCE_END: SEQUENCE, ITEM_END: ITEM, FRAGMENTS_END: FRAGMENTS}
    try:
        for kind, *_ in scan(data, EXPLICIT):
            if kind in (SEQUENCE, ITEM, FRAGMENTS):
                opened.append(kind)
            elif kind in closes:
                assert opened.pop() == closes[kind]
    except SuretError:
        return
    assert not opened
