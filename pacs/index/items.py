"""Sequence matching (PS3.4 C.2.2.2.6): a stored sequence is one text, its items are compared after the row is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from pacs.dicom.keys import Keys
from pacs.index.criteria import Criterion, Item

FORMS_MAX = 256


@lru_cache(FORMS_MAX)
def keys_of(test: Item) -> Keys:
    """The keys of an item, understood. Raises QueryRefused."""
    return Keys(json.loads(test.document))


def items_meet(row: Mapping[str, str], late: Sequence[Criterion]) -> bool:
    """Whether a row meets every criterion of a sequence, each by one of its items."""
    return all(_item_meets(row.get(criterion.attribute.keyword, ""), criterion) for criterion in late)


def _item_meets(stored: str, criterion: Criterion) -> bool:
    assert isinstance(criterion.test, Item)
    keys = keys_of(criterion.test)
    return any(keys.meets(item) for item in (json.loads(stored) if stored else ()))
