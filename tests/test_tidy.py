"""The house stays clean: what a linter does not see and a reviewer tires of seeing.

Naive time and `print` are ruff's (DTZ, T20); import directions are test_floors'.
"""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.process import ROOT

LINES_MAX = 500
BYTES_MAX = 1 << 20
TEXT_SUFFIXES = {".py", ".ts", ".tsx", ".mjs", ".css", ".html", ".json", ".md", ".toml", ".yaml", ".yml", ".sh", ""}
CODE_SUFFIXES = {".py", ".ts", ".tsx", ".mjs", ".sh"}

# The text of a rule never matches itself, so this file is read like every other.
FORBIDDEN = {
    "leftover marker": re.compile(r"\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X)|HA(?:CK)|WI(?:P))\b"),
    "merge conflict": re.compile(r"^(?:<{7} |={7}$|>{7} )", re.MULTILINE),
    "path of somebody's machine": re.compile(r"(?<![\w.$}*~-])/(?:work|home|root|tmp/work)/"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE (?:KEY)-----"),
}

# The environment is read once, at the roof; a leaf that read it could not be tested or configured like the rest.
READS_ENVIRONMENT = {
    "pacs/settings.py": "turns PACS_* into the settings tree",
    "pacs/index/copies.py": "hands it on to PostgreSQL's programs",
    "pacs/cli/node.py": "hands the environment to the settings",
    "pacs/render/workers.py": "clears it for the decoding processes",
}


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return sorted(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


FILES = _files()
TEXTS = [path for path in FILES if path.suffix in TEXT_SUFFIXES and "lock" not in path.name]
PRODUCT = [path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in {"pacs", "storage"}]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_text_holds(what: str):
    found = [
        f"{_name(path)}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()}"
        for path in TEXTS
        for text in [path.read_text(encoding="utf-8")]
        for match in FORBIDDEN[what].finditer(text)
    ]
    assert found == []


def test_files_are_short_enough_to_read():
    long = {
        _name(path): lines
        for path in TEXTS
        if path.suffix in CODE_SUFFIXES and (lines := len(path.read_bytes().splitlines())) > LINES_MAX
    }
    assert long == {}, f"a file is one noun of about 400 lines, at most {LINES_MAX}"


def test_no_dicom_objects_are_committed():
    def looks_like_dicom(path: Path) -> bool:
        with path.open("rb") as file:
            return path.suffix.lower() in {".dcm", ".dicom", ".ima"} or file.read(132)[128:] == b"DICM"

    assert [_name(path) for path in FILES if looks_like_dicom(path)] == []


def test_no_large_files_are_committed():
    assert [_name(path) for path in FILES if path.stat().st_size > BYTES_MAX] == []


def test_the_environment_is_read_at_the_roof_only():
    def reads_environment(path: Path) -> bool:
        return any(
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
            and node.attr in {"environ", "environb", "getenv"}
            for node in ast.walk(ast.parse(path.read_bytes()))
        )

    found = {_name(path) for path in PRODUCT if reads_environment(path)}
    assert found - READS_ENVIRONMENT.keys() == set()


def test_every_module_says_what_it_is():
    silent = [
        _name(path) for path in PRODUCT if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert silent == []


def test_the_changelog_begins_with_this_version():
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    released = [heading for heading in headings if heading.lower() != "unreleased"]
    assert released[:1] == [version]
