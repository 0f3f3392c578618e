"""No package of the runtime lock has a licence that a hospital or its supplier could not live with.

Licences are what the packages say of themselves. What is neither plainly permissive nor listed here with its reason
fails, the unknown included.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distribution

import pytest

from tests.support.locks import RUNTIME, pinned
from tests.support.process import ROOT

PERMISSIVE = re.compile(
    r"\b(?:MIT|MIT-0|BSD|0BSD|ISC|Apache|PSF|Python Software Foundation|Python-2\.0|Zlib|HPND|Public Domain)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b(?:[AL]?GPL|GNU|BUSL|Business Source|SSPL|MPL|Mozilla|EUPL|CC-BY-(?:SA|NC))", re.IGNORECASE)

ALLOWED = {
    "psycopg": "LGPL-3.0: an unmodified library, replaceable by the user; its notice is shipped",
    "psycopg-binary": "LGPL-3.0: as psycopg",
    "psycopg-pool": "LGPL-3.0: as psycopg",
    "certifi": "MPL-2.0: file-level copyleft, unmodified",
    "orjson": "MPL-2.0 beside MIT and Apache: unmodified",
}
FORBIDDEN = {
    "pylibjpeg-libjpeg": "GPL-3.0; 12-bit JPEG is decoded by imagecodecs",
    "text-unidecode": "Artistic or GPL-2.0; of the tests only",
}


def licence(package: Distribution) -> str:
    """What the package says: SPDX expression, else classifiers, else the first line of its licence field."""
    expression = package.metadata.get("License-Expression")
    if expression:
        return expression
    classifiers = [c for c in package.metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    if classifiers:
        return "; ".join(c.rpartition(" :: ")[2] for c in classifiers)
    return next(iter((package.metadata.get("License") or "").strip().splitlines()), "")


def _here() -> list[str]:
    """The packages of the runtime lock whose markers hold on this machine."""
    return [
        name
        for name, pins in pinned(RUNTIME).items()
        if any(pin.marker is None or pin.marker.evaluate() for pin in pins)
    ]


@pytest.mark.parametrize("name", _here())
def test_licence_is_acceptable(name: str):
    said = licence(distribution(name))
    if name not in ALLOWED:
        assert PERMISSIVE.search(said), f"{name} says {said!r}: not known to be permissive"
        assert not COPYLEFT.search(said), f"{name} says {said!r}"


def test_forbidden_packages_are_not_locked():
    assert FORBIDDEN.keys() & pinned(RUNTIME).keys() == set()


def test_the_product_says_its_own():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
