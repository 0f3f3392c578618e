from __future__ import annotations

from pathlib import Path

import pytest

from pacs.errors import SettingsInvalid
from pacs.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_with_nothing_given_the_node_is_closed_and_embedded(tmp_path: Path) -> None:
    settings = read_settings({})
    assert (settings.dimse.host, settings.dimse.port, settings.dimse.ae_title) == ("127.0.0.1", 11112, "SURET")
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 8042)
    assert settings.database_url == f"sqlite:///{tmp_path}/pacs-data/index.db"
    assert settings.storage_location == f"{tmp_path}/pacs-data/store"


def test_a_variable_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "pacs.toml").write_text('data = "here"\n[dimse]\nport = 104\nae_title = "FROM_FILE"\n')
    settings = read_settings({"PACS_DIMSE__PORT": "11113", "PATH": "/bin"})
    assert (settings.dimse.port, settings.dimse.ae_title, settings.data) == (11113, "FROM_FILE", Path("here"))


def test_the_file_may_be_named(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text("[web]\nport = 80\n")
    assert read_settings({"PACS_CONFIG": str(other)}).web.port == 80
    assert read_settings({}, other).web.port == 80
    with pytest.raises(SettingsInvalid, match="there is none"):
        read_settings({"PACS_CONFIG": str(tmp_path / "missing.toml")})


def test_every_mistake_is_reported_at_once_with_key_value_and_expectation(tmp_path: Path) -> None:
    (tmp_path / "pacs.toml").write_text('colour = "red"\n[dimse]\nae_title = "MUCH TOO LONG A TITLE"\n')
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({"PACS_DIMSE__PORT": "eleven", "PACS_WEB__PORTS": "1", "PACS_ARCHIVE__STUDY_QUIET_S": "0"})
    lines = caught.value.message.splitlines()
    assert len(lines) == 5
    by_key = {line.split(" ")[0]: line for line in lines}
    assert set(by_key) == {"dimse.ae_title", "dimse.port", "web.ports", "archive.study_quiet_s", "colour"}
    assert "PACS_DIMSE__PORT" in by_key["dimse.port"]
    assert "'eleven'" in by_key["dimse.port"]
    assert "integer" in by_key["dimse.port"]
    assert "16 printable ASCII" in by_key["dimse.ae_title"]
    assert "no such setting" in by_key["web.ports"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("foo", "'foo'"),
        ("mysql://saule:hush@db/suret", "'mysql://saule:***@db/suret'"),
        ("mysql://saule:hu@sh:/hush://@db/suret", "'mysql://saule:***@db/suret'"),
        ("saule:hush://hush@db", "'saule:***@db'"),
        ("host=db password=hush", "(hidden)"),
    ],
)
def test_a_mistaken_database_is_shown_without_its_password(value: str, shown: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({"PACS_DATABASE": value})
    mistake, hint = str(caught.value).splitlines()
    assert shown in mistake
    assert "hush" not in mistake
    assert hint == "correct these settings and start again"


def test_a_first_password_that_no_account_may_have_is_a_mistake_among_the_others() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        read_settings({"PACS_ADMIN_PASSWORD": "hush", "PACS_DIMSE__PORT": "eleven"})
    assert "hush" not in str(caught.value)
    [mistake] = [line for line in caught.value.message.splitlines() if "PACS_ADMIN_PASSWORD" in line]
    assert "10 to 1024 characters" in mistake
    assert len(caught.value.message.splitlines()) == 2


def test_a_file_that_is_no_toml_is_one_clear_mistake(tmp_path: Path) -> None:
    (tmp_path / "pacs.toml").write_text("[dimse\n")
    with pytest.raises(SettingsInvalid, match="readable TOML"):
        read_settings({})


def test_a_value_where_a_table_belongs_is_a_mistake_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "pacs.toml").write_text("dimse = 1\n")
    with pytest.raises(SettingsInvalid, match=r"\[dimse\] to be a table"):
        read_settings({"PACS_DIMSE__PORT": "104"})


def test_secrets_are_shown_nowhere() -> None:
    settings = read_settings({"PACS_ADMIN_PASSWORD": "hush-hush-hush", "PACS_S3__SECRET_ACCESS_KEY": "hush-too"})
    assert "hush" not in repr(settings)
    assert settings.admin_password.get_secret_value() == "hush-hush-hush"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgresql://u:p@db/suret", "postgresql+psycopg://u:p@db/suret"),
        ("postgres://u:p@db/suret", "postgresql+psycopg://u:p@db/suret"),
        ("sqlite:////var/lib/suret/index.db", "sqlite:////var/lib/suret/index.db"),
    ],
)
def test_database_urls(given: str, url: str) -> None:
    assert read_settings({"PACS_DATABASE": given}).database_url == url


def test_storage_is_a_folder_or_a_bucket(tmp_path: Path) -> None:
    assert Settings(storage="objects").storage_location == f"{tmp_path}/objects"
    assert Settings(storage="s3://bucket/prefix").storage_location == "s3://bucket/prefix"


def test_lists_are_separated_by_commas() -> None:
    settings = read_settings({"PACS_TRIAGE__ALLOWED_HOSTS": "ai.example, 10.0.0.0/8,", "PACS_WEB__ALLOWED_HOSTS": ""})
    assert settings.triage.allowed_hosts == ("ai.example", "10.0.0.0/8")
    assert settings.web.allowed_hosts == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PACS_DATABASE", "mysql://user:hush@db/suret"),
        ("PACS_DATABASE", "index.db"),
        ("PACS_STORAGE", "ftp://host"),
        ("PACS_STORAGE", "s3://"),
    ],
)
def test_places_that_are_none_are_mistakes(variable: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=variable) as caught:
        read_settings({variable: value})
    assert "hush" not in str(caught.value)
