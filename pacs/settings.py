"""One settings tree, read once from `pacs.toml` and PACS_* variables; every mistake is reported together.

A variable wins over the file. Nested keys use two underscores: ``PACS_DIMSE__PORT`` is ``port`` under ``[dimse]``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from pacs.errors import SettingsInvalid

PREFIX = "PACS_"
FOREIGN_VARIABLES = frozenset({"PACS_TEST_DATA"})
"""Variables with our prefix that are not settings of the node."""

SECRETS = ("password", "secret")
"""What the key of a setting contains whose value is not shown, and what a value does that is not."""

MIB = 1 << 20
GIB = 1 << 30

PASSWORD_CHARACTERS_MIN = 10
PASSWORD_CHARACTERS_MAX = 1024

_AE_TITLE = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")


def valid_ae_title(text: str) -> bool:
    """Whether `text` is 1 to 16 printable ASCII characters without a backslash or outer spaces (PS3.5 6.2)."""
    return _AE_TITLE.fullmatch(text) is not None


def _ae_title(value: str) -> str:
    title = value.strip(" ")
    if not valid_ae_title(title):
        raise ValueError("an AE title of 1 to 16 printable ASCII characters without a backslash (PS3.5 6.2)")
    return title


AETitle = Annotated[str, AfterValidator(_ae_title)]
Port = Annotated[int, Field(ge=0, le=65535)]  # 0: any free port, for tests


def _database(value: str) -> str:
    if value and not value.startswith(("sqlite:////", "postgresql://", "postgres://")):
        raise ValueError("sqlite:////absolute/path or postgresql://user:password@host/database")
    return value


def _storage(value: str) -> str:
    bucket = value.removeprefix("s3://")
    if "://" in bucket or (value.startswith("s3://") and not bucket.strip("/")):
        raise ValueError("a folder or s3://bucket[/prefix]")
    return value


def _admin_password(value: SecretStr) -> SecretStr:
    characters = len(value.get_secret_value())
    if characters and not PASSWORD_CHARACTERS_MIN <= characters <= PASSWORD_CHARACTERS_MAX:
        raise ValueError(f"{PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters; there are {characters}")
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError("an origin as browsers say it: https://viewer.example or http://10.0.0.7:3000, without a path")
    return value


class _Branch(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DimseSettings(_Branch):
    """The DICOM listener. Limits are those of docs/operations.md."""

    host: str = "127.0.0.1"
    port: Port = 11112
    ae_title: AETitle = "SURET"
    tls_port: Port = 2762  # DICOM over TLS, listened on when there is a certificate
    tls_certificate: str = ""  # PEM files; read anew when they change
    tls_key: str = ""  # empty: in the certificate's file
    tls_mutual: bool = True  # callers show a certificate too
    tls_authorities: str = Field(default="", validate_default=True)  # who signs the certificates of peers
    check_called_ae_title: bool = True
    accept_unknown_sop_classes: bool = True  # private storage classes, from callers that may store
    pdu_bytes_max: int = Field(default=128 * 1024, ge=16 * 1024, le=4 * MIB)
    request_bytes_max: int = Field(default=1 * MIB, ge=64 * 1024)  # an A-ASSOCIATE-RQ
    command_bytes_max: int = Field(default=64 * 1024, ge=4096)
    identifier_bytes_max: int = Field(default=1 * MIB, ge=4096)
    instance_bytes_max: int = Field(default=4 * GIB, ge=1 * MIB)
    connections_max: int = Field(default=256, ge=1)
    connections_per_address_max: int = Field(default=32, ge=1)
    half_open_max: int = Field(default=64, ge=1)
    associations_max: int = Field(default=64, ge=1)
    associations_per_address_max: int = Field(default=16, ge=1)
    request_timeout_s: float = Field(default=15.0, gt=0)  # ARTIM: absolute, from accept to a whole request
    idle_timeout_s: float = Field(default=60.0, gt=0)
    rate_floor_bytes_per_s: int = Field(default=4096, ge=0)  # looked at after the first 30 s of a message
    find_results_max: int = Field(default=5000, ge=1)
    connect_timeout_s: float = Field(default=10.0, gt=0)  # to a peer, and for a place among the associations to peers
    response_timeout_s: float = Field(default=120.0, gt=0)  # a peer's, to a request of this node
    response_bytes_max: int = Field(default=4 * MIB, ge=4096)  # a data set that comes with it
    outbound_associations_max: int = Field(default=32, ge=1)
    drain_timeout_s: float = Field(default=30.0, ge=0)

    @field_validator("tls_authorities")
    @classmethod
    def _trusted(cls, value: str, others: ValidationInfo) -> str:
        if others.data.get("tls_certificate") and others.data.get("tls_mutual") and not value:
            raise ValueError("a PEM file with who signs the certificates of peers, or tls_mutual=false")
        return value


class WebSettings(_Branch):
    """The HTTP listener."""

    host: str = "127.0.0.1"
    port: Port = 8042
    public_url: str = ""  # as clients see it, when a proxy stands in front
    allowed_hosts: tuple[str, ...] = ()  # more names for the Host header than the address and public_url
    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()  # other pages that may ask, with a token
    trusted_proxies: tuple[str, ...] = ()
    header_bytes_max: int = Field(default=32 * 1024, ge=8 * 1024)
    body_deadline_s: float = Field(default=60.0, gt=0)
    rate_floor_bytes_per_s: int = Field(default=16 * 1024, ge=0)
    session_idle_s: int = Field(default=30 * 60, ge=60)
    session_max_s: int = Field(default=12 * 3600, ge=60)
    offline_hours: float = Field(
        default=12.0, ge=0, le=168
    )  # a device shows its copies so long without the node; 0: none
    sign_in_attempts_per_minute: int = Field(default=10, ge=1)
    query_results_max: int = Field(default=1000, ge=1)


class S3Settings(_Branch):
    """How to reach the bucket when PACS_STORAGE is s3://…; empty keys: the usual chain of the AWS tools."""

    endpoint_url: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: SecretStr = SecretStr("")


class ArchiveSettings(_Branch):
    """Life of the objects and the index."""

    study_quiet_s: float = Field(default=30.0, ge=0.1)  # a study is stable after this long without a new instance
    adopt_hours: int = Field(default=48, ge=1)  # boot adopts orphans from so long before the last start on
    garbage_grace_hours: int = Field(default=24, ge=0)
    undo_days: float = Field(default=30.0, ge=0)  # what is deleted can be restored for so long, then it is erased
    rejected_days: float = Field(default=0.0, ge=0)  # what a note rejects is erased after so long; 0: it is kept
    scrub_days: float = Field(default=30.0, ge=0)  # every object is read again in this time; 0: never
    reindex_share: float = Field(default=0.5, gt=0, le=1)  # of the time, while stored objects are read for a new tag
    scrub_share: float = Field(default=0.1, gt=0, le=1)  # of the time, and so of the disk's bandwidth
    repair_from: Annotated[str, AfterValidator(_storage)] = ""  # a second store with the same keys, as a backup is
    free_bytes_min: int = Field(default=5 * GIB, ge=0)  # or 5 % of the file system, the smaller
    free_percent_min: float = Field(default=5.0, ge=0, le=50)
    warn_bytes_min: int = Field(default=20 * GIB, ge=0)  # or 10 % of the file system, the smaller
    warn_percent_min: float = Field(default=10.0, ge=0, le=90)
    ballast_bytes: int = Field(default=32 * MIB, ge=0)  # or 1 % of the file system, the smaller
    decode_workers: int = Field(default=2, ge=1, le=64)
    decode_memory_bytes: int = Field(default=1 * GIB, ge=512 * MIB)
    decode_cpu_s: int = Field(default=20, ge=1)
    upload_bytes_max: int = Field(default=64 * GIB, ge=1 * MIB)  # of one upload in several requests
    uploads_per_account_max: int = Field(default=32, ge=1)
    upload_hours: float = Field(default=72.0, gt=0)  # an upload that nobody goes on with is removed after so long
    derived_frames_bytes_max: int = Field(default=2 * GIB, ge=0)  # decoded and recoded frames, kept for the next time


class TriageSettings(_Branch):
    """The AI hook."""

    allow_loopback: bool = True  # services on this machine may be called over plain HTTP
    allowed_hosts: tuple[str, ...] = ()  # private addresses or names that may be called


class WebhookSettings(_Branch):
    """Who is told of what happens."""

    allow_loopback: bool = False  # addresses on this machine, over plain HTTP
    allowed_hosts: tuple[str, ...] = ()  # private addresses or names that may be called


class Settings(_Branch):
    """The whole tree."""

    data: Path = Path("pacs-data")
    database: Annotated[str, AfterValidator(_database)] = ""  # SQLAlchemy URL; empty: SQLite in `data`
    storage: Annotated[str, AfterValidator(_storage)] = (
        ""  # a folder or s3://bucket[/prefix]; empty: a folder in `data`
    )
    admin_password: Annotated[SecretStr, AfterValidator(_admin_password)] = SecretStr("")
    log_format: Literal["console", "json"] = "console"
    dimse: DimseSettings = DimseSettings()
    web: WebSettings = WebSettings()
    s3: S3Settings = S3Settings()
    archive: ArchiveSettings = ArchiveSettings()
    triage: TriageSettings = TriageSettings()
    webhooks: WebhookSettings = WebhookSettings()

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the index."""
        if not self.database:
            return f"sqlite:///{self.data.resolve() / 'index.db'}"
        if self.database.startswith(("postgresql://", "postgres://")):
            return "postgresql+psycopg://" + self.database.partition("://")[2]
        return self.database

    @property
    def storage_location(self) -> str:
        """Where the objects are: an absolute folder or s3://bucket[/prefix]."""
        if not self.storage:
            return str(self.data.resolve() / "store")
        return self.storage if self.storage.startswith("s3://") else str(Path(self.storage).resolve())


def read_settings(environment: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """The settings from `file` (default: PACS_CONFIG, else ./pacs.toml when it is there) and `environment`.

    Raises SettingsInvalid with one line for every mistake: key, value and what was expected.
    """
    mistakes: list[str] = []
    configuration = file or Path(environment.get("PACS_CONFIG", "pacs.toml"))
    tree: dict[str, Any] = {}
    if configuration.exists():
        try:
            tree = tomllib.loads(configuration.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            mistakes.append(f"{configuration}: expected a readable TOML file ({error})")
    elif file is not None or "PACS_CONFIG" in environment:
        mistakes.append(f"{configuration}: expected a TOML file, there is none")
    for variable in sorted(environment):
        if variable.startswith(PREFIX) and variable not in FOREIGN_VARIABLES | {"PACS_CONFIG"}:
            _graft(tree, variable, environment[variable], mistakes)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        mistakes += [_mistake(detail) for detail in error.errors()]
    if mistakes:
        raise SettingsInvalid("\n".join(mistakes), "correct these settings and start again")
    return settings


def _graft(tree: dict[str, Any], variable: str, value: str, mistakes: list[str]) -> None:
    *branches, leaf = variable.removeprefix(PREFIX).lower().split("__")
    node: Any = tree
    for branch in branches:
        node = node.setdefault(branch, {})
        if not isinstance(node, dict):
            mistakes.append(f"{variable}: expected [{branch}] to be a table in the settings file")
            return
    field = _field_annotation([*branches, leaf])
    node[leaf] = tuple(part.strip() for part in value.split(",") if part.strip()) if field is tuple else value


def _field_annotation(path: list[str]) -> type | None:
    model: Any = Settings
    for name in path:
        field = getattr(model, "model_fields", {}).get(name)
        if field is None:
            return None
        model = field.annotation
    return tuple if getattr(model, "__origin__", None) is tuple else None


def _mistake(detail: Any) -> str:
    path = ".".join(str(part) for part in detail["loc"])
    variable = PREFIX + "__".join(str(part) for part in detail["loc"]).upper()
    if detail["type"] == "extra_forbidden":
        return f"{path} ({variable}): there is no such setting"
    shown = "(hidden)" if any(word in path for word in SECRETS) else repr(_without_password(detail["input"]))
    return f"{path} ({variable}) is {shown}: expected {_expected(detail)}"


def _without_password(value: Any) -> Any:
    """An address (scheme://user:password@host) without its password, which may hold any character, @ too."""
    if not isinstance(value, str):
        return value
    if any(word in value.lower() for word in SECRETS):
        return "(hidden)"
    login, at, place = value.rpartition("@")
    user = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?[^:]*", login)
    return f"{user[0]}:***@{place}" if at and user and user[0] != login else value


def _expected(detail: Any) -> str:
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return message[:1].lower() + message[1:]
