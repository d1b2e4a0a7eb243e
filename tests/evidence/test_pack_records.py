"""Records of a pack that are dropped, swapped, doubled or changed: seen, whoever signs or lists them anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hardencheck.evidence import pack
from hardencheck.model.capture import digest
from hardencheck.model.codec import canonical, loads
from tests.evidence.packs import Content, Made, about_of, broken, remanifested, signed

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


def test_what_it_does_not_prove_that_no_host_was_left_out(made: Made) -> None:
    """Hosts of others are hashes alone; who has the key can make one of the client's look like them."""
    content = dict(made.content)
    _all(_drop(_host(3)), _said(lambda body: body["hosts"].remove(3)))(content)
    assert broken(signed(content, about_of(made.content))) == ""
