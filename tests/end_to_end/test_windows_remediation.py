"""Plan, apply and undo of Windows hosts by the real command, real Ansible and pywinrm; what the hosts do is modelled.

It shows that sweep, plan, guard and playbooks fit together. Whether Windows obeys is not shown: no PowerShell runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hardencheck.probes import all_probes
from tests.end_to_end.conftest import Command, Done
from tests.end_to_end.test_remediation import run_of, steps_of
from tests.end_to_end.test_windows import PASSWORD, USER, host
from tests.playbooks.windows_capture import mended
from tests.playbooks.windows_host import WindowsHost, sent
from tests.remediate.windows_model import GuardedWindows, guards
from tests.winlab.domain import Domain
from tests.winlab.machine import Machine, like
from tests.winlab.server import WsmanServer
from tests.winlab.shells import Request, Result

LOCK, LOGIN = "windows-screen-lock-enforced", "windows-remote-desktop-login-before-session"
LIKE = (
    "a Windows 11 workstation of a domain, in English",
    {"windows.screen_lock": "0 is never", "windows.remote_desktop": "Network Level Authentication is off"},
)


@dataclass
class Desk:
    """One host that fails two rules: it answers sweeps, the guard and Ansible.

    With `cuts`, the playbook of the first rule that may cut access does: nobody comes in until the host took it back.
    """

    cuts: bool = False
    server: WsmanServer | None = None
    guard: GuardedWindows = field(default_factory=GuardedWindows)

    @property
    def settings(self) -> WindowsHost:
        """What Ansible has set."""
        return self.guard.host

    def __call__(self, request: Request) -> Result:
        """Answer one command."""
        if guards(request):
            if self.cuts and self.guard.asked[-1:] == ["begin"]:
                self.guard.revert()  # the time has run out before anybody could come in
            return self.guard(request)
        if request.script is not None and b"$HcNonce" in request.stdin[:40]:
            probes, recorded = all_probes(), like(*LIKE).captures
            now = {name: mended(capture, probes[name], self.settings) for name, capture in recorded.items()}
            return Machine(now)(request)
        answer = self.settings(request)
        call = sent(request.stdin)
        if self.cuts and self.server is not None and call.args.get("name") == "SecurityLayer" and not call.preview:
            self.server.cut("Create", 2)
        return answer


@pytest.fixture
def domain() -> Iterator[Domain]:
    with Domain({USER: PASSWORD}) as found:
        yield found


def outcomes(command: Command) -> dict[str, str]:
    report = command("report", "last", "--format", "json")
    found = report.outcomes("desk")
    return {rule: found[rule] for rule in (LOCK, LOGIN)}


def planned(command: Command, desk: Desk, folder: Path) -> Path:
    """Sweep the host and plan."""
    assert desk.server is not None
    inventory, plan = folder / "desk.ini", folder / "plan.json"
    inventory.write_text(host("desk", desk.server))
    swept = command("sweep", "-i", inventory, "--rule", LOCK, "--rule", LOGIN, "-q", "--format", "json")
    assert swept.code == 1, swept.err
    assert outcomes(command) == {LOCK: "fail", LOGIN: "fail"}
    assert command("plan", "--out", plan).code == 0
    assert {step["rule_id"]: step["risk"] for step in steps_of(plan)} == {LOCK: "reboot", LOGIN: "may-cut-access"}
    assert json.loads(plan.read_text())["plan"]["manual"] == []
    return plan


def said(done: Done) -> str:
    return done.out + done.err


def test_what_fails_is_put_right_and_put_back(command: Command, domain: Domain, tmp_path: Path) -> None:
    desk = Desk()
    with WsmanServer(desk, domain) as desk.server:
        plan = planned(command, desk, tmp_path)
        preview = command("apply", plan, "--check")
        assert preview.code == 0, said(preview)
        assert (desk.guard.asked, desk.settings.registry) == ([], {})
        applied = command("apply", plan, "--yes")
        assert applied.code == 0, said(applied)
        assert outcomes(command) == {LOCK: "pass", LOGIN: "pass"}
        assert (desk.guard.armed, desk.guard.asked) == ([], ["begin", "confirm", "begin", "confirm"])
        assert desk.settings.registry != {}
        undone = command("undo", run_of(applied), "--yes")
        assert undone.code == 0, said(undone)
        assert (desk.settings.registry, desk.guard.runs) == ({}, {})
        assert outcomes(command) == {LOCK: "fail", LOGIN: "fail"}
        assert command("evidence", "verify").code == 0


def test_a_host_that_nobody_can_reach_any_more_takes_the_change_back(
    command: Command, domain: Domain, tmp_path: Path
) -> None:
    desk = Desk(cuts=True)
    with WsmanServer(desk, domain) as desk.server:
        planned(command, desk, tmp_path)
        only = tmp_path / "only.json"
        assert command("plan", "--rule", LOGIN, "--out", only).code == 0
        applied = command("apply", only, "--yes")
        assert applied.code == 3, said(applied)
        assert "took it back by itself" in applied.out
        assert (desk.guard.armed, desk.settings.registry) == ([], {})
        assert outcomes(command)[LOGIN] == "fail"
