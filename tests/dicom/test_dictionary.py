"""VRs: their written form, the dictionary's choice, private dictionaries."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from pacs.attributes import CATALOGUE
from pacs.dicom.dictionary import LONG_VRS, SHORT_VRS, dictionary_vr, private_vr


def test_the_written_forms_are_those_of_the_standard() -> None:
    assert set(SHORT_VRS.values()) == {str(vr) for vr in EXPLICIT_VR_LENGTH_16}
    assert set(LONG_VRS.values()) == {str(vr) for vr in EXPLICIT_VR_LENGTH_32}


@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (0x00100010, "PN"),
        (0x00280120, "US or SS"),
        (0x7FE00010, "OB or OW"),
        (0x60003000, "OB or OW"),
        (0x601E0010, "US"),
        (0x50040110, "US"),
        (0x002804F2, "LO"),
        (0x00080000, "UL"),
        (0x00091000, "UN"),
        (0x0008FFFE, "UN"),
    ],
)
def test_the_vr_of_a_tag(tag: int, vr: str) -> None:
    assert dictionary_vr(tag) == vr


def test_the_catalogue_agrees_with_the_dictionary() -> None:
    assert [a.keyword for a in CATALOGUE if not dictionary_vr(a.tag) == a.vr == dictionary_VR(a.tag)] == []


@pytest.mark.parametrize(
    ("creator", "tag", "vr"),
    [
        ("GEMS_IDEN_01", 0x00091027, "SL"),
        ("GEMS_IDEN_01", 0x00094527, "SL"),
        ("SIEMENS CSA HEADER", 0x00291010, "OB"),
        ("Philips PET Private Group", 0x70531000, "DS"),
        ("GEMS_IDEN_01", 0x000910FE, "UN"),
        ("NOBODY", 0x00091027, "UN"),
        ("", 0x00090010, "LO"),
        ("", 0x00090000, "UL"),
    ],
)
def test_the_vr_of_a_private_tag(creator: str, tag: int, vr: str) -> None:
    assert private_vr(creator, tag) == vr
