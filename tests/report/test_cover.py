"""The cover of a pack: its counts are ours, what it says is left out is left out, and its commands do what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.model.pack import Cover, Withheld
from hardencheck.model.waiver import WaiverState
from hardencheck.report import cover as writer
from hardencheck.report import population
from hardencheck.report.escape import term
from hardencheck.report.html_page import STATES
from tests.report import material
from tests.report.floor import floor
from tests.report.packs import CLIENT, HEAD, IDS, KEY, changed, cover_of, vouched
from tests.report.page import Page, assert_inert, number
from tests.report.payloads import PAYLOADS, hostile, plain
from tests.tools import need_program


def page(cover: Cover) -> Page:
    return Page(writer.render(cover))


@pytest.fixture(params=["small", "floor"])
def cover(request: pytest.FixtureRequest) -> Cover:
    return cover_of(material.report() if request.param == "small" else floor(30, 20))


def commands(found: Page, section: str) -> str:
    """Return the commands that a section shows, as somebody would copy them."""
    said = found.texts[section]
    first = {"verify": "sha256sum -c", "sample": "awk"}[section]
    last = {"verify": r"pack\.pae\n", "sample": r"-f 2-\n"}[section]
    match = re.search(rf"{re.escape(first)}.*?{last}(?!openssl|grep)", said, re.DOTALL)
    assert match
    return match[0]


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)


def test_the_population_counts_every_host_of_every_sweep(cover: Cover) -> None:
    table = page(cover).table("at each sweep in this pack")
    assert [row[0].split()[0] for row in table.rows] == list(IDS)
    for row, packed in zip(table.rows, cover.packed, strict=True):
        cells = dict(zip(table.heads, row, strict=True))
        ours = Counter(host.state for host in packed.sweep.hosts)
        shown = [number(cells[name]) for name in ("Seen whole", "Seen in part", "Not reached")]
        assert shown == [ours[HostState.REACHED], ours[HostState.PARTIAL], ours[HostState.UNREACHABLE]]
        assert number(cells["In scope"]) == sum(shown) == len(packed.sweep.hosts)


def test_hosts_that_appeared_or_vanished_are_counted_and_named(cover: Cover) -> None:
    found = page(cover)
    table = found.table("at each sweep in this pack")
    hosts = [{host.host for host in each.sweep.hosts} for each in cover.packed]
    appeared = ["–", *(str(len(after - before)) for before, after in pairwise(hosts))]
    vanished = ["–", *(str(len(before - after)) for before, after in pairwise(hosts))]
    assert (table.column("Appeared"), table.column("Vanished")) == (appeared, vanished)
    for place, sweep_id in ((1, IDS[1]), (2, IDS[2])):
        new, gone = sorted(hosts[place] - hosts[place - 1]), sorted(hosts[place - 1] - hosts[place])
        said = f"Sweep {sweep_id}: appeared {', '.join(new)}; vanished {', '.join(gone)}"
        assert said in found.texts["population"]


def test_a_steady_population_is_said_to_be_one() -> None:
    cover = cover_of(floor(5, 3))
    same = tuple(replace(each, sweep=replace(each.sweep, hosts=cover.newest.sweep.hosts)) for each in cover.packed)
    assert "No host appeared or vanished" in page(replace(cover, packed=same)).texts["population"]
    assert "appeared or vanished" not in page(replace(cover, packed=same[-1:])).texts["population"]


def test_a_limited_sweep_is_not_taken_for_a_complete_one(cover: Cover) -> None:
    said = "do not show that the population is complete"
    assert said in page(cover).texts["population"]
    assert f"{IDS[0]} limited" in page(cover).table("at each sweep").rows[0]
    whole = replace(cover, packed=cover.packed[1:])
    assert said not in page(whole).texts["population"]


def test_what_completeness_does_not_prove_is_said(cover: Cover) -> None:
    said = page(cover).texts["population"]
    assert "A host that never stood in the inventory" in said
    assert f"that none of them is a host of {CLIENT} rests on the word of who signed this pack" in said


def test_the_newest_sweep_is_summed_up_with_and_without_waivers(cover: Cover) -> None:
    found = page(cover)
    results = [(host.host, result) for host in cover.report.sweep.hosts for result in host.results]
    count = Counter(result.outcome for _, result in results)
    accepted = sum(r.outcome is Outcome.FAIL and (host, r.rule_id) in cover.report.waived for host, r in results)
    asked = sum(count[o] for o in (Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.ERROR, Outcome.NOTCHECKED))
    row = found.table("Each theme of the baseline").rows[-1]
    assert row[1:3] == [f"{round(100 * count[Outcome.PASS] / asked, 1)} %",
                        f"{round(100 * count[Outcome.PASS] / (asked - accepted), 1)} %"]  # fmt: skip
    assert accepted
    units = found.table("Each unit")
    assert sum(int(cell.split(" of ")[1]) for cell in units.column("Seen whole")) == len(cover.report.sweep.hosts)
    assert sorted(found.table("Hosts that were not seen whole").column("Host")) == sorted(
        host.host for host in cover.report.sweep.hosts if host.state is not HostState.REACHED
    )


def test_every_waiver_that_matters_is_told_with_how_it_stands(cover: Cover) -> None:
    given = vouched(cover)
    table = page(given).table("Waivers that concern these hosts")
    assert set(table.column("Waiver")) == {f"W-{state.value}" for state in WaiverState} - {"W-idle"}
    states = dict(zip(table.column("Waiver"), table.column("State"), strict=True))
    assert states["W-expiring"] == "expiring within 30 days"
    assert states["W-suspended"] == "suspended"
    host = next(each.covers[0] for each in given.report.waivers or () if each.covers)
    assert dict(zip(table.column("Waiver"), table.column("Covers"), strict=True))["W-in_force"] == host
    not_covered = dict(zip(table.column("Waiver"), table.column("Does not cover"), strict=True))
    assert not_covered["W-suspended"] == not_covered["W-expired"] == host
    assert "1 with nothing to cover" in page(given).texts["waivers"]
    assert "No file of waivers was given" in page(cover).texts["waivers"]
    none = replace(cover, report=replace(cover.report, waivers=()))
    assert "UTC: none." in " ".join(page(none).texts["waivers"].split())


def test_attestations_are_told_what_is_open_first(cover: Cover) -> None:
    found = page(vouched(cover))
    table = found.table("Everything that is to be attested")
    assert table.column("State") == ["not checked", "not checked", "holds"]
    assert table.column("Until") == ["2026-07-01", "–", "2027-06-01"]
    assert "ef" * 32 in found.texts["attested"]
    assert "No file of attestations was given" in page(cover).texts["attested"]


def test_nothing_left_out_is_said_only_when_nothing_is(cover: Cover) -> None:
    said, in_log = "nothing is left out and nothing was changed", "Every entry of the log is a sweep in this pack."
    assert said in page(cover).texts["missing"]
    assert in_log in page(cover).texts["missing"]
    newest, capture = cover.newest, Withheld("a", "b", "c", "d")
    changes = (
        replace(cover, pseudonyms=True),
        *(
            replace(cover, packed=(*cover.packed[:-1], each))
            for each in (
                replace(newest, narrowed_baseline=True),
                replace(newest, narrowed_roster=True),
                replace(newest, edited=("a",)),
                replace(newest, withheld=(capture,)),
            )
        ),
    )
    for each in changes:
        assert said not in page(each).texts["missing"]
    assert in_log not in page(replace(cover, left_out={"it is about a purge": (0,)})).texts["missing"]


def test_what_is_left_out_or_changed_is_told_with_the_reason(cover: Cover) -> None:
    found = page(changed(cover))
    said = " ".join(found.texts["missing"].split())
    host = cover.newest.sweep.hosts[0]
    assert (
        "5 entries of the log are not in this pack: it has no host of this client (lines 1 to 2, 4, 8 to 9 of" in said
    )
    assert "1 entry of the log is not in this pack: it is about a purge (line 5 of" in said
    assert "were narrowed in 1 sweep" in said
    assert f"Results were edited on 1 host ({host.host})" in said
    assert found.table("Captures that are not in this pack").rows == [
        [host.host, "linux.example", "it names others", "3", host.results[0].evidence]
    ]
    assert found.table("Where each sweep").column("Narrowed here") == ["no", "no", "baseline, roster"]
    pseudonyms = page(replace(changed(cover), pseudonyms=True)).texts["missing"]
    assert "Names are pseudonyms." in pseudonyms
    assert "the results cannot be judged again from this pack" in pseudonyms
    assert "Names are pseudonyms." not in said


def test_the_log_and_the_key_are_named(cover: Cover) -> None:
    found = page(cover)
    table = found.table("Where each sweep")
    assert table.column("Line of log.txt") == ["3", "6", "7"]
    assert table.column("Time stamp") == ["no", "yes", "no"]
    assert [number(cell) for cell in table.column("of which not in this pack")] == [
        each.sealed - len(each.sweep.hosts) for each in cover.packed
    ]
    assert KEY in found.texts["log"]
    assert KEY in found.texts["verify"]
    assert HEAD in found.texts["log"]
    assert "9 entries when this pack was made" in found.texts["log"]
    assert "1 entry when" in page(replace(cover, log_size=1)).texts["log"]


@given(st.sets(st.integers(0, 60)))
def test_lines_of_the_log_are_told_in_runs(positions: set[int]) -> None:
    found: list[int] = []
    for part in filter(None, writer.lines_of(positions).split(", ")):
        first, _, last = part.partition(" to ")
        assert int(first) < int(last or first) or not last
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(position + 1 for position in positions)
    assert len(writer.lines_of(positions).split(", ")) <= 1 + sum(p + 1 not in positions for p in positions)


def test_every_sampled_host_has_a_link_to_its_sheet(cover: Cover) -> None:
    assert cover.sample
    found = page(cover)
    assert found.table("Sampled hosts").column("Host") == list(cover.sample.hosts)
    sheets = [target for target in found.attributes("href") if target.startswith("sheets/")]
    assert sheets == [f"sheets/{place:04d}.html" for place in range(1, len(cover.sample.hosts) + 1)]


def test_the_sample_tells_how_each_host_stands(cover: Cover) -> None:
    table = page(cover).table("Sampled hosts")
    hosts = {host.host: host for host in cover.report.sweep.hosts}
    for row in table.rows:
        cells = dict(zip(table.heads, row, strict=True))
        host = hosts[cells["Host"]]
        assert cells["State"] == STATES[host.state]
        assert cells["Unit"] == host.labels.get("process_unit", "not given")
        counts = Counter(result.outcome for result in host.results)
        assert number(cells["Fail"]) == counts[Outcome.FAIL]
        assert number(cells["Could not tell"]) == sum(counts[each] for each in Outcome if each.incomplete)


def test_a_sample_that_is_everybody_says_so() -> None:
    few = page(cover_of(floor(4, 3), size=5)).texts["sample"]
    assert "There are no more than 4, so every host is in it." in few
    assert "every host is in it" not in page(cover_of(floor(4, 3), size=4)).texts["sample"]
    assert "No sample was asked for: all 4 hosts" in page(cover_of(floor(4, 3), size=None)).texts["sample"]


def test_its_commands_draw_the_sample_again(tmp_path: Path, cover: Cover) -> None:
    need_program("sha256sum", "awk", "bash")
    (tmp_path / "population.csv").write_bytes(population.render(cover).encode())
    ran = run(commands(page(cover), "sample"), tmp_path)
    assert cover.sample
    assert tuple(ran.stdout.splitlines()) == cover.sample.hosts
    assert ran.stderr == ""


def test_names_that_the_table_spells_otherwise_are_a_note() -> None:
    note = "so population.csv spells them otherwise"
    assert note not in page(cover_of(material.report())).texts["sample"]
    for name in ("=1+1", 'desk "1"', "desk\u202e"):
        report = floor(3, 3)
        hosts = (replace(report.sweep.hosts[0], host=name), *report.sweep.hosts[1:])
        given = cover_of(replace(report, sweep=replace(report.sweep, hosts=hosts)))
        assert note in page(given).texts["sample"]


@pytest.mark.parametrize("broken", ["", "file", "manifest", "signature", "other"])
def test_its_commands_verify_a_pack(tmp_path: Path, cover: Cover, broken: str) -> None:
    need_program("sha256sum", "openssl", "bash")
    key = Ed25519PrivateKey.generate()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cover.html").write_text("a cover")
    manifest = f"{sha256(b'a cover').hexdigest()}  data/cover.html\n".encode()
    signed = sha256(manifest).hexdigest().encode() + b" is the manifest"
    if broken == "manifest":  # somebody else's files, with digests that fit them
        (tmp_path / "data/cover.html").write_text("another")
        manifest = f"{sha256(b'another').hexdigest()}  data/cover.html\n".encode()
    if broken == "file":
        (tmp_path / "data/cover.html").write_text("a lover")
    (tmp_path / "manifest-sha256.txt").write_bytes(manifest)
    (tmp_path / "pack.pae").write_bytes(signed + b"!" * (broken == "signature"))
    (tmp_path / "pack.sig").write_bytes((key if broken != "other" else Ed25519PrivateKey.generate()).sign(signed))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "signing-key.pub").write_bytes(public)
    outcomes = [run(each, tmp_path) for each in commands(page(cover), "verify").splitlines()]
    codes = [each.returncode == 0 for each in outcomes]
    assert codes == [broken != "file", broken not in ("signature", "other"), broken != "manifest"]
    if not broken:
        assert outcomes[0].stdout == outcomes[0].stderr == ""
        assert outcomes[1].stdout == "Signature Verified Successfully\n"
        assert outcomes[2].stdout == "1\n"


def test_links_lead_to_the_page_itself_and_to_files_of_the_pack(cover: Cover) -> None:
    found = page(changed(vouched(cover)))
    ids, targets = found.attributes("id"), set(found.attributes("href"))
    assert len(ids) == len(set(ids))
    assert {target[1:] for target in targets if target.startswith("#")} <= set(ids)
    assert {target for target in targets if not target.startswith("#")} == {
        "population.csv", "report.html", "report.csv", *cover.sheets.values()
    }  # fmt: skip
    assert set(found.attributes("aria-labelledby")) <= set(ids)
    assert all(table.caption and table.heads for table in found.tables)
    assert all(len(row) == len(table.heads) for table in found.tables for row in table.rows)


def test_the_page_is_inert(cover: Cover) -> None:
    assert_inert(page(changed(vouched(cover))))


def attacked(texts: list[str], named: bool = False) -> Cover:
    """Return a pack in which everything that somebody else may write is one of these texts."""
    said = texts[500]
    given = changed(vouched(cover_of(hostile(texts, named), size=5)))
    packed = tuple(
        replace(each, withheld=tuple(Withheld(said, said, said, said) for _ in each.withheld)) for each in given.packed
    )
    left_out = dict(zip(texts[501:503], given.left_out.values(), strict=True))
    return replace(given, client=said, packed=packed, left_out=left_out)


def test_payloads_leave_the_elements_of_the_page_as_they_are() -> None:
    one, other = page(attacked(PAYLOADS)), page(attacked(plain(PAYLOADS)))
    assert Counter(one.elements) == Counter(other.elements)
    assert one.others == ["doctype html"]
    assert term(PAYLOADS[500]) in one.texts["missing"]


def test_payloads_as_names_are_only_names() -> None:
    found = page(attacked(PAYLOADS, named=True))
    assert_inert(found)
    assert set(found.attributes("href")) == set(page(attacked(plain(PAYLOADS), named=True)).attributes("href"))


def test_the_same_pack_gives_the_same_bytes() -> None:
    script = """if True:
        import sys
        from hardencheck.report import cover, population, sheet
        from tests.report import floor, material, packs
        for report in (material.report(), floor.floor(12, 9)):
            made = packs.changed(packs.vouched(packs.cover_of(report)))
            texts = [cover.render(made), population.render(made), *(sheet.render(made, name) for name in made.sheets)]
            sys.stdout.buffer.write("".join(texts).encode())
    """
    root = Path(__file__).parents[2]
    made = {
        subprocess.run([sys.executable, "-c", script], cwd=root, env={"PYTHONHASHSEED": seed}, capture_output=True,
                       check=True).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(made) == 1
