"""What the viewer can be refused has a code, and every code a sentence that says what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Final

import pytest

import pacs
from pacs import errors

HOUSE: Final = Path(pacs.__file__).parent
CATALOGUE: Final = HOUSE.parent / "viewer/src/i18n/en/refusals.ts"

NEVER: Final = MappingProxyType(
    {
        "access/accounts.py": ("is disabled", "has the role", "is the old one"),
        "access/gate.py": ("nothing at this address", "no such study or task"),
        "access/preferences.py": ("no name of a preference",),
        "access/peers.py": (),
        "archive/correctable.py": ("cannot be corrected", "no attribute is given", "of several levels"),
        "archive/correction.py": ("is of a series", "moved by what a patient has"),
        "archive/deletion.py": (),
        "archive/matching.py": ("lists", "is not a", "is not understood", "no sequence", "is a sequence"),
        "archive/meant.py": ("no patient is named", "is of an image"),
        "archive/out_of_sight.py": (),
        "archive/reading.py": (),
        "archive/reasons.py": (),
        "archive/retrieve.py": ("has no frames",),
        "archive/selection.py": (),
        "archive/uploads.py": ("is complete", "was said to be", "are here", "the digest", "of what came is"),
        "archive/written.py": ("no quarter turn", "has no width", "ends nowhere"),
        "exchange/queue.py": ("is no UID",),
        "exchange/web.py": ("level", "state or limit", "body is not understood", "priority", "invalid.message"),
        "web/api/bodies.py": ("not understood", "objects"),
        "web/api/changes.py": ("limit is 0", "there are no events"),
        "web/api/deletions.py": ("no title of a rejection note",),
        "web/api/export.py": ("no study is named", "no choice of", "no number of pictures"),
        "web/api/preferences.py": ("nested too deeply",),
        "web/api/queries.py": ("not a whole number", "no attribute"),
        "web/api/uploads.py": ("number of bytes", "neither", "Upload-Offset is missing"),
        "web/api/worklist.py": ("is not a date", "neither true nor false", "is not sorted by", "no moment"),
        "web/dicomweb/documents.py": (),
        "web/dicomweb/frames.py": ("no list of frames", "too many", "not where the index says"),
        "web/dicomweb/videos.py": (),
        "web/dicomweb/volumes.py": (
            "is not supported",
            "is not made here",
            "is not understood",
            "camera",
            "mprslab",
            "another volume",
        ),
        "web/guard.py": (),
    }
)
"""The modules whose refusals meet requests of the viewer, and what there is said to others alone: the viewer asks no
such thing, or asks again by itself."""

BY_STATUS: Final = frozenset(
    {
        "BodyTooLarge",
        "InstanceTooLarge",
        "MediaTypeRefused",
        "MethodRefused",
        "NotAcceptable",
        "NotPermitted",
        "OffsetWrong",
        "OutOfResources",
        "RequestTooSlow",
        "SignInNeeded",
        "SignInRefused",
    }
)
"""What the sentence of their status says whole (`viewer/src/ui/refusals.ts`), or the form where it happens."""


def _refusals(module: str) -> Iterator[tuple[str, str, str]]:
    """Class, message and code of every refusal that a module makes."""
    named = import_module("pacs." + module.removesuffix(".py").replace("/", "."))
    for node in ast.walk(ast.parse((HOUSE / module).read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        kind = getattr(named, node.func.id, None)
        if not isinstance(kind, type) or not issubclass(kind, errors.SuretError):
            continue
        given = [*node.args[2:3], *(word.value for word in node.keywords if word.arg == "code")]
        codes = [
            getattr(named, one.id, one.id) if isinstance(one, ast.Name) else ast.literal_eval(one)
            for one in given
            if isinstance(one, ast.Name | ast.Constant)
        ]
        yield node.func.id, ast.unparse(node.args[0]), str(codes[0]) if codes else ""


@pytest.mark.parametrize("module", NEVER)
def test_what_the_viewer_can_be_refused_has_a_sentence(module: str) -> None:
    sentences = set(re.findall(r'"refusal\.(\w+)"', CATALOGUE.read_text(encoding="utf-8")))
    left = list(NEVER[module])
    bare = []
    for kind, message, code in _refusals(module):
        others = [part for part in NEVER[module] if part in message]
        left = [part for part in left if part not in others]
        if kind not in BY_STATUS and not others and code not in sentences:
            bare.append(f"{kind}({message}, {code!r})")
    assert bare == []
    assert left == [], "nothing is said so any more"
