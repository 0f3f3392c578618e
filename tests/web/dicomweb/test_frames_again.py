"""A frame that is asked for in the same words again is given without a look into the index, as long as that is true."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from pacs.access.principals import OPERATOR, Role
from pacs.archive.deletion import Deletions
from pacs.index.schema import audit, instance
from tests.support.factories import ct_slice
from tests.support.wado import get, stored, url_of
from tests.support.web import ANY_FRAMES, Site, parts


@pytest.fixture
def looked(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """One entry for each look of the event loop into the index."""
    found: list[Any] = []
    kept = site.archive.index.ask_at_once
    monkeypatch.setattr(
        site.archive.index, "ask_at_once", lambda statement, values: (found.append(values), kept(statement, values))[1]
    )
    return found


def test_the_index_is_asked_again_only_after_it_changed(site: Site, looked: list[Any]) -> None:
    sent = ct_slice()
    stored(site, sent)
    client = site.as_role(Role.CLINICIAN)
    answers = [get(client, url_of(sent, "/frames/1"), ANY_FRAMES)]
    assert not looked, "the first look is a thread's"
    site.archive.index.write(lambda _: None)  # that somebody looked is written behind the answer: it is, then
    answers += [get(client, url_of(sent, "/frames/1"), ANY_FRAMES) for _ in range(3)]
    assert len(looked) == 1
    [(_, frame)] = parts(answers[0])
    assert frame == sent.PixelData
    assert {answer.content for answer in answers} == {answers[0].content}
    assert [dict(answer.headers) for answer in answers] == [dict(answers[0].headers)] * 4
    stored(site, ct_slice(study="another"))
    assert get(client, url_of(sent, "/frames/1"), ANY_FRAMES).content == answers[0].content
    assert len(looked) == 2


def test_other_words_get_another_answer(site: Site) -> None:
    sent = ct_slice()
    stored(site, sent)
    client = site.as_role(Role.CLINICIAN)
    url = url_of(sent, "/frames/1")
    for _ in range(3):
        whole = get(client, url, ANY_FRAMES)
        assert get(client, url, "application/octet-stream").content == sent.PixelData
        assert b"//localhost/" in get(client, url, ANY_FRAMES, Host="localhost").content
        assert get(client, f"{url}?accept=image/jls", "image/jls").headers["content-type"].startswith("image/jls")
        assert get(client, url, ANY_FRAMES, **{"If-None-Match": whole.headers["etag"]}).status_code == 304
        part = get(client, url, ANY_FRAMES, Range="bytes=5-9")
        assert (part.status_code, part.content) == (206, whole.content[5:10])
        head = client.head(url, headers={"Accept": ANY_FRAMES})
        assert (head.content, head.headers["content-length"]) == (b"", str(len(whole.content)))


def test_what_is_deleted_or_damaged_is_not_given_again(site: Site) -> None:
    sent, other = ct_slice(), ct_slice(study="other")
    client = site.as_role(Role.CLINICIAN)
    for dataset in (sent, other):
        stored(site, dataset)
        for _ in range(3):
            assert get(client, url_of(dataset, "/frames/1"), ANY_FRAMES).status_code == 200
    Deletions(site.archive).delete(sent.StudyInstanceUID, by=OPERATOR)
    assert get(client, url_of(sent, "/frames/1"), ANY_FRAMES).status_code == 410
    site.archive.index.write(
        lambda c: c.execute(
            update(instance).where(instance.c.sop_instance_uid == other.SOPInstanceUID).values(storage="damaged")
        )
    )
    assert get(client, url_of(other, "/frames/1"), ANY_FRAMES).status_code == 422


def test_each_caller_is_known_and_noted(site: Site) -> None:
    sent = ct_slice()
    stored(site, sent)
    clients = [site.as_role(role) for role in (Role.CLINICIAN, Role.RADIOLOGIST)]
    url = url_of(sent, "/frames/1")
    for client in clients:
        for _ in range(3):
            assert get(client, url, ANY_FRAMES).status_code == 200
    assert get(site.client(), url, ANY_FRAMES).status_code == 401
    assert get(site.client(site.accounts.token("x", Role.SERVICE) + "x"), url, ANY_FRAMES).status_code == 401
    site.archive.index.write(lambda c: None)
    with site.archive.index.read() as connection:
        names = connection.execute(select(audit.c.principal_name).where(audit.c.code == "110103")).scalars().all()
    assert sorted(names) == ["test-clinician", "test-radiologist"]
