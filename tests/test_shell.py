"""The first thing that comes over a thin link: the viewer's shell, script and style, stays small."""

from __future__ import annotations

import re

import pytest

from tests.support.process import ROOT

STATIC = ROOT / "pacs" / "web" / "static"
SHELL_BYTES_MAX = 60 * 1024


@pytest.mark.parametrize("coding", ["br", "gz"])
def test_script_and_style_of_the_shell(coding: str) -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:src|href)="/(assets/[^"]+\.(?:js|css))"', page))
    assert {name.rsplit(".", 1)[1] for name in named} == {"js", "css"}
    sizes = {name: (STATIC / f"{name}.{coding}").stat().st_size for name in sorted(named)}
    assert sum(sizes.values()) <= SHELL_BYTES_MAX, sizes
