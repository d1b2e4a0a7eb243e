"""Our reading of sshd_config: rule by rule, and against the real `sshd -T -C` on generated configurations."""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as configure
from hypothesis import strategies as st

from hardencheck.errors import CaptureUnreadable
from hardencheck.probes.linux.sshd_config import Setting, settings, words
from hardencheck.probes.linux.sshd_contexts import DEFAULTS, outcomes
from hardencheck.probes.linux.sshd_match import Criteria, always, matches, never, together
from tests.tools import need_program

KEYWORDS = ("passwordauthentication", "kbdinteractiveauthentication", "authenticationmethods", "permitrootlogin")
CONNECTIONS = [
    {"user": user, "address": address, "localport": port}
    for user in ("root", "alice", "backup")
    for address, port in (("10.1.2.3", "22"), ("192.168.7.7", "2222"), ("2001:db8::7", "22"))
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", ["yes"]),
        ("a b\tc", ["a", "b", "c"]),
        ('"a b" c', ["a b", "c"]),
        ("'a b'c", ["a bc"]),
        ("yes # no", ["yes"]),
        ("yes#no", ["yes#no"]),
        (r"a\ b \"c\" \d", ["a b", '"c"', r"\d"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def read(text: str) -> list[Setting]:
    return list(settings({"main": text}, main="main"))


@pytest.mark.parametrize(
    ("line", "criteria"),
    [
        ("Match User alice", (("user", "alice"),)),
        ("match user=alice Address 10.0.0.0/8", (("user", "alice"), ("address", "10.0.0.0/8"))),
        ('Match Group "domain users"', (("group", "domain users"),)),
        ("Match all # everyone", (("all", ""),)),
        ("Match invalid-user User a", (("invalid-user", ""), ("user", "a"))),
    ],
)
def test_criteria(line: str, criteria: Criteria) -> None:
    assert read(f"{line}\n X y\n")[0].criteria == criteria


@pytest.mark.parametrize("line", ["Match", "Match User", "Match # all"])
def test_a_match_that_cannot_be_read_is_not_passed_over(line: str) -> None:
    with pytest.raises(CaptureUnreadable):
        read(f"{line}\n PermitRootLogin yes\n")


def criteria(line: str) -> Criteria:
    return read(f"Match {line}\n X y\n")[0].criteria


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ("User alice", "User bob", False),
        ("User alice,bob", "User bob", True),
        ("User *,!alice", "User alice", False),
        ("User a*", "User *b", True),
        ("Address 10.0.0.0/8", "Address 192.168.0.0/16", False),
        ("Address 10.0.0.0/8", "Address 10.1.0.0/16", True),
        ("Address 10.1.0.0/16", "Address *,!10.0.0.0/8", False),
        ("Address 10.0.0.0/8", "Address *,!10.1.0.0/16", True),
        ("Address 10.0.0.0/8", "Address 192.*", True),
        ("Address 10.0.0.0/8", "Address ::/0", False),
        ("LocalPort 22", "LocalPort 2222", False),
        ("Group a", "Group b", True),
        ("User alice Address 10.0.0.0/8", "User alice Address 10.2.0.0/16", True),
    ],
)
def test_blocks_that_may_hold_together(one: str, other: str, may: bool) -> None:
    assert together([criteria(one), criteria(other)]) is may
    assert together([criteria(other), criteria(one)]) is may


@pytest.mark.parametrize("line", ["User !alice", "Group !staff", "invalid-user", "User !a,!b Address 10.0.0.1"])
def test_blocks_that_never_hold_for_a_login(line: str) -> None:
    assert never(criteria(line))
    assert not always(criteria(line))


def test_blocks_that_always_hold() -> None:
    assert always(criteria("all"))
    assert always(criteria("User *"))
    assert always(criteria("User root,admin"), "root")
    assert not always(criteria("User *,!backup"))
    assert not always(criteria("Address 10.0.0.0/8"), "root")


def test_too_many_blocks_are_not_guessed() -> None:
    block = "Match Group g{0}\n PasswordAuthentication no\n KbdInteractiveAuthentication no\n PermitRootLogin no\n"
    with pytest.raises(CaptureUnreadable):
        list(outcomes(read("".join(block.format(number) for number in range(40))), KEYWORDS))


value = st.sampled_from(["yes", "no"])
line = st.one_of(
    st.builds("PasswordAuthentication {}".format, value),
    st.builds("KbdInteractiveAuthentication={}".format, value),
    st.builds("ChallengeResponseAuthentication {}".format, value),
    st.builds("PermitRootLogin {} # why".format, st.sampled_from(["yes", "no", "prohibit-password"])),
    st.builds('  authenticationmethods "{}"'.format, st.sampled_from(["publickey", "publickey,password", "any"])),
)
user = st.sampled_from(["root", "alice", "*", "*,!root", "!alice", "al?ce,backup"])
address = st.sampled_from(["10.0.0.0/8", "192.168.*", "*", "*,!10.1.2.3", "2001:db8::/32", "!10.0.0.0/8"])
match = st.one_of(
    st.just("Match all"),
    st.builds("Match User {}".format, user),
    st.builds("match address {} user={}".format, address, user),
    st.builds("Match LocalPort {}".format, st.sampled_from(["22", "2222"])),
)
part = st.lists(line, max_size=3).map("\n".join)
block = st.builds("{}\n{}".format, match, part)
include = st.sampled_from(["Include {0}/a.conf", "Include {0}/*.conf", "Include {0}/missing.conf"])
body = st.builds(
    "\n".join,
    st.tuples(st.one_of(include, st.just("")), part, st.lists(st.one_of(block, include), max_size=4).map("\n".join)),
)
inner = st.builds("{}\n{}\n".format, part, st.lists(block, max_size=2).map("\n".join))


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The server's program and a directory with a host key."""
    need_program("sshd", "ssh-keygen")
    program = shutil.which("sshd", path="/usr/sbin:/sbin:/usr/bin")
    assert program
    directory = tmp_path_factory.mktemp("sshd")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / "key")], check=True)
    (directory / "empty").write_text("")
    if ask((program, directory), directory / "empty", CONNECTIONS[0]) is None:
        pytest.skip("sshd -T does not work here")
    return program, directory


def ask(sshd: tuple[str, Path], main: Path, connection: dict[str, str]) -> dict[str, str] | None:
    spec = "user={user},addr={address},host={address},laddr=127.0.0.1,lport={localport}".format(**connection)
    done = subprocess.run(
        [sshd[0], "-T", "-f", str(main), "-h", str(sshd[1] / "key"), "-C", spec],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    if done.returncode != 0:
        return None
    return dict(row.partition(" ")[::2] for row in done.stdout.splitlines())


def holds(block: Criteria, connection: dict[str, str]) -> bool:
    return all(name == "all" or _criterion(name, text, connection[name]) for name, text in block)


def _criterion(name: str, text: str, actual: str) -> bool:
    if name != "address":
        return matches(text, actual)
    hits = [(word[0] == "!", _within(actual, word.lstrip("!"))) for word in text.split(",")]
    return not any(hit for negated, hit in hits if negated) and any(hit for negated, hit in hits if not negated)


def _within(actual: str, word: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(word)
    except ValueError:
        return matches(word, actual)


@configure(max_examples=40, suppress_health_check=list(HealthCheck))
@given(main=body, first=inner, second=inner)
def test_agrees_with_sshd(sshd: tuple[str, Path], main: str, first: str, second: str) -> None:
    directory = sshd[1]
    files = {str(directory / "main"): main.replace("{0}", str(directory))}
    files |= {str(directory / "a.conf"): first, str(directory / "b.conf"): second}
    for path, text in files.items():
        Path(path).write_text(text + "\n", encoding="utf-8")
    followed = [f"{directory}/{name}" for name in ("a.conf", "*.conf", "missing.conf")]
    found = [
        Setting(each.keyword.replace("challengeresponse", "kbdinteractive"), each.value, each.criteria, each.where)
        for each in settings(files, followed, f"{directory}/main")
    ]
    possible = [
        {name: setting.value.lower() for name, setting in outcome.items()} for outcome in outcomes(found, KEYWORDS)
    ]
    for connection in CONNECTIONS:
        said = ask(sshd, directory / "main", connection)
        assume(said is not None)  # it refuses `AuthenticationMethods any` after another one
        assert said is not None
        said["permitrootlogin"] = said["permitrootlogin"].replace("without-password", "prohibit-password")
        theirs = {name: said.get(name, DEFAULTS[name]).strip() for name in KEYWORDS}
        held = [each for each in found if not each.criteria or holds(each.criteria, connection)]
        held.sort(key=lambda each: not each.criteria)
        earliest = {each.keyword: each.value.lower() for each in reversed(held)}
        ours = {name: earliest.get(name, DEFAULTS[name]) for name in KEYWORDS}
        assert ours == theirs, (files, connection)
        assert theirs in possible, (files, connection)
