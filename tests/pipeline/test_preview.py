"""A preview shows what would be changed, and no secret that stands there."""

from __future__ import annotations

import pytest

from hardencheck.model.remediation import Change, HostRun, RunState
from hardencheck.pipeline.apply import _without_secrets
from hardencheck.report.applied import render_preview
from tests.evidence.canaries import CANARIES


@pytest.mark.parametrize("name", sorted(CANARIES.keys() - {"des", "pwdump"}))
def test_a_secret_in_a_diff_is_not_shown(name: str) -> None:
    kind, secret = CANARIES[name]
    text = secret.decode()
    for change in (Change("Write", (), "/etc/x", text, ""), Change("Write", (), "/etc/x", "old", f"a = {text}\n")):
        shown = render_preview({"desk": [HostRun("desk", RunState.OK, (_without_secrets(change),))]})
        assert text not in shown
        assert f"+ (what looks like {kind} is not shown)" in shown


def test_what_a_host_says_cannot_write_on_the_screen() -> None:
    change = Change("Write\x1b[2J", (), "/etc/\x9bx", "a\x1b]0;x\x07\nb", "\ud800")
    shown = render_preview({"de\x1bsk": [HostRun("desk", RunState.FAILED, (_without_secrets(change),), "no\x1bway")]})
    assert all(char.isprintable() or char == "\n" for char in shown)
