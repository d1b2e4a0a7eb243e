"""The guard's PowerShell, which nothing here can run: its syntax, the lint, and that it knows what is declared."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from hardencheck.baselines.load import load
from hardencheck.baselines.playbooks import playbooks_of
from hardencheck.model.outcome import Platform
from hardencheck.model.plan import Touches
from hardencheck.remediate import guard_windows as guard
from tests.powershell import syntax
from tests.powershell.lint import lint
from tests.powershell.policy import COLLECTOR, GUARD, GUARD_HEAD

#: what the head of a script sets before the program is read
HEAD = "".join(
    f"${name} = ''\n"
    for name in ("HcRun", "HcTimer", "HcTouched", "HcProgram", "HcExpected", "HcExpectedAfter", "HcForce")
)
BASELINE = load("bpo-core")
WINDOWS = {
    rule.remediation.playbook
    for rule in BASELINE.rules
    if Platform.WINDOWS in rule.platforms and rule.remediation.playbook
}


def test_both_grammars_and_the_lint_can_read_it() -> None:
    found = lint(HEAD + guard._program(), GUARD)
    assert found == [], "\n".join(map(str, found))


def test_what_changes_a_host_is_let_through_here_alone() -> None:
    reasons = {finding.text for finding in lint(HEAD + guard._program(), COLLECTOR)}
    assert any("Set-NetFirewallProfile" in text for text in reasons)
    assert lint("Stop-Computer\n", GUARD)
    assert lint("Remove-Item C:\\x\n", GUARD)
    assert lint("Invoke-WebRequest x\n", GUARD)


@pytest.mark.parametrize("touches", [Touches(), Touches(registry=(r"HKLM:\SOFTWARE\A {b}\c",))])
def test_a_whole_script_is_one(touches: Touches) -> None:
    script = guard.begin("run-1", touches, 60).decode("ascii")
    assert syntax.errors(script) == []
    assert lint(script, GUARD_HEAD) == []
    assert syntax.errors(guard._revert("run-1").decode()) == []
    assert "'@" not in guard._program()


@pytest.mark.parametrize("name", sorted(WINDOWS))
def test_what_every_playbook_declares_can_be_kept(name: str) -> None:
    touches = playbooks_of(BASELINE).named[name].touches
    assert guard.unkept(touches) == ""
    assert guard.begin("run-1", touches, 60)


def test_the_script_knows_every_kind() -> None:
    program = guard._program()
    kinds = {*guard._POLICIES.values(), "log"}
    for kind in kinds:
        assert f"        '{kind}' {{ " in program, kind
    order = re.search(r"^\$HcOrder = (.+)$", program, re.MULTILINE)
    assert order
    assert set(re.findall(r"'(\w+)'", order[1])) == kinds | {"key", "value", "service"}


def test_the_task_that_takes_back_is_one_that_windows_could_register() -> None:
    _, _, body = guard._program().partition("function Get-HcTaskText {")
    pieces = [line.strip() for line in body[: body.index("\n}\n")].split("\n") if "<" in line or "Escape(" in line]
    quoted = [piece.removesuffix(" +")[1:-1] if piece[0] in "'\"" else "powershell.exe" for piece in pieces]
    text = "".join(quoted).replace("$([Security.SecurityElement]::Escape($words))", "-Command x")
    task = ElementTree.fromstring(text.replace("$at", "2026-11-22T10:00:00Z"))
    found = {element.tag.rpartition("}")[2]: element.text for element in task.iter()}
    assert task.tag == "{http://schemas.microsoft.com/windows/2004/02/mit/task}Task"
    assert [found[name] for name in ("UserId", "StartBoundary", "DisallowStartIfOnBatteries")] == [
        "S-1-5-18",
        "2026-11-22T10:00:00Z",
        "false",
    ]
    assert {"BootTrigger", "TimeTrigger"} <= found.keys()
    assert (found["Command"], found["Arguments"]) == ("powershell.exe", "-Command x")


def test_what_commands_of_modules_cannot_do_ends_it_too() -> None:
    # functions of modules see the global preference alone: an error would be an empty answer, and so a wrong `absent`
    assert "\n$global:ErrorActionPreference = 'Stop'\n" in guard._program()


def test_it_reads_and_writes_nothing_by_the_words_of_a_language() -> None:
    assert not re.search(r"Administrators\b(?! alone)|Everyone|NT AUTHORITY|net\.exe|netsh|schtasks", guard._program())
