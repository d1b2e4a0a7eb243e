"""The sheet of a sampled host: every rule with what was read and where, every sweep, and room for the auditor."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hardencheck.model.outcome import HostState, Level, Outcome
from hardencheck.model.pack import Cover
from hardencheck.model.sweep import HostResult
from hardencheck.report import sheet
from hardencheck.report.html_page import GLOSSARY
from tests.report import material
from tests.report.floor import floor
from tests.report.packs import CLIENT, IDS, changed, cover_of, vouched
from tests.report.page import Page, Table, assert_inert, number
from tests.report.payloads import PAYLOADS, hostile, plain


def everybody(cover: Cover) -> list[tuple[HostResult, Page]]:
    """Return each sampled host with its sheet."""
    hosts = {host.host: host for host in cover.report.sweep.hosts}
    return [(hosts[name], Page(sheet.render(cover, name))) for name in cover.sheets]


def one(cover: Cover, name: str) -> Page:
    return Page(sheet.render(cover, name))


@pytest.fixture(params=["small", "floor"])
def cover(request: pytest.FixtureRequest) -> Cover:
    return cover_of(material.report() if request.param == "small" else floor(30, 20))


def judged(found: Page) -> list[Table]:
    return [table for table in found.tables if table.heads == ["Fact", "Observed", "Expected", "Where read"]]


def test_every_rule_is_there_once_with_its_outcome(cover: Cover) -> None:
    for host, found in everybody(cover):
        heads = [row[0] for table in judged(found) for row in table.rows if len(row) == 1 and "Evidence: " in row[0]]
        ours = Counter(
            f"{GLOSSARY[r.outcome][0]} {cover.report.baseline.rule(r.rule_id).title} {r.rule_id} {r.severity.value}"
            for r in host.results
        )
        assert Counter(head.split(" Evidence: ")[0].split(" accepted until")[0] for head in heads) == ours
        order = [[row[0].split(" & more ")[1].split()[0] for row in table.rows if "Evidence: " in row[0]]
                 for table in judged(found)]  # fmt: skip
        assert all(ids == sorted(ids) for ids in order)


def test_what_was_observed_expected_and_where_is_told(cover: Cover) -> None:
    for host, found in everybody(cover):
        facts = Counter(tuple(row) for table in judged(found) for row in table.rows if len(row) == 4)
        ours = Counter(
            (why.fact, str(why.observed), why.expected, why.read_from) for r in host.results for why in r.reasons
        )
        assert facts == ours


def test_a_result_without_facts_has_its_message_and_what_was_asked() -> None:
    cover = cover_of(floor(30, 20))
    host = next(host for host in cover.report.sweep.hosts if host.state is HostState.UNREACHABLE)
    drawn = replace(cover, sample=replace(cover.sample, hosts=(host.host,))) if cover.sample else cover
    said = one(drawn, host.host).texts["rules"]
    assert said.count(host.results[0].message) == len(host.results)
    assert 'Asked: probe linux.example; expects {"minimum": {"minimum": {"$value": "length"}}}.' in said
    values = one(cover_of(material.report()), material.LINUX_SERVER).texts["rules"]
    assert "length is 12; names is root." in values


def test_evidence_is_a_link_when_it_is_in_the_pack(cover: Cover) -> None:
    linked = 0
    for host, found in everybody(cover):
        targets = {target for target in found.attributes("href") if "evidence" in target}
        assert targets == {f"../evidence/sha256/{result.evidence}" for result in host.results if result.evidence}
        assert "(not in this pack)" not in found.texts["rules"]
        linked += len(targets)
    assert linked


def test_evidence_that_is_not_in_the_pack_is_no_link() -> None:
    cover = cover_of(floor(6, 20), size=6)
    host = cover.newest.sweep.hosts[0]
    withheld = one(changed(cover), host.host)
    digest = host.results[0].evidence
    assert f"{digest} (not in this pack)" in withheld.texts["rules"]
    assert withheld.texts["rules"].count("(not in this pack)") == 1
    assert f"../evidence/sha256/{digest}" not in withheld.attributes("href")
    pseudonyms = one(replace(cover, pseudonyms=True), host.host)
    assert not [target for target in pseudonyms.attributes("href") if "evidence" in target]
    assert pseudonyms.texts["rules"].count("(not in this pack)") == sum(r.evidence is not None for r in host.results)
    assert "a pseudonym" in pseudonyms.texts["identity"]


def test_it_tells_who_the_host_is_and_of_which_pack(cover: Cover) -> None:
    for place, (host, found) in enumerate(everybody(cover), 1):
        assert (
            f"Sheet {place} of {len(cover.sheets)}, sampled with seed 7, of the evidence for {CLIENT}"
            in found.texts[""]
        )
        said = found.texts["identity"]
        for each in (host.host, host.platform.value, *host.groups, host.manifest or "nothing was read from it"):
            assert each in said
        assert host.labels.get("site", "not given") in said
        assert "../cover.html" in found.attributes("href")


def test_coverage_tells_every_sweep_of_the_pack() -> None:
    cover = changed(cover_of(floor(30, 20), size=30))
    words = {HostState.REACHED: "seen whole", HostState.UNREACHABLE: "not reached"}
    for host, found in everybody(cover):
        table = found.table("This host at every sweep")
        assert table.column("Sweep") == list(IDS)
        for packed, row in zip(cover.packed, table.rows, strict=True):
            cells = dict(zip(table.heads, row, strict=True))
            here = next((each for each in packed.sweep.hosts if each.host == host.host), None)
            assert cells["State"] == (words[here.state] if here else "not in scope")
            if here is None:
                said = "limited to a part" if packed.limited else "did not name it"
                assert said in cells["Reason"]
                assert cells["Pass"] == cells["Fail"] == "–"
                continue
            counts = Counter(result.outcome for result in here.results)
            assert number(cells["Pass"]) == counts[Outcome.PASS]
            assert number(cells["Fail"]) == counts[Outcome.FAIL]
            assert sum(number(cells[name]) for name in table.heads[5:]) == len(here.results)
            assert ("replaced by [withheld]" in cells["Reason"]) == (host.host in packed.edited)


def test_waivers_on_the_host_are_told() -> None:
    given = vouched(cover_of(material.report()))
    text = one(given, material.LINUX_DESK).texts["waivers"]
    assert text.count("because of <") == 4, "in force, expiring, suspended and expired ones touch it"
    assert "not covered, expired" in text
    assert text.count("not covered any more, another value was accepted") == 1
    assert "No waiver concerns a failure" in one(given, material.LINUX_SERVER).texts["waivers"]
    bare = one(cover_of(material.report()), material.LINUX_DESK)
    assert "No file of waivers was given" in bare.texts["waivers"]
    assert "accepted until 2027-03-31 (waiver W-12)" in bare.texts["rules"]


def test_a_rule_that_was_judged_at_another_level_says_so() -> None:
    given = floor(3, 4)
    hosts = tuple(
        replace(host, results=tuple(replace(r, level=Level.LITERAL_STIG) for r in host.results))
        for host in given.sweep.hosts
    )
    cover = cover_of(replace(given, sweep=replace(given.sweep, hosts=hosts)), size=1)
    assert one(cover, next(iter(cover.sheets))).texts["rules"].count("level literal-stig") == 4
    assert "level literal-stig" not in one(cover_of(given), given.sweep.hosts[0].host).texts["rules"]


def test_a_host_without_rules_says_so() -> None:
    given = floor(3, 4)
    bare = replace(given.sweep.hosts[0], results=())
    cover = cover_of(replace(given, sweep=replace(given.sweep, hosts=(bare, *given.sweep.hosts[1:]))), size=3)
    assert "has no rule for this host" in one(cover, bare.host).texts["rules"]


def test_the_auditor_has_room_to_write(cover: Cover) -> None:
    for _, found in everybody(cover):
        said = found.texts["notes"].split()
        assert " ".join(said) == "Auditor's notes What was done and seen Exceptions Name Date Signature"


def test_only_sampled_hosts_have_a_sheet(cover: Cover) -> None:
    with pytest.raises(KeyError):
        sheet.render(cover, "nobody")
    with pytest.raises(KeyError):
        sheet.render(replace(cover, sample=None), next(iter(cover.sheets)))


def test_the_page_is_inert_and_its_links_lead_somewhere(cover: Cover) -> None:
    for _, found in everybody(vouched(cover)):
        assert_inert(found)
        ids = found.attributes("id")
        assert len(ids) == len(set(ids))
        assert {target[1:] for target in found.attributes("href") if target.startswith("#")} <= set(ids)
        assert set(found.attributes("aria-labelledby")) <= set(ids)


def test_payloads_leave_the_elements_of_the_page_as_they_are() -> None:
    attacked, quiet = (cover_of(hostile(texts), size=10) for texts in (PAYLOADS, plain(PAYLOADS)))
    attacked, quiet = (vouched(replace(cover, client=PAYLOADS[500])) for cover in (attacked, quiet))
    for (host, found), (_, other) in zip(everybody(attacked), everybody(quiet), strict=True):
        assert Counter(found.elements) == Counter(other.elements), host.host
        assert found.others == ["doctype html"]
        assert not [target for target in found.attributes("href") if "evidence" in target], "no digest, so no link"


def test_a_payload_as_the_name_of_a_host_is_only_a_name() -> None:
    for _, found in everybody(cover_of(hostile(PAYLOADS, named=True), size=10)):
        assert_inert(found)
