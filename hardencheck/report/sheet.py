"""The sheet of one sampled host as an HTML page: what was asked, what was read, where, and room for the auditor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hardencheck.model.outcome import Outcome
from hardencheck.model.pack import Cover, Packed
from hardencheck.model.sweep import HostResult
from hardencheck.model.wording import shown
from hardencheck.report import html_page
from hardencheck.report.html_view import Tally
from hardencheck.report.rows import Row, check, rows
from hardencheck.report.waivers import WORDS

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class _Visit:
    """One sweep of the pack, and what became of the host in it; None when it was not in scope."""

    packed: Packed
    host: HostResult | None
    tally: Tally


def render(cover: Cover, host_name: str) -> str:
    """Return the sheet of one host of the sample as one HTML document (UTF-8); raises KeyError for any other host."""
    path = cover.sheets[host_name]
    visits = tuple(_visits(cover, host_name))
    host = {each.host: each for each in cover.report.sweep.hosts}[host_name]
    judged = sorted(rows(cover.report, host), key=lambda row: (row.rule.theme, row.rule.id))
    return html_page.render(
        "sheet.html.j2",
        cover=cover,
        number=list(cover.sheets).index(host_name) + 1,
        file=path,
        host=host,
        visits=visits,
        sweep=cover.report.sweep,
        themes=_by_theme(judged),
        tally=visits[-1].tally,
        baseline=cover.report.baseline,
        asked={row.rule.id: check(row.rule) for row in judged},
        hrefs=_hrefs(cover, judged),
        shown=shown,
        standings=[
            each for each in cover.report.waivers or () if host_name in (*each.covers, *each.suspended, *each.lapsed)
        ],
        standing_words=WORDS,
    )


def _visits(cover: Cover, name: str) -> Iterator[_Visit]:
    for packed in cover.packed:
        host = next((each for each in packed.sweep.hosts if each.host == name), None)
        tally = Tally()
        for result in host.results if host else ():
            waived = packed is cover.newest and (name, result.rule_id) in cover.report.waived
            tally.add(result.outcome, waived and result.outcome is Outcome.FAIL)
        yield _Visit(packed, host, tally)


def _by_theme(judged: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in judged:
        found.setdefault(row.rule.theme, []).append(row)
    return found


def _hrefs(cover: Cover, judged: list[Row]) -> dict[str, str]:
    """Return where the capture behind each result is, by its digest; only of those that are in the pack."""
    missing = {each.digest for each in cover.newest.withheld}
    found = {row.result.evidence for row in judged if row.result.evidence} - missing
    if cover.pseudonyms:
        return {}
    return {digest: f"../evidence/sha256/{digest}" for digest in found if _DIGEST.fullmatch(digest)}
