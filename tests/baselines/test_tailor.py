"""A site's tailoring: the specific scope wins, and whatever does not fit the baseline in every detail is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardencheck.baselines.load import load
from hardencheck.errors import BaselineError
from hardencheck.model.baseline import Tailoring
from tests.baselines.frozen import FROZEN

PRIVILEGED, KNOWN, CONTAINER = "linux-collector-privileged", "linux-distribution-known", "linux-container-none"
SITE = f"""\
values: {{highest_uid: 1, known_distributions: [debian]}}
deselect: {{{CONTAINER}: "containers on purpose"}}
groups:
  west:
    values: {{highest_uid: 2}}
    deselect: {{{KNOWN}: "the west chooses"}}
  west_kiosks:
    values: {{highest_uid: 3}}
    deselect: {{{KNOWN}: "kiosks choose"}}
  empty: {{}}
hosts:
  agent7:
    values: {{highest_uid: 4}}
    deselect: {{{PRIVILEGED}: "lent"}}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.yaml"


def tailoring(path: Path, text: str) -> Tailoring:
    path.write_text(text)
    return load(FROZEN, path).tailoring


@pytest.mark.parametrize(
    ("host", "groups", "highest", "reasons"),
    [
        ("agent1", (), 1, {CONTAINER: "containers on purpose"}),
        ("agent1", ("all", "empty"), 1, {CONTAINER: "containers on purpose"}),
        ("agent1", ("all", "west"), 2, {CONTAINER: "containers on purpose", KNOWN: "the west chooses"}),
        ("agent1", ("all", "west", "west_kiosks"), 3, {CONTAINER: "containers on purpose", KNOWN: "kiosks choose"}),
        ("agent1", ("west_kiosks", "west"), 2, {CONTAINER: "containers on purpose", KNOWN: "the west chooses"}),
        ("agent7", ("west",), 4, {CONTAINER: "containers on purpose", KNOWN: "the west chooses", PRIVILEGED: "lent"}),
        ("west", (), 1, {CONTAINER: "containers on purpose"}),
    ],
)  # fmt: skip
def test_everyone_then_groups_from_general_to_specific_then_the_host(
    host: str, groups: tuple[str, ...], highest: int, reasons: dict[str, str], path: Path
) -> None:
    scope = tailoring(path, SITE).scope_for(host, groups)
    assert scope.values == {"highest_uid": highest, "known_distributions": ["debian"]}
    assert scope.deselect == reasons


def test_no_tailoring_changes_nothing(path: Path) -> None:
    assert load(FROZEN).tailoring == Tailoring() == tailoring(path, "{}")
    assert Tailoring().scope_for("agent1", ("all",)).values == {}


#: the file, the line to blame, words to say
UNSOUND: list[tuple[str, int, str]] = [
    ("values: {highest_uuid: 1}", 1, "values.highest_uuid: frozen has no such value; did you mean highest_uid?"),
    ("values: {x: 1}", 1, "values.x: frozen has no such value; there are highest_uid, known_distributions"),
    ("values:\n  highest_uid: -1", 2, "values.highest_uid: must be at least 0, not -1"),
    ("values:\n  highest_uid: 60001", 2, "values.highest_uid: must be at most 60000, not 60001"),
    ('values: {highest_uid: "5"}', 1, 'values.highest_uid: must be a whole number, not "5"'),
    ("values: {highest_uid: 5.5}", 1, "values.highest_uid: must be a whole number, not 5.5"),
    ("values: {highest_uid: true}", 1, "values.highest_uid: must be a whole number, not yes"),
    ("values: {highest_uid: }", 1, "values.highest_uid: must be a whole number, not nothing"),
    ("values: {highest_uid: [0]}", 1, "values.highest_uid: must be a whole number, not 0"),
    ("values: {known_distributions: []}", 1, "values.known_distributions: must have at least 1 item, not none"),
    ("values: {known_distributions: debian}", 1, 'values.known_distributions: must be a list, not "debian"'),
    ("values:\n  known_distributions:\n  - debian\n  - 5", 4, "values.known_distributions.1: must be a text, not 5"),
    ("values: {known_distributions: [De]}", 1, "values.known_distributions.0: must be a text that matches ^[a-z]+$"),
    ("values: {known_distributions: [null]}", 1, "values.known_distributions.0: must be a text, not nothing"),
    ("values:", 1, "values: must be a mapping, not nothing"),
    ("value: {highest_uid: 1}", 1, "value: is not a key here; did you mean values?"),
    ("select: [x]", 1, "select: is not a key here; did you mean deselect?"),
    (f"deselect: [{KNOWN}]", 1, "deselect: must be a mapping, not "),
    (f"deselect: {{{KNOWN}: }}", 1, f"deselect.{KNOWN}: must be a text, not nothing"),
    (f"deselect: {{{KNOWN}: ''}}", 1, f"deselect.{KNOWN}: must be a text that is not empty, not an empty text"),
    (f"deselect:\n  {KNOWN}: '  '", 2, f"deselect.{KNOWN}: must be a text that is not empty"),
    (f"deselect: {{{KNOWN}: true}}", 1, f"deselect.{KNOWN}: must be a text, not yes"),
    (f"deselect: {{{KNOWN}s: why}}", 1, f"deselect.{KNOWN}s: frozen has no such rule; did you mean {KNOWN}?"),
    ("deselect: {'linux-*': why}", 1, "deselect.linux-*: frozen has no such rule"),
    (f"deselect: {{{KNOWN}: a, {PRIVILEGED}: b, {CONTAINER}: c}}", 1, "deselect: deselects every rule of the baseline"),
    ("groups: [west]", 1, "groups: must be a mapping"),
    ("groups:\n  west:", 2, "groups.west: must be a mapping, not nothing"),
    ("groups:\n  west:\n    valeus: {}", 3, "groups.west.valeus: is not a key here; did you mean values?"),
    ("groups:\n  west:\n    values: {highest_uid: no}", 3, 'groups.west.values.highest_uid: must be a whole number, n'),
    ("groups:\n  west:\n    values: {x: 1}", 3, "groups.west.values.x: frozen has no such value"),
    ("hosts:\n  agent7:\n    deselect: {x: y}", 3, "hosts.agent7.deselect.x: frozen has no such rule"),
    ("hosts:\n  agent7:\n    groups: {}", 3, "hosts.agent7.groups: is not a key here"),
    ("hosts: {agent7: {}, agent7: {}}", 1, "hosts.agent7: is given twice"),
    ("hosts: {7: {}}", 1, "hosts: a key must be text"),
    ("", 1, "must be a mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "words"), UNSOUND, ids=[words for *_, words in UNSOUND])
def test_what_does_not_fit_is_refused_at_its_line(text: str, line: int, words: str, path: Path) -> None:
    with pytest.raises(BaselineError) as caught:
        tailoring(path, text)
    assert f"{path}:{line}: {words}" in str(caught.value)
    assert caught.value.exit_code == 78


def test_a_wrong_value_says_what_the_value_means(path: Path) -> None:
    with pytest.raises(BaselineError) as caught:
        tailoring(path, "values: {highest_uid: -1}")
    assert caught.value.hint == "the value means: The greatest user id that may collect"


def test_a_value_that_its_rule_cannot_use_is_refused(tmp_path: Path, path: Path) -> None:
    folder = tmp_path / "loose"
    for name in ("baseline.yaml", "identity/linux-distribution-known.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text((FROZEN / name).read_text())
    rule, head = folder / "identity/linux-distribution-known.yaml", folder / "baseline.yaml"
    rule.write_text(rule.read_text().replace("{enum: {$value: known_distributions}}", "{pattern: {$value: shape}}"))
    head.write_text(head.read_text() + "  shape: {title: Shape, default: d, schema: {type: string}}\n")
    path.write_text("values: {shape: '('}")
    with pytest.raises(
        BaselineError, match=r"site\.yaml:1: values\.shape: the rule .*known cannot use it: expect\.dist"
    ):
        load(folder, path)
