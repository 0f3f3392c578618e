"""Deflated data sets that grow long: a file holds them, not memory."""

from __future__ import annotations

import random
import zlib

from pacs.dicom.paged import PagedBytes
from pacs.dicom.walker import inflate, walk
from tests.support.datasets import element

DEFLATED = "1.2.840.10008.1.2.1.99"


def test_what_inflates_to_much_is_not_held_in_memory() -> None:
    data = element(0x00081030, "LO", "A") + element(0x00204000, "UT", random.Random(1).randbytes(1 << 16) * 100)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = packer.compress(data) + packer.flush()
    inflated = inflate(deflated)
    assert isinstance(inflated, PagedBytes)
    assert inflated[:] == data
    assert walk(deflated, DEFLATED).dataset_end == len(data)
