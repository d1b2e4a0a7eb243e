"""Another client's name is found however it is spelled, taken out wherever it stands, and nothing else is."""

from __future__ import annotations

import json
import unicodedata
import urllib.parse
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.evidence.mentions import Words
from hardencheck.model.codec import canonical, host_result_to_json
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult

WORDS = Words(
    frozenset({"Globex", "Claims UK", "Südwest", "AT&T", "Crédit 日本", "Barnes & Noble", "O'Hara", "Łódź"}),
    frozenset({"web-1.globex.net", "10.0.0.5", "db7"}),
)


def host(name: str, *, groups: tuple[str, ...] = (), **labels: str) -> HostResult:
    return HostResult(name, HostState.REACHED, labels=labels, groups=groups)


@pytest.mark.parametrize(
    "text",
    ["Globex", "x GLOBEX.", "svc_globex", "globex-lab", "mail@globex.example", "/srv/globex/x", "CORP\\globex$",
     "claims-uk", "claims_uk:x:1001", "CLAIMSUK", "Claims  UK", "at&t", "AT\\u0026T", "süDWEST", "SÜDWEST",
     "crédit-日本", "Barnes \\u0026 Noble", "barnes-noble", "o\\u0027hara", "web-1.globex.net", "WEB-1.GLOBEX.NET:22",
     "web\\x2d1.globex.net", "10.0.0.5/24", "db7", "ŁÓDŹ", "a%20globex%20b", "a\\040globex\\040b"],
)  # fmt: skip
def test_a_name_is_found_as_it_may_be_written(text: str) -> None:
    assert WORDS.found_in(text.encode())
    assert WORDS.found_in(b"\xff\xfe" + text.encode() + b"\xff"), "bytes that are no UTF-8 end nothing"
    assert WORDS.found_in(json.dumps({"v": f"first\n{text}\tlast"}).encode())
    assert WORDS.found_in(json.dumps(json.dumps([f"\n{text}\n"])).encode())
    assert not WORDS.found_in(WORDS.without(text).encode())


@pytest.mark.parametrize(
    "text",
    ["globexpress", "myglobex", "claims ukraine", "look at t", "that&the", "web-10.example.net", "web-1.globe",
     "10.0.0.53", "110.0.0.5", "db70", "ddb7", "suedwest", "credit", "", "barnes", "claims", "uk"],
)  # fmt: skip
def test_what_only_looks_like_a_name_is_left_alone(text: str) -> None:
    assert not WORDS.found_in(text.encode())
    assert WORDS.without(text) == text


@pytest.mark.parametrize("name", ["Südwest", "Łódź", "Crédit 日本", "Straße", "İzmir", "naïve-𝔘nit"])
def test_letters_beyond_ascii_are_found_in_every_spelling(name: str) -> None:
    found = Words(frozenset({name})).found_in
    octal = "".join(f"\\{each:03o}" if each > 126 or each == 32 else chr(each) for each in name.encode())
    spelled = [
        name.encode(),
        name.upper().encode(),
        name.lower().encode(),
        unicodedata.normalize("NFD", name).encode(),
        json.dumps(name).encode(),
        json.dumps(name).upper().replace("\\U", "\\u").encode(),
        json.dumps(json.dumps(name)).encode(),
        urllib.parse.quote(name).encode(),
        repr(name.encode()).encode(),
        octal.encode(),
    ]
    assert [each for each in spelled if not found(each)] == []
    assert not found(f"{name}x".encode())


@pytest.mark.parametrize("name", ["Südwest", "Straße", "Crédit"])
def test_western_letters_are_found_in_latin_1_and_utf_16(name: str) -> None:
    words = Words(frozenset({name}))
    assert words.found_in(f"x {name} y".encode("latin-1"))
    assert words.found_in(f"x {name} y".encode("utf-16-le"))
    shown = f"x {name} y".encode("latin-1").decode("utf-8", "backslashreplace")
    assert words.found_in(shown.encode()), "a parser shows such bytes escaped"
    assert words.without(shown) == "x [withheld] y"


def test_words_are_those_of_others_without_this_clients() -> None:
    others = [
        host("db7.globex.net", client="Globex", process_unit="Claims", site="Manila", owner="Zoe"),
        host("shared", client="Globex", process_unit="Night Shift"),
        host("term-1", client="UK", process_unit="Acme"),
        host("kiosks", client="Withheld", process_unit="support"),
        host("bare"),
    ]
    own = [host("acme-web", client="Acme", process_unit="claims UK", groups=("kiosks", "shared_hosts", "night-shift"))]
    words = Words.of(others, own)
    assert words == Words(
        frozenset({"Globex"}), frozenset({"db7.globex.net", "term-1", "bare"}), frozenset({"support"})
    )
    assert Words.of([], own) == Words(frozenset())
    assert not Words.of([], own).found_in(b"anything")
    assert Words.of([], own).without("anything") == "anything"


def test_what_every_pack_says_is_not_looked_for_but_told() -> None:
    words = Words.of([host("web1", client="audit", process_unit="Audit Team")], [host("own", client="acme")])
    assert words.unsearched == {"audit"}
    assert not words.found_in(b"audit_rules_missing")
    assert words.found_in(b"the audit-team")


@pytest.mark.parametrize(
    "unit", ["Values", "SYSTEM", "evidence", "high", "reached", "stdout", "tailoring", "login", "Null"]
)
def test_a_unit_named_like_a_key_of_our_own_forms_is_not_looked_for(unit: str) -> None:
    words = Words.of([host("elsewhere", process_unit=unit)], [])
    assert words.unsearched == {unit}
    assert not words.found_in(canonical(host_result_to_json(results("x"))))


def results(text: str) -> HostResult:
    """Return a host's result with a text in every place that a host or a site may have written."""
    reason = Reason(
        "leavers_enabled", [text, {text: [text, 7, None]}], f"only {text}", f"/srv/{text}",
        f"leavers_enabled: found {text}, expected only {text} (read from /srv/{text})",
    )  # fmt: skip
    judged = RuleResult(
        "linux-x",
        Outcome.FAIL,
        Severity.HIGH,
        "access",
        reason.sentence,
        (reason,),
        {"approved": [text], "days": 3},
        "e" * 64,
    )
    unjudged = RuleResult("linux-y", Outcome.UNKNOWN, Severity.LOW, "access", f"not known: {text}")
    return HostResult(
        "web1", HostState.PARTIAL, "no_privilege", f"sudo: {text}", {"client": "acme", "site": text}, ("all", text),
        f"Debian {text}", 0.5, 1.5, "d" * 64, (judged, unjudged),
    )  # fmt: skip


def test_names_are_taken_out_of_every_text() -> None:
    before = results("the globex box")
    after = WORDS.redacted(before)
    assert not WORDS.found_in(canonical(host_result_to_json(after)))
    assert after == results("the [withheld] box"), "and nothing else has changed"


def test_a_result_without_a_name_stays_the_same_object() -> None:
    before = results("ours alone")
    assert WORDS.redacted(before) is before
    assert Words(frozenset()).redacted(before) is before


def test_names_of_rules_and_facts_are_never_taken_out() -> None:
    before = results("x")
    words = Words(frozenset({"linux-x", "leavers_enabled", "access", "no_privilege", "approved"}))
    after = words.redacted(before)
    assert [(each.rule_id, each.theme) for each in after.results] == [("linux-x", "access"), ("linux-y", "access")]
    assert after.results[0].reasons[0].fact == "leavers_enabled"
    assert after.reason == "no_privilege"


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
TEXTS = st.text(st.sampled_from("aB ü\u0308Ü&-_.'%\\un0026fcé日\n[]"), max_size=30) | st.text(max_size=20)


@given(st.lists(NAMES, max_size=4), TEXTS, TEXTS)
def test_nothing_is_left_of_any_name_in_any_text(names: list[str], before: str, after: str) -> None:
    words = Words.of([host(f"host {name}", client=name, process_unit=name[::-1]) for name in names], [])
    for name in (*words.names, *words.hosts):
        text = f"{before} {name} {after}_{name.upper()}-{name.lower()}"
        for written in (text, json.dumps(text), unicodedata.normalize("NFD", text), f"-{name}-{name}-{name}-"):
            assert words.found_in(written.encode())
            assert not words.found_in(words.without(written).encode())


@given(st.lists(NAMES, max_size=3), st.recursive(TEXTS | st.integers() | st.none(), st.lists, max_leaves=5))
def test_no_host_result_keeps_a_name(names: list[str], observed: Any) -> None:
    names = [f"q{name}" for name in names]  # no rule, and no key of ours, is called so
    words = Words.of([host("other", client=name, process_unit=f"{name} {name}") for name in names], [])
    base = results(" ".join(names))
    reasons = (replace(base.results[0].reasons[0], observed=observed),)
    before = replace(base, results=(replace(base.results[0], reasons=reasons), *base.results[1:]))
    after = words.redacted(before)
    assert not words.found_in(canonical(host_result_to_json(after)))
    assert (after is before) == (after == before)
