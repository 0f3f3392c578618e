"""The short form of R6 for every commit, and the proof that the rig sees a broken promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.object_store_outage import RIG, Service, bad_days, lies, service_is_away
from tests.support.services import S3Bucket

pytestmark = [pytest.mark.timeout(300), pytest.mark.rig]


def test_every_bad_day_is_outlasted_or_refused(tmp_path: Path) -> None:
    assert bad_days(1, tmp_path / "rig").violations == ()


def test_every_bad_day_of_a_real_service_too(tmp_path: Path, s3_bucket: S3Bucket) -> None:
    real = Service(s3_bucket.gateway.endpoint_url, s3_bucket.name, s3_bucket.options)
    assert bad_days(2, tmp_path / "rig", service=real).violations == ()


@pytest.mark.parametrize("day", ["answer-lost", "error-in-success-lasting"])
def test_an_upload_in_parts_has_bad_days_too(tmp_path: Path, day: str) -> None:
    assert bad_days(3, tmp_path / "rig", days=(day,), multipart=True).violations == ()


def test_verify_names_everything_that_a_lying_service_forgot(tmp_path: Path) -> None:
    outcome = lies(4, tmp_path / "rig")
    assert outcome.violations == ()
    assert outcome.details["lies"] > 0


def test_a_node_refuses_while_its_service_is_away_and_goes_on_afterwards(tmp_path: Path) -> None:
    assert service_is_away(5, tmp_path / "rig").violations == ()


@pytest.mark.parametrize("mutant", sorted(RIG.mutants))
def test_the_rig_catches(tmp_path: Path, mutant: str) -> None:
    assert RIG.mutants[mutant](0, tmp_path / "rig").violations, f"the mutant {mutant} went unseen"
