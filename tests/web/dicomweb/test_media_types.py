"""Accept and Content-Type as clients really send them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.web.dicomweb.media_types import COMPRESSED, DEFAULT_SYNTAX, EVERYTHING, MediaRange, accepted, parsed

VIEWER = "application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", EVERYTHING),
        ("*/*", EVERYTHING),
        ("application/dicom", (MediaRange("application/dicom"),)),
        (
            'multipart/related; type="application/dicom"; transfer-syntax=*',
            (MediaRange("application/dicom", True, "*"),),
        ),
        (
            "Multipart/Related;Transfer-Syntax=1.2.840.10008.1.2.4.90;TYPE=Application/DICOM",
            (MediaRange("application/dicom", True, "1.2.840.10008.1.2.4.90"),),
        ),
        (
            VIEWER,
            (MediaRange("application/dicom+json"), MediaRange("application/octet-stream", True, "*")),
        ),
        ("image/png;q=0.5, image/jpeg", (MediaRange("image/jpeg"), MediaRange("image/png", quality=0.5))),
        ("image/png;q=0, image/jpeg;q=0.2", (MediaRange("image/jpeg", quality=0.2),)),
        ("image/png; q=0", ()),
        ("nonsense, image/jpeg", (MediaRange("image/jpeg"),)),
        ("image/jpeg; q=high, image/png", (MediaRange("image/png"),)),
        ("text", ()),
        ('multipart/related; type="image/x-jls"', (MediaRange("image/jls", True),)),
        ("image/x-dicom-rle", (MediaRange("image/dicom-rle"),)),
        ("multipart/related", (MediaRange("*/*", True),)),
        ("multipart/mixed", ()),
        ('multipart/related; type="a,b/c"; x="y, image/png"', ()),
        ("application/dicom;", (MediaRange("application/dicom"),)),
    ],
)
def test_accept(accept: str, expected: tuple[MediaRange, ...]) -> None:
    assert accepted([accept]) == expected


def test_the_parameter_of_the_url_goes_before_the_header() -> None:
    in_url = MediaRange("image/jpeg", in_url=True)
    assert accepted(["image/png"], ["image/jpeg"]) == (in_url, MediaRange("image/png"))
    assert accepted(["*/*"], ["image/jpeg;q=0.1"])[0].media_type == "image/jpeg"
    assert accepted([], ["image/jpeg"]) == (in_url,)


def test_several_headers_are_one_list() -> None:
    assert accepted(["image/png;q=0.5", "image/jpeg"]) == (
        MediaRange("image/jpeg"),
        MediaRange("image/png", quality=0.5),
    )


@pytest.mark.parametrize(
    ("pattern", "media_type", "expected"),
    [
        ("*/*", "image/jpeg", True),
        ("image/*", "image/jpeg", True),
        ("image/*", "video/mp4", False),
        ("image/jpeg", "image/jpeg", True),
        ("image/jp", "image/jpeg", False),
    ],
)
def test_ranges(pattern: str, media_type: str, expected: bool) -> None:
    assert MediaRange(pattern).includes(media_type) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'multipart/related; type="application/dicom"; boundary="a b"',
            ("multipart/related", {"type": "application/dicom", "boundary": "a b"}),
        ),
        (
            "multipart/related;boundary=x;type=application/dicom",
            ("multipart/related", {"boundary": "x", "type": "application/dicom"}),
        ),
        (r'a/b; c="\"d\\"', ("a/b", {"c": '"d\\'})),
        ("", None),
        ("dicom", None),
        ("a/b c", None),
        ('a/b; c="open', None),
    ],
)
def test_content_types(text: str, expected: tuple[str, dict[str, str]] | None) -> None:
    assert parsed(text) == expected


@given(st.text(alphabet='abc/;=,*"\\ \t.1-', max_size=80))
def test_any_text_is_read_or_ignored(text: str) -> None:
    for entry in accepted([text]):
        assert entry.media_type.count("/") == 1
        assert 0 < entry.quality <= 1


def test_every_compressed_type_has_a_default_syntax_of_its_own() -> None:
    for media_type in set(COMPRESSED.values()):
        assert COMPRESSED[DEFAULT_SYNTAX[media_type]] == media_type


@pytest.mark.parametrize(
    ("header", "taken", "left"),
    [
        ("*/*, image/jls;q=0", ["image/jphc"], ["image/jls"]),
        ("image/*;q=0.8, image/png;q=0.1, image/gif", ["image/jpeg", "image/gif"], ["image/png"]),
        ('multipart/related; type="*/*", multipart/related; type="image/jls"; q=0', ["image/jphc"], ["image/jls"]),
        # of one syntax only, so the type itself stays
        ("*/*, image/jls; transfer-syntax=1.2; q=0", ["image/jls"], []),
        ('*/*, multipart/related; type="image/jls"; q=0.2', ["image/jphc"], ["image/jls"]),
    ],
)
def test_what_is_named_counts_more_than_a_pattern(header: str, taken: list[str], left: list[str]) -> None:
    best = accepted([header])
    patterns = [entry for entry in best if "*" in entry.media_type]
    for media_type in taken:
        assert any(entry.includes(media_type) for entry in best)
    for media_type in left:
        assert not any(entry.includes(media_type) for entry in patterns)


def test_the_url_before_the_header() -> None:
    found = accepted(["image/png, image/jpeg;q=0.9"], ["image/jls;q=0.5"])
    assert [(entry.media_type, entry.in_url) for entry in found] == [
        ("image/jls", True),
        ("image/png", False),
        ("image/jpeg", False),
    ]
