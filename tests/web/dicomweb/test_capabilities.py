"""The Capabilities resource: true to the routes, in both forms, for anybody."""

from __future__ import annotations

from xml.etree import ElementTree

from pacs.web.dicomweb.capabilities import WADL, WADL_NAMESPACE
from tests.support.web import Site

SPACE = {"w": WADL_NAMESPACE}


def test_every_resource_is_described(site: Site) -> None:
    client = site.client()
    response = client.options("/dicom-web/")
    assert response.headers["content-type"] == WADL
    root = ElementTree.fromstring(response.content)
    resources = root.find("w:resources", SPACE)
    assert resources is not None
    assert resources.get("base") == "http://127.0.0.1:8042/dicom-web/"
    described = {one.get("path"): one for one in resources.findall("w:resource", SPACE)}
    served = {
        route.path.removeprefix("/dicom-web/").replace(":path}", "}")
        for route in site.app._app.routes
        if route.path.startswith("/dicom-web/") and route.methods != ("OPTIONS",)
    }
    assert set(described) == served
    assert len(served) > 25
    methods = {method.get("name") for method in described["studies"].findall("w:method", SPACE)}
    assert {"GET", "POST"} <= methods
    instance = described["studies/{study}/series/{series}/instances/{instance}"]
    types = [one.get("mediaType") for one in instance.iterfind(".//w:representation", SPACE)]
    assert "application/zip" in types
    assert [one.get("name") for one in instance.findall("w:param", SPACE)] == ["study", "series", "instance"]


def test_as_json_and_unchanged(site: Site) -> None:
    client = site.client()
    found = client.options("/dicom-web", headers={"Accept": "application/json"}).json()
    paths = {resource["path"]: resource["methods"] for resource in found["resources"]}
    [retrieve] = [one for one in paths["studies/{study}/metadata"] if one["name"] == "GET"]
    assert retrieve["mediaTypes"][0] == "application/dicom+json"
    first = client.options("/dicom-web/")
    again = client.options("/dicom-web/", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert client.options("/dicom-web/", headers={"Accept": "image/png"}).status_code == 406
