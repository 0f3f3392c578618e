"""The container files: linted, their settings understood by the node, nothing reachable that was not opened."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pacs.settings import Settings, read_settings
from tests.support.process import ROOT

DOCKER = ROOT / "docker"
GIVEN = {
    "POSTGRES_PASSWORD": "secret1",
    "S3_BUCKET": "images",
    "S3_ENDPOINT_URL": "https://s3.example",
    "S3_ACCESS_KEY_ID": "key",
    "S3_SECRET_ACCESS_KEY": "secret2",
}


def _interpolated(text: str) -> str:
    """Compose's ${NAME:-default} and ${NAME:?message}, with the variables of GIVEN."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        assert name in GIVEN or kind == ":-", f"{name} has no default and the README does not ask for it"
        return GIVEN.get(name, rest)

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load(_interpolated((DOCKER / "compose.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def image_environment() -> dict[str, str]:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.+)$", text, re.MULTILINE)
    return dict(pair.split("=", 1) for pair in line.split())


def _settings(environment: dict[str, str]) -> Settings:
    return read_settings({name: value for name, value in environment.items() if name.startswith("PACS_")})


def test_the_dockerfile_is_linted():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--failure-threshold", "style", DOCKER / "Dockerfile"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_copied_into_the_image_is_there_and_not_ignored():
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    let_in = (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists()
            assert f"!{source}" in let_in


def test_the_node_understands_the_settings_of_the_image(image_environment):
    settings = _settings(image_environment)
    assert settings.data == Path("/data")
    assert settings.dimse.host == settings.web.host == "0.0.0.0"


def test_the_node_understands_the_settings_of_compose(compose, image_environment):
    settings = _settings(image_environment | compose["services"]["node"]["environment"])
    assert settings.database_url == "postgresql+psycopg://pacs:secret1@postgresql:5432/pacs"
    assert settings.storage_location == "s3://images"
    assert settings.s3.endpoint_url == "https://s3.example"
    assert settings.s3.secret_access_key.get_secret_value() == "secret2"


def test_nothing_is_published_beyond_this_machine(compose):
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert sorted(published) == ["127.0.0.1:11112:11112", "127.0.0.1:8042:8042"]


def test_volumes_and_services_named_are_defined(compose):
    for service in compose["services"].values():
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= compose["volumes"].keys()
        assert service.get("depends_on", {}).keys() <= compose["services"].keys()


def test_the_grace_period_covers_the_draining_of_associations(compose):
    grace_s = int(compose["services"]["node"]["stop_grace_period"].removesuffix("s"))
    assert grace_s > Settings().dimse.drain_timeout_s


def test_the_readme_asks_for_every_variable_without_a_default(compose):
    readme = (DOCKER / "README.md").read_text(encoding="utf-8")
    assert [name for name in GIVEN if f"{name}=" not in readme] == []
