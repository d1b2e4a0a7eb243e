"""`hardencheck apply` and `undo`: what must not be done is refused with a sentence, before any host is spoken to."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hardencheck.baselines.playbooks import digest_of, read_playbook
from hardencheck.evidence import audit
from hardencheck.evidence.keys import Signer, key_beside, signer
from hardencheck.model.plan import Plan, Step
from hardencheck.pipeline.planning import to_bytes
from hardencheck.storage import open_store
from tests.cli.stored import home_store
from tests.cli.test_command_line import run

BOOK = "host/cron.yml"
STEP = Step("desk1", "linux-cron-restricted", BOOK, "safe", {"allowed_job_owners": ["root"]}, "found none")


class Site:
    """A store with a sweep of one host that cannot be reached, and a plan to change it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.inventory = home / "hosts.ini"
        self.inventory.write_text("desk1 ansible_host=127.0.0.1 ansible_port=1\n")
        run("sweep", "-i", self.inventory, home=home)
        with open_store(home_store(home)) as opened:
            self.sweep = opened.header("last")
        self.key: Signer = signer(key_beside(home_store(home)), make=False)
        ends = f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z"
        self.plan = Plan(
            "plan-1", self.sweep.started, ends, self.sweep.id, "one", "1.0.0", self.sweep.baseline_digest, (STEP,),
            digest_of(), touches={BOOK: read_playbook(BOOK).touches},
        )  # fmt: skip

    def apply(self, plan: Plan, *options: object) -> subprocess.CompletedProcess[str]:
        """Write a plan that the store's key signs, and have it applied."""
        return self.apply_file(to_bytes(plan, self.key), *options)

    def apply_file(self, content: bytes, *options: object) -> subprocess.CompletedProcess[str]:
        """Have a file applied."""
        path = self.home / "plan.json"
        path.write_bytes(content)
        return run("apply", path, *options, home=self.home)

    def records(self) -> Sequence[object]:
        """Return what is sealed of remediation."""
        with open_store(home_store(self.home)) as opened:
            return [*audit.read(opened)]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


WRONG_OPTIONS = {
    ("--batch", "0"): "--batch: '0' is no size of a wave",
    ("--batch", "1,x%"): "--batch: 'x%' is no size of a wave",
    ("--revert-after", "2"): "--revert-after",
    ("-l", "nowhere"): "nowhere",
    (): "nobody can be asked: this is no terminal",
}


@pytest.mark.parametrize("options", WRONG_OPTIONS)
def test_what_is_asked_wrongly_is_refused(site: Site, options: tuple[str, ...]) -> None:
    done = site.apply(site.plan, *options)
    assert done.returncode in (64, 78), done.stdout + done.stderr
    assert WRONG_OPTIONS[options] in done.stderr
    assert site.records() == []


def test_a_plan_is_refused_that_was_changed_is_over_or_is_not_ours(site: Site) -> None:
    whole = to_bytes(site.plan, site.key)
    found = {
        "changed": site.apply_file(whole.replace(b'"root"', b'"eve"'), "--yes"),
        "over": site.apply(replace(site.plan, expires="2026-01-01T00:00:00Z"), "--yes"),
        "other playbooks": site.apply(replace(site.plan, playbooks="0" * 64), "--yes"),
        "no plan": site.apply_file(b"{}", "--yes"),
    }
    said = {
        "changed": "it was changed after it was signed",
        "over": "it ended on 2026-01-01T00:00:00Z",
        "other playbooks": "it was made for other playbooks than these",
        "no plan": "it is no plan (it lacks 'plan')",
    }
    for name, done in found.items():
        assert done.returncode == 78, done.stdout + done.stderr
        assert f"plan.json: {said[name]}" in done.stderr
        assert "make a new one: hardencheck plan" in done.stderr
    assert site.records() == []


def test_a_host_that_the_inventory_does_not_know_any_more_is_named(site: Site) -> None:
    site.inventory.write_text("desk2 ansible_host=127.0.0.1\n")
    done = site.apply(site.plan, "--yes")
    assert done.returncode == 64
    assert "desk1: the inventory does not know it any more" in done.stderr


def test_a_host_that_cannot_be_reached_is_not_changed_and_its_run_can_be_told(site: Site) -> None:
    done = site.apply(site.plan, "--yes")
    assert done.returncode in (2, 3), done.stdout + done.stderr
    assert "nothing was changed: " in done.stdout
    told = run("audit", home=site.home)
    assert "approve" in told.stdout
    assert "desk1" in told.stdout


def test_a_run_that_nobody_knows_cannot_be_undone(site: Site) -> None:
    done = run("undo", "run-1", "--yes", home=site.home)
    assert done.returncode == 64
    assert "run-1: the store knows no such run" in done.stderr
