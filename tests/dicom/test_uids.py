"""UIDs: validity, and what each transfer syntax means."""

from __future__ import annotations

import pytest
from pynetdicom.sop_class import _STORAGE_CLASSES

from pacs.dicom.uids import (
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    STORAGE_SOP_CLASSES,
    TRANSFER_SYNTAXES,
    transfer_syntax,
    valid_uid,
)


@pytest.mark.parametrize("text", ["1", "1.2.840.10008.1.2", "2.25." + "9" * 59, "1.02.3"])
def test_digits_and_dots_are_a_uid(text: str) -> None:
    assert valid_uid(text)


@pytest.mark.parametrize("text", ["", "1" * 65, "1.2/3", "1.2\n", "../1", "1.2 ", "١.٢", "1.2\x00"])
def test_anything_else_is_none(text: str) -> None:
    assert not valid_uid(text)


def test_our_implementation_is_named_within_the_limits_of_its_attributes() -> None:
    assert valid_uid(IMPLEMENTATION_CLASS_UID)
    assert len(IMPLEMENTATION_VERSION_NAME) <= 16


@pytest.mark.parametrize(
    ("uid", "implicit", "big_endian", "deflated", "encapsulated", "video"),
    [
        ("1.2.840.10008.1.2", True, False, False, False, False),
        ("1.2.840.10008.1.2.1", False, False, False, False, False),
        ("1.2.840.10008.1.2.2", False, True, False, False, False),
        ("1.2.840.10008.1.2.1.99", False, False, True, False, False),
        ("1.2.840.10008.1.2.4.50", False, False, False, True, False),
        ("1.2.840.10008.1.2.5", False, False, False, True, False),
        ("1.2.840.10008.1.2.4.110", False, False, False, True, False),
        ("1.2.840.10008.1.2.4.203", False, False, False, True, False),
        ("1.2.840.10008.1.2.4.102.1", False, False, False, True, True),
        ("1.2.840.10008.1.2.4.108", False, False, False, True, True),
        ("1.2.3.4.5", False, False, False, True, False),
    ],
)
def test_what_a_transfer_syntax_means(
    uid: str, implicit: bool, big_endian: bool, deflated: bool, encapsulated: bool, video: bool
) -> None:
    syntax = transfer_syntax(uid)
    assert syntax.uid == uid
    assert (syntax.implicit, syntax.big_endian, syntax.deflated) == (implicit, big_endian, deflated)
    assert (syntax.encapsulated, syntax.native, syntax.video) == (encapsulated, not encapsulated, video)


def test_every_storage_class_that_the_network_library_knows_has_its_name() -> None:
    assert set(_STORAGE_CLASSES.values()) <= set(STORAGE_SOP_CLASSES)
    assert STORAGE_SOP_CLASSES["1.2.840.10008.5.1.4.1.1.2"] == "CT Image Storage"
    assert not [name for name in STORAGE_SOP_CLASSES.values() if "Commitment" in name or "SOP Class" in name]


def test_the_tables_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSFER_SYNTAXES["1.2"] = transfer_syntax("1.2")  # type: ignore[index]
