"""Preferences: one's own, on every device, no more than the node keeps."""

from __future__ import annotations

from typing import Any

import pytest

from pacs.access.preferences import COUNT_MAX, VALUE_BYTES_MAX
from pacs.access.principals import Role
from tests.support.web import Site

URL = "/api/preferences"


def test_they_follow_their_owner_and_nobody_else(site: Site) -> None:
    value: dict[str, Any] = {"columns": ["patient", "дата"], "sort": "-date"}
    first, second = site.browser("aigul"), site.browser("bakyt")
    assert first.put(f"{URL}/worklist.view", json=value).status_code == 204
    assert first.put(f"{URL}/worklist.view", json=value | {"sort": ""}).status_code == 204
    assert site.browser("aigul").get(URL).json() == {"preferences": {"worklist.view": value | {"sort": ""}}}
    assert second.get(URL).json() == {"preferences": {}}
    assert first.delete(f"{URL}/worklist.view").status_code == 204
    assert first.get(URL).json() == {"preferences": {}}


@pytest.mark.parametrize(
    ("name", "content"),
    [("Upper", b"1"), ("x" * 65, b"1"), ("x", b"{"), ("x", b"[" * 16_000), ("x", b'"' + b"y" * VALUE_BYTES_MAX + b'"')],
)
def test_what_is_not_kept_is_said(site: Site, name: str, content: bytes) -> None:
    client = site.as_role(Role.CLINICIAN)
    answer = client.put(f"{URL}/{name}", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, bool(answer.json()["hint"])) == (400, True)
    assert client.get(URL).json() == {"preferences": {}}


def test_there_is_room_for_so_many(site: Site) -> None:
    client = site.as_role(Role.CLINICIAN)
    codes = [client.put(f"{URL}/p{number}", json=number).status_code for number in range(COUNT_MAX + 1)]
    assert codes == [204] * COUNT_MAX + [400]
    assert client.put(f"{URL}/p0", json="changed").status_code == 204
