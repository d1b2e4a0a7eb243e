"""The playbooks for Windows, by real Ansible over a real WinRM client, against a host that is modelled.

No Windows is here: what is shown is which settings arrive, that they are those which the rules read, and that a
playbook refuses where it must. Whether Windows obeys is not shown.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from hardencheck.baselines.load import load
from hardencheck.evaluate.judge import judge
from hardencheck.evaluate.observe import observe
from hardencheck.model.expectation import Expectation
from hardencheck.model.outcome import Outcome, Platform
from hardencheck.probes import all_probes
from hardencheck.probes.windows import auditpol
from hardencheck.resources import shipped
from tests.playbooks.running import ANSIBLE_PLAYBOOK, Run, playbooks, rules_of
from tests.playbooks.windows_capture import mended
from tests.playbooks.windows_host import WindowsHost
from tests.powershell import syntax
from tests.probes.cases import Case, all_cases
from tests.winlab.lab import PASSWORD, USER, Lab, opened

BASELINE = load("bpo-core")
RULES = {rule.id: rule for rule in BASELINE.rules if Platform.WINDOWS in rule.platforms}
DEFAULTS = {name: value.default for name, value in BASELINE.values.items()}
VALUES = {**DEFAULTS, "time_servers": ["ntp1.example", "ntp2.example"]}
WINDOWS = [name for name in playbooks() if rules_of(name) & RULES.keys()]
ACCOUNTS, SECRETS = "password/windows_accounts.yml", "password/windows_secrets.yml"
MEMBERS = [name for name in WINDOWS if name != ACCOUNTS]
#: what some tasks look at before they lower or raise it
NEGLECTED = {
    (r"HKLM:\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU", "AUOptions"): ("dword", 1),
    (r"HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon", "CachedLogonsCount"): ("string", "50"),
}
_POWERSHELL = "ansible.windows.win_powershell"
#: rules whose tasks, or some of them, are for domain controllers
CONTROLLERS = (
    "windows-print-spooler-off-on-controllers",
    "windows-directory-changes-audited",
    "windows-logons-audited",
    "windows-account-changes-audited",
)
#: settings that a rule's probe does not read, and what they are for
BESIDES = {
    "DefaultPassword": "its name is looked for among all that the key holds",
    "SpecialPollInterval": "how often a host of no domain asks: without it the clock's last comparison gets too old",
    "RelaxMinimumPasswordLengthLimits": "without it Windows takes no length above 14",
}


@dataclass(frozen=True)
class Desk:
    """Runs Ansible against modelled hosts."""

    lab: Lab
    folder: Path

    def play(self, host: WindowsHost, names: Sequence[str], *options: str, values: Mapping[str, Any] = VALUES) -> Run:
        """Run playbooks over one host, with values for the rules."""
        server = self.lab.serve(host, schemes=("basic",), allow_unencrypted=True)
        about = {
            "ansible_connection": "winrm", "ansible_host": "127.0.0.1", "ansible_port": server.port,
            "ansible_user": USER, "ansible_password": PASSWORD, "ansible_winrm_scheme": "http",
            "ansible_winrm_transport": "plaintext", **values,
        }  # fmt: skip
        inventory = self.folder / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": {"desk": about}}}))
        config = self.folder / "ansible.cfg"
        config.touch()  # not one of this machine's
        settings = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.folder), "ANSIBLE_CONFIG": str(config)}
        words = [ANSIBLE_PLAYBOOK, "-i", inventory, *options, *(shipped("playbooks") / name for name in names)]
        environment = {**os.environ, **settings}
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False, env=environment)
        return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("windows")
    with opened(folder) as lab:
        yield Desk(lab, folder)


def outcome(rule_id: str, case: Case, host: WindowsHost | None = None) -> Outcome:
    """Judge a recorded capture by a rule, with what was set on a host over it."""
    rule = RULES[rule_id]
    probe = all_probes()[rule.probe]
    capture = case.capture if host is None else mended(case.capture, probe, host)
    values = {**VALUES, **case.context.values}
    observation = observe(probe, capture, case.context)
    return judge(rule, Expectation(rule, probe.facts, values), observation, None).outcome


def failing(rule_id: str) -> list[Case]:
    """Return the recorded captures that fail a rule."""
    cases = [case for case in all_cases() if case.probe_id == RULES[rule_id].probe]
    return [case for case in cases if outcome(rule_id, case) is Outcome.FAIL]


def mends(rule_id: str, host: WindowsHost) -> list[str]:
    """Return the recorded captures that fail a rule, and pass with what was set on a host."""
    return [case.name for case in failing(rule_id) if outcome(rule_id, case, host) is Outcome.PASS]


@pytest.mark.parametrize("number", range(max(len(rules_of(name)) for name in MEMBERS)))
def test_what_a_rule_writes_alone_is_what_it_reads(desk: Desk, number: int) -> None:
    alone = {name: sorted(rules_of(name))[number:][:1] for name in MEMBERS}
    rules = [rule for found in alone.values() for rule in found if rule not in CONTROLLERS[:2]]
    host = WindowsHost(registry=dict(NEGLECTED))
    run = desk.play(host, [name for name, found in alone.items() if found], "--tags", ",".join(rules))
    assert run.code == 0, run.out + run.err
    assert [rule for rule in rules if not mends(rule, host)] == []


def test_what_a_domain_controller_gets_is_what_its_rules_read(desk: Desk) -> None:
    host = WindowsHost(role="domain_controller")
    run = desk.play(host, ["host/windows_spooler.yml", "logging/windows_audit.yml"], "--tags", ",".join(CONTROLLERS))
    assert run.code == 0, run.out + run.err
    assert [rule for rule in CONTROLLERS if not mends(rule, host)] == []
    assert host.services == {"Spooler": "disabled stopped"}


def test_the_account_policy_of_a_host_of_no_domain_is_what_its_rules_read(desk: Desk) -> None:
    host = WindowsHost(joined=False)
    run = desk.play(host, [ACCOUNTS])
    assert run.code == 0, run.out + run.err
    assert [rule for rule in rules_of(ACCOUNTS) if not mends(rule, host)] == []
    assert desk.play(host, [ACCOUNTS]).changed == 0


def test_a_preview_only_asks(desk: Desk) -> None:
    host = WindowsHost()
    first = ",".join(sorted(rules_of(name))[0] for name in MEMBERS)
    run = desk.play(host, MEMBERS, "--check", "--diff", "--tags", first)
    assert run.code == 0, run.out + run.err
    assert host.changes() == []
    assert run.changed > 0


def test_hosts_of_a_domain_are_told_to_set_the_account_policy_there(desk: Desk) -> None:
    host = WindowsHost()
    run = desk.play(host, [ACCOUNTS])
    assert run.code != 0
    assert "set it in the GPO that is linked to the domain" in run.out
    assert host.changes() == []


@pytest.mark.parametrize(
    ("playbook", "rule"),
    [(SECRETS, "windows-ntlmv2-only"), ("access/windows_rights.yml", "windows-guests-denied")],
)
def test_what_a_group_policy_sets_otherwise_is_not_set(desk: Desk, playbook: str, rule: str) -> None:
    host = WindowsHost(policies="LmCompatibilityLevel (CN={31B2F340})")
    run = desk.play(host, [playbook], "--tags", rule)
    assert run.code != 0
    assert "A group policy sets LmCompatibilityLevel (CN={31B2F340})" in run.out
    assert host.changes() == []


@pytest.mark.parametrize(
    ("rule", "host"),
    [
        ("windows-winrm-service-strict", WindowsHost(logon="NetworkCleartext")),
        ("windows-local-accounts-denied-network", WindowsHost(groups=("S-1-5-113",))),
        ("windows-local-administrators-weak-remotely", WindowsHost(groups=("S-1-5-113",))),
        ("windows-user-account-control-asks", WindowsHost(groups=("S-1-5-113",))),
    ],
)
def test_the_way_in_of_this_connection_is_never_closed(desk: Desk, rule: str, host: WindowsHost) -> None:
    run = desk.play(host, [RULES[rule].remediation.playbook or ""], "--tags", rule)
    assert run.code != 0
    assert "This connection" in run.out
    assert host.changes() == []


def test_a_missing_value_fails_before_anything_changes(desk: Desk) -> None:
    host = WindowsHost()
    run = desk.play(host, ["desk/windows_lock.yml"], values={})
    assert run.code != 0
    assert "screen_lock_max_seconds is missing" in run.out
    assert host.calls == []


def test_the_firewall_never_closes_without_a_way_in_for_this_connection() -> None:
    (play,) = yaml.safe_load((shipped("playbooks") / "firewall" / "windows.yml").read_text())
    set_to = [task["vars"] for task in play["tasks"] if "profile_settings" in task.get("vars", {})]
    closing = [one for one in set_to if {"Enabled", "DefaultInboundAction"} & one["profile_settings"].keys()]
    assert [one["closing"] for one in closing] == [True, True]


def written() -> Iterator[tuple[str, str, str]]:
    """Yield playbook, rule and name for each registry value that a task sets."""
    for playbook in WINDOWS:
        (play,) = yaml.safe_load((shipped("playbooks") / playbook).read_text())
        for task in play["tasks"]:
            values = list(task.get("vars", {}).get("settings", []))
            values += [task["ansible.windows.win_regedit"]] if "ansible.windows.win_regedit" in task else []
            yield from ((playbook, rule, value["name"]) for value in values for rule in task["tags"])


def test_every_registry_value_is_one_that_a_rule_of_its_playbook_reads() -> None:
    unread = []
    for playbook, _, name in written():
        scripts = " ".join(all_probes()[RULES[one].probe].script for one in rules_of(playbook))
        if not re.search(rf"\b{name}\b", scripts) and name not in BESIDES:
            unread.append((playbook, name))
    assert unread == []


@pytest.mark.parametrize("name", WINDOWS)
def test_what_is_written_is_said_to_be_touched(name: str) -> None:
    text = (shipped("playbooks") / name).read_text()
    (play,) = yaml.safe_load(text)
    touched = set(play["vars"]["hardencheck_touches"].get("registry", []))
    paths = {value["path"] for task in play["tasks"] for value in task.get("vars", {}).get("settings", [])}
    assert paths <= touched


def scripts() -> Iterator[str]:
    """Yield the PowerShell of all tasks."""
    for path in sorted((shipped("playbooks")).glob("*/windows*.yml")):
        found = yaml.safe_load(path.read_text())
        tasks = found if path.parent.name == "tasks" else found[0]["tasks"]
        yield from (task[_POWERSHELL]["script"] for task in tasks if _POWERSHELL in task)


def test_both_grammars_of_powershell_can_read_every_script() -> None:
    assert [found for script in scripts() for found in syntax.errors(script)] == []


def test_subcategories_of_auditing_have_the_numbers_that_the_probe_knows() -> None:
    text = (shipped("playbooks") / "tasks" / "windows_audit.yml").read_text()
    assert {name: int(number, 16) for name, number in re.findall(r"'([A-Z][^']+)' = '([0-9a-f]{2})'", text)} == {
        name: number for number, name in auditpol._NAMES.items()
    }


@pytest.mark.parametrize("rule_id", RULES)
def test_a_rule_has_a_playbook_or_says_why_it_has_none(rule_id: str) -> None:
    remediation = RULES[rule_id].remediation
    assert (remediation.playbook is None) != (remediation.manual is None)
