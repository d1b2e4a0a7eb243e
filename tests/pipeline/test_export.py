"""What goes into a pack for one client, and that nothing about another one does."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from hardencheck.baselines.attestations import read_attestations
from hardencheck.baselines.snapshot import from_bytes
from hardencheck.baselines.waivers import read_waivers
from hardencheck.errors import EvidenceError, UsageError
from hardencheck.evidence import timestamp
from hardencheck.evidence.chain import purge
from hardencheck.evidence.keys import Verifier
from hardencheck.evidence.pack_source import Pack, opened
from hardencheck.model.attestation import Attestation
from hardencheck.model.baseline import Tailoring, TailoringScope
from hardencheck.model.codec import loads
from hardencheck.model.outcome import Outcome
from hardencheck.model.pack import Cover
from hardencheck.model.sample import sample
from hardencheck.model.sweep import Sweep
from hardencheck.model.waiver import Waiver, observed_digest
from hardencheck.pipeline.export import Maker, Wanted, export, pseudonyms_of
from hardencheck.pipeline.rejudge import differences, rejudge, with_withheld
from hardencheck.storage import Store, open_store
from tests.evidence.authority import Authority, listening
from tests.evidence.chains import KEY, STRANGER, change
from tests.evidence.fleets import ACME, GLOBEX, MADE, TILLS, Desk, both, packed, rules, sweep
from tests.tools import need_program

RULE = "linux-leavers-disabled"
#: a line of passwd that names a host of Globex in a capture of Acme's
MENTION = "svc_old:x:990:990:moved from GX-TILL-7:/nonexistent:/usr/sbin/nologin\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "s" / "h.db") as found:
        yield found


def content_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {each.filename: archive.read(each) for each in archive.infolist()}


def told(path: Path, *words: str) -> list[str]:
    """Every word that stands anywhere in a zip, in a name or in what a file inflates to, with the file."""
    return [
        f"{word} in {name}"
        for name, content in content_of(path).items()
        for word in words
        if word.lower().encode() in content.lower() or word.lower() in name.lower()
    ]


def waiver(name: str, sweep: Sweep, host: str, **scope: tuple[str, ...]) -> Waiver:
    (failed,) = [each for h in sweep.hosts if h.host == host for each in h.results if each.rule_id == RULE]
    return Waiver(
        id=name, rule_id=RULE, reason=f"as for {name}", ticket="T-1", requester="Ines Mora", approver="Eva Holm",
        granted=date(2026, 11, 1), expires=date(2026, 12, 31), compensating_control="watched",
        observed=frozenset({observed_digest(failed)}), **scope,
    )  # fmt: skip


def judged_again(pack: Pack, name: str = "last") -> tuple[Sweep, Sweep]:
    """A sweep of a pack as it was, and as it is judged from there."""
    before = pack.sweep(name)
    baseline = from_bytes(pack.baseline(before))
    return before, with_withheld(rejudge(before, baseline, pack), before, baseline, pack.withheld(before))


def test_nothing_about_another_client_is_in_it(store: Store, tmp_path: Path) -> None:
    """Sweeps, roster, tailoring and waivers of both clients; a host of Acme whose capture and message name Globex."""
    desks = (replace(ACME[0], more=MENTION), ACME[1], Desk("desk-3", unreachable="no route to host via gx-till-8"))
    sweep(store, TILLS, 0)
    found = sweep(store, (*desks, *TILLS), 1)
    waivers = (
        waiver("w-both", found, "desk-1", groups=("acme_desks", "globex_tills")),
        waiver("w-hosts", found, "desk-1", hosts=("gx-till-7", "desk-1")),
        replace(waiver("w-acme-globex", found, "desk-1", clients=("acme",)), reason="agreed with Globex, too"),
        waiver("w-globex", found, "desk-1", clients=("globex",)),
    )
    said = Attestation("nda-signed", "Ines Mora", date(2026, 11, 2), "nda-acme-and-globex.pdf", "0" * 64)
    wanted = Wanted("acme", waivers=waivers, attestations=(said,), sample=(2, 7))
    path = packed(store, tmp_path / "acme.zip", wanted)
    assert told(path, *GLOBEX) == []
    content = content_of(path)
    assert told(path, "desk-1"), "the words would be found"
    (tmp_path / "w.yaml").write_bytes(content["acme/data/waivers.yaml"])
    kept = {each.id: each for each in read_waivers([tmp_path / "w.yaml"])}
    assert (kept["w-both"].groups, kept["w-hosts"].hosts) == (("acme_desks",), ("desk-1",))
    assert kept["w-acme-withheld"].reason == "agreed with [withheld], too"
    assert set(kept) == {"w-both", "w-hosts", "w-acme-withheld"}
    (tmp_path / "a.yaml").write_bytes(content["acme/data/attestations.yaml"])
    assert [each.evidence for each in read_attestations([tmp_path / "a.yaml"])] == ["nda-acme-and-[withheld].pdf"]


def test_a_capture_that_names_others_is_withheld_and_told_of(store: Store, tmp_path: Path) -> None:
    sweep(store, (replace(ACME[0], more=MENTION), ACME[1], *TILLS), baseline=rules())
    cover = exported(store, tmp_path / "acme.zip")
    (withheld,) = cover.packed[0].withheld
    assert (withheld.host, withheld.probe, withheld.reason) == ("desk-1", "linux.accounts", "names others")
    assert cover.packed[0].edited == ()
    with opened(tmp_path / "acme.zip", [KEY.verifier]) as pack:
        proved = pack.verify()
        assert (proved.withheld, proved.captures, proved.edited) == (1, 9, [])
        before, after = judged_again(pack)
        assert after == before, "what rests on the capture is kept, all else is judged again"
        assert pack.withheld(before) == {"desk-1": frozenset({"linux.accounts"})}
        baseline = from_bytes(pack.baseline(before))
        changed = differences(before, rejudge(before, baseline, pack))
    assert changed == ["desk-1 linux-accounts-only-root-uid-zero: unknown, was pass"]


def test_words_about_others_are_replaced_and_the_host_is_told_of(store: Store, tmp_path: Path) -> None:
    desks = (ACME[0], Desk("desk-3", unreachable="no route to host via gx-till-7"))
    sweep(store, (*desks, *TILLS))
    cover = exported(store, tmp_path / "acme.zip")
    assert cover.packed[0].edited == ("desk-3",)
    content = content_of(tmp_path / "acme.zip")
    leaf = loads(content[f"acme/data/sweeps/{cover.packed[0].sweep.id}/hosts/000001.json"])
    assert leaf["message"] == "no route to host via [withheld]"
    assert leaf["salt"] is None, "with the salt, who guesses the word could try it against the sealed hash"
    with opened(tmp_path / "acme.zip", [KEY.verifier]) as pack:
        assert pack.verify().edited == [(cover.packed[0].sweep.id, "desk-3")]
        before, after = judged_again(pack)
    assert after == before
    assert {each.message for each in before.hosts[1].results} == {
        "host not reached: no route to host via [withheld]", "told by the CMDB"
    }  # fmt: skip


def test_a_manifest_that_names_others_is_replaced(store: Store, tmp_path: Path) -> None:
    sweep(store, (replace(ACME[0], absent={"linux.sshd": "the file server gx-till-7 hung"}), *TILLS))
    cover = exported(store, tmp_path / "acme.zip")
    assert cover.packed[0].edited == ("desk-1",)
    assert told(tmp_path / "acme.zip", *GLOBEX) == []
    with opened(tmp_path / "acme.zip", [KEY.verifier]) as pack:
        pack.verify()
        before, after = judged_again(pack)
    assert after == before


def test_a_deselection_that_names_others_is_worded_alike_in_results_and_baseline(store: Store, tmp_path: Path) -> None:
    tailoring = Tailoring(TailoringScope({"service_accounts": ["svc_globex"]}, {RULE: "as agreed with Globex"}))
    sweep(store, (*ACME, *TILLS), baseline=rules(tailoring))
    exported(store, tmp_path / "acme.zip")
    assert told(tmp_path / "acme.zip", *GLOBEX) == []
    with opened(tmp_path / "acme.zip", [KEY.verifier]) as pack:
        assert len(pack.verify().edited) == 3
        before, after = judged_again(pack)
    assert after == before
    assert "as agreed with [withheld]" in {each.message for host in before.hosts for each in host.results}


def test_a_rule_of_the_site_that_names_others_is_not_handed_out(store: Store, tmp_path: Path) -> None:
    found = rules()
    own = replace(found.rules[0], id="site-vpn", title="The Globex VPN is off")
    sweep(store, (*ACME, *TILLS), baseline=replace(found, rules=(*found.rules, own)))
    with pytest.raises(UsageError, match="rule site-vpn of baseline bpo-core names another client"):
        exported(store, tmp_path / "acme.zip")
    assert sorted(os.listdir(tmp_path)) == ["s"]


def test_a_baseline_that_speaks_of_nobody_else_is_proved_by_the_chain(store: Store, tmp_path: Path) -> None:
    sweep(store, (*ACME, *TILLS), baseline=rules())
    assert not exported(store, tmp_path / "acme.zip").packed[0].narrowed_baseline


def test_hosts_of_nobody_are_no_secret(store: Store, tmp_path: Path) -> None:
    """A log server of the house is named by everybody's hosts; it is no client's."""
    desk = replace(ACME[0], more="svc_log:x:991:991:sends to loghost1:/nonexistent:/usr/sbin/nologin\n")
    sweep(store, (desk, Desk("loghost1", client="")))
    assert exported(store, tmp_path / "acme.zip").packed[0].withheld == ()


# what is selected


def test_all_sweeps_with_a_host_of_the_client_are_in_it_and_the_others_are_accounted_for(
    store: Store, tmp_path: Path
) -> None:
    both(store, 3)
    cover = exported(store, tmp_path / "all.zip")
    assert [each.position for each in cover.packed] == [0, 2, 3]
    assert dict(cover.left_out) == {"a sweep without a host of this client": (1,)}
    cover = exported(store, tmp_path / "some.zip", since=date(2026, 11, 24))
    assert [each.position for each in cover.packed] == [2, 3]
    assert dict(cover.left_out) == {
        "a sweep that had ended before the first day of the pack": (0,),
        "a sweep without a host of this client": (1,),
    }
    assert {host.host for host in cover.report.sweep.hosts} == {"desk-1", "desk-2", "desk-3"}


def test_purged_sweeps_and_purges_are_hashes(store: Store, tmp_path: Path) -> None:
    both(store)
    with store.lock("purge"):
        purge(store, "2026-11-23T00:00:00Z", "2026-11-28T00:00:00Z", KEY)
    cover = exported(store, tmp_path / "acme.zip")
    assert [each.position for each in cover.packed] == [2]
    assert dict(cover.left_out) == {
        "a sweep whose content was purged": (0,),
        "a sweep without a host of this client": (1,),
        "an entry about a purge, which names what was removed": (3,),
    }


def test_unknown_clients_are_named_with_those_that_there_are(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no finished sweep yet"):
        exported(store, tmp_path / "none.zip")
    both(store)
    for client, said in (("acne", "did you mean acme"), ("x", "there are acme, globex"), ("Acme", "did you mean acme")):
        with pytest.raises(UsageError, match=said):
            export(store, Wanted(client), Maker(MADE, KEY), tmp_path / "none.zip")
    with pytest.raises(UsageError, match="the newest sweep with a host of client acme ended at 2026-11-24T01:50:00Z"):
        exported(store, tmp_path / "none.zip", since=date(2026, 11, 25))
    assert not (tmp_path / "none.zip").exists()


def test_a_sample_is_drawn_from_the_newest_sweep_and_has_a_sheet_each(store: Store, tmp_path: Path) -> None:
    both(store)
    path = packed(store, tmp_path / "acme.zip", Wanted("acme", sample=(2, 7)))
    content = content_of(path)
    drawn = sample(["desk-1", "desk-2", "desk-3"], 2, 7)
    for number, host in enumerate(drawn, 1):
        assert host.encode() in content[f"acme/data/sheets/{number:04d}.html"]
    assert "acme/data/sheets/0003.html" not in content
    with opened(path, [KEY.verifier]) as pack:
        pack.verify()
        assert (pack.about.sample_size, pack.about.sample_seed) == (2, 7)


def test_waivers_cover_what_they_covered(store: Store, tmp_path: Path) -> None:
    found = both(store)[-1]
    cover = exported(store, tmp_path / "acme.zip", waivers=(waiver("w-1", found, "desk-1", groups=("acme_desks",)),))
    assert set(cover.report.waived) == {("desk-1", RULE)}
    assert b"w-1" in content_of(tmp_path / "acme.zip")["acme/data/report.csv"]


def test_stamps_go_along(store: Store, tmp_path: Path) -> None:
    need_program("openssl")
    authority = Authority(tmp_path / "tsa")
    sweep(store, (*ACME, *TILLS))
    with listening(authority.answer) as url, store.lock("stamping"):
        timestamp.stamp_newest(store, url)
    sweep(store, TILLS, 1)
    assert exported(store, tmp_path / "acme.zip").packed[0].stamped
    with opened(tmp_path / "acme.zip", [KEY.verifier]) as pack:
        pack.verify()
        found = timestamp.verify_stamps(pack.links(), timestamp.roots(authority.ca))
        assert found is not None
        assert (found.count, found.position) == (1, 0)


# pseudonyms


def test_with_pseudonyms_nobody_is_named_and_it_is_still_proved(store: Store, tmp_path: Path) -> None:
    found = both(store)[-1]
    given = (
        waiver("w-1", found, "desk-1", hosts=("desk-1",)),
        replace(waiver("w-2", found, "desk-1", hosts=("desk-1", "desk-2")), expires=date(2026, 11, 3)),
        replace(waiver("w-3", found, "desk-1", hosts=("desk-1",)), observed=frozenset({"0" * 64})),
    )
    wanted = Wanted("acme", waivers=given, sample=(1, 3), pseudonym_key=bytes(32))
    path = packed(store, tmp_path / "acme.zip", wanted)
    assert told(path, *GLOBEX, "desk-1", "desk-2", "desk-3", "ines.mora", "timo.falk", "vera.holt", "E-1001") == []
    names = pseudonyms_of(store, "acme", bytes(32)).names
    assert {"desk-1", "desk-2", "desk-3", "timo.falk"} <= set(names.values())
    (desk,) = [pseudonym for pseudonym, name in names.items() if name == "desk-1"]
    with opened(path, [KEY.verifier]) as pack:
        proved = pack.verify()
        assert (proved.hosts, len(proved.edited), proved.captures) == (6, 6, 0)
        hosts = pack.sweep("last").hosts
        assert pack.about.pseudonyms
    assert [names[host.host] for host in hosts] == ["desk-1", "desk-2", "desk-3"]
    assert {host.manifest for host in hosts} == {None}
    assert [each.outcome for each in hosts[0].results if each.rule_id == RULE] == [Outcome.FAIL]
    assert desk.encode() in content_of(path)["acme/data/waivers.yaml"]
    again = packed(store, tmp_path / "again.zip", replace(wanted, since=date(2026, 11, 24)))
    with opened(again, [KEY.verifier]) as pack:
        assert pack.sweep("last").hosts == hosts, "the same names in every pack of the same key"
    other = packed(store, tmp_path / "other.zip", replace(wanted, pseudonym_key=bytes([1]) * 32))
    assert not told(other, desk)


# how it is written


def test_a_pack_appears_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    both(store)
    path = tmp_path / "out" / "acme.zip"
    with pytest.raises(UsageError, match=r"--out .*: it cannot be written \(No such file or directory\)"):
        exported(store, path)
    path.parent.mkdir()
    change(store, "UPDATE sweep_host SET message = 'all is well' WHERE host = 'desk-1'")
    with pytest.raises(EvidenceError, match="host desk-1: what is stored of it has the leaf hash"):
        exported(store, path)
    assert list(path.parent.iterdir()) == []
    change(store, "UPDATE sweep_host SET message = '' WHERE host = 'desk-1'")
    exported(store, path)
    assert (list(path.parent.iterdir()), path.stat().st_mode & 0o777) == ([path], 0o600)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="it is already there"):
        exported(store, path)
    assert path.read_bytes() == before


def test_the_same_pack_has_the_same_bytes(store: Store, tmp_path: Path) -> None:
    both(store)
    (tmp_path / "b").mkdir()
    one, other = (packed(store, folder / "acme.zip").read_bytes() for folder in (tmp_path, tmp_path / "b"))
    assert one == other


@pytest.mark.parametrize(
    ("name", "top"), [("acme.zip", "acme"), ("ACME Q3 (final).zip", "ACME-Q3-final"), ("-..zip", "pack")]
)
def test_its_folder_is_named_after_the_file(store: Store, tmp_path: Path, name: str, top: str) -> None:
    both(store)
    path = packed(store, tmp_path / name)
    assert {each.split("/")[0] for each in content_of(path)} == {top}
    with opened(path, [KEY.verifier]) as pack:
        pack.verify()


def test_sweeps_that_another_key_signed_need_that_key(store: Store, tmp_path: Path) -> None:
    sweep(store, ACME, 0, key=STRANGER)
    sweep(store, ACME, 1)
    with pytest.raises(EvidenceError, match="expected one of the trusted ones"):
        export(store, Wanted("acme"), Maker(MADE, KEY), tmp_path / "acme.zip")
    trusted: tuple[Verifier, ...] = (STRANGER.verifier,)
    export(store, Wanted("acme"), Maker(MADE, KEY, trusted), tmp_path / "acme.zip")
    with opened(tmp_path / "acme.zip", [KEY.verifier, *trusted]) as pack:
        assert len(pack.verify().signers) == 2
    with pytest.raises(EvidenceError, match="link 0 of the chain"), opened(tmp_path / "acme.zip", None) as pack:
        pack.verify()


def exported(store: Store, path: Path, since: date | None = None, waivers: tuple[Waiver, ...] | None = None) -> Cover:
    return export(store, Wanted("acme", since, waivers), Maker(MADE, KEY), path)
