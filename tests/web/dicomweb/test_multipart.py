"""multipart/related: every way of cutting a body into chunks gives the same parts, and no octet changes."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.web.dicomweb.media_types import parsed
from pacs.web.dicomweb.multipart import (
    HEADERS_BYTES_MAX,
    PREAMBLE_BYTES_MAX,
    Framing,
    MultipartBroken,
    MultipartReader,
    PartBegins,
    PartData,
    PartEnds,
)

Part = tuple[dict[str, str], bytes]


def read(boundary: str, chunks: list[bytes]) -> list[Part]:
    reader = MultipartReader(boundary)
    parts: list[Part] = []
    headers: dict[str, str] = {}
    octets: list[bytes] = []
    inside = False
    for chunk in chunks:
        for event in reader.feed(chunk):
            match event:
                case PartBegins(found):
                    assert not inside
                    headers, octets, inside = dict(found), [], True
                case PartData(data):
                    assert inside
                    assert len(data) > 0
                    octets.append(bytes(data))
                case PartEnds():
                    parts.append((headers, b"".join(octets)))
                    inside = False
    reader.close()
    assert not inside
    return parts


def body(boundary: str, payloads: list[bytes], *, preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    line = b"--" + boundary.encode()
    parts = b"".join(line + b"\r\nContent-Type: application/dicom\r\n\r\n" + data + b"\r\n" for data in payloads)
    return preamble + parts + line + b"--" + epilogue


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks: list[bytes] = []
    position = 0
    for size in itertools.cycle(sizes):
        if position >= len(data):
            return chunks
        chunks.append(data[position : position + size])
        position += size
    raise AssertionError


TRICKY = [
    b"",
    b"\r\n",
    b"\r",
    b"--B",
    b"--B--",
    b"\r\n--",
    b"\r\n--C",
    b"\r\n--Bx",
    b"\r\n--B-",
    b"\r\n--B-x",
    b"\r\n--B \tx",
    b"\r\r\n--b",
    b"\x00" * 5,
    b"\r\n\r\n",
]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_payloads_that_look_like_delimiters_pass_unchanged(size: int) -> None:
    payloads = [payload for payload in TRICKY if payload not in (b"--B", b"--B--")]
    got = read("B", cut(body("B", payloads), [size]))
    assert [data for _, data in got] == payloads
    assert all(headers == {"content-type": "application/dicom"} for headers, _ in got)


@given(
    payloads=st.lists(
        st.lists(st.sampled_from([b"\r\n--B\x01", b"\r\n--", b"\r", b"\n", b"-", b"B", b"\x00\xff", b"x" * 40])).map(
            b"".join
        ),
        max_size=4,
    ),
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    preamble=st.sampled_from([b"", b"\r\n", b"hello\r\n", b"--\r\n"]),
    epilogue=st.sampled_from([b"", b"\r\n", b" \r\nrest", b"\r\n--B\r\n\r\nx"]),
)
def test_any_cut_gives_the_same_parts(
    payloads: list[bytes], sizes: list[int], preamble: bytes, epilogue: bytes
) -> None:
    data = body("B", payloads, preamble=preamble, epilogue=epilogue)
    blocked = (b"\r\n--B\r\n", b"\r\n--B--", b"--B\r\n")
    if any(any(mark in b"\r\n" + payload + b"\r\n" for mark in blocked) for payload in payloads):
        return  # such octets need another boundary
    assert [got for _, got in read("B", cut(data, sizes))] == payloads


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_arbitrary_bytes_are_refused_in_plain_words_or_read(data: bytes, sizes: list[int]) -> None:
    with contextlib.suppress(MultipartBroken):
        parts = read("B", cut(data, sizes))
        assert sum(len(octets) for _, octets in parts) <= len(data)


def test_blanks_after_a_delimiter_and_folded_headers() -> None:
    data = (
        b'--B \t \r\nContent-Type: application/dicom;\r\n transfer-syntax="1.2"\r\nX:\r\nodd line\r\n\r\nabc\r\n--B--'
    )
    assert read("B", [data]) == [({"content-type": 'application/dicom; transfer-syntax="1.2"', "x": ""}, b"abc")]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_parts_without_headers_or_octets(size: int) -> None:
    assert read("B", cut(b"--B\r\n\r\nabc\r\n--B\r\n\r\n\r\n--B\r\nX: y\r\n\r\n--B--", [size])) == [
        ({}, b"abc"),
        ({}, b""),
        ({"x": "y"}, b""),
    ]


def test_a_body_without_parts() -> None:
    assert read("B", [b"--B--\r\n"]) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no delimiter",
        b"--B\r\nContent-Type: a/b\r\n\r\nabc",
        b"--B\r\nContent-Type: a/b\r\n\r\nabc\r\n--B",
        b"--B\r\nContent-Type: a/b",
        b"x" * (PREAMBLE_BYTES_MAX + 1),
        b"--B\r\nX: " + b"y" * HEADERS_BYTES_MAX,
    ],
)
def test_what_is_not_whole_is_refused(data: bytes) -> None:
    with pytest.raises(MultipartBroken) as broken:
        read("B", cut(data, [1000]) or [b""])
    assert broken.value.hint


@pytest.mark.parametrize("boundary", ["", "x" * 201, "a\r\nb", "a ", "ü", 'a"b'])
def test_boundaries_that_are_none(boundary: str) -> None:
    with pytest.raises(MultipartBroken):
        MultipartReader(boundary)


def test_no_memory_is_kept_but_a_possible_delimiter() -> None:
    reader = MultipartReader("B")
    list(reader.feed(b"--B\r\n\r\n"))
    for _ in range(100):
        given_back = sum(len(event.data) for event in reader.feed(b"x" * 1000) if isinstance(event, PartData))
        assert given_back == 1000


def test_what_only_looks_like_delimiters_costs_no_event_each() -> None:
    reader = MultipartReader("B")
    list(reader.feed(b"--B\r\n\r\n"))
    events = list(reader.feed(b"\r\n--B." * 10_000 + b"\r\n--B--"))
    assert [type(event) for event in events] == [PartData, PartEnds]


def test_what_we_write_we_read() -> None:
    framing = Framing("application/dicom")
    payloads = [b"abc", b"", b"\r\n"]
    data = b"".join(framing.head({"Content-Type": "application/dicom"}) + payload for payload in payloads)
    found = parsed(framing.content_type)
    assert found is not None
    media_type, parameters = found
    assert (media_type, parameters["type"]) == ("multipart/related", "application/dicom")
    assert read(parameters["boundary"], [data + framing.tail]) == [
        ({"content-type": "application/dicom"}, payload) for payload in payloads
    ]
