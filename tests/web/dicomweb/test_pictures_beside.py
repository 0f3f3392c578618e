"""Pictures wanted at the same moment are made on the event loop and beside it, and are the same."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import httpx2
import imagecodecs
import numpy as np
import pytest

from pacs.access.principals import Role
from pacs.render.beside import PictureProcess, PicturesBeside
from pacs.render.values import Picture
from pacs.render.workers import DecodeWorkers
from tests.support.factories import ct_slice
from tests.support.wado import get, stored, url_of
from tests.support.web import Site


def test_of_several_at_a_time_some_are_made_beside_the_event_loop(
    site: Site, workers: DecodeWorkers, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = site.as_role(Role.CLINICIAN)
    sent = ct_slice()
    stored(site, sent)
    alone = [url_of(sent, f"/rendered?window=40,{width},linear") for width in range(100, 900, 100)]
    expected = [get(client, path, "image/jpeg").content for path in alone]
    beside = PicturesBeside(dict(os.environ), count=1)
    monkeypatch.setattr(workers, "beside", beside)
    made: list[Picture | None] = []
    take = PictureProcess.ask

    def counted(process: PictureProcess, *given: Any) -> asyncio.Future[Picture | None] | None:
        answer = take(process, *given)
        if answer is not None:
            answer.add_done_callback(lambda done: made.append(done.result()))
        return answer

    monkeypatch.setattr(PictureProcess, "ask", counted)

    async def together() -> list[bytes]:
        for _ in range(3000):  # it begins
            if beside.free(2):
                break
            await asyncio.sleep(0.02)
        transport = httpx2.ASGITransport(app=site.app)
        headers = {**client.headers, "accept": "image/jpeg"}
        async with httpx2.AsyncClient(transport=transport, base_url=client.base_url, headers=headers) as asking:
            for quality in range(95, 75, -1):  # another each time, for what was made is kept
                paths = [f"{path}&quality={quality}" for path in alone]
                answers = await asyncio.gather(*(asking.get(path) for path in paths))
                if made:
                    return [answer.content for answer in await asyncio.gather(*(asking.get(path) for path in paths))]
        raise AssertionError(f"nothing was made beside: {answers}")

    found = asyncio.run(together())
    beside.close()
    assert all(made)
    assert len(set(found)) == len(expected)
    for picture, other in zip(found, expected, strict=True):
        difference = imagecodecs.jpeg8_decode(picture).astype(int) - imagecodecs.jpeg8_decode(other)
        assert np.abs(difference).mean() < 4  # another quality
