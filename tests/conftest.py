"""What every test may use: the data folder, a real node, the servers of `tests.support.services`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE

from pacs.dimse.checkpoint import steady_reactor
from tests.support.corpus import corpus_folder
from tests.support.peers import absent, program
from tests.support.process import NodeProcess

pytest_plugins = ["tests.support.services"]

NodeFactory = Callable[..., NodeProcess]
_NODES = pytest.StashKey[list[NodeProcess]]()


@pytest.fixture(scope="session", autouse=True)
def steady_associations() -> Iterator[None]:
    """No association that a test opens with pynetdicom loses a response to its own reactor on a slow machine."""
    with pytest.MonkeyPatch.context() as patch:
        associate = AE.associate

        def steady(*arguments: Any, **named: Any) -> Any:
            association = associate(*arguments, **named)
            steady_reactor(association)
            return association

        patch.setattr(AE, "associate", steady)
        yield


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of DICOM files from public repositories, with its MANIFEST.csv."""
    folder = corpus_folder()
    if not (folder / "MANIFEST.csv").is_file():
        absent(f"the folder of DICOM test files ({folder})", "name it in the variable PACS_TEST_DATA")
    return folder


def _node_factory(request: pytest.FixtureRequest, folder: Path) -> Iterator[NodeFactory]:
    nodes: list[NodeProcess] = []
    request.node.stash[_NODES] = nodes

    def start(
        settings: Mapping[str, str] | None = None, arguments: Sequence[str] = (), *, ready: bool = True
    ) -> NodeProcess:
        node = NodeProcess(folder / f"node-{len(nodes)}", settings, arguments)
        nodes.append(node)
        return node.start() if ready else node

    try:
        yield start
    finally:
        for node in nodes:
            node.kill()


@pytest.fixture
def start_node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NodeFactory]:
    """``start_node(settings, arguments)`` starts a node of this test; all of them are killed after it."""
    yield from _node_factory(request, tmp_path)


@pytest.fixture
def node(start_node: NodeFactory) -> NodeProcess:
    """A running node with default settings, for this test alone."""
    return start_node()


@pytest.fixture(scope="module")
def module_node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A running node with default settings, shared by the tests of a file."""
    for start in _node_factory(request, tmp_path_factory.mktemp("module")):
        yield start()


CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # tests may run as root
    "--disable-dev-shm-usage",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """pytest-playwright with Debian's Chromium, drawing in software, saying nothing to the world."""
    chromium = program("chromium", "chromium")
    return {**browser_type_launch_args, "executable_path": str(chromium), "args": CHROMIUM_ARGUMENTS}


LONG_FILES = (
    "tests/journeys/test_operations.py",
    "tests/faults/test_kill_loop.py",
    "tests/journeys/test_forwarding.py",
    "tests/index/test_upgrade.py",
    "tests/contract/test_object_store.py",
    "tests/fuzz/test_fuzz.py",
    "tests/web/dicomweb/test_every_file.py",
    "tests/test_cli.py",
    "tests/web/dicomweb/test_corpus.py",
    "tests/journeys/test_restart.py",
    "tests/journeys/test_triage.py",
)
"""Begun first: a file is the work of one process, and the others would wait for it at the end."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes bear their parameter's name: made by a clock or by chance, they would be other tests in each process."""
    return argname if isinstance(val, (bytes, bytearray)) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first; all else keeps its order."""
    ranks = {name: rank for rank, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: ranks.get(item.nodeid.partition("::")[0], len(ranks)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the logs of its nodes."""
    report = yield
    if report.failed:
        for collector in item.listchain():
            nodes: list[NodeProcess] = collector.stash.get(_NODES, [])
            for number, node in enumerate(nodes):
                report.sections.append((f"log of node {number}", node.log_tail()))
    return report
