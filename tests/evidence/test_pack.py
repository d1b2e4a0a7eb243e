"""Packs: what other programs make of them, what their verification proves, and what nobody can change in one unseen."""

from __future__ import annotations

import io
import json
import random
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import bagit
import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from hardencheck.baselines.snapshot import from_bytes
from hardencheck.errors import EvidenceError, UsageError
from hardencheck.evidence import bag, dsse, pack
from hardencheck.evidence.chain import checkpoint_of
from hardencheck.evidence.checkpoint import Checkpoint
from hardencheck.evidence.checkpoint import signed as checkpoint_signed
from hardencheck.evidence.keys import Signer
from hardencheck.evidence.pack_source import Pack, opened
from hardencheck.evidence.verify import Verified
from hardencheck.model.capture import digest
from hardencheck.model.codec import canonical, loads
from hardencheck.pipeline.rejudge import differences, rejudge
from hardencheck.storage import open_store
from tests.evidence.chains import KEY, STRANGER
from tests.evidence.fleets import ACME, TILLS, both, packed, sweep
from tests.tools import need_program

Content = dict[str, bytes]


@dataclass(frozen=True)
class Made:
    """A pack for Acme, what is in it, the store's sweeps that it is about, and the log as it was after each link."""

    path: Path
    content: Content
    sweeps: list[Any]
    checkpoints: list[Checkpoint]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("made")
    with open_store(folder / "s" / "h.db") as store:
        sweeps = both(store)
        path, envelopes = packed(store, folder / "acme.zip"), store.envelopes()
    checkpoints = [checkpoint_of(envelopes[:size]) for size in range(1, len(envelopes) + 1)]
    return Made(path, content_of(path), sweeps, checkpoints)


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """The pack, unpacked."""
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "acme"


def content_of(path: Path) -> Content:
    with zipfile.ZipFile(path) as archive:
        return {each.filename.partition("/")[2]: archive.read(each) for each in archive.infolist()}


def proved(archive: bytes | bytearray, checkpoint: Checkpoint | None = None, key: Signer = KEY) -> Verified:
    return Pack(bag.from_zip(io.BytesIO(archive)), [key.verifier]).verify(checkpoint)


def broken(archive: bytes | bytearray, checkpoint: Checkpoint | None = None) -> str:
    """Return the sentence that names the first thing that is not what it must be; empty when there is none."""
    try:
        proved(archive, checkpoint)
    except EvidenceError as error:
        return error.message
    return ""


def about_of(content: Content) -> pack.About:
    return pack.About.from_json(loads(dsse.unwrap(content["pack.json"], [KEY.verifier]).payload)["predicate"])


def signed(content: Mapping[str, bytes], about: pack.About, key: Signer = KEY) -> bytes:
    """Make a pack with this payload as somebody would who has the key."""
    out = io.BytesIO()
    payload = {name: partial(bytes, data) for name, data in content.items() if name.startswith("data/")}
    pack.write(out, "acme", payload, about, key)
    return out.getvalue()


# what other programs make of a pack


def test_the_commands_in_its_readme_verify_it_and_see_every_file(folder: Path) -> None:
    need_program("openssl", "sha256sum")
    readme = (folder / "README.txt").read_text()
    lines = re.findall(r"^    (.*)$", readme, re.M)
    script = "\n".join(["set -e", *lines[: lines.index("done") + 1]])

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, check=False)

    done = run()
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[-4:] == ["Signature Verified Successfully", *(f"{name}: OK" for name in sorted(pack.SIGNED))]
    assert all(line.endswith(": OK") for line in said[:-4])
    keyid = lines[lines.index("openssl pkey -pubin -in signing-key.pub -outform DER | sha256sum")]
    told = subprocess.run(["sh", "-c", keyid], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert told.split()[0] == KEY.verifier.keyid
    assert KEY.verifier.keyid in readme
    for path in sorted(each for each in folder.rglob("*") if each.is_file() and each.name != bag.TAG_MANIFEST):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        done = run()
        assert done.returncode != 0 or done.stdout.splitlines() != said, path
        path.write_bytes(content)


def test_bagit_validates_it(folder: Path) -> None:
    found = bagit.Bag(str(folder))
    assert found.validate()
    files = [each for each in (folder / "data").rglob("*") if each.is_file()]
    assert found.info["Payload-Oxum"] == f"{sum(each.stat().st_size for each in files)}.{len(files)}"
    (folder / "data" / "population.csv").write_bytes(b"")
    with pytest.raises(bagit.BagValidationError):
        found.validate()


def test_securesystemslib_reads_its_statement(made: Made) -> None:
    envelope = Envelope.from_dict(json.loads(made.content["pack.json"]))
    key = SSlibKey(KEY.verifier.keyid, "ed25519", "ed25519", {"public": KEY.verifier.raw.hex()})
    assert envelope.verify([key], 1) == {KEY.verifier.keyid: key}
    said = json.loads(envelope.payload)
    assert said["predicateType"] == "urn:hardencheck:pack:1"
    found = {each["name"]: each["digest"]["sha256"] for each in said["subject"]}
    assert found == {name: digest(made.content[name]) for name in pack.SIGNED}
    other = SSlibKey(KEY.verifier.keyid, "ed25519", "ed25519", {"public": STRANGER.verifier.raw.hex()})
    with pytest.raises(VerificationError):
        envelope.verify([other], 1)


# what is proved


def test_what_is_proved_is_told(made: Made) -> None:
    found = proved(made.path.read_bytes())
    assert (found.sweeps, found.hosts, found.captures, found.withheld) == (2, 6, 20, 0)
    assert (found.edited, found.signers) == ([], {KEY.verifier.keyid})
    assert found.narrowed == [each.id for each in made.sweeps], "the tailoring and the roster spoke of others"
    assert found.head == made.checkpoints[-1]


def test_it_holds_what_its_reports_link_to(made: Made) -> None:
    for name in ("data/cover.html", "data/report.html"):
        for href in re.findall(r'href="([^"#:]+)"', made.content[name].decode()):
            assert f"data/{href}" in made.content or href.startswith("../"), href


def test_every_earlier_checkpoint_holds(made: Made) -> None:
    for checkpoint in made.checkpoints:
        assert broken(made.path.read_bytes(), checkpoint) == ""


def test_an_unpacked_one_is_verified_as_well(folder: Path, made: Made) -> None:
    with opened(folder, [KEY.verifier]) as found:
        assert found.verify() == proved(made.path.read_bytes())


def test_judging_again_needs_no_store_and_gives_what_was_sealed(made: Made) -> None:
    with opened(made.path, None) as found:
        found.verify()
        for sealed in made.sweeps:
            before = found.sweep(sealed.id)
            own = tuple(host for host in sealed.hosts if host.labels["client"] == "acme")
            assert before == replace(sealed, hosts=own, settings={})
            after = rejudge(before, from_bytes(found.baseline(before)), found)
            assert after == before
            assert differences(before, after) == []
        assert found.sweep("last").id == made.sweeps[-1].id
        assert found.sweep("20261122").id == made.sweeps[0].id
        for name in ("2026", "x", ""):
            with pytest.raises(UsageError, match="in the pack begins with"):
                found.sweep(name)


def test_only_a_trusted_key_counts(made: Made) -> None:
    with pytest.raises(EvidenceError, match="signed by key a050837d85070582"), opened(made.path, [STRANGER.verifier]):
        pass
    anew = {**made.content, pack.CHECKPOINT: checkpoint_signed(made.checkpoints[-1], STRANGER).encode()}
    forged = signed(anew, about_of(made.content), STRANGER)
    assert "expected one of the trusted ones" in broken(forged)
    with pytest.raises(EvidenceError, match="link 0 of the chain"):  # the sweeps were not signed by the forger
        proved(forged, key=STRANGER)


# what is seen


def test_every_flipped_bit_of_a_zip_is_seen(tmp_path: Path) -> None:
    with open_store(tmp_path / "s" / "h.db") as store:
        sweep(store, (ACME[1], TILLS[0]))
        archive = bytearray(packed(store, tmp_path / "acme.zip").read_bytes())
    assert proved(archive).hosts == 1
    assert len(archive) < 64 * 1024
    for place in range(len(archive)):
        for bit in range(8):
            archive[place] ^= 1 << bit
            try:
                # the rest is looked at where nothing was found so far, which is true for the signature in the comment
                Pack(bag.from_zip(io.BytesIO(archive)), [KEY.verifier])
            except EvidenceError:
                pass
            else:
                pytest.fail(f"bit {bit} of byte {place}")
            archive[place] ^= 1 << bit


def test_flipped_bits_are_seen_even_when_the_digest_of_the_zip_is_made_anew(made: Made) -> None:
    chosen, archive = random.Random(5), made.path.read_bytes()
    end = archive.rindex(b"PK\5\6")
    comment = archive[end:]
    for _ in range(1500):
        changed = bytearray(archive[:end])
        changed[chosen.randrange(end)] ^= 1 << chosen.randrange(8)
        anew = comment.replace(digest(archive[:end]).encode(), digest(bytes(changed)).encode())
        assert broken(bytes(changed) + anew)


def test_flipped_bits_of_an_unpacked_one_are_seen(folder: Path) -> None:
    chosen = random.Random(6)
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        for _ in range(20):
            changed, place = bytearray(content), chosen.randrange(len(content))
            changed[place] ^= 1 << chosen.randrange(8)
            path.write_bytes(changed)
            with pytest.raises(EvidenceError), opened(folder, [KEY.verifier]) as found:
                found.verify()
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["pack.json", "pack.pae", "pack.sig", "signing-key.pub", "README.txt", "bag-info.txt"])
def test_a_signed_file_of_another_pack_does_not_fit(made: Made, name: str, tmp_path: Path) -> None:
    """Each file is that of a later pack of the same store with the same key, and the manifests are made anew."""
    with open_store(tmp_path / "s" / "h.db") as store:
        both(store, 1)
        other = content_of(packed(store, tmp_path / "acme.zip"))
    if name in ("signing-key.pub", "README.txt"):
        other[name] = STRANGER.verifier.pem if name == "signing-key.pub" else other[name] + b"\n"
    assert other[name] != made.content[name]
    said = broken(remanifested({**made.content, name: other[name]}))
    assert said
    assert re.search(r"pack\.(json|pae|sig)|signing-key|README|bag-info|manifest", said)


def remanifested(content: Content) -> bytes:
    """The zip with this content, with all that can be made without the key made anew."""
    payload = {name: partial(bytes, data) for name, data in content.items() if name.startswith("data/")}
    tags = {name: data for name, data in content.items() if not name.startswith(("data/", bag.TAG_MANIFEST))}
    tags[bag.MANIFEST] = bag.listing(payload).manifest
    out = io.BytesIO()
    bag.write(out, "acme", payload, tags, lambda found: KEY.sign(dsse.pae(pack.ARCHIVE, found.encode())))
    return out.getvalue()


Change = Callable[[Content], None]


def _sweep(content: Content, number: int = 0) -> str:
    return sorted({name.split("/")[2] for name in content if name.startswith(pack.SWEEPS)})[number]


def _in(name: str, number: int = 0) -> Callable[[Content], str]:
    return lambda content: f"{pack.SWEEPS}{_sweep(content, number)}/{name}"


def _lines(name: Callable[[Content], str], change: Callable[[list[bytes]], list[bytes]]) -> Change:
    def changed(content: Content) -> None:
        content[name(content)] = b"".join(change(content[name(content)].splitlines(keepends=True)))

    return changed


def _said(change: Callable[[dict[str, Any]], object], number: int = 0) -> Change:
    """Change what sweep.json says."""

    def changed(content: Content) -> None:
        body = loads(content[_in(pack.DESCRIBED, number)(content)])
        change(body)
        content[_in(pack.DESCRIBED, number)(content)] = canonical(body)

    return changed


def _evidence(content: Content, holds: bytes) -> str:
    """The name of the first piece of evidence in which these bytes stand."""
    return next(name for name in sorted(content) if name.startswith(pack.EVIDENCE) and holds in content[name])


def _drop(name: Callable[[Content], str]) -> Change:
    def changed(content: Content) -> None:
        del content[name(content)]

    return changed


def _copy(one: Callable[[Content], str], other: Callable[[Content], str]) -> Change:
    def changed(content: Content) -> None:
        content[other(content)] = content[one(content)]

    return changed


def _swap(one: Callable[[Content], str], other: Callable[[Content], str]) -> Change:
    def changed(content: Content) -> None:
        names = one(content), other(content)
        content[names[0]], content[names[1]] = content[names[1]], content[names[0]]

    return changed


def _host(position: int, number: int = 0) -> Callable[[Content], str]:
    return _in(pack.host_file(position), number)


def _better(content: Content) -> None:
    """Results without a failure, in the place of those that were sealed."""
    name = _host(0)(content)
    body = loads(content[name])
    was = content.pop(pack.EVIDENCE + body["results"])
    now = was.replace(b'"outcome":"fail"', b'"outcome":"pass"')
    content[pack.EVIDENCE + digest(now)] = now
    for number in range(2):
        name = _host(0, number)(content)
        content[name] = content[name].replace(digest(was).encode(), digest(now).encode())


def _in_place(holds: bytes, now: bytes) -> Change:
    def changed(content: Content) -> None:
        name = _evidence(content, holds)
        content[name] = content[name].replace(holds, now)

    return changed


def _log(content: Content) -> str:
    return pack.LOG


def _all(*changes: Change) -> Change:
    def changed(content: Content) -> None:
        for change in changes:
            change(content)

    return changed


_PASSWD = b'"probe_id":"linux.accounts"'
_GROUPS = b'"probe_id":"linux.roster_groups"'
RECORDS: dict[str, tuple[Change, str]] = {
    "a host is gone": (_drop(_host(0)), "host number 1 of 5: it is listed, and not here"),
    "a host is there that is not listed": (
        _all(_said(lambda body: body["hosts"].remove(0))), "host number 1 of 5: it is here, and not listed"
    ),
    "a host is there twice": (_copy(_host(0), _host(1)), "host desk-1: what is stored of it has the leaf hash"),
    "a host is there twice, and listed so": (
        _all(_copy(_host(0), _host(1)), _said(lambda body: body["hosts"].append(1))), "has the leaf hash"
    ),
    "two hosts are swapped": (_swap(_host(0), _host(2)), "host desk-2: what is stored of it has the leaf hash"),
    "a host at a place that there is not": (
        _all(_copy(_host(0), _host(7)), _said(lambda body: body["hosts"].append(7))), "expected 5 hosts as sealed"
    ),
    "a host is changed": (
        _lines(_host(3), lambda x: [x[0].replace(b"no route", b"no way")]), "leaf hash"
    ),
    "a host of another sweep": (_copy(_host(0, 1), _host(0)), "has the leaf hash"),
    "a host is said to be edited": (_said(lambda body: body["edited"].append(0)), "said to be edited, and is as"),
    "an edited host that nobody lists": (_said(lambda body: body["edited"].append(9)), "hosts that it does not list"),
    "results are better": (_better, "host desk-1: what is stored of it has the leaf hash"),
    "results are better under the old digest": (
        _in_place(b'"outcome":"fail"', b'"outcome":"pass"'), "its content has the digest"
    ),
    "results are gone": (_drop(lambda c: _evidence(c, b'"outcome":"fail"')), "the pack does not hold it"),
    "a capture is gone": (_drop(lambda c: _evidence(c, _PASSWD)), "section linux.accounts: evidence"),
    "a capture is changed": (_in_place(b"timo.falk:x", b"timo.falc:x"), "its content has the digest"),
    "two captures are swapped": (
        _swap(lambda c: _evidence(c, _PASSWD), lambda c: _evidence(c, _GROUPS)), "has the digest"
    ),
    "a capture is said to be withheld and is here": (
        _said(lambda body: body["withheld"].append({"host": 0, "probe": "linux.accounts", "reason": "names others"})),
        "section linux.accounts of desk-1: it is said to be withheld, and is here",
    ),
    "what never was is withheld": (
        _said(lambda body: body["withheld"].append({"host": 0, "probe": "linux.none", "reason": "names others"})),
        "section linux.none of host number 1: it is listed, and not here",
    ),
    "content that belongs to nothing": (
        lambda c: c.update({pack.EVIDENCE + digest(b"x"): b"x"}), "nothing in the pack refers to it"
    ),
    "a baseline of other content": (_in_place(b'"minItems"', b'"maxItems"'), "baseline"),
    "the roster is gone": (_said(lambda body: body.update(roster=None)), "the roster is missing"),
    "the sweep began later": (
        _said(lambda body: body["sealed"]["sweep"].update(started="2026-11-23T01:30:00Z")), "expected"
    ),
    "the sweep had another collector": (
        _said(lambda body: body["sealed"].update(collector_digest="d" * 64)), "its collector_digest is d"
    ),
    "sweep.json says less": (_said(lambda body: body["sealed"].pop("roster_digest")), "sweep.json: it cannot be read"),
    "sweep.json has another spelling": (_lines(_in(pack.DESCRIBED), lambda x: [x[0] + b" "]), "sweep.json"),
    "an envelope is gone": (_drop(_in(pack.SEALED)), "envelope.json: it is missing"),
    "an envelope is that of another sweep": (_copy(_in(pack.SEALED, 1), _in(pack.SEALED)), "log.txt"),
    "two sweeps are swapped": (_swap(_in(pack.SEALED, 1), _in(pack.SEALED)), "log.txt: it has the sweeps"),
    "an envelope is changed": (_lines(_in(pack.SEALED), lambda x: [x[0] + b" "]), "log.txt"),
    "a leaf hash is gone": (_lines(_in(pack.LEAVES), lambda x: x[1:]), "the tree over its hosts has the head"),
    "a leaf hash is there twice": (_lines(_in(pack.LEAVES), lambda x: [*x, x[-1]]), "the tree over its hosts"),
    "leaf hashes are swapped": (_lines(_in(pack.LEAVES), lambda x: [x[1], x[0], *x[2:]]), "the tree over its hosts"),
    "a leaf hash in capitals": (_lines(_in(pack.LEAVES), lambda x: [x[0].upper(), *x[1:]]), "64 hexadecimal digits"),
    "the first line of the log is gone": (_lines(_log, lambda x: x[1:]), "log.txt: it has the sweeps"),
    "a hidden line of the log is gone": (_lines(_log, lambda x: [x[0], *x[2:]]), "it continues the log"),
    "a hidden line of the log is another one": (
        _lines(_log, lambda x: [x[0], b"%064x\n" % 7, *x[2:]]), "it continues the log"
    ),
    "a line of the log is there twice": (_lines(_log, lambda x: [x[0], *x]), "log.txt: it has the sweeps"),
    "lines of the log are swapped": (_lines(_log, lambda x: [x[1], x[0], *x[2:]]), "chain"),
    "the log goes on": (_lines(_log, lambda x: [*x, b"%064x\n" % 7]), "log.checkpoint: it is not about the log"),
    "the checkpoint is another one": (
        _lines(lambda _: pack.CHECKPOINT, lambda x: [*x[:2], b"A" * 43 + b"=\n", *x[3:]]), "none of the trusted keys"
    ),
    "a file of no use": (lambda c: c.update({"data/more.txt": b""}), "no such file belongs to the pack"),
    "a sweep that is not signed for": (
        lambda c: c.update({f"{pack.SWEEPS}20261123T013000Z-000001/{pack.LEAVES}": b""}), "no such file belongs"
    ),
    "a host under another spelling": (
        lambda c: c.update({_in("hosts/0000012.json")(c): b""}), "no such file belongs to the pack"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_changed_is_seen_even_when_the_manifests_are_made_anew(made: Made, name: str) -> None:
    change, _ = RECORDS[name]
    content = dict(made.content)
    change(content)
    assert "as signed" in broken(remanifested(content))


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_changed_is_seen_even_when_all_is_signed_anew(made: Made, name: str) -> None:
    change, said = RECORDS[name]
    content = dict(made.content)
    change(content)
    found = broken(signed(content, about_of(made.content)))
    assert found
    assert said in found


def test_what_is_signed_of_a_pack_must_fit_it(made: Made) -> None:
    about = about_of(made.content)
    for other, said in (
        (replace(about, client="globex"), "it is no host of client globex"),
        (replace(about, sweeps=about.sweeps[::-1]), "log.txt: it has the sweeps"),
        (replace(about, sweeps=about.sweeps[:1]), "no such file belongs to the pack"),
        (replace(about, sweeps=(*about.sweeps, "20261130T013000Z-000009")), "sweep.json: it is missing"),
        (replace(about, sweeps=(*about.sweeps, "../../etc")), "it is missing"),
        (replace(about, log_root="0" * 64), "pack.json: it is not about the log"),
        (replace(about, log_root="x"), "pack.json: it is not about the log"),
        (replace(about, client=None), "it does not describe a pack"),  # type: ignore[arg-type]
        (replace(about, pseudonyms=True), "the roster is missing, or one that"),
    ):
        found = broken(signed(made.content, other))
        assert found
        assert said in found


def test_a_pack_made_anew_from_a_rewritten_store_is_convicted_by_an_earlier_checkpoint(
    made: Made, tmp_path: Path
) -> None:
    """Somebody with the key makes the whole history anew, without the leaver on desk-1, and packs it."""
    with open_store(tmp_path / "s" / "h.db") as store:
        clean = replace(ACME[0], people=("ines.mora",))
        sweep(store, (clean, TILLS[0], *ACME[1:], TILLS[1]), 0)
        sweep(store, TILLS, 1)
        sweep(store, (clean, *ACME[1:], *TILLS), 2)
        archive = packed(store, tmp_path / "acme.zip").read_bytes()
    assert broken(archive) == "", "nothing in the pack itself tells"
    for checkpoint in made.checkpoints:
        assert "belongs to another store, or everything was rewritten" in broken(archive, checkpoint)


def test_history_that_was_rewritten_in_the_middle_or_cut_is_convicted(tmp_path: Path) -> None:
    with open_store(tmp_path / "true" / "h.db") as store:
        sweep(store, (*ACME, *TILLS), 0)
        shutil.copytree(tmp_path / "true", tmp_path / "other")
        sweep(store, TILLS, 1)
        sweep(store, (*ACME, *TILLS), 2)
        checkpoints = [checkpoint_of(store.envelopes()[:size]) for size in range(1, 4)]
    with open_store(tmp_path / "other" / "h.db") as store:
        sweep(store, TILLS[:1], 1)
        cut = packed(store, tmp_path / "cut.zip").read_bytes()
        sweep(store, (*ACME, *TILLS), 2)
        archive = packed(store, tmp_path / "acme.zip").read_bytes()
    assert broken(archive, checkpoints[0]) == ""
    for checkpoint in checkpoints[1:]:
        assert "history was rewritten" in broken(archive, checkpoint)
    assert "the last ones are gone" in broken(cut, checkpoints[2])


def test_a_log_that_begins_with_somebody_elses_sweep_is_proved_too(made: Made, tmp_path: Path) -> None:
    with open_store(tmp_path / "s" / "h.db") as store:
        for number, desks in enumerate((TILLS, TILLS, ACME, TILLS, ACME, (*TILLS, *ACME), TILLS)):
            sweep(store, desks, number)
        archive = packed(store, tmp_path / "acme.zip").read_bytes()
        checkpoints = [checkpoint_of(store.envelopes()[:size]) for size in range(1, 8)]
    assert {broken(archive, each) for each in checkpoints} == {""}
    assert (proved(archive).sweeps, proved(archive).hosts) == (3, 9)
    assert "belongs to another store" in broken(archive, made.checkpoints[0])


def test_what_it_does_not_prove_that_no_host_was_left_out(made: Made) -> None:
    """Hosts of others are hashes alone; who has the key can make one of the client's look like them."""
    content = dict(made.content)
    _all(_drop(_host(3)), _said(lambda body: body["hosts"].remove(3)))(content)
    assert broken(signed(content, about_of(made.content))) == ""


# hostile files


def test_a_folder_with_more_in_it_is_refused(folder: Path) -> None:
    (folder / "data" / "notes.txt").write_bytes(b"")
    with pytest.raises(EvidenceError, match=r"notes\.txt: no manifest lists it"), opened(folder, [KEY.verifier]):
        pass


def test_errors_name_the_pack(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    shutil.copy(made.path, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(EvidenceError, match=f"pack {path}: the file does not end as a pack does"), opened(path, None):
        pass
