"""The frame of the long form: slices by seed, mutants first, a tally that goes on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.faults import __main__ as long_form
from tests.faults import driver
from tests.faults.registry import RIGS
from tests.faults.rig import Outcome, Rig, bound
from tests.faults.tally import Tally


def _rig(*, sees: bool = True, breaks_at: int = 0) -> Rig:
    def one(seed: int, folder: Path) -> Outcome:
        assert list(folder.iterdir()) == []
        return Outcome(10, ("lost",) if seed == breaks_at else (), {"sent": seed})

    def mutant(seed: int, folder: Path) -> Outcome:
        return Outcome(1, ("lost",) if sees else ())

    return Rig("test", "kills", 30, one, {"careless": mutant})


def _run(monkeypatch: pytest.MonkeyPatch, tally: Path, rig: Rig, slices: int) -> int:
    """The command line, with a clock that lets it begin so many slices."""
    looks = iter(range(1000))
    monkeypatch.setattr(long_form, "RIGS", (rig,))
    monkeypatch.setattr(long_form, "_now", lambda: next(looks))
    return long_form.main(["--hours", str((slices + 0.5) / 3600), "--tally", str(tally)])


def test_a_second_run_goes_on_with_the_next_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = tmp_path / "tally.json"
    assert _run(monkeypatch, tally, _rig(), 2) == 0
    assert _run(monkeypatch, tally, _rig(), 1) == 0
    record = Tally(tally).record("test")
    assert (record.trials, record.seed, record.details) == (30, 4, {"sent": 1 + 2 + 3})


def test_what_was_found_is_kept_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = tmp_path / "tally.json"
    assert _run(monkeypatch, tally, _rig(breaks_at=2), 3) == 1
    assert "replay: python -m tests.faults --rig test --seed 2" in capsys.readouterr().out
    assert Tally(tally).record("test").violations == ["lost"]


def test_slices_of_two_rigs_at_a_time_keep_both(tmp_path: Path) -> None:
    first, second = Tally(tmp_path / "tally.json"), Tally(tmp_path / "tally.json")
    for tally, name in ((first, "one"), (second, "other"), (first, "one")):
        tally.record(name).add(Outcome(10, ()), 1.0, "abc")
        tally.save()
    assert [Tally(tmp_path / "tally.json").record(name).trials for name in ("one", "other")] == [20, 10]


def test_a_rig_that_does_not_see_its_mutant_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, tmp_path / "tally.json", _rig(sees=False), 1) == 1
    assert "NOT CAUGHT" in capsys.readouterr().out


def test_every_rig_has_a_name_of_its_own_and_mutants() -> None:
    assert len({rig.name for rig in RIGS}) == len(RIGS)
    assert all(rig.mutants and rig.goal > 0 for rig in RIGS)


def test_the_rule_of_three() -> None:
    assert bound(3000) == pytest.approx(0.001)
    assert bound(0) == 1


@pytest.mark.parametrize(("stopped_s", "hung"), [(0.0, True), (3600.0, True), (3600.0, False)])
def test_a_rig_that_was_stopped_does_not_take_its_child_for_hung(
    monkeypatch: pytest.MonkeyPatch, stopped_s: float, hung: bool
) -> None:
    """Whoever stops the rigs for a while (SIGSTOP) stops their children with them."""
    now, looks = 0.0, 0

    def sleep(seconds: float) -> None:
        nonlocal now, looks
        looks += 1
        now += seconds + (stopped_s if looks == 10 else 0.0)

    monkeypatch.setattr(driver, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    patience = driver.Patience(driver.PATIENCE_S)
    enough = int(driver.PATIENCE_S / driver.LOOK_S)
    left = [patience.look() for _ in range(enough * 2 if hung else enough // 2)]
    assert all(left) is not hung
