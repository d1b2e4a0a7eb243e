"""The guard of Windows hosts through hardencheck's own transport: pywinrm against a listener; the host is modelled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from hardencheck.errors import HardencheckError, RemediationError
from hardencheck.model.host import Host
from hardencheck.model.plan import Touches
from hardencheck.model.snapshot import Settled, Snapshot, Undone
from hardencheck.pipeline import guarding
from hardencheck.pipeline.guarding import Guards
from tests.remediate.windows_model import GuardedWindows
from tests.winlab.lab import Lab, opened, reaching
from tests.winlab.machine import Machine
from tests.winlab.server import WsmanServer

KEY = r"HKLM:\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
TOUCHES = Touches(registry=(KEY,), services=("Spooler",))
_Told = TypeVar("_Told", Snapshot, Settled, Undone)
OLD, NEW, OTHER = ("dword", 0), ("dword", 1), ("dword", 2)


@dataclass(frozen=True)
class Desk:
    """One host, its listener, and the guards that reach it."""

    model: GuardedWindows
    server: WsmanServer
    host: Host
    guards: Guards

    def set(self, name: str, value: tuple[str, int] | None) -> None:
        """Write a registry value, as a playbook or a person would."""
        self.model.host.registry[KEY, name] = value

    def begin(self, timer: int | None = None) -> Snapshot:
        return told(self.guards.begin("run-1", {self.host: TOUCHES}, timer)[self.host], Snapshot)

    def confirm(self) -> Settled:
        return told(self.guards.confirm("run-1", {self.host: TOUCHES})[self.host], Settled)

    def undo(self, before: Snapshot, after: Settled | None, *, force: bool = False) -> Undone:
        return told(self.guards.undo("run-1", {self.host: (before, after)}, force=force)[self.host], Undone)


def told(answer: _Told | HardencheckError, kind: type[_Told]) -> _Told:
    if isinstance(answer, HardencheckError):
        raise answer
    assert isinstance(answer, kind)
    return answer


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    model = GuardedWindows()
    server = lab.serve(model)
    with reaching() as transport:
        found = Desk(model, server, lab.host(server), Guards({"winrm": transport}))
        found.set("fSingleSession", OLD)
        yield found


def test_what_a_run_changed_is_put_back(desk: Desk) -> None:
    before = desk.begin(60)
    assert desk.model.armed == ["run-1"]
    desk.set("fSingleSession", NEW)
    desk.set("SecurityLayer", NEW)
    desk.model.host.services["Spooler"] = "disabled stopped"
    after = desk.confirm()
    assert (after.outcome, desk.model.armed) == ("confirmed", [])
    assert desk.confirm() == after
    assert Snapshot.from_bytes(before.to_bytes()) == before
    undone = desk.undo(before, after)
    assert (undone.left, undone.cleared) == ((), True)
    assert {name for _, name in undone.restored} == {
        f"{KEY} [fSingleSession]",
        f"{KEY} [SecurityLayer]",
        "Spooler",
    }
    assert desk.model.host.registry == {(KEY, "fSingleSession"): OLD}
    assert desk.model.host.services == {}


def test_what_somebody_changed_since_is_left_unless_forced(desk: Desk) -> None:
    before = desk.begin()
    desk.set("fSingleSession", NEW)
    desk.set("SecurityLayer", NEW)
    after = desk.confirm()
    desk.set("fSingleSession", OTHER)
    undone = desk.undo(before, after)
    assert [(each.noun, each.name, each.reason) for each in undone.left] == [
        ("value", f"{KEY} [fSingleSession]", "changed-since")
    ]
    assert (undone.cleared, desk.model.host.registry[KEY, "fSingleSession"]) == (False, OTHER)
    assert desk.undo(before, after, force=True).cleared
    assert desk.model.host.registry == {(KEY, "fSingleSession"): OLD}


def test_a_confirmation_that_comes_too_late_is_told(desk: Desk) -> None:
    desk.begin(60)
    desk.set("fSingleSession", NEW)
    desk.model.revert()
    settled = desk.confirm()
    assert settled.outcome == "reverted"
    assert desk.model.host.registry == {(KEY, "fSingleSession"): OLD}


@pytest.mark.parametrize("verb", ["Receive", "Send"])
def test_a_connection_that_is_lost_costs_no_copy(desk: Desk, verb: str) -> None:
    desk.server.cut(verb)
    before = desk.begin(60)
    desk.set("fSingleSession", NEW)
    # a second one, after the change, tells what the first one kept
    assert desk.begin(60) == before
    desk.server.cut(verb)
    after = desk.confirm()
    desk.server.cut(verb)
    assert desk.undo(before, after).cleared
    assert desk.model.host.registry == {(KEY, "fSingleSession"): OLD}


def test_a_host_that_cannot_be_reached_is_asked_until_it_took_the_change_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "PAUSE", 0.0)
    desk.begin(60)
    desk.set("fSingleSession", NEW)
    desk.server.cut("Create", 3)
    with pytest.raises(HardencheckError):
        desk.confirm()
    desk.model.revert()
    (answer,) = desk.guards.await_return("run-1", {desk.host: TOUCHES}, 60).values()
    assert told(answer, Settled).outcome == "reverted"


def test_a_second_run_waits_for_the_first(desk: Desk) -> None:
    desk.begin(60)
    (answer,) = desk.guards.begin("run-2", {desk.host: TOUCHES}, 60).values()
    assert isinstance(answer, RemediationError)
    assert "waits here for its confirmation" in answer.message


def test_where_powershell_may_not_run_scripts_nothing_is_begun(lab: Lab) -> None:
    server = lab.serve(Machine({}, "ConstrainedLanguage"))
    host = lab.host(server)
    with reaching() as transport:
        (answer,) = Guards({"winrm": transport}).begin("run-1", {host: TOUCHES}, 60).values()
    assert isinstance(answer, RemediationError)
    assert "PowerShell runs in ConstrainedLanguage there" in answer.message


def test_what_a_host_could_not_take_back_is_seen(desk: Desk) -> None:
    before = desk.begin(60)
    desk.set("fSingleSession", NEW)
    desk.set("SecurityLayer", NEW)
    desk.model.stuck.add(f"{KEY} [SecurityLayer]")
    desk.model.revert()
    settled = desk.confirm()
    assert settled.outcome == "reverted"
    assert before.state.other_settings(settled.state) == (f"{KEY} [SecurityLayer]",)
    undone = desk.undo(before, settled)
    assert [(each.name, each.reason) for each in undone.left] == [(f"{KEY} [SecurityLayer]", "not-restored")]
