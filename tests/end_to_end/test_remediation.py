"""Plan, preview, apply, verify, undo on real hosts: what is claimed is what a sweep and the host's files show."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from hardencheck.resources import shipped
from tests.end_to_end.conftest import Done
from tests.end_to_end.running import words
from tests.lab.lab import Host, Lab

SITE = """\
values:
  passwordless_sudo_allowed: [svc_hc]
  approved_admins: [svc_hc, itadmin]
  log_server: 10.77.0.1:6514
  lockout_max_attempts: 3
  password_min_length: 17
"""
#: what no undo brings back, as the plan says: packages that were upgraded or removed
FOR_GOOD = {"linux-security-updates-installed"}
#: what a host writes by itself: logs, caches, and what keeps an account of log-ins, packages and time
OWN = re.compile(
    r"^/(var/(log|cache|tmp|lib/(systemd|apt/(lists|periodic)|dpkg/\S*(-old|lock\S*)))|run|tmp|proc|sys|dev)(/|$)"
)


def runner(lab: Lab, folder: Path, source: Path | None = None) -> Callable[..., Done]:
    """Return a function that runs `hardencheck` on a lab's controller; `source` is a tree to run it from."""
    environment = {**os.environ, "HARDENCHECK_STORE": str(folder / "store" / "h.db"), "HOME": str(folder)}
    environment.pop("SSH_AUTH_SOCK", None)
    if source:
        environment["PYTHONPATH"] = str(source)

    def run(*arguments: object) -> Done:
        line = words(*arguments, prefix=lab.exec_prefix)
        done = subprocess.run(
            line, capture_output=True, text=True, env=environment, cwd=folder, timeout=1200, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def tree(host: Host) -> Mapping[str, tuple[object, ...]]:
    """Return type, mode, owner and content of everything on a host but what it writes by itself."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(host.root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            place = "/" + str(path.relative_to(host.root))
            if OWN.match(place):
                continue
            status = path.lstat()
            content: object = ""
            if stat.S_ISLNK(status.st_mode):
                content = path.readlink()
            elif stat.S_ISREG(status.st_mode):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[place] = stat.filemode(status.st_mode), status.st_uid, status.st_gid, content
    return found


def run_of(done: Done) -> str:
    """Return the id of the run that `apply` printed."""
    found = re.search(r"hardencheck undo (run-\S+)", done.out)
    assert found, done.out + done.err
    return found[1]


def failing(outcomes: Mapping[str, str]) -> set[str]:
    return {rule for rule, outcome in outcomes.items() if outcome in ("fail", "unknown", "error")}


@dataclass(frozen=True)
class Story:
    """What happened to a neglected desk, step by step."""

    first: Done
    plan: dict[str, object]
    preview: Done
    previewed: set[str]
    applied: Done
    fixed: Done
    again: Done
    unchanged: set[str]
    undone: Done
    back: Done
    different: Mapping[str, tuple[object, object]]
    host: str


@pytest.fixture(scope="module")
def story(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Sweep, plan, preview, apply, apply again, undo."""
    folder = tmp_path_factory.mktemp("desk")
    (desk,) = lab.fleet(1, "neglected", mode="systemd")
    site = folder / "site.yaml"
    site.write_text(SITE)
    run = runner(lab, folder)
    inventory, plan = lab.inventory_of(desk), folder / "plan.json"
    sweep = ("sweep", "-i", inventory, "--tailoring", site, "--format", "json")
    first = run(*sweep)
    assert run("plan", "--out", plan).code == 0
    before = tree(desk)
    preview = run("apply", plan, "--check")
    previewed = changed(before, tree(desk))
    applied = run("apply", plan, "--yes")
    fixed, after = run("report", "--format", "json"), tree(desk)
    again = run("apply", plan, "--yes")
    unchanged = set(changed(after, tree(desk)))
    undone = run("undo", run_of(applied), "--yes")
    back = run("report", "--format", "json")
    return Story(
        first, json.loads(plan.read_text())["plan"], preview, set(previewed), applied, fixed, again, unchanged, undone,
        back, changed(before, tree(desk)), desk.name,
    )  # fmt: skip


def changed(
    before: Mapping[str, tuple[object, ...]], after: Mapping[str, tuple[object, ...]]
) -> Mapping[str, tuple[object, object]]:
    """Return what is not the same in two trees, by path."""
    return {
        path: (before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    }


def test_a_preview_shows_before_and_after_and_changes_nothing(story: Story) -> None:
    assert story.preview.code == 0, story.preview.out + story.preview.err
    assert "+ minlen = 17" in story.preview.out
    assert "- PermitRootLogin" in story.preview.out or "+ PermitRootLogin no" in story.preview.out
    assert story.previewed == set()


def test_every_automatable_failure_becomes_a_pass(story: Story) -> None:
    steps = {step["rule_id"] for step in story.plan["steps"]}  # type: ignore[attr-defined]
    assert len(steps) > 25
    assert steps <= failing(story.first.outcomes(story.host))
    assert story.applied.code == 0, story.applied.out + story.applied.err
    now = story.fixed.outcomes(story.host)
    assert {rule: now[rule] for rule in steps} == dict.fromkeys(steps, "pass")
    before = story.first.outcomes(story.host)
    assert [rule for rule in failing(now) if before[rule] == "pass"] == []


def test_the_values_that_are_checked_are_those_that_are_applied(story: Story) -> None:
    results = story.fixed.host(story.host)["results"]
    values = {name: value for result in results for name, value in result["values"].items()}
    assert (values["password_min_length"], values["lockout_max_attempts"]) == (17, 3)


def test_applying_once_more_changes_nothing(story: Story) -> None:
    assert story.again.code == 0, story.again.out + story.again.err
    assert "done before" in story.again.out
    assert story.unchanged == set()


def test_undo_brings_the_host_back(story: Story) -> None:
    assert story.undone.code == 0, story.undone.out + story.undone.err
    assert dict(story.different) == {}
    first = story.first.outcomes(story.host)
    assert story.back.outcomes(story.host) == {**first, **dict.fromkeys(FOR_GOOD & first.keys(), "pass")}


def test_a_host_that_a_firewall_cut_off_comes_back_by_itself(lab: Lab, tmp_path: Path) -> None:
    one, other = lab.fleet(2, "neglected", mode="systemd")
    inventory, plan, source = lab.inventory_of(one, other), tmp_path / "plan.json", sabotaged(tmp_path / "source")
    run = runner(lab, tmp_path, source)
    run("sweep", "-i", inventory, "--format", "json")
    assert run("plan", "--rule", "linux-firewall-*", "--out", plan).code == 0
    before, ruleset = tree(other), lab.run_in(one, "nft", "list", "ruleset").stdout
    applied = run("apply", plan, "--yes", "--batch", "1", "--revert-after", "45")
    assert applied.code == 3, applied.out + applied.err
    assert "took it back by itself" in applied.out
    assert f"left alone, because a wave before was not as planned: {other.name}" in applied.out
    assert lab.run_in(one, "nft", "list", "ruleset").stdout == ruleset
    assert lab.ssh(one, "true").returncode == 0
    assert tree(other) == before


def test_a_wave_that_is_not_as_planned_is_the_last_until_its_cause_is_gone(lab: Lab, tmp_path: Path) -> None:
    hosts = lab.fleet(20, "weakpw")
    run, plan = runner(lab, tmp_path), tmp_path / "plan.json"
    run("sweep", "-i", lab.inventory_of(*hosts))
    assert run("plan", "--theme", "password", "--out", plan).code == 0
    planned = json.loads(plan.read_text())["plan"]["steps"]
    names = [step["host"] for step in planned]
    assert len(set(names)) == 20
    bad = next(host for host in hosts if host.name == names[4])
    lab.run_in(
        bad,
        "sh",
        "-c",
        "mkdir -p /etc/security/pwquality.conf.d && echo minlen=9 >/etc/security/pwquality.conf.d/zz.conf",
    )
    first = run("apply", plan, "--yes")
    assert first.code == 3, first.out + first.err
    waves = re.findall(r"^wave (\d+): (as planned|not as planned)", first.out, re.M)
    assert waves == [("1", "as planned"), ("2", "as planned"), ("3", "not as planned")]
    assert f"not as planned: {bad.name}" in first.out
    assert all(lab.run_in(host, "grep", "-rq", "hardencheck", "/etc/security", check=False).returncode for host in
               (each for each in hosts if each.name in names[7:]))  # fmt: skip
    lab.run_in(bad, "rm", "/etc/security/pwquality.conf.d/zz.conf")
    second = run("apply", plan, "--yes")
    assert second.code == 0, second.out + second.err
    assert "6 hosts" in second.out.split("done before: ")[0] or "done before" in second.out
    last = run("plan", "--theme", "password", "--out", tmp_path / "again.json", "--sweep", "last")
    assert last.code == 0
    assert json.loads((tmp_path / "again.json").read_text())["plan"]["steps"] == []


def sabotaged(source: Path) -> Path:
    """Return a tree of hardencheck whose firewall playbook cuts everybody off at its end."""
    for name in ("hardencheck", "baselines", "playbooks"):
        whole = Path(shipped("playbooks")).parent / name
        shutil.copytree(whole, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = source / "playbooks" / "firewall" / "nftables.yml"
    rules = re.findall(r"linux-firewall-[a-z-]+", path.read_text())
    path.write_text(
        f"""{path.read_text()}
    - name: Cut everybody off
      ansible.builtin.command: nft add chain inet cut input '{{ type filter hook input priority -300; policy drop; }}'
      tags: {json.dumps(sorted(set(rules)))}
"""
    )
    return source
