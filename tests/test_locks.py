"""The lock files name what is wanted and its hash, never where it comes from: a hospital's mirror serves as well."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.locks import RUNTIME, TEST, entries, pinned
from tests.support.process import ROOT

VIEWER = ROOT / "viewer" / "package-lock.json"
ADDRESS = re.compile(r"(?:https?|git|ssh|file)(?:\+\w+)?://\S*|\bregistry\.\S+|--(?:extra-)?index-url.*|--find-links.*")


@pytest.mark.parametrize("path", [RUNTIME, TEST], ids=lambda path: path.name)
def test_python_locks_hold_no_address(path):
    assert ADDRESS.findall(path.read_text(encoding="utf-8")) == []


def test_the_viewer_lock_holds_no_registry():
    text = VIEWER.read_text(encoding="utf-8")
    assert '"resolved"' not in text
    addresses = set(ADDRESS.findall(re.sub(r'"(?:url|funding)": "[^"]*"', "", text)))
    assert addresses == set()


@pytest.mark.parametrize("path", [RUNTIME, TEST], ids=lambda path: path.name)
def test_every_entry_has_one_version_and_hashes(path):
    for entry in entries(path):
        assert re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry), entry


def test_the_locks_satisfy_the_project():
    with (ROOT / "pyproject.toml").open("rb") as file:
        tree = tomllib.load(file)
    for path, wanted in (
        (RUNTIME, tree["project"]["dependencies"]),
        (TEST, tree["project"]["dependencies"] + tree["dependency-groups"]["test"]),
    ):
        locked = pinned(path)
        for text in wanted:
            requirement = Requirement(text)
            versions = [next(iter(pin.specifier)).version for pin in locked[canonicalize_name(requirement.name)]]
            assert all(requirement.specifier.contains(version) for version in versions), (path.name, text)


def test_the_tests_run_what_the_product_runs():
    runtime, test = pinned(RUNTIME), pinned(TEST)
    assert {name: sorted(map(str, pins)) for name, pins in runtime.items()} == {
        name: sorted(map(str, test[name])) for name in runtime
    }
