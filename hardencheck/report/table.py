"""The calm screen: coverage first, then a score per theme, then what fails and what could not be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from tabulate import tabulate

from hardencheck.model.outcome import HostState, Level, Outcome
from hardencheck.model.report import Report, Waived
from hardencheck.model.sweep import Finding, HostResult, Sweep
from hardencheck.report import attestations, diff, waivers
from hardencheck.report.escape import term
from hardencheck.report.projection import accepted
from hardencheck.report.screen import NAMES, indented, names
from hardencheck.report.summary import Problem, Score, Summary, summarise

TOP = 10
#: so much of a message stands in the report of a sweep; `host show` has all of it
LINES = 3
#: how many different messages of hosts with one reason are shown
KINDS = 3
_COLUMNS = (
    ("pass", (Outcome.PASS,)),
    ("fail", (Outcome.FAIL,)),
    ("unknown", (Outcome.UNKNOWN,)),
    ("error", (Outcome.ERROR,)),
    ("not checked", (Outcome.NOTCHECKED,)),
    ("n/a", (Outcome.NOTAPPLICABLE, Outcome.NOTSELECTED)),
)


def render(report: Report) -> str:
    """Return the report of one sweep as text that is safe to print."""
    sweep, summary = report.sweep, summarise(report.sweep, report.waived)
    parts = [_head(sweep), _coverage(sweep, summary), _themes(summary, report.waivers is not None)]
    parts += [_not_selected(sweep), waivers.render(report), attestations.render(report.attested)]
    parts.append(_problems("Fails", summary.failures, sweep, "how to fix one: hardencheck rule show RULE"))
    parts.append(_problems("Could not tell", summary.open_questions, sweep, "what is missing: hardencheck doctor"))
    parts.append(_changes(report))
    return "\n\n".join(part for part in parts if part) + "\n"


def render_host(host: HostResult, waived: Mapping[tuple[str, str], Waived]) -> str:
    """Return every rule of one host with its outcome and reason, and the waivers that cover its failures."""
    head = f"{term(host.host)}  {term(host.system) or 'system unknown'}  {host.state.value}"
    if host.message:
        head += f" ({host.reason}: {term(host.message)})"
    order = list(Outcome)
    lines = []
    for result in sorted(host.results, key=lambda r: (order.index(r.outcome), -r.severity.rank, r.rule_id)):
        level = "" if result.level is Level.EFFECTIVE else f"  (level {result.level.value})"
        lines.append(f"{result.outcome.value:<13} {result.severity.value:<6} {result.rule_id}{level}")
        for sentence in [reason.sentence for reason in result.reasons] or [result.message]:
            lines += indented(sentence, 21)
        if found := waived.get((host.host, result.rule_id)):
            lines += indented(accepted(found), 21)
    return "\n".join([head, "", *lines]) + "\n"


def render_findings(findings: Sequence[Finding], waived: Mapping[tuple[str, str], Waived]) -> str:
    """Return findings as a table, one line each; an open one that a waiver covers stays open and says until when."""
    if not findings:
        return "no findings\n"
    rows = [(term(f.host), f.rule_id, f.severity.value, f.opened[:10], _state(f, waived), f.reopened) for f in findings]
    headers = ("host", "rule", "severity", "since", "state", "reopened")
    return tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True) + "\n"


def _state(finding: Finding, waived: Mapping[tuple[str, str], Waived]) -> str:
    if finding.closed:
        return finding.closed[:10]
    found = waived.get((finding.host, finding.rule_id))
    return f"waived until {found.expires}" if found else "open"


def _changes(report: Report) -> str:
    if report.changes is None or not report.changes.changes:
        return ""
    return f"Since {report.changes.before}, {diff.section(report.changes.changes, 3)}"


def _head(sweep: Sweep) -> str:
    state = "" if sweep.finished else "  (not finished: hardencheck sweep --resume)"
    literal = {result.rule_id for host in sweep.hosts for result in host.results if result.level is not Level.EFFECTIVE}
    level = f"  rules judged at level {Level.LITERAL_STIG.value}: {len(literal)}" if literal else ""
    return f"sweep {sweep.id}  baseline {sweep.baseline_id} {sweep.baseline_version}{level}{state}"


def _coverage(sweep: Sweep, summary: Summary) -> str:
    count = summary.coverage
    words = [f"{count[HostState.REACHED]} reached"]
    words += [f"{count[state]} {state.value}" for state in HostState if state is not HostState.REACHED and count[state]]
    lines = [f"coverage  {len(sweep.hosts)} in scope: {', '.join(words)}"]
    reasons: dict[tuple[HostState, str], list[HostResult]] = {}
    for host in sweep.hosts:
        if host.state in (HostState.PARTIAL, HostState.UNREACHABLE):
            reasons.setdefault((host.state, host.reason), []).append(host)
    for (state, reason), hosts in sorted(reasons.items(), key=lambda item: -len(item[1])):
        lines.append(f"  {_hosts(hosts)}: {state.value}, {reason}")
        said: dict[str, HostResult] = {}
        for host in hosts:
            said.setdefault(host.message, host)
        kinds: dict[str, HostResult] = {}
        for host in said.values():
            kinds.setdefault(_kind(host), host)
        for host in [*kinds.values()][:KINDS]:
            lines += indented(host.message if len(said) == 1 else f"{host.host}: {host.message}", 4)
        if len(kinds) > KINDS:
            lines.append(f"    and {len(kinds) - KINDS} more kinds of trouble: hardencheck report --format csv")
    if any(len(hosts) > NAMES for hosts in reasons.values()):
        lines.append("  each by name: hardencheck report --format csv")
    return "\n".join(lines)


def _kind(host: HostResult) -> str:
    """Return a host's message without what is its own: its name, addresses, numbers."""
    return re.sub(r"\S*\d\S*", "#", host.message.replace(host.host, "#"))


def _not_selected(sweep: Sweep) -> str:
    """Name what nobody asked, and why: it is neither passed nor failed."""
    reasons: dict[str, set[str]] = {}
    for host in sweep.hosts:
        for result in host.results:
            if result.outcome is Outcome.NOTSELECTED:
                reasons.setdefault(result.message, set()).add(result.rule_id)
    lines = []
    for reason, rules in sorted(reasons.items())[:TOP]:
        ids = names(sorted(rules))
        what = ids if len(rules) == 1 else f"{len(rules)} rules ({ids})"
        lines += indented(f"not asked: {what}: {reason}", 0, LINES)
    if len(reasons) > TOP:
        lines.append(f"and {len(reasons) - TOP} more reasons not to ask: hardencheck report --format csv")
    return "\n".join(lines)


def _hosts(hosts: Sequence[HostResult]) -> str:
    named = names([host.host for host in hosts])
    return named if len(hosts) == 1 else f"{len(hosts)} hosts ({named})"


def _themes(summary: Summary, with_waivers: bool) -> str:
    """Return the scores by theme; where waivers were given, the score with them as well."""
    rows = [(theme, *_row(score, with_waivers)) for theme, score in summary.themes.items()]
    rows.append(("all", *_row(summary.total, with_waivers)))
    headers = ("theme", "score", *(("with waivers",) if with_waivers else ()), *(name for name, _ in _COLUMNS))
    headers += ("waived",) if with_waivers else ()
    return tabulate(rows, headers=headers, tablefmt="simple",
                    disable_numparse=True, colalign=("left", *["right"] * (len(headers) - 1)))  # fmt: skip


def _row(score: Score, with_waivers: bool) -> Iterable[str]:
    yield _percent(score.percent)
    if with_waivers:
        yield _percent(score.percent_with_waivers)
    counts = [sum(score.outcomes[outcome] for outcome in outcomes) for _, outcomes in _COLUMNS]
    for count in [*counts, score.waived] if with_waivers else counts:
        yield str(count) if count else "."


def _percent(percent: float | None) -> str:
    """Round, but never up to a perfect score."""
    if percent is None:
        return "-"
    return f"{min(round(percent), 99) if percent < 100 else 100} %"


def _problems(title: str, problems: Sequence[Problem], sweep: Sweep, advice: str) -> str:
    if not problems:
        return ""
    many = len(sweep.hosts) > 1
    lines = [f"{title}: {len(problems)} rule{'s' if len(problems) > 1 else ''}" if many else f"{title}:"]
    shown = problems[:TOP] if many else problems
    for problem in shown:
        count = len(problem.hosts)
        where = f"  {count} host{'s' if count > 1 else ''}: {names(problem.hosts)}" if many else ""
        lines.append(f"  {problem.severity.value:<6} {problem.rule_id}{where}")
        if problem.example:
            lines += indented(problem.example.message, 9, LINES)
    if len(problems) > len(shown):
        lines.append(f"  and {len(problems) - len(shown)} more: hardencheck report --format csv")
    return "\n".join([*lines, f"  {advice}"])
