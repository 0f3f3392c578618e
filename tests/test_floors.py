"""Imports go down only, and every module is on a way from an entrance (pacs/README.md, contracts in pyproject.toml)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp

from tests.support.process import ROOT

ENTRANCES = {
    "pacs.cli": "the command `pacs`",
    "pacs.render.worker": "the program of the decoding processes",
    "storage.memory": "the store of unit tests, under the same contract as the others",
    "pacs.index.migrations.env": "Alembic runs it by its path",
}
RUN_BY_PATH = "pacs.index.migrations.versions"  # Alembic reads the folder


def test_contracts_are_kept():
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_is_dead():
    graph = grimp.build_graph("pacs", "storage", cache_dir=None)
    reached = set(ENTRANCES)
    for entrance in ENTRANCES:
        reached |= graph.find_upstream_modules(entrance)
    parents = {module.rpartition(".")[0] for module in graph.modules}  # packages are imported with their modules
    assert sorted(m for m in graph.modules - reached - parents if not m.startswith(RUN_BY_PATH)) == []
