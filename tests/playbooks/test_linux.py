"""A neglected desk, mended by the playbooks one after the other: each makes its own rules pass, and no other worse.

Everything is done once, in the order of a repair: preview, each playbook with a sweep behind it, all of them again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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
MENDING = [name for name in LINUX if name not in PREVIEWED]

Outcomes = Mapping[str, str]


@dataclass(frozen=True)
class Desk:
    """A neglected host, and how it is asked and mended."""

    lab: Lab
    host: Host
    site: Path
    values: Path

    def outcomes(self) -> Outcomes:
        """Sweep it, and return its outcomes by rule."""
        words = ["sweep", "-i", self.lab.inventory_of(self.host), "--tailoring", self.site]
        words += ["--store", self.site.with_name("h.db"), "--format", "json"]
        command = [*self.lab.exec_prefix, sys.executable, "-m", "hardencheck", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        return Done(done.returncode, done.stdout, done.stderr).outcomes(self.host.name)

    def play(self, *names: str, options: tuple[str, ...] = ()) -> Run:
        """Run playbooks over it with the values that its rules check."""
        return ansible_playbook(self.lab, self.host, names, "-e", f"@{self.values}", *options)

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
    """What each playbook did: its run, and the outcomes before and after it."""

    desk: Desk
    preview: Run
    preview_changed: set[str]
    runs: Mapping[str, tuple[Run, Outcomes, Outcomes]]
    again: Run


@pytest.fixture(scope="module")
def desk(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    site = folder / "site.yaml"
    site.write_text(SITE)
    command = [sys.executable, "-m", "hardencheck", "baseline", "values", "--tailoring", str(site)]
    values = folder / "values.yml"
    values.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return Desk(lab, lab.host("neglected"), site, values)


@pytest.fixture(scope="module")
def mended(desk: Desk) -> Mended:
    before, files = desk.outcomes(), desk.files()
    preview = desk.play(*LINUX, options=("--check", "--diff"))
    touched = {path for path, state in desk.files().items() if files.get(path) != state}
    runs = {}
    for name in MENDING:
        run = desk.play(name)
        after = desk.outcomes()
        runs[name] = run, before, after
        before = after
    return Mended(desk, preview, touched, runs, desk.play(*MENDING))


def test_a_preview_fails_nowhere_and_changes_nothing(mended: Mended) -> None:
    assert mended.preview.code == 0, mended.preview.out + mended.preview.err
    assert mended.preview.changed > 0
    assert mended.preview_changed == set()


@pytest.mark.parametrize("playbook", MENDING)
def test_a_playbook_mends_its_rules_and_no_other(mended: Mended, playbook: str) -> None:
    run, before, after = mended.runs[playbook]
    assert run.code == 0, run.out + run.err
    assert {rule: before[rule] for rule in rules_of(playbook)} != dict.fromkeys(rules_of(playbook), "pass")
    assert after == {**before, **dict.fromkeys(rules_of(playbook), "pass")}


def test_a_second_run_changes_nothing(mended: Mended) -> None:
    assert mended.again.code == 0, mended.again.out + mended.again.err
    assert mended.again.changed == 0, mended.again.out


@pytest.mark.parametrize("number", range(max(len(rules_of(name)) for name in MENDING)))
def test_each_rule_of_a_family_can_be_run_alone(desk: Desk, number: int) -> None:
    alone = {name: sorted(rules_of(name))[number:][:1] for name in MENDING if len(rules_of(name)) > 1}
    tags = ",".join(rule for rules in alone.values() for rule in rules)
    run = desk.play(*[name for name in alone if alone[name]], options=("--check", "--tags", tags))
    assert run.code == 0, run.out + run.err


def test_what_still_fails_is_for_people(mended: Mended) -> None:
    failing = [rule for rule, outcome in mended.desk.outcomes().items() if outcome in ("fail", "unknown", "error")]
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


def test_a_missing_value_fails_before_anything_changes(desk: Desk) -> None:
    run = ansible_playbook(desk.lab, desk.host, ["password/pwquality.yml"])
    assert run.code != 0
    assert "password_min_length" in run.out
    assert (run.changed, run.failed) == (0, 1)


def test_the_port_of_the_own_connection_is_never_closed(desk: Desk) -> None:
    run = desk.play("firewall/nftables.yml", options=("-e", '{"allowed_listeners": ["tcp/2000-2222", "udp/68"]}'))
    assert run.code != 0
    assert "does not name the port" in run.out
    assert run.changed == 0
