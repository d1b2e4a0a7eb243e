"""What is left of a site's files for some hosts means the same for them, and names nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.baselines.attestations import attestations_to_yaml, manual_controls, read_attestations
from hardencheck.baselines.grant import waivers_to_yaml
from hardencheck.baselines.load import load
from hardencheck.baselines.narrow import narrow, narrow_waivers, units_named
from hardencheck.baselines.snapshot import from_bytes, to_bytes
from hardencheck.baselines.waivers import read_waivers
from hardencheck.evaluate.assess import Assessor, Subject
from hardencheck.model.attestation import Attestation
from hardencheck.model.baseline import Tailoring, TailoringScope
from hardencheck.model.capture import Ended
from hardencheck.model.manifest import Manifest
from hardencheck.model.outcome import HostState
from hardencheck.model.sweep import HostResult
from hardencheck.model.waiver import Waiver
from tests.baselines.frozen import FROZEN
from tests.probes.cases import all_cases

BASELINE = load(FROZEN)
RULES = sorted(rule.id for rule in BASELINE.rules)
NAMES, GROUPS, CLIENTS = ["web1", "web2", "db1", "x"], ["all", "kiosks", "globex"], ["acme", "globex", "web1"]
SCOPES = st.builds(
    TailoringScope,
    values=st.dictionaries(st.sampled_from(["highest_uid"]), st.integers(0, 9)),
    deselect=st.dictionaries(st.sampled_from(RULES), st.sampled_from(["why", "globex wants it"])),
)
TAILORINGS = st.builds(
    Tailoring, SCOPES, st.dictionaries(st.sampled_from(GROUPS), SCOPES), st.dictionaries(st.sampled_from(NAMES), SCOPES)
)
HOSTS = st.lists(
    st.builds(
        HostResult,
        st.sampled_from(NAMES),
        st.just(HostState.REACHED),
        labels=st.fixed_dictionaries({}, optional={"client": st.sampled_from(CLIENTS)}),
        groups=st.lists(st.sampled_from(GROUPS), unique=True).map(tuple),
    ),
    unique_by=lambda host: host.host,
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Cs")), min_size=1).filter(
    str.strip
)


def waiver(number: int, scope: str, members: list[str], reason: str) -> Waiver:
    names = {"hosts": (), "groups": (), "clients": (), scope: tuple(members)}
    return Waiver(
        f"w{number}", "linux-x", reason, "SEC-1", "Ana", "Ben", date(2026, 11, 1), date(2026, 12, 1), "none",
        frozenset({f"{number:064x}", "a" * 64}), **names,
    )  # fmt: skip


WAIVERS = st.lists(
    st.tuples(st.sampled_from(["hosts", "groups", "clients"]), st.lists(TEXTS, min_size=1, unique=True), TEXTS)
    | st.tuples(st.just("hosts"), st.lists(st.sampled_from(NAMES), min_size=1, unique=True), TEXTS)
    | st.tuples(st.just("groups"), st.lists(st.sampled_from(GROUPS), min_size=1, unique=True), TEXTS)
    | st.tuples(st.just("clients"), st.lists(st.sampled_from(CLIENTS), min_size=1, unique=True), TEXTS)
).map(lambda rows: [waiver(number, *row) for number, row in enumerate(rows)])


@given(TAILORINGS, HOSTS)
def test_hosts_are_judged_as_by_the_whole_baseline(tailoring: Tailoring, hosts: list[HostResult]) -> None:
    whole = replace(BASELINE, tailoring=tailoring)
    cut = narrow(whole, hosts)
    assert replace(cut, tailoring=tailoring) == whole
    assert from_bytes(to_bytes(cut)) == cut
    assert cut.tailoring.everyone == tailoring.everyone
    assert set(cut.tailoring.hosts) <= {host.host for host in hosts}
    assert set(cut.tailoring.groups) <= {group for host in hosts for group in host.groups}
    for host in hosts:
        assert cut.tailoring.scope_for(host.host, host.groups) == tailoring.scope_for(host.host, host.groups)
        assert cut.values_for(host.host, host.groups) == whole.values_for(host.host, host.groups)


def test_the_results_are_the_same() -> None:
    host = HostResult("web1", HostState.REACHED, groups=("all", "kiosks"))
    scope, other = TailoringScope({}, {RULES[0]: "ours"}), TailoringScope({}, {RULES[1]: "theirs"})
    tailoring = Tailoring(TailoringScope({"highest_uid": 1}), {"kiosks": scope, "globex": other}, {"db1": other})
    whole = replace(BASELINE, tailoring=tailoring)
    captures = {each.probe_id: each.capture for each in all_cases()}
    manifest = Manifest("web1", Ended.CLOSED, dict.fromkeys(captures, "0" * 64))
    now, subject = datetime(2026, 11, 22, tzinfo=UTC), Subject("web1", host.groups)
    judged = [Assessor(each, now).assess(subject, manifest, captures) for each in (whole, narrow(whole, [host]))]
    assert judged[0] == judged[1]
    assert b"theirs" not in to_bytes(narrow(whole, [host]))


@given(WAIVERS, HOSTS)
def test_waivers_cover_the_same_hosts_and_name_no_others(waivers: list[Waiver], hosts: list[HostResult]) -> None:
    cut = {each.id: each for each in narrow_waivers(waivers, hosts)}
    for each in waivers:
        concerned = [host for host in hosts if each.concerns(host)]
        assert (each.id in cut) == bool(concerned)
        if each.id in cut:
            assert [host for host in hosts if cut[each.id].concerns(host)] == concerned
            assert replace(cut[each.id], hosts=each.hosts, groups=each.groups, clients=each.clients) == each
            assert set(cut[each.id].hosts) <= {host.host for host in hosts}
            assert set(cut[each.id].groups) <= {group for host in hosts for group in host.groups}
            assert set(cut[each.id].clients) <= {host.labels.get("client") for host in hosts}


@given(WAIVERS)
def test_written_waivers_are_read_back(tmp_path_factory: pytest.TempPathFactory, waivers: list[Waiver]) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(waivers_to_yaml(waivers), encoding="utf-8")
    assert read_waivers([path]) == tuple(waivers)


def test_no_waivers_are_a_file_as_well(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    path.write_text(waivers_to_yaml([]))
    assert read_waivers([path]) == ()


@given(st.lists(st.tuples(TEXTS, st.dates(), TEXTS)))
def test_written_attestations_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, date, str]]
) -> None:
    control = manual_controls()[0].id
    statements = tuple(Attestation(control, by, on, evidence, "b" * 64) for by, on, evidence in rows)
    path = tmp_path_factory.getbasetemp() / "attested.yaml"
    path.write_text(attestations_to_yaml(statements), encoding="utf-8")
    assert read_attestations([path]) == statements


def test_the_units_of_groups_are_those_that_any_scope_names() -> None:
    scopes = [TailoringScope({"unit_groups": [f"{unit}=g"]}) for unit in ("Claims UK", "Night = Shift", "Day")]
    tailoring = Tailoring(scopes[0], {"kiosks": scopes[1]}, {"web1": scopes[2]})
    shipped = load("bpo-core")
    assert units_named(replace(shipped, tailoring=tailoring)) == {"Claims UK", "Night = Shift", "Day"}
    assert units_named(shipped) == frozenset()
