"""Imports go down only, and every module is on a way from an entrance (pacs/README.md, contracts in pyproject.toml)."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp

from tests.support.process import ROOT

ENTRANCES = {
    "pacs.cli": "the command `pacs`",
    "pacs.cli.__main__": "the same as a program of Python",
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


def test_every_part_is_on_a_floor():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    floors = set(re.findall(r"[\w.]+", " ".join(contracts["contracts"][0]["layers"])))
    parts = {
        f"pacs.{path.stem}"
        for path in (ROOT / "pacs").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - floors == {"pacs.__init__"}


def test_only_the_viewport_knows_cornerstone():
    """The rest of the viewer asks `viewport/contract.ts`, so that another renderer is one folder."""
    sources = ROOT / "viewer" / "src"
    imports = re.compile(r"""\b(?:from|import|require)\b[\s(]*["']@cornerstonejs/""")
    users = {
        path.relative_to(sources).parts[0] for path in sources.rglob("*.ts*") if imports.search(path.read_text("utf-8"))
    }
    assert users == {"viewport"}


def test_no_module_is_dead():
    graph = grimp.build_graph("pacs", "storage", cache_dir=None)
    reached = set(ENTRANCES)
    for entrance in ENTRANCES:
        reached |= graph.find_upstream_modules(entrance)
    parents = {module.rpartition(".")[0] for module in graph.modules}  # packages are imported with their modules
    assert sorted(m for m in graph.modules - reached - parents if not m.startswith(RUN_BY_PATH)) == []
