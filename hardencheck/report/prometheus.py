"""Prometheus text format, for the textfile collector of node_exporter: counts, never one series for each rule.

`docs/prometheus-alerts.yml` holds alert rules that read it. The file must be replaced in one step (written beside, then
renamed), or the collector may read half of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from hardencheck.model.change import Cause, Kind
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.model.sweep import HostResult
from hardencheck.model.waiver import WaiverState
from hardencheck.report.diff import told
from hardencheck.report.escape import term
from hardencheck.report.rows import rows

SUFFIX = ".prom"
_ANSWERED = (HostState.REACHED, HostState.PARTIAL)


def render(report: Report) -> str:
    """Return gauges for each host and for the sweep; an unfinished sweep has neither a time nor a duration."""
    sweep = report.sweep
    metrics = [
        _metric("rule_results", "Results of the last sweep by outcome; waived failures have waived=\"yes\".",
                (sample for host in sweep.hosts for sample in _results(report, host))),
        _metric("host_reachable", "Whether the host answered the last sweep.",
                (({"host": host.host}, int(host.state in _ANSWERED)) for host in sweep.hosts)),
        _metric("host_complete", "Whether the host answered everything that the last sweep asked.",
                (({"host": host.host}, int(host.state is HostState.REACHED)) for host in sweep.hosts)),
    ]  # fmt: skip
    if report.changes is not None:
        meaning = "Results that changed since the sweep before, once for each cause that they have."
        metrics.append(_metric("changes", meaning, _changes(report)))
    if report.waivers is not None:
        states = Counter(standing.state for standing in report.waivers)
        samples = [({"state": state.value}, states[state]) for state in WaiverState]
        metrics.append(_metric("waivers", "Waivers by how they stood when the report was made.", samples))
    if sweep.finished:
        started, ended = (datetime.fromisoformat(time).timestamp() for time in (sweep.started, sweep.finished))
        metrics += [
            _metric("last_sweep_timestamp_seconds", "When the last sweep ended, in Unix time.", [({}, int(ended))]),
            _metric("sweep_duration_seconds", "How long the last sweep took.", [({}, int(ended - started))]),
        ]
    return "".join(metrics)


def _results(report: Report, host: HostResult) -> Iterator[tuple[dict[str, str], int]]:
    """Count one host's results. No failure is a 0 of its own, but only where somebody looked."""
    counts = Counter((row.result.outcome, row.result.severity, row.waiver is not None) for row in rows(report, host))
    shape = {(Outcome.FAIL, severity, False) for severity in Severity} if host.state in _ANSWERED else set()
    for outcome, severity, waived in sorted(shape | set(counts)):
        labels = {"host": host.host, "result": outcome.value, "severity": severity.value}
        yield {**labels, "waived": "yes" if waived else "no"}, counts[outcome, severity, waived]


def _changes(report: Report) -> list[tuple[dict[str, str], int]]:
    counts = Counter((cause, change.kind) for change in told(report) for cause in change.causes)
    kinds = [kind for kind in Kind if kind is not Kind.VALUE]
    return [({"cause": cause.value, "kind": kind.value}, counts[cause, kind]) for cause in Cause for kind in kinds]


def _metric(
    name: str, about: str, samples: Iterator[tuple[dict[str, str], int]] | list[tuple[dict[str, str], int]]
) -> str:
    full = f"hardencheck_{name}"
    lines = [f"# HELP {full} {about}", f"# TYPE {full} gauge"]
    for labels, value in samples:
        pairs = ",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items())
        lines.append(f"{full}{{{pairs}}} {value}" if pairs else f"{full} {value}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return term(text).replace("\\", "\\\\").replace('"', '\\"')
