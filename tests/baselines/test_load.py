"""A baseline is taken exactly as it is written, or refused with file, line, key and what was expected."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hardencheck.baselines.load import load, read
from hardencheck.errors import BaselineError
from hardencheck.model.outcome import Platform, Severity
from tests.baselines.frozen import CONTAINER, FROZEN, HEAD, KNOWN, PRIVILEGED, copied, edit
from tests.tools import need_root


def refusal(folder: Path) -> BaselineError:
    with pytest.raises(BaselineError) as caught:
        load(folder)
    assert caught.value.exit_code == 78
    return caught.value


def test_a_baseline_is_what_its_files_say() -> None:
    baseline = load(FROZEN)
    assert (baseline.id, baseline.version) == ("frozen", "1.2.3")
    assert [(rule.theme, rule.id) for rule in baseline.rules] == [
        ("identity", "linux-collector-privileged"),
        ("identity", "linux-distribution-known"),
        ("place", "linux-container-none"),
    ]
    rule = baseline.rule("linux-distribution-known")
    assert (rule.severity, rule.platforms, rule.path) == (Severity.HIGH, (Platform.LINUX,), KNOWN)
    assert (rule.values, rule.tags, rule.since) == (("known_distributions",), ("inventory",), "0.1")
    assert rule.references == {"nist-800-53r5": ("CM-8",)}
    assert rule.examples["fail"] == ({"distribution": "arch"}, {"distribution": ""})
    assert baseline.values["highest_uid"].default == 0
    with pytest.raises(KeyError):
        baseline.rule("linux-no-such-rule")


def test_every_document_is_kept_for_lint() -> None:
    source = read(FROZEN)
    assert source.head.path.endswith(HEAD)
    assert source.rules["linux-container-none"].path.endswith(CONTAINER)


def test_a_shipped_baseline_is_found_by_its_id_wherever_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bpo-core").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load("bpo-core").rules
    with pytest.raises(BaselineError, match="not a regular file"):
        load("./bpo-core")


@pytest.mark.parametrize("reference", ["bpo-cor", "bpo-core/", "no-such-folder/bpo-core"])
def test_an_unknown_baseline_is_refused(reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BaselineError, match="bpo-core") as caught:
        load(reference)
    assert caught.value.hint == "hardencheck baseline list"


#: file, text to replace, what replaces it, words of the error after file and line
UNSOUND: list[tuple[str, str, str, str]] = [
    (KNOWN, "id: linux-distribution-known", "id: linux-distribution-knwon", "id: must be the name of its file, linux-"),
    (KNOWN, "id: linux", "id: Linux", "id: must be a text that matches "),
    (KNOWN, "severity: high", "severity: urgent", 'severity: must be one of info, low, medium, high, not "urgent"'),
    (KNOWN, "severity: high", "severity:", "severity: must be one of info, low, medium, high, not nothing"),
    (KNOWN, "severity: high", "sevrity: high", "sevrity: is not a key here; did you mean severity?"),
    (KNOWN, "severity: high", "severity: high\nplaybook: x.yml", "playbook: is not a key here; there are examples, "),
    (KNOWN, "platforms: [linux]", "platforms: linux", 'platforms: must be a list, not "linux"'),
    (KNOWN, "platforms: [linux]", "platforms: []", "platforms: must have at least 1 item, not none"),
    (KNOWN, "platforms: [linux]", "platforms: [lunix]", 'platforms.0: must be one of linux, windows, not "lunix"'),
    (KNOWN, "platforms: [linux]", "platforms: [windows]", "platforms: must be [linux], which linux.platform asks"),
    (KNOWN, "platforms: [linux]", "platforms: [linux, windows]", "platforms: must be [linux]"),
    (KNOWN, "probe: linux.platform", "probe: linux.platfrom", "no probe linux.platfrom; did you mean linux.platform?"),
    (KNOWN, "probe: linux.platform", "probe: rm -rf", "probe: must be a text that matches "),
    (KNOWN, "  distribution: {enum", "  distributoin: {enum", "expect.distributoin: linux.platform yields no such fac"),
    (KNOWN, "distribution: {enum", "distribution: {enmu", "expect.distribution.enmu: is not a key here; did you mean"),
    (KNOWN, "{$value: known_distributions}", "{$value: known}", "expect.distribution.enum: no value 'known'; there ar"),
    (KNOWN, "{$value: known_distributions}", "{$value: 5}", "enum: must be a list or {$value: name}, not {"),
    (KNOWN, "{$value: known_distributions}", "[debian, 5]", "expect.distribution.enum: the fact can never be 5"),
    (KNOWN, "{enum: {$value: known_distributions}}", "{minimum: 5}", "expect.distribution.minimum: does not apply to"),
    (KNOWN, "{enum: {$value: known_distributions}}", "{}", "expect.distribution: must not be empty"),
    (KNOWN, "{enum: {$value: known_distributions}}", "debian", 'expect.distribution: must be a mapping, not "debian"'),
    (KNOWN, "{enum: {$value: known_distributions}}", "{pattern: '('}", "expect.distribution.pattern: RE2 refuses"),
    (PRIVILEGED, "{minimum: 0,", '{minimum: "0",', 'expect.uid.minimum: must be a number or {$value: name}, not "0"'),
    (PRIVILEGED, "{$value: highest_uid}", "{$value: known_distributions}", "expect.uid.maximum: must be a number, not"),
    (KNOWN, "{nist-800-53r5: [CM-8]}", "{nist-800-53r5: []}", "references.nist-800-53r5: must have at least 1 item"),
    (KNOWN, "{nist-800-53r5: [CM-8]}", "{nist-800-53r5: [8]}", "references.nist-800-53r5.0: must be a text, not 8"),
    (KNOWN, "{nist-800-53r5: [CM-8]}", "{NIST: [CM-8]}", "references.NIST: is not a good name; a name is a text that"),
    (KNOWN, "risk: reboot", "risk: none", "remediation.risk: must be one of safe, restarts-service, may-cut-access, r"),
    (KNOWN, "risk: reboot", "risk: reboot, command: rm", "remediation.command: is not a key here; there are manual,"),
    (KNOWN, ", risk: reboot", "", "remediation: needs the key 'risk'"),
    (KNOWN, "pass: [{distribution: debian}]", "pass: []", "examples.pass: must have at least 1 item, not none"),
    (KNOWN, "  pass: [{distribution: debian}]\n", "", "examples: needs the key 'pass'"),
    (KNOWN, "pass: [{distribution: debian}]", "pass: [debian]", 'examples.pass.0: must be a mapping, not "debian"'),
    (KNOWN, "tags: [inventory]", "tags: [inventory, inventory]", "tags: names an item twice"),
    (KNOWN, "tags: [inventory]", "tags: [no space]", "tags.0: must be a text that matches "),
    (KNOWN, 'since: "0.1"', "since: 0.1", "since: must be a text, not 0.1"),
    (KNOWN, 'since: "0.1"', 'since: "0.1"\nsince: "0.1"', "since: is given twice"),
    (HEAD, "id: frozen", "id: frozen\nrules: []", "rules: is not a key here; there are defaults, description, "),
    (HEAD, 'version: "1.2.3"', "version: 1.2", "version: must be a text, not 1.2"),
    (HEAD, 'version: "1.2.3"', 'version: "1.2"', "version: must be a text that matches "),
    (HEAD, "default: 0", 'default: "0"', 'values.highest_uid.default: must be a whole number, not "0"'),
    (HEAD, "default: 0", "default: true", "values.highest_uid.default: must be a whole number, not yes"),
    (HEAD, "default: 0", "default: null", "values.highest_uid.default: must be a whole number, not nothing"),
    (HEAD, "default: 0", "default: -1", "values.highest_uid.default: must be at least 0, not -1"),
    (HEAD, "default: 0\n", "defualt: 0\n", "values.highest_uid.defualt: is not a key here; did you mean default?"),
    (HEAD, "    default: 0\n", "", "values.highest_uid: needs the key 'default'"),
    (HEAD, "[debian, ubuntu]", "[debian, Ubuntu]", "values.known_distributions.default.1: must be a text that matches"),
    (HEAD, "[debian, ubuntu]", "[]", "values.known_distributions.default: must have at least 1 item, not none"),
    (HEAD, "type: integer, minimum: 0, ", "minimum: 0, ", "values.highest_uid.schema: needs the key 'type'"),
    (HEAD, "type: integer, minimum: 0, ", "type: integer, minimun: 0, ", "highest_uid.schema.minimun: is not a key he"),
    (HEAD, "type: integer, minimum", "type: object, minimum", "values.highest_uid.schema.type: must be one of integer"),
    (HEAD, 'pattern: "^[a-z]+$"', 'pattern: "(?=x)"', "values.known_distributions.schema.items.pattern: RE2 refuses"),
    (HEAD, ', items: {type: string, pattern: "^[a-z]+$"}', "", "values.known_distributions.schema: needs the key 'ite"),
    (HEAD, "highest_uid:", "HighestUid:", "values.HighestUid: is not a good name; a name is a text that matches ^[a-z"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "words"), UNSOUND, ids=[words for *_, words in UNSOUND])
def test_an_unsound_file_is_refused_at_its_line(file: str, old: str, new: str, words: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    line = edit(folder / file, old, new)
    error = refusal(folder)
    assert error.path == str(folder / file)
    assert words in str(error)
    # the key above is blamed for what is not there, and what was added is on a line of its own
    assert error.line is not None
    assert error.line in range(line - 3 if "needs the key" in words else line, line + 2)


@pytest.mark.parametrize(
    "key",
    ["id", "title", "severity", "platforms", "probe", "expect", "rationale", "references", "remediation", "since"],
)
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    path = folder / PRIVILEGED
    kept = [line for line in path.read_text().splitlines() if not line.startswith(f"{key}:")]
    below = {"expect": "  uid: {min", "rationale": "  What an unpr"}.get(key)
    if below:
        start = next(number for number, line in enumerate(kept) if line.startswith(below))
        del kept[start : start + 2]
    path.write_text("\n".join(kept))
    assert str(refusal(folder)) == f"{path}:1: needs the key '{key}'"


def test_the_unknown_key_comes_before_the_missing_one(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    line = edit(folder / KNOWN, "rationale: >-", "rational: >-")
    assert str(refusal(folder)) == f"{folder / KNOWN}:{line}: rational: is not a key here; did you mean rationale?"


def test_a_baseline_without_values_says_so(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    path = folder / HEAD
    path.write_text(path.read_text().partition("values:")[0])
    assert str(refusal(folder)).endswith("no value 'highest_uid'; there are none")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("notes.txt", "is neither baseline.yaml nor a theme's folder"),
        ("rule.yaml", "is neither baseline.yaml nor a theme's folder"),
        ("Identity/linux-x.yaml", "is neither baseline.yaml nor a theme's folder"),
        ("identity/linux-distribution-known.yml", "is not a rule's file"),
        ("identity/linux-distribution-known.yaml~", "is not a rule's file"),
        ("identity/README.md", "is not a rule's file"),
        ("identity/old/linux-x.yaml", "is not a rule's file"),
        ("identity/old.yaml/linux-x.yaml", "not a regular file"),
    ],
)
def test_nothing_is_left_out_in_silence(path: str, words: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text((folder / KNOWN).read_text())
    assert words in str(refusal(folder))


@pytest.mark.parametrize("path", ["README.md", ".git/config", "identity/.linux-x.yaml.swp", ".editorconfig"])
def test_a_page_for_people_and_hidden_files_are_no_rules(path: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text("not YAML: [")
    assert load(folder) == load(FROZEN)


def test_two_files_with_one_id_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "place" / Path(KNOWN).name).write_text((folder / KNOWN).read_text())
    assert f"{folder / KNOWN} has the same id" in str(refusal(folder))


def test_a_baseline_without_rules_is_refused(tmp_path: Path) -> None:
    (tmp_path / HEAD).write_text((FROZEN / HEAD).read_text())
    error = refusal(tmp_path)
    assert "holds no rule" in str(error)
    assert error.hint == "rules are <theme>/<rule-id>.yaml"
    (tmp_path / "identity").mkdir()
    assert "holds no rule" in str(refusal(tmp_path))


def test_a_link_is_followed_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "place").rename(tmp_path / "elsewhere")
    (folder / "place").symlink_to(tmp_path / "elsewhere")
    assert load(folder) == load(FROZEN)
    (folder / "identity/linux-x.yaml").symlink_to("nowhere")
    assert "is not there or is not a regular file" in str(refusal(folder))
    (folder / "identity/linux-x.yaml").unlink()
    (folder / "loop").symlink_to("loop")
    assert "is neither baseline.yaml nor a theme's folder" in str(refusal(folder))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Go on without root's power to read everything."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("closed", [HEAD, KNOWN, "identity", "."])
def test_what_may_not_be_read_is_refused(closed: str) -> None:
    need_root()
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = copied(Path(place))
        load(folder)  # what is imported on the way may not be readable later
        os.chmod(folder / closed, 0o311 if closed == "." else 0)
        with as_nobody():
            error = refusal(folder)
        assert error.path == str(folder / closed)
        assert "Permission denied" in str(error)
