"""A neglected desk, mended by the playbooks one after the other: each makes its own rules pass, and no other worse.

Everything is done once: each playbook with a sweep behind it, then all of them again. Its twin, beside it, is shown
what would be done, by all playbooks and for single rules, and stays as it is.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from hardencheck.baselines.load import load
from hardencheck.model.outcome import Platform
from tests.end_to_end.conftest import Done
from tests.lab.lab import Host, Lab
from tests.playbooks.running import Run, ansible_playbook, playbooks, rules_of

SITE = """\
values:
  passwordless_sudo_allowed: [svc_hc]
  approved_admins: [svc_hc, itadmin]
  log_server: 10.77.0.1:6514
  lockout_max_attempts: 3
"""
RULES = {rule.id: rule for rule in load("bpo-core").rules}
LINUX = [name for name in playbooks() if any(Platform.LINUX in RULES[rule].platforms for rule in rules_of(name))]
#: no container can run the audit daemon, nor set its clock: their rules do not apply there, and a preview must do
PREVIEWED = ("ids/audit.yml", "time/chrony.yml")
#: sshd first: while it takes empty passwords, it tries one at each log-in, and PAM makes it wait for seconds
MENDING = sorted((name for name in LINUX if name not in PREVIEWED), key=lambda name: name != "ssh/sshd.yml")
FAMILIES = {name: sorted(rules_of(name)) for name in MENDING if len(rules_of(name)) > 1}
LARGEST = max(map(len, FAMILIES.values()))
#: the first rule of each family, the second of each that has as many...
ALONE = [[rules[number] for rules in FAMILIES.values() if number < len(rules)] for number in range(LARGEST)]

Outcomes = Mapping[str, str]


@dataclass(frozen=True)
class Desk:
    """A neglected host, and how it is asked and mended."""

    lab: Lab
    host: Host
    site: Path
    values: Path

    def sweep(self, report: Path) -> Path:
        """Return a playbook that sweeps the host; it stands between others, which are run all in one go."""
        words = [sys.executable, "-m", "hardencheck", "sweep", "-i", self.lab.inventory_of(self.host)]
        words += ["--tailoring", self.site, "--store", self.site.with_name("h.db"), "--report", f"json:{report}"]
        task = {"ansible.builtin.command": {"argv": [*map(str, words)], "creates": str(report)}, "failed_when": False}
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task]}
        found = report.with_suffix(".yml")
        found.write_text(json.dumps([play]))
        return found

    def outcomes(self, report: Path) -> Outcomes:
        """Return its outcomes by rule, as a sweep has reported them."""
        return Done(0, report.read_text(), "").outcomes(self.host.name)

    def play(self, *names: str | Path, options: tuple[str, ...] = ()) -> Run:
        """Run playbooks over it with the values that its rules check."""
        return ansible_playbook(self.lab, self.host, names, "-e", f"@{self.values}", *options)

    def preview_of(self, rules: Sequence[str]) -> Run:
        """Show what would be done for these rules alone, each of another playbook."""
        names = [name for name in MENDING if rules_of(name).intersection(rules)]
        return self.play(*names, options=("--check", "--tags", ",".join(rules)))

    def files(self) -> Mapping[str, tuple[int, int]]:
        """Return when each file of /etc and below /usr/share changed, and its mode."""
        found = {}
        for below in "etc", "usr/share", "var/lib/pam":
            for path in (self.host.root / below).rglob("*"):
                if path.is_file() and not path.is_symlink():
                    status = path.stat()
                    found[str(path)] = status.st_mtime_ns, status.st_mode
        return found


@dataclass(frozen=True)
class Mended:
    """The outcomes before and after each playbook, and the second run of all."""

    desk: Desk
    outcomes: Mapping[str, tuple[Outcomes, Outcomes]]
    again: Run


@dataclass(frozen=True)
class Previewed:
    """What was shown, of all playbooks and of single rules, and the files that changed on the way."""

    desk: Desk
    whole: Run
    alone: list[Run]
    changed: set[str]


@dataclass(frozen=True)
class Desks:
    """What was done to the desk, and what was shown on its twin meanwhile."""

    mended: Mended
    previewed: Previewed


@pytest.fixture(scope="module")
def desks(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Desks:
    folder = tmp_path_factory.mktemp("desk")
    site = folder / "site.yaml"
    site.write_text(SITE)
    command = [sys.executable, "-m", "hardencheck", "baseline", "values", "--tailoring", str(site)]
    values = folder / "values.yml"
    values.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    one, twin = (Desk(lab, host, site, values) for host in lab.fresh(2, "neglected", mode="systemd"))
    with ThreadPoolExecutor() as pool:
        mended, previewed = pool.submit(_mended, one), pool.submit(_previewed, twin)
        return Desks(mended.result(), previewed.result())


def _mended(desk: Desk) -> Mended:
    reports = [desk.site.with_name(f"sweep-{number}.json") for number in range(len(MENDING) + 1)]
    names: list[str | Path] = [desk.sweep(reports[0])]
    for name, report in zip(MENDING, reports[1:], strict=True):
        names += [name, desk.sweep(report)]
    run = desk.play(*names)
    assert run.code == 0, run.out + run.err
    outcomes = [desk.outcomes(report) for report in reports]
    return Mended(desk, dict(zip(MENDING, pairwise(outcomes), strict=True)), desk.play(*MENDING))


def _previewed(desk: Desk) -> Previewed:
    before = desk.files()
    whole = desk.play(*LINUX, options=("--check", "--diff"))
    alone = [desk.preview_of(rules) for rules in ALONE]
    return Previewed(desk, whole, alone, {path for path, state in desk.files().items() if before.get(path) != state})


@pytest.fixture(scope="module")
def mended(desks: Desks) -> Mended:
    return desks.mended


@pytest.fixture(scope="module")
def previewed(desks: Desks) -> Previewed:
    return desks.previewed


def test_a_preview_fails_nowhere_and_changes_nothing(previewed: Previewed) -> None:
    assert previewed.whole.code == 0, previewed.whole.out + previewed.whole.err
    assert previewed.whole.changed > 0
    assert previewed.changed == set()


@pytest.mark.parametrize("playbook", MENDING)
def test_a_playbook_mends_its_rules_and_no_other(mended: Mended, playbook: str) -> None:
    before, after = mended.outcomes[playbook]
    assert {rule: before[rule] for rule in rules_of(playbook)} != dict.fromkeys(rules_of(playbook), "pass")
    assert after == {**before, **dict.fromkeys(rules_of(playbook), "pass")}


def test_a_second_run_changes_nothing(mended: Mended) -> None:
    assert mended.again.code == 0, mended.again.out + mended.again.err
    assert mended.again.changed == 0, mended.again.out


@pytest.mark.parametrize("number", range(len(ALONE)))
def test_each_rule_of_a_family_can_be_run_alone(previewed: Previewed, number: int) -> None:
    run = previewed.alone[number]
    assert run.code == 0, run.out + run.err
    assert run.changed > 0


def test_what_still_fails_is_for_people(mended: Mended) -> None:
    failing = [
        rule for rule, outcome in mended.outcomes[MENDING[-1]][1].items() if outcome in ("fail", "unknown", "error")
    ]
    assert [rule for rule in failing if not RULES[rule].remediation.manual] == []


def test_people_can_still_log_in_and_guessing_locks_them_out(mended: Mended) -> None:
    lab, host = mended.desk.lab, mended.desk.host

    def logs_in(password: str) -> bool:
        words = ("pamtester", "login", "agent1", "authenticate", "acct_mgmt")
        return lab.run_in(host, *words, stdin=f"{password}\n", check=False).returncode == 0

    assert logs_in(lab.password)
    assert [logs_in("wrong") for _ in range(3)] == [False, False, False]
    assert not logs_in(lab.password), "three wrong passwords lock the account"
    lab.run_in(host, "faillock", "--user", "agent1", "--reset")
    assert logs_in(lab.password)


def test_good_passwords_can_be_set_and_weak_or_old_ones_cannot(mended: Mended) -> None:
    lab, host = mended.desk.lab, mended.desk.host

    def takes(password: str) -> bool:
        return lab.run_in(host, "chpasswd", stdin=f"agent1:{password}\n", check=False).returncode == 0

    assert not takes("short-1A")
    assert takes("Gnu-winter-93-boat")
    assert lab.run_in(host, "getent", "shadow", "agent1").stdout.split(":")[1].startswith("$y$")
    assert takes(lab.password)


def test_a_missing_value_fails_before_anything_changes(previewed: Previewed) -> None:
    desk = previewed.desk
    run = ansible_playbook(desk.lab, desk.host, ["password/pwquality.yml"])
    assert run.code != 0
    assert "password_min_length" in run.out
    assert (run.changed, run.failed) == (0, 1)


def test_the_port_of_the_own_connection_is_never_closed(previewed: Previewed) -> None:
    run = previewed.desk.play(
        "firewall/nftables.yml", options=("-e", '{"allowed_listeners": ["tcp/2000-2222", "udp/68"]}')
    )
    assert run.code != 0
    assert "does not name the port" in run.out
    assert run.changed == 0
