"""Sequence matching (PS3.4 C.2.2.2.6): a stored sequence is one text, its items are compared after the row is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pacs.dicom.keys import wildcard_matches
from pacs.index.criteria import Criterion, Equals, Item, Like, Test


def items_meet(row: Mapping[str, str], late: Sequence[Criterion]) -> bool:
    """Whether a row meets every criterion of a sequence."""
    return all(_item_meets(row.get(criterion.attribute.keyword, ""), criterion.test) for criterion in late)


def _item_meets(stored: str, test: Test) -> bool:
    """Whether one stored item meets every key of the item (PS3.4 C.2.2.2.6)."""
    assert isinstance(test, Item)
    items = json.loads(stored) if stored else []
    return any(all(value_meets(item.get(f"{tag:08X}"), part) for tag, part in test.tests) for item in items)


def value_meets(element: Any, test: Equals | Like) -> bool:
    """Whether a value of a DICOM JSON element meets the key; numbers are compared as they are written."""
    values = [str(value) for value in (element or {}).get("Value", []) if not isinstance(value, dict)]
    if isinstance(test, Equals):
        return test.value in values
    return any(wildcard_matches(test.pattern, value) for value in values)
