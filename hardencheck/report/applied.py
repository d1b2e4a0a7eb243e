"""What applying or undoing a plan did, and what a preview says it would do, on the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hardencheck.errors import HardencheckError
from hardencheck.model.applied import Applied, HostOutcome, Wave
from hardencheck.model.remediation import Change, HostRun, RunState
from hardencheck.model.snapshot import Undone
from hardencheck.report.escape import term
from hardencheck.report.screen import counted, indented, names

#: so many lines of a change are shown
_LINES = 20


def render_preview(found: Mapping[str, Sequence[HostRun]]) -> str:
    """Return by host what would be changed, before and after."""
    lines: list[str] = []
    for host, runs in found.items():
        changes = [change for run in runs for change in run.changes]
        lines += ["", f"{term(host)}: {counted(len(changes), 'change') if changes else 'nothing would be changed'}"]
        for change in changes:
            lines += _change(change)
        lines += [f"  {run.state.value}: {term(run.message)}" for run in runs if run.state is not RunState.OK]
    return "\n".join(lines[1:]) + "\n"


def render_wave(wave: Wave) -> str:
    """Return what came of one wave, host by host."""
    lines = [f"wave {wave.number}: {'as planned' if wave.verified else 'not as planned'} (sweep {wave.sweep})"]
    for host in wave.hosts:
        lines += _host(host)
    return "\n".join(lines) + "\n"


def render(applied: Applied) -> str:
    """Return the end of a run: what was done, what was left alone, and how to take it back."""
    hosts = [host for wave in applied.waves for host in wave.hosts]
    good = [host.host for host in hosts if host.verified]
    lines = ["", f"run {applied.run} of {applied.plan}: {counted(len(good), 'host')} as planned"]
    if applied.before:
        lines += indented(f"done before: {names(applied.before)}", 2)
    if bad := [host.host for host in hosts if not host.verified]:
        lines += indented(f"not as planned: {names(bad)}", 2)
    if applied.untouched:
        lines += indented(f"left alone, because a wave before was not as planned: {names(applied.untouched)}", 2)
    if bad or applied.untouched:
        lines += indented("when the cause is put right, apply the same plan again: it goes on with what is left", 2)
    if hosts:
        lines += indented(f"hardencheck undo {applied.run} takes it back", 2)
    return "\n".join(lines) + "\n"


def render_undo(run: str, answers: Mapping[str, Sequence[Undone | HardencheckError]], sweep: str) -> str:
    """Return host by host what was put back, and what was left as it is."""
    lines = []
    for host, some in answers.items():
        restored = sum(len(each.restored) for each in some if isinstance(each, Undone))
        lines.append(f"{term(host)}: {counted(restored, 'thing')} put back")
        for each in some:
            if isinstance(each, Undone):
                lines += [
                    line
                    for left in each.left
                    for line in indented(f"left as it is: {left.noun} {left.name}: {left.reason}", 2)
                ]
            else:
                lines += indented(f"not put back: {each.message}", 2)
    return "\n".join([*lines, f"run {run} is taken back as told above; sweep {sweep} looked afterwards"]) + "\n"


def _host(host: HostOutcome) -> list[str]:
    lines = [f"  {term(host.host)}: {counted(len(host.changes), 'change')}, {len(host.closed)} of "
             f"{counted(len(host.closed) + len(host.left), 'failure')} put right"]  # fmt: skip
    if host.message:
        lines += indented(term(host.message), 4)
    lines += _rules("not put right", host.left)
    return lines + _rules("passed before, and does not any more", host.broken)


def _rules(what: str, rules: Iterable[tuple[str, str]]) -> list[str]:
    return [line for rule, said in rules for line in indented(f"{what}: {rule}: {term(said)}", 4)]


def _change(change: Change) -> list[str]:
    place = f" ({term(change.where)})" if change.where else ""
    rules = f" for {', '.join(change.rules)}" if change.rules else ""
    return [
        f"  {term(change.task)}{place}{rules}",
        *_content("-", change.before),
        *_content("+", change.after),
    ]


def _content(sign: str, text: str) -> list[str]:
    lines = text.splitlines()
    more = [f"      ... {len(lines) - _LINES} lines more"] if len(lines) > _LINES else []
    return [f"    {sign} {term(line)}" for line in lines[:_LINES]] + more
