"""Nobody's name is left where a pseudonym belongs, and what the rules say stays readable."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardencheck.errors import CredentialError
from hardencheck.evidence.pseudonyms import Pseudonyms, people_on, read_key
from hardencheck.model import wording
from hardencheck.model.codec import canonical, host_result_to_json
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.roster import Person, Roster, Standing
from hardencheck.model.sweep import HostResult

KEY = bytes(range(32))
PEOPLE = ["ana.cruz", "ana", "backup", "may", "CORP\\Ben.Reyes", "Dina Lim <dina.lim@bpo.example>", "1042", "E-77",
          "José", "root", "audit", "Jo", "Night Desk"]  # fmt: skip
HOSTS = ["web-1.acme.example", "db", "10.0.0.5", "Kiosk7"]
NAMES = Pseudonyms(KEY, HOSTS, PEOPLE)


def test_a_key_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "pseudonyms.key"
    made = read_key(path, make=True)
    assert (len(made), path.stat().st_mode & 0o777) == (32, 0o600)
    assert read_key(path, make=True) == made
    assert read_key(path, make=False) == made
    assert read_key(tmp_path / "other.key", make=True) != made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_a_key_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    path.chmod(mode)
    with pytest.raises(CredentialError, match=rf"others than its owner may use it \(mode {mode:04o}\)"):
        read_key(path, make=True)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "key"
    path.write_bytes(bytes(length))
    path.chmod(0o600)
    with pytest.raises(CredentialError, match=f"it has {length} bytes, expected 32"):
        read_key(path, make=True)


def test_a_key_that_is_not_there_is_not_made_unasked(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="cannot be read"):
        read_key(tmp_path / "key", make=False)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialError, match="it cannot be written"):
        read_key(tmp_path / "missing" / "key", make=True)


def test_a_pseudonym_is_the_beginning_of_a_keyed_hash() -> None:
    mac = hmac.new(KEY, b"person\0ana.cruz", hashlib.sha256).hexdigest()
    assert NAMES.person("Ana.CRUZ") == f"person-{mac[:12]}"
    mac = hmac.new(KEY, b"host\0web-1.acme.example", hashlib.sha256).hexdigest()
    assert NAMES.host("WEB-1.acme.example") == f"host-{mac[:12]}"
    assert Pseudonyms(KEY, [], []).person("ana.cruz") == NAMES.person("ana.cruz")
    assert Pseudonyms(bytes(32), HOSTS, PEOPLE).person("ana.cruz") != NAMES.person("ana.cruz")
    assert NAMES.person("x") != NAMES.host("x").replace("host", "person")


@pytest.mark.parametrize(
    "name", ["ana.cruz", "CORP\\Ana.Cruz", "ana.cruz@bpo.example", " ANA.CRUZ ", "Ana Cruz <ana.cruz@bpo.example>"]
)
def test_a_person_has_one_pseudonym(name: str) -> None:
    assert NAMES.person(name) == NAMES.person("ana.cruz")


ANA, CRUZ, BEN = NAMES.person("ana"), NAMES.person("ana.cruz"), NAMES.person("ben.reyes")
DINA, WEB = NAMES.person("dina.lim"), NAMES.host("web-1.acme.example")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ana.cruz (login shell)", f"{CRUZ} (login shell)"),
        ("CORP\\Ana.Cruz (S-1-5-21-1-2-3-1104)", f"CORP\\{CRUZ} (S-1-5-21-1-2-3-1104)"),
        ("ask ana.cruz@bpo.example", f"ask {CRUZ}@bpo.example"),
        ("/home/ana/.ssh/authorized_keys", f"/home/{ANA}/.ssh/authorized_keys"),
        ("C:\\Users\\ben.reyes\\NTUSER.DAT", f"C:\\Users\\{BEN}\\NTUSER.DAT"),
        ("C:\\Users\\Dina Lim\\x", f"C:\\Users\\{DINA}\\x"),
        ("staff:1001:ana,ben.reyes", f"staff:1001:{ANA},{BEN}"),
        ("ana: sshd asks a command for keys", f"{ANA}: sshd asks a command for keys"),
        ("it is Dina Lim's, or dina.lim's.", f"it is {DINA}'s, or {DINA}'s."),
        ("svc_ana and ANA-old", f"svc_{ANA} and {ANA}-old"),
        ("banana, anaconda", "banana, anaconda"),
        ("JOSÉ", NAMES.person("josé")),
        ("e-77 left", f"{NAMES.person('e-77')} left"),
        ("root, www-data, NT AUTHORITY\\SYSTEM", "root, www-data, NT AUTHORITY\\SYSTEM"),
        ("web-1.acme.example, WEB-1 and web-10", f"{WEB}, {WEB} and web-10"),
        ("10.0.0.5:22, 10.0.0.53", f"{NAMES.host('10.0.0.5')}:22, 10.0.0.53"),
        ("kiosk7$", f"{NAMES.host('kiosk7')}$"),
    ],
)  # fmt: skip
def test_names_are_replaced_in_texts(text: str, expected: str) -> None:
    assert NAMES.edit(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("audit_rules_missing: found 3", "audit_rules_missing: found 3"),
        ("the backup may be older", "the backup may be older"),
        ("found 1042", "found 1042"),
        ("backup", NAMES.person("backup")),
        ("backup (never expires)", f"{NAMES.person('backup')} (never expires)"),
        ("may: it never logged on", f"{NAMES.person('may')}: it never logged on"),
        ("CORP\\audit", f"CORP\\{NAMES.person('audit')}"),
        ("audit@bpo.example", f"{NAMES.person('audit')}@bpo.example"),
        ("/home/backup/x", f"/home/{NAMES.person('backup')}/x"),
        ("1042 (login shell)", f"{NAMES.person('1042')} (login shell)"),
        ("jo", NAMES.person("jo")),
        ("is Jo in?", "is Jo in?"),
    ],
)  # fmt: skip
def test_ordinary_words_are_replaced_only_where_they_are_logins(text: str, expected: str) -> None:
    assert NAMES.edit(text) == expected


@pytest.mark.parametrize(
    ("text", "replaced"),
    [("/home/zoe/x", "/home/{}/x"), ("C:\\Users\\zoe", "C:\\Users\\{}"), ("/Users/ZOE,", "/Users/{},")],
)
def test_whose_folder_it_is_is_somebody_even_if_unknown(text: str, replaced: str) -> None:
    names = Pseudonyms(KEY, [], [])
    assert names.edit(text) == replaced.format(names.person("zoe"))
    assert set(map(str.lower, names.names.values())) == {"zoe"}


@pytest.mark.parametrize(
    "text",
    ["/home/*/.ssh", "/home/%u", "/home/_x", "C:\\Users\\Public\\x", "C:\\Users\\Default User\\x",
     "C:\\Users\\All Users\\x", "C:\\Users\\Administrator\\x", "/home/recordings/new", "/home", "/home/"],
)  # fmt: skip
def test_a_folder_of_the_system_or_for_a_purpose_keeps_its_name(text: str) -> None:
    assert Pseudonyms(KEY, [], []).edit(text) == text


def failing(people: list[str], *, rule: str = "linux-audit-backup", fact: str = "backup_may_audit") -> RuleResult:
    shown = wording.shown(people)
    sentence = f"{fact}: found {shown}, expected only root (read from /home/{people[0]}/x)"
    reason = Reason(fact, people, "only root", f"/home/{people[0]}/x", sentence)
    values = {"backup": [people[0]], "audit": 3}
    return RuleResult(rule, Outcome.FAIL, Severity.HIGH, "audit", sentence, (reason,), values, "a" * 64)


def test_a_host_result_names_nobody_and_keeps_what_the_rules_say() -> None:
    before = HostResult(
        "web-1.acme.example", HostState.PARTIAL, "audit", "sudo: ana.cruz is not in the sudoers file",
        {"client": "ana", "owner": "Dina Lim <dina.lim@bpo.example>", "site": "Manila"}, ("all", "web-1"), "Debian",
        0.5, 1.5, "b" * 64, (failing(["backup (never expires)", "ana.cruz"]),),
    )  # fmt: skip
    after = NAMES.edited(before)
    (result,) = after.results
    assert after.host == WEB
    assert (after.reason, after.message) == ("audit", f"sudo: {CRUZ} is not in the sudoers file")
    assert after.labels == {"client": "ana", "owner": DINA, "site": "Manila"}
    assert after.groups == ("all", WEB)
    assert (result.rule_id, result.theme, result.reasons[0].fact) == ("linux-audit-backup", "audit", "backup_may_audit")
    backup = NAMES.person("backup")
    assert result.reasons[0].observed == [f"{backup} (never expires)", CRUZ]
    assert result.message == result.reasons[0].sentence
    assert result.message.startswith(f"backup_may_audit: found {backup} (never expires), {CRUZ}, expected only root")
    assert set(result.values) == {"backup", "audit"}


def test_a_name_that_a_sentence_cuts_off_is_no_longer_there() -> None:
    long = "x" * (wording.MAX_TEXT - 3) + " ana.cruz"
    assert "ana" not in canonical(host_result_to_json(NAMES.edited(holding(failing([long]))))).decode()


def holding(*results: RuleResult) -> HostResult:
    return HostResult("web-1.acme.example", HostState.REACHED, results=results)


LOGINS = st.from_regex(r"[a-z][a-z0-9]{2,7}(\.[a-z]{2,6})?", fullmatch=True)
TEXTS = st.text(st.sampled_from("ab .\\/@:,(é0-_"), max_size=20)


@given(st.lists(LOGINS, min_size=1, max_size=5, unique=True), st.lists(TEXTS, min_size=2, max_size=2))
def test_no_login_is_left_that_is_no_ordinary_word(logins: list[str], around: list[str]) -> None:
    strange = [f"{login}q7" for login in logins]
    names = Pseudonyms(KEY, [], [*logins, *strange])
    text = " ".join(f"{around[0]} CORP\\{name.upper()} {name}@x.y {name}: ({name}) {around[1]}" for name in strange)
    edited = names.edit(text)
    assert not [name for name in strange if name in edited.lower().replace(names.person(name), "")]
    for name in strange:
        assert edited.count(names.person(name)) >= 4


def test_the_roster_names_logins_and_employees() -> None:
    roster = Roster((Person("E1", "ana", Standing.ACTIVE), Person("E1", "ext-ana", Standing.ACTIVE)))
    assert people_on(roster) == {"E1", "ana", "ext-ana"}


def test_the_names_behind_pseudonyms_can_be_told() -> None:
    names = Pseudonyms(KEY, ["web1"], ["ana", "CORP\\ben"])
    assert names.names == {names.host("web1"): "web1", names.person("ana"): "ana", names.person("ben"): "ben"}


def test_many_people_and_hosts_cost_little() -> None:
    names = Pseudonyms(KEY, [f"pc{number}.x" for number in range(5_000)], [f"agent{n}.x" for n in range(50_000)])
    assert names.edit("agent49999.x on pc4999.x") == f"{names.person('agent49999.x')} on {names.host('pc4999.x')}"
