"""States that look good and are not, or look bad and are fine, on real hosts.

Each is a lab profile, `tests/lab/profiles/tricky-*.sh`. Its head says the verdict, argues it from a man page or from
behaviour (`because`), and mostly has the host itself show it (`proof`: shell lines with the host's own programs, each
of which must succeed there). hardencheck's own parsers have no say in the argument.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.conftest import TAILORING, Done
from tests.lab import lab as lab_module
from tests.lab.lab import Lab

PROFILES = Path(lab_module.__file__).parent / "profiles"


@dataclass(frozen=True)
class Tricky:
    """One state: the profile, how its host runs, what must come out, and why."""

    profile: str
    mode: str
    verdict: dict[str, str]
    because: str
    proof: tuple[str, ...]

    @property
    def host(self) -> str:
        """The name of its lab host."""
        return self.profile if self.mode == "systemd" else f"{self.mode}-{self.profile}"


def _read(path: Path) -> Tricky:
    def lines(key: str) -> list[str]:
        return re.findall(rf"^# {key}: *(.+)$", path.read_text(), re.MULTILINE)

    (mode,) = lines("mode")
    words = [word.partition("=") for word in " ".join(lines("verdict")).split()]
    verdict = {rule: outcome for rule, _, outcome in words}
    return Tricky(path.stem, mode, verdict, " ".join(lines("because")), tuple(lines("proof")))


STATES = [_read(path) for path in sorted(PROFILES.glob("tricky-*.sh"))]


@pytest.fixture(scope="session")
def swept(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One sweep over all of these hosts."""
    folder = tmp_path_factory.mktemp("tricky")
    (folder / "site.yaml").write_text(TAILORING)
    hosts = lab.hosts(*(state.profile for state in STATES if state.mode == "systemd"))
    hosts += lab.hosts(*(state.profile for state in STATES if state.mode == "lite"), mode="lite")
    words = ["sweep", "-i", lab.inventory_of(*hosts), "--tailoring", folder / "site.yaml", "--store", folder / "h.db"]
    command = [*lab.exec_prefix, sys.executable, "-m", "hardencheck", *map(str, words), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_there_are_at_least_25_and_each_is_argued() -> None:
    assert len(STATES) >= 25
    for state in STATES:
        assert state.verdict, state.profile
        assert len(state.because) > 40, f"{state.profile}: say why"
        assert set(state.verdict.values()) <= {"pass", "fail", "unknown", "notapplicable"}, state.profile


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.profile)
def test_the_verdict_is_right(swept: Done, state: Tricky) -> None:
    results = {result["rule_id"]: result for result in swept.host(state.host)["results"]}
    found = {rule: results[rule]["outcome"] for rule in state.verdict}
    assert found == state.verdict, [results[rule]["message"] for rule in state.verdict]


@pytest.mark.parametrize("state", [state for state in STATES if state.proof], ids=lambda state: state.profile)
def test_the_host_itself_shows_it(lab: Lab, state: Tricky) -> None:
    (host,) = lab.hosts(state.profile, mode="lite" if state.mode == "lite" else "systemd")
    for line in state.proof:
        done = lab.run_in(host, "sh", "-uc", line, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
