"""A file of waivers: what an auditor would not accept is refused at its line, and adding keeps what people wrote."""

from __future__ import annotations

import re
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pytest

from hardencheck.baselines.grant import grant
from hardencheck.baselines.waivers import read_waivers, same_person
from hardencheck.errors import BaselineError
from hardencheck.model.waiver import Waiver, WaiverState

DIGEST = "0" * 63 + "a"
GOOD = f"""\
# reviewed every Monday
waivers:
- id: old-1   # keep
  rule: linux-usb-storage-unusable
  groups: [kiosks]
  reason: "scanner"
  ticket: SEC-1
  requester: Ana Cruz
  approver: Ben Tan
  granted: 2026-11-01
  expires: 2027-11-01
  compensating_control: locked room
  observed: [{DIGEST}]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "waivers.yaml"


def new(**changes: object) -> Waiver:
    said: dict[str, object] = {
        "id": "", "rule_id": "linux-x", "reason": 'why: "so" # not a comment', "ticket": "SEC-2", "requester": "Ana",
        "approver": "Ben", "granted": date(2026, 11, 22), "expires": date(2027, 1, 31), "compensating_control": "none",
        "observed": frozenset({DIGEST}), "hosts": ("desk 1", "desk2"),
    }  # fmt: skip
    return Waiver(**{**said, **changes})  # type: ignore[arg-type]


def test_a_good_file_is_read(path: Path) -> None:
    path.write_text(GOOD)
    (waiver,) = read_waivers([path])
    assert (waiver.id, waiver.groups, waiver.hosts, waiver.expires) == ("old-1", ("kiosks",), (), date(2027, 11, 1))


@pytest.mark.parametrize(
    ("old", "bad", "line", "words"),
    [
        ("  groups: [kiosks]\n", "", 3, "waivers.0: needs exactly one of hosts, groups, clients"),
        ("[kiosks]", "[kiosks]\n  hosts: [a]", 5, "waivers.0.groups: needs exactly one of"),
        ("[kiosks]", "[]", 5, "waivers.0.groups: must have at least 1 item"),
        ('"scanner"', '" "', 6, "waivers.0.reason: must be a text that is not empty"),
        ("  ticket: SEC-1\n", "", 3, "waivers.0: needs the key 'ticket'"),
        ("Ben Tan", "ana  CRUZ", 9, "waivers.0.approver: must be someone else than the requester"),
        ("Ben Tan", "Ａna Cruz", 9, "waivers.0.approver: must be someone else than the requester"),
        ("Ben Tan", "'-'", 9, "waivers.0.approver: must be someone else than the requester"),
        ("expires: 2027-11-01", "expires: 2027-11-02", 11, "waivers.0.expires: is more than 365 days after 2026-11-01"),
        ("expires: 2027-11-01", "expires: 2026-10-31", 11, "waivers.0.expires: is before 2026-11-01"),
        ("expires: 2027-11-01", "expires: 2027-02-29", 11, "waivers.0.expires: 2027-02-29 is no day of the calendar"),
        ("expires: 2027-11-01", "expires: never", 11, "waivers.0.expires: must be a text that matches"),
        ("  expires: 2027-11-01\n", "", 3, "waivers.0: needs the key 'expires'"),
        (f"[{DIGEST}]", "[]", 13, "waivers.0.observed: must have at least 1 item"),
        (f"[{DIGEST}]", "[8]", 13, "waivers.0.observed.0: must be a text"),
        ("  ticket", "  tikcet", 7, "waivers.0.tikcet: is not a key here; did you mean ticket?"),
        ("waivers:", "waiver:", 2, "waiver: is not a key here; did you mean waivers?"),
    ],
)
def test_what_an_auditor_would_not_accept_is_refused_at_its_line(
    old: str, bad: str, line: int, words: str, path: Path
) -> None:
    assert GOOD.count(old) == 1
    path.write_text(GOOD.replace(old, bad))
    with pytest.raises(BaselineError) as caught:
        read_waivers([path])
    assert f"{path}:{line}: {words}" in str(caught.value)
    assert caught.value.exit_code == 78


@pytest.mark.parametrize(
    "other",
    ["Cruz, Ana", "ana.cruz", "ANA\u200d CRUZ", "A\u00adna Cruz", "Ana\u2060Cruz", "Ána Crùz", "Ana\ufe0f Cruz",
     "\uff21na Cruz", "Ana\u3164Cruz", "...", "\u200d"],
)  # fmt: skip
def test_one_person_in_another_spelling_is_no_second_person(other: str) -> None:
    assert same_person("Ana Cruz", other)
    assert same_person(other, "Ana Cruz")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ana Cruz", "Anna Cruz"), ("Ana Cruz", "Ana Cruz 2"), ("राम", "रमा"), ("김민준", "김민서"), ("阮文", "阮武")],
)
def test_two_people_are_two_in_any_alphabet(one: str, other: str) -> None:
    assert not same_person(one, other)


def test_the_last_days_of_the_calendar_are_days_like_others(path: Path) -> None:
    path.write_text(GOOD.replace("2026-11-01", "9999-12-01").replace("2027-11-01", "9999-12-31"))
    assert read_waivers([path])[0].expires == date(9999, 12, 31)


def test_what_is_no_text_is_refused_and_leaves_no_file(path: Path) -> None:
    with pytest.raises(BaselineError, match="not UTF-8 text") as caught:
        grant(path, new(ticket="SEC-\udcff"))
    assert caught.value.exit_code == 78
    assert not path.exists()


def test_an_id_stands_once_in_all_files_together(path: Path, tmp_path: Path) -> None:
    path.write_text(GOOD)
    other = tmp_path / "other.yaml"
    other.write_text(GOOD)
    with pytest.raises(BaselineError, match=r"other.yaml:3: waivers.0.id: old-1 is also the id of .*waivers.yaml:3"):
        read_waivers([path, other])


def test_a_waiver_is_added_below_and_every_character_above_is_kept(path: Path) -> None:
    path.write_text(GOOD)
    name = grant(path, new(), ["desk 1: found 8"])
    assert name.startswith("w20261122-")
    assert path.read_text().startswith(GOOD + "# desk 1: found 8\n- id: ")
    assert read_waivers([path])[1] == new(id=name)
    assert grant(path, new()) != name


@pytest.mark.parametrize("text", [None, "", "\n", "# ours\n", "  # ours", GOOD.rstrip(), GOOD.replace("\n", "\r\n"),
                                  GOOD.replace("\n  ", "\n      ").replace("\n-", "\n    -")])  # fmt: skip
def test_a_file_of_any_shape_takes_a_waiver(text: str | None, path: Path) -> None:
    if text is not None:
        path.write_bytes(text.encode())
    name = grant(path, new())
    assert read_waivers([path])[-1] == new(id=name)
    assert path.read_bytes().startswith((text or "").encode())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("waivers: []\n", "cannot be added at its end"),
        (GOOD + "...\n", "cannot be added at its end"),
        (GOOD.replace("SEC-1", ""), "ticket: must be a text"),
        ("waivers:\n", "waivers: must be a list"),
    ],
)
def test_a_file_that_would_not_be_sound_afterwards_is_left_alone(text: str, words: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(BaselineError, match=words):
        grant(path, new())
    assert path.read_text() == text


@pytest.mark.parametrize("bad", [{"reason": " "}, {"reason": "a\u200bb"}, {"approver": "ANA"}, {"hosts": ()}])
def test_a_waiver_that_would_not_be_accepted_leaves_no_file_behind(bad: dict[str, object], path: Path) -> None:
    with pytest.raises(BaselineError):
        grant(path, new(**bad))
    assert not path.exists()


def test_two_at_once_both_stand_in_the_file(path: Path) -> None:
    context = get_context("spawn")
    both = [context.Process(target=grant, args=(path, new())) for _ in range(3)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert [each.exitcode for each in both] == [0, 0, 0]
    assert len({waiver.id for waiver in read_waivers([path])}) == 3


def test_waivers_of_two_teams_have_ids_of_their_own(path: Path, tmp_path: Path) -> None:
    grant(path, new())
    grant(tmp_path / "other.yaml", new(ticket="SEC-3"))
    assert len(read_waivers([path, tmp_path / "other.yaml"])) == 2


def test_the_example_of_the_page_is_a_file_of_waivers(path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/waivers.md").read_text()
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.M | re.S)
    path.write_text(text)
    assert [waiver.groups for waiver in read_waivers([path])] == [("scanners",)]
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == [
        state.value for state in (WaiverState.IN_FORCE, WaiverState.EXPIRING, WaiverState.SUSPENDED,
                                  WaiverState.EXPIRED, WaiverState.NOT_BEGUN, WaiverState.IDLE)
    ]  # fmt: skip
