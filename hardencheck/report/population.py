"""Every host of a pack at every sweep as CSV: who was in scope, how far the sweep got, what came out, who is sampled.

One row stands for one host in the scope of one sweep, so that rows can be counted: a host without a row was not in
scope. Sweeps stand in the order of the log, hosts in that of their names.
"""

from __future__ import annotations

import csv
import io
from collections import Counter

from hardencheck.model.outcome import Outcome
from hardencheck.model.pack import Cover
from hardencheck.report.escape import csv_cell

#: outcomes as columns, by their own words but for the first two, which are verbs in English
_COUNTS = {Outcome.PASS: "passed", Outcome.FAIL: "failed"}
_OUTCOMES = (Outcome.PASS, *(outcome for outcome in Outcome if outcome is not Outcome.PASS))
COLUMNS = (
    "sweep", "started", "finished", "host", "platform", "system", "site", "process_unit", "state", "reason",
    *(_COUNTS.get(outcome, outcome.value) for outcome in _OUTCOMES), "sampled", "edited",
)  # fmt: skip


def render(cover: Cover) -> str:
    """Return the population as CSV (RFC 4180); `sampled` and `edited` are `yes` or `no`.

    `sampled` is empty when there is no sample. `edited` says that words in the host's results were replaced.
    """
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    drawn = cover.sheets
    for packed in cover.packed:
        sweep, edited = packed.sweep, set(packed.edited)
        for host in sorted(sweep.hosts, key=lambda each: each.host):
            counts = Counter(result.outcome for result in host.results)
            sampled = ("yes" if host.host in drawn else "no") if cover.sample else ""
            row = [
                sweep.id, sweep.started, sweep.finished or "", host.host, host.platform.value, host.system,
                host.labels.get("site", ""), host.labels.get("process_unit", ""), host.state.value, host.reason,
                *(counts[outcome] for outcome in _OUTCOMES), sampled,
                "yes" if host.host in edited else "no",
            ]  # fmt: skip
            writer.writerow(map(csv_cell, row))
    return out.getvalue()
