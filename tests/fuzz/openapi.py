"""Schemathesis over the OpenAPI document of a running node with studies in it: every method of every route, with values
that fit the document and values that do not. No answer may be a failure of the node's own (5xx), and each has to be
what the document says: its status, its media type, its headers, its JSON. Of two spellings of one path one is enough.

What reads is sent to studies that are there, what changes to any address; in the long form half of it to other studies
that are there (`schemathesis_hooks.py`), and every role asks in its turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from pacs.access.principals import Role
from tests.support.corpus import corpus
from tests.support.factories import Patient, ct_series, ct_slice, structured_report, us_cine
from tests.support.process import NodeProcess, clean_environment
from tests.support.web import STOW_HEADERS, multipart

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
_LEFT_OUT = "^/ws|MPR$|3D$"
SHORT = (
    "--exclude-path-regex",
    _LEFT_OUT,
    "--phases",
    "coverage",
    "--mode",
    "positive",
    "--seed",
    "1",
    "--generation-deterministic",
)
"""Each parameter with each value that is worth a try, the same ones every time."""

LONG = ("--exclude-path-regex", rf"{_LEFT_OUT}|^/api/accounts/.+/(tokens|disabled|password)$")
"""Everything but what would take away the token that the run comes with: values found in one answer go into another."""

STUDIES = 24
KINDS = ("US", "SR", "SEG", "DOC", "ECG", "PR", "XA", "MG")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")


def fill(node: NodeProcess, files: Sequence[bytes]) -> list[dict[str, str]]:
    """Store `files`; where they are in the node then, as values of path parameters."""
    headers = STOW_HEADERS | node.authorization("admin")
    request = urllib.request.Request(f"{node.dicomweb_url}/studies", multipart(list(files)), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        stored = json.loads(answer.read())
    urls = [item["00081190"]["Value"][0].split("/") for item in stored["00081199"]["Value"]]
    return [dict(zip(("study", "series", "instance"), url[-5::2], strict=True)) for url in urls]


def settings_of(address: Mapping[str, str]) -> str:
    """The settings of schemathesis: what reads is sent to `address`, what changes anything to any address."""
    own = "".join(f', "path.{name}" = "{value}"' for name, value in address.items())
    wado = dict(zip(("studyUID", "seriesUID", "objectUID"), address.values(), strict=False))
    own += "".join(f', "query.{name}" = "{value}"' for name, value in wado.items())
    return "\n".join(
        (
            f'hooks = "{HOOKS}"',
            "warnings = false",
            "[[operations]]",
            'include-method = ["GET", "OPTIONS"]',
            f'parameters = {{"query.wait" = 0{own}}}',
        )
    )


def attack(
    node: NodeProcess,
    address: Mapping[str, str],
    *arguments: str,
    timeout_s: float,
    role: str = "admin",
    known: Sequence[Mapping[str, str]] = (),
) -> tuple[bool, str]:
    """One run of schemathesis as `role`; whether it found nothing, and what it printed. Half of what changes anything
    goes to what is `known`."""
    with tempfile.TemporaryDirectory(prefix="suret-openapi-") as folder:
        settings = Path(folder, "schemathesis.toml")
        settings.write_text(settings_of(address))
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", settings, "run"),
                *(f"{node.web_url}/api/openapi.json", "--header", f"Authorization: Bearer {node.token(role)}"),
                *("--checks", ",".join(CHECKS)),
                *("--no-color", "--no-shrink", "--continue-on-failure", *arguments),
            ],
            cwd=folder,
            env=clean_environment(SURET_FUZZ_KNOWN=json.dumps(list(known))),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    return done.returncode == 0, done.stdout + done.stderr


def made_files() -> list[bytes]:
    """A CT series, a cine and a report, as files."""
    files = []
    for dataset in (*ct_series(3), us_cine(study="cine", frames=3), structured_report()):
        file = BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        files.append(file.getvalue())
    return files


def many_studies() -> tuple[list[bytes], list[str]]:
    """A study each of several patients, as files; and the patients' IDs."""
    files, patients = [], []
    for number in range(STUDIES):
        patients.append(f"FUZZ-{number // 2}")
        dataset = ct_slice(patient=Patient(id=patients[-1]), study=f"fuzzed {number}", rows=16, columns=16)
        file = BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        files.append(file.getvalue())
    return files, patients


def main(minutes: float, roles: Sequence[Role] = ()) -> int:
    """`make fuzz TARGET=openapi`: every phase, at one object of each kind after the other, as each of `roles` in turn,
    without any as every role, every second time as an administrator; 0 when nothing was found."""
    smallest = sorted((one for one in corpus() if one.expected == "valid"), key=lambda one: one.size)
    found = [next((one for one in smallest if one.modality == kind), None) for kind in KINDS]
    files = [*made_files()[2:], *(one.path.read_bytes() for one in found if one is not None)]
    share, code = max(20, int(minutes * 60 / len(files))), 0
    turns = list(roles) or [turn for role in Role if role is not Role.ADMIN for turn in (Role.ADMIN, role)]
    for number, file in enumerate(files):  # each with a node of its own: a run may well take its own token away
        role = turns[number % len(turns)]
        with tempfile.TemporaryDirectory(prefix="suret-fuzz-") as folder, NodeProcess(Path(folder)) as node:
            [address] = fill(node, [file])
            more, patients = many_studies()
            known = [one | {"patient": patient} for one, patient in zip(fill(node, more), patients, strict=True)]
            asked = (*LONG, "--max-time", str(share))
            whole = address | {"frames": "1"}
            clean, words = attack(node, whole, *asked, timeout_s=share + 600, role=role, known=known)
            if "request_broke" in node.log.read_text():
                clean, words = False, words + node.log_tail()
        print(f"as {role}:\n{words}", flush=True)
        code |= int(not clean)
    return code
