"""Metadata name bulk data by the address of the client; what is kept for that is bounded, nothing of the erased."""

from __future__ import annotations

import gzip

from pacs.archive.metadata import SeriesMetadata
from pacs.web.dicomweb.metadata import Addressed

TRICKY = (
    rb'[{"00100010":{"Value":["\"BulkDataURI\":\"/dicom-web/"]},"7FE00010":{"BulkDataURI":"/dicom-web/studies/1"}}]'
)


def test_only_addresses_become_absolute() -> None:
    found = SeriesMetadata('"a"', gzip.compress(TRICKY))
    for root in ("http://127.0.0.1:8042/dicom-web", "https://pacs.example/dicom-web"):
        made = gzip.decompress(Addressed().of(found, root))
        assert made == TRICKY.replace(b':"/dicom-web', f':"{root}'.encode())


def test_the_last_are_kept_within_a_bound_until_something_is_erased() -> None:
    size = len(gzip.compress(TRICKY, 1)) + 16
    kept = Addressed(bytes_max=2 * size)
    found = [SeriesMetadata(f'"{number}"', gzip.compress(TRICKY)) for number in range(3)]
    first = kept.of(found[0], "http://a/dicom-web")
    assert kept.of(found[0], "http://a/dicom-web") is first
    for one in found:
        kept.of(one, "http://a/dicom-web")
    assert kept.of(found[0], "http://a/dicom-web") is not first
    last = kept.of(found[2], "http://a/dicom-web")
    kept.forget()
    assert kept.of(found[2], "http://a/dicom-web") is not last
