"""Plan, preview, apply, verify, undo on real hosts: what is claimed is what a sweep and the host's files show."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

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
  password_max_age_days: 45
  idle_shell_max_seconds: 420
"""
#: what the site's values become: the rule that checks each, the file that holds it, and the line there
TAILORED = {
    ("password_min_length", "linux-password-min-length"): ("etc/security/pwquality.conf", "minlen = 17"),
    ("lockout_max_attempts", "linux-account-lockout-effective"): ("etc/security/faillock.conf", "deny = 3"),
    ("password_max_age_days", "linux-new-passwords-expire"): ("etc/login.defs", "PASS_MAX_DAYS 45"),
    ("idle_shell_max_seconds", "linux-idle-shell-ends"): (
        "etc/profile.d/00-hardencheck-idle.sh",
        "readonly TMOUT=420",
    ),
    ("log_server", "linux-logs-leave-host"): ("etc/rsyslog.d/00-hardencheck-forward.conf", 'target="10.77.0.1"'),
}
#: what no undo brings back: packages that were upgraded, as the plan says, and the lists of packages, a cache
FOR_GOOD = {"linux-package-metadata-fresh", "linux-security-updates-installed"}
#: files of the packages that the run has upgraded (hc-demo) or removed (talkd), and dpkg's list of them
KEPT = ("/usr/share/hc-demo", "/var/lib/dpkg/", "/usr/share/talkd")
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
    steps: list[dict[str, Any]]
    preview: Done
    previewed: set[str]
    applied: Done
    fixed: Done
    tailored: Mapping[str, str]
    again: Done
    unchanged: set[str]
    undone: Done
    back: Done
    different: Mapping[str, tuple[object, object]]
    host: str


@dataclass(frozen=True)
class Cut:
    """What happened to two desks whose firewall playbook cut the first one off, after the other had refused one."""

    refused: Done
    applied: Done
    rules: tuple[str, str]
    different: Mapping[str, tuple[object, object]]
    log_in: int
    other: str


@dataclass(frozen=True)
class Waves:
    """What happened to twenty hosts of which the fifth could not be put right at first."""

    names: list[str]
    bad: str
    first: Done
    touched: list[str]
    second: Done
    left: list[dict[str, Any]]


@dataclass(frozen=True)
class Scenes:
    """Three tales of other hosts, told side by side: most of the time they wait."""

    story: Future[Story]
    cut: Future[Cut]
    waves: Future[Waves]


@pytest.fixture(scope="module")
def scenes(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    desk, one, other = lab.fresh(3, "neglected", mode="systemd")
    small = {host.name: host for host in lab.fresh(20, "weakpw")}
    with ThreadPoolExecutor() as pool:
        yield Scenes(
            pool.submit(_story, lab, tmp_path_factory.mktemp("desk"), desk),
            pool.submit(_cut, lab, tmp_path_factory.mktemp("cut"), one, other),
            pool.submit(_waves, lab, tmp_path_factory.mktemp("waves"), small),
        )


@pytest.fixture(scope="module")
def story(scenes: Scenes) -> Story:
    return scenes.story.result()


def _story(lab: Lab, folder: Path, desk: Host) -> Story:
    """Sweep, plan, preview, apply, apply again, undo."""
    site = folder / "site.yaml"
    site.write_text(SITE)
    run = runner(lab, folder)
    inventory, plan = lab.inventory_of(desk), folder / "plan.json"
    sweep = ("sweep", "-i", inventory, "--tailoring", site, "--format", "json")
    first = run(*sweep)
    assert run("plan", "--out", plan).code == 0
    before = tree(desk)
    shown = folder / "shown.json"
    assert run("plan", "--theme", "password", "--theme", "ssh", "--out", shown).code == 0
    preview = run("apply", shown, "--check")
    previewed = changed(before, tree(desk))
    applied = run("apply", plan, "--yes")
    fixed, after = run("report", "--format", "json"), tree(desk)
    tailored = {value: (desk.root / file).read_text() for (value, _), (file, _) in TAILORED.items()}
    again = run("apply", plan, "--yes")
    unchanged = set(changed(after, tree(desk)))
    undone = run("undo", run_of(applied), "--yes")
    back = run("report", "--format", "json")
    return Story(
        first, steps_of(plan), preview, set(previewed), applied, fixed, tailored, again, unchanged, undone, back,
        changed(before, tree(desk)), desk.name,
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
    steps = {step["rule_id"] for step in story.steps}
    assert len(steps) > 25
    assert steps <= failing(story.first.outcomes(story.host))
    assert story.applied.code == 0, story.applied.out + story.applied.err
    now = story.fixed.outcomes(story.host)
    assert {rule: now[rule] for rule in steps} == dict.fromkeys(steps, "pass")
    before = story.first.outcomes(story.host)
    assert [rule for rule in failing(now) if before[rule] == "pass"] == []


@pytest.mark.parametrize(("value", "rule"), TAILORED)
def test_the_values_that_are_checked_are_those_that_are_applied(story: Story, value: str, rule: str) -> None:
    (step,) = [each for each in story.steps if each["rule_id"] == rule]
    site = yaml.safe_load(SITE)["values"]
    assert step["values"][value] == site[value]
    assert TAILORED[value, rule][1] in story.tailored[value]
    assert story.fixed.outcomes(story.host)[rule] == "pass"


def test_applying_once_more_changes_nothing(story: Story) -> None:
    assert story.again.code == 0, story.again.out + story.again.err
    assert "done before" in story.again.out
    assert story.unchanged == set()


def test_undo_brings_the_host_back(story: Story) -> None:
    assert story.undone.code == 0, story.undone.out + story.undone.err
    assert sorted(path for path in story.different if not path.startswith(KEPT)) == []
    first = story.first.outcomes(story.host)
    assert story.back.outcomes(story.host) == {**first, **dict.fromkeys(FOR_GOOD & first.keys(), "pass")}


def _cut(lab: Lab, folder: Path, one: Host, other: Host) -> Cut:
    """Apply a firewall that cuts everybody off to the first of two hosts, after the other has refused a playbook."""
    run, plan, source = runner(lab, folder, sabotaged(folder / "source")), folder / "plan.json", folder / "source"
    lab.run_in(other, "touch", "/usr/share/xsessions/another.desktop")
    inventory = lab.inventory_of(one, other)
    run("sweep", "-i", inventory)
    rules = ("--rule", "linux-automount-off", "--rule", "linux-idle-*", "--rule", "linux-phone-tethering-blocked")
    assert run("plan", *rules, "-l", other.name, "--out", plan).code == 0
    refused = run("apply", plan, "--yes")
    run("sweep", "-i", inventory)
    assert run("plan", "--rule", "linux-firewall-*", "--out", plan).code == 0
    assert source.exists()
    before, loaded = tree(other), lab.run_in(one, "nft", "list", "ruleset").stdout
    applied = run("apply", plan, "--yes", "--batch", "1", "--revert-after", "60")
    now = lab.run_in(one, "nft", "list", "ruleset").stdout
    return Cut(
        refused, applied, (loaded, now), changed(before, tree(other)), lab.ssh(one, "true").returncode, other.name
    )


def test_a_host_that_a_firewall_cut_off_comes_back_by_itself(scenes: Scenes) -> None:
    cut = scenes.cut.result()
    assert cut.applied.code == 3, cut.applied.out + cut.applied.err
    assert "took it back by itself" in cut.applied.out
    assert f"left alone, because a wave before was not as planned: {cut.other}\n" in cut.applied.out
    assert cut.rules[0] == cut.rules[1]
    assert (cut.log_in, dict(cut.different)) == (0, {})


def test_a_playbook_that_refuses_a_host_keeps_no_other_from_it(scenes: Scenes) -> None:
    refused = scenes.cut.result().refused
    assert refused.code == 3, refused.out + refused.err
    assert "desk/gnome.yml: failed: Refuse to leave another desktop open" in refused.out
    assert "2 of 3 failures put right" in refused.out
    assert "not put right: linux-automount-off" in refused.out


def _waves(lab: Lab, folder: Path, hosts: Mapping[str, Host]) -> Waves:
    """Apply a plan for hosts one of which has a file that nobody can write; go on when that is mended."""
    run, plan, inventory = runner(lab, folder), folder / "plan.json", lab.inventory_of(*hosts.values())
    run("sweep", "-i", inventory)
    assert run("plan", "--theme", "password", "--out", plan).code == 0
    names = [step["host"] for step in steps_of(plan)]
    settings = "/etc/security/pwquality.conf"
    lab.run_in(hosts[names[4]], "mount", "--bind", settings, settings)
    lab.run_in(hosts[names[4]], "mount", "-o", "remount,bind,ro", settings)
    first = run("apply", plan, "--yes", "--batch", "1,5%,25%")
    touched = [name for name in names if (hosts[name].upper / "var/lib/hardencheck").exists()]
    lab.run_in(hosts[names[4]], "umount", settings)
    second = run("apply", plan, "--yes")
    run("sweep", "-i", inventory)
    assert run("plan", "--theme", "password", "--out", plan).code == 0
    return Waves(names, names[4], first, touched, second, steps_of(plan))


def test_a_wave_that_is_not_as_planned_is_the_last_until_its_cause_is_gone(scenes: Scenes) -> None:
    done = scenes.waves.result()
    assert len(done.names) == 20
    assert done.first.code == 3, done.first.out + done.first.err
    waves = re.findall(r"^wave (\d+): (as planned|not as planned)", done.first.out, re.MULTILINE)
    assert waves == [("1", "as planned"), ("2", "as planned"), ("3", "not as planned")]
    assert f"  not as planned: {done.bad}\n" in done.first.out
    assert done.touched == done.names[:7]
    assert done.second.code == 0, done.second.out + done.second.err
    assert "14 hosts as planned" in done.second.out
    assert done.left == []


def steps_of(plan: Path) -> list[dict[str, Any]]:
    """Return the steps of a plan's file."""
    found: list[dict[str, Any]] = json.loads(plan.read_text())["plan"]["steps"]
    return found


def sabotaged(source: Path) -> Path:
    """Return a tree of hardencheck whose firewall playbook cuts everybody off."""
    for name in ("hardencheck", "baselines", "playbooks"):
        whole = Path(shipped("playbooks")).parent / name
        shutil.copytree(whole, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = source / "playbooks" / "firewall" / "nftables.yml"
    text = path.read_text()
    assert text.count("related accept") == text.count("dport {{ port }} accept") == 1
    path.write_text(text.replace("related accept", "related drop").replace("{{ port }} accept", "{{ port }} drop"))
    return source
