"""The population as a table: one row for each host in the scope of each sweep, and nothing that a spreadsheet runs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.pack import Cover
from hardencheck.report import formats, population
from hardencheck.report.escape import csv_cell
from tests.report import material
from tests.report.floor import floor
from tests.report.packs import IDS, changed, cover_of
from tests.report.payloads import PAYLOADS, hostile

#: column -> the outcome that it counts
COUNTED = {"passed": Outcome.PASS, "failed": Outcome.FAIL} | {
    outcome.value: outcome for outcome in Outcome if outcome not in (Outcome.PASS, Outcome.FAIL)
}


def rows(cover: Cover) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(population.render(cover), newline=""), strict=True))


def test_every_host_of_every_sweep_has_one_row() -> None:
    cover = cover_of(floor(30, 20))
    found = Counter((row["sweep"], row["host"]) for row in rows(cover))
    assert found == Counter((each.sweep.id, host.host) for each in cover.packed for host in each.sweep.hosts)
    assert set(found.values()) == {1}
    assert list(dict.fromkeys(row["sweep"] for row in rows(cover))) == list(IDS)


def test_a_row_says_what_the_sweep_found() -> None:
    cover = cover_of(material.report())
    hosts = {(each.sweep.id, csv_cell(host.host)): (each, host) for each in cover.packed for host in each.sweep.hosts}
    for row in rows(cover):
        packed, host = hosts[row["sweep"], row["host"]]
        assert (row["started"], row["finished"]) == (packed.sweep.started, packed.sweep.finished)
        assert (row["state"], row["reason"]) == (host.state.value, host.reason)
        assert (row["platform"], row["system"]) == (host.platform.value, csv_cell(host.system))
        assert (row["site"], row["process_unit"]) == (host.labels.get("site", ""), host.labels.get("process_unit", ""))
        counts = Counter(result.outcome for result in host.results)
        assert {name: int(row[name]) for name in COUNTED} == {name: counts[COUNTED[name]] for name in COUNTED}
    assert {row["state"] for row in rows(cover)} == set(HostState) - {HostState.PENDING}


def test_who_is_sampled_is_marked_in_every_sweep() -> None:
    cover = cover_of(floor(30, 3), size=6)
    assert cover.sample
    newest = [row["host"] for row in rows(cover) if row["sweep"] == IDS[2] and row["sampled"] == "yes"]
    assert sorted(newest) == sorted(cover.sample.hosts)
    assert {row["sampled"] for row in rows(cover) if row["host"] in cover.sample.hosts} == {"yes"}
    assert {row["sampled"] for row in rows(cover) if row["host"] not in cover.sample.hosts} == {"no"}
    assert {row["sampled"] for row in rows(replace(cover, sample=None))} == {""}


def test_whose_results_were_edited_is_marked_in_the_sweep_in_which_they_were() -> None:
    cover = changed(cover_of(floor(5, 3)))
    edited = [(row["sweep"], row["host"]) for row in rows(cover) if row["edited"] == "yes"]
    assert edited == [(IDS[2], cover.newest.sweep.hosts[0].host)]
    assert {row["edited"] for row in rows(cover_of(floor(5, 3)))} == {"no"}


def test_no_cell_does_anything_in_a_spreadsheet() -> None:
    formula = replace(material.hosts()[0], host=material.FORMULA, system="@SUM(A1)")
    report = hostile(PAYLOADS, named=True)
    for given in (report, replace(report, sweep=replace(report.sweep, hosts=(formula, *report.sweep.hosts[1:])))):
        text = population.render(cover_of(given))
        assert all(line.startswith('"') and line.endswith('"') for line in text.split("\r\n")[:-1])
        assert "\n" not in text.replace("\r\n", "")
        for row in rows(cover_of(given)):
            assert set(row) == set(population.COLUMNS)
            assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in row.values())


def test_the_order_in_which_hosts_answered_is_not_told() -> None:
    report = floor(12, 3)
    turned = replace(report, sweep=replace(report.sweep, hosts=report.sweep.hosts[::-1]))
    one, other = cover_of(report), cover_of(turned)
    newest = replace(one, packed=one.packed[-1:]), replace(other, packed=other.packed[-1:])
    assert population.render(newest[0]) == population.render(newest[1])


def test_what_belongs_to_a_pack_is_no_format_of_a_report() -> None:
    assert not {"population", "cover", "sheet"} & set(formats.names())
