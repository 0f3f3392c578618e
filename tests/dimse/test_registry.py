from __future__ import annotations

import pytest
from pydicom._uid_dict import UID_dictionary
from pynetdicom.sop_class import _STORAGE_CLASSES

from pacs.access.peer import Verb
from pacs.access.peers import Peers
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.dimse.registry import Services
from pacs.dimse.service import STORED_TRANSFER_SYNTAXES, Registry
from pacs.model import utc_now
from pacs.settings import DimseSettings
from tests.support.corpus import corpus

SENDER = Principal(PrincipalKind.PEER, "SENDER", verbs=frozenset({Verb.STORE}))


@pytest.fixture
def registry(archive: Archive) -> Registry:
    return Services(archive, Peers(archive.index, utc_now), DimseSettings()).registry(SENDER)


def test_every_storage_class_of_pynetdicom_is_offered(registry: Registry):
    missing = [uid for uid in _STORAGE_CLASSES.values() if (found := registry(uid)) is None or found.name != "storage"]
    assert missing == []


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        ("1.2.840.10008.1.1", "verification"),
        ("1.2.840.10008.5.1.4.1.2.1.1", "find, patient root"),
        ("1.2.840.10008.5.1.4.1.2.2.1", "find, study root"),
        ("1.2.840.10008.5.1.4.1.2.3.1", "find, patient/study only"),
    ],
)
def test_services_are_where_the_standard_puts_them(registry: Registry, uid: str, name: str):
    found = registry(uid)
    assert found is not None
    assert found.name == name


def test_what_the_standard_defines_as_something_else_is_not_stored(registry: Registry):
    others = [uid for uid, entry in UID_dictionary.items() if entry[1] != "SOP Class" and uid != "1.2.840.10008.1.1"]
    assert [uid for uid in others if registry(uid) is not None] == []
    assert registry("1.2.840.10008.5.1.1.9") is None  # print


@pytest.mark.parametrize("kind", ["valid", "odd"])
def test_every_transfer_syntax_of_the_corpus_is_stored(kind: str, test_data: object):
    used = {file.transfer_syntax_uid for file in corpus() if file.expected == kind and file.transfer_syntax_uid}
    assert used
    assert used <= STORED_TRANSFER_SYNTAXES


def test_syntaxes_without_their_own_pixels_are_not_stored():
    assert "1.2.840.10008.1.2.4.94" not in STORED_TRANSFER_SYNTAXES
    assert {"1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.2"} <= STORED_TRANSFER_SYNTAXES
